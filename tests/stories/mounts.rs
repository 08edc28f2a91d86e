//! Volumes that a program of this Mac serves from a cloud: what is written there it uploads, and opens no file.

use cloudward::engine::state::Away;

use super::restart::tell_with_restart;
use super::world::*;

const KEY: &str = "/Users/alice/.ssh/id_rsa";
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const MOUNT: &str = "/Users/alice/mnt";
const MEGA: &str = "g.api.mega.co.nz";
const BUCKET: &str = "corp-backup.s3.eu-central-1.amazonaws.com";
/// As the engine remembers at most.
const MAX_SERVED: usize = 64;
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const CP: Program = apple("/bin/cp", "com.apple.cp");
const RCLONE: Program = adhoc("/opt/homebrew/bin/rclone", "rclone-55554944");
const MOUNT_NFS: Program = apple("/sbin/mount_nfs", "com.apple.mount_nfs");
const MOUNT_MACFUSE: Program =
    vendor("/Library/Filesystems/macfuse.fs/Contents/Resources/mount_macfuse", "mount_macfuse", "3T5GSNBU6W");
const AGENT: Program = apple(
    "/System/Library/Extensions/webdav_fs.kext/Contents/Resources/webdavfs_agent",
    "com.apple.webdavfs_agent",
);
/// As `statfs` tells of a volume.
const MACFUSE: (&str, &str) = ("macfuse", "mega:@macfuse0");
const LOCAL: (&str, &str) = ("nfs", "localhost:/mega:");
const YANDEX: (&str, &str) = ("webdav", "https://alice@webdav.yandex.com/");

/// A program that serves a volume, mounted by a helper of its own; and a shell.
fn serves(w: &mut World, server: Program, helper: Program, of: (&str, &str)) -> (Proc, Proc) {
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let server = w.spawn(1.0, &shell, server, &["rclone", "mount", "mega:", MOUNT]);
    let helper = w.spawn(1.5, &server, helper, &["mount", MOUNT]);
    w.mount_kind(1.6, &helper, of, MOUNT);
    w.exit(1.7, &helper);
    (shell, server)
}

fn rclone(w: &mut World) -> (Proc, Proc) {
    serves(w, RCLONE, MOUNT_MACFUSE, MACFUSE)
}

/// `cp <file> <folder>`
fn copies(w: &mut World, at: f64, shell: &Proc, file: &str, folder: &str) {
    let cp = w.spawn(at, shell, CP, &["cp", file, folder]);
    w.open(at + 0.1, &cp, file);
    w.write(at + 0.2, &cp, &format!("{folder}/{}", file.rsplit('/').next().unwrap()));
    w.exit(at + 0.3, &cp);
}

/// The server's own program is who uploads, and the file on its volume is on the way.
#[track_caller]
fn told_of(told: &Told, server: Program) {
    let alert = told.alert();
    let uploader = &alert.uploader.process().unwrap().info.program.path;
    assert_eq!(uploader.to_string(), server.path);
    assert!(alert.reads.iter().any(|read| read.path.to_string() == KEY), "{:?}", alert.reads);
    let staged = |path: &str| path.starts_with(MOUNT) || path.starts_with("/Volumes/");
    let through =
        |hop: &cloudward::model::Hop| hop.path.as_ref().is_some_and(|path| staged(&path.to_string()));
    assert!(alert.hops.iter().any(through), "{:?}", alert.hops);
}

/// `rclone mount mega: ~/mnt`, then `cp`.
#[test]
fn rclone_mount() {
    let mut w = World::new();
    let (shell, server) = rclone(&mut w);
    copies(&mut w, 3.0, &shell, KEY, MOUNT);
    w.upload(8.0, &server, MEGA, 6_000);
    told_of(&w.tell(), RCLONE);
}

/// Bytes leave while the file is still open, as without a cache.
#[test]
fn sent_while_it_is_written() {
    let mut w = World::new();
    let (shell, server) = rclone(&mut w);
    let tar =
        w.spawn(3.0, &shell, apple("/usr/bin/tar", "com.apple.tar"), &["tar", "cf", "mnt/x.tar", ".ssh"]);
    w.create(3.1, &tar, "/Users/alice/mnt/x.tar");
    w.open(3.2, &tar, KEY);
    w.close_changed(4.0, &tar, "/Users/alice/mnt/x.tar", 99);
    w.upload(4.01, &server, MEGA, 6_000);
    told_of(&w.tell(), RCLONE);
}

/// A copy that the system makes, and a file moved there that carried a key already.
#[test]
fn by_copyfile_and_by_a_move() {
    for moved in [false, true] {
        let mut w = World::new();
        let (shell, server) = rclone(&mut w);
        let p = w.spawn(3.0, &shell, adhoc("/private/tmp/x", "x"), &["x"]);
        if moved {
            w.open(3.1, &p, KEY);
            w.write(3.2, &p, "/private/tmp/y");
            let mv = w.launch(4.0, apple("/bin/mv", "com.apple.mv"), &["mv", "y", MOUNT]);
            w.rename(4.1, &mv, "/private/tmp/y", "/Users/alice/mnt/y");
        } else {
            w.copy_file(3.1, &p, "copyfile", KEY, "/Users/alice/mnt/y");
        }
        w.upload(8.0, &server, MEGA, 6_000);
        told_of(&w.tell(), RCLONE);
    }
}

/// `rclone nfsmount`, FUSE-T, a share on this Mac.
#[test]
fn served_by_a_local_file_server() {
    for of in [
        LOCAL,
        ("nfs", "127.0.0.1:/mega"),
        ("nfs", "fuse-t:/mega"),
        ("smbfs", "//guest:@localhost:4450/mega"),
    ] {
        let mut w = World::new();
        let (shell, server) = serves(&mut w, RCLONE, MOUNT_NFS, of);
        copies(&mut w, 3.0, &shell, KEY, MOUNT);
        w.upload(8.0, &server, MEGA, 6_000);
        told_of(&w.tell(), RCLONE);
    }
}

/// The server of FUSE-T stands between the program and the helper.
#[test]
fn through_the_server_of_fuse_t() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let server = w.spawn(1.0, &shell, RCLONE, &["rclone", "mount", "mega:", MOUNT]);
    let relay =
        w.spawn(1.2, &server, vendor("/usr/local/bin/go-nfsv4", "go-nfsv4", "FUSET00000"), &["go-nfsv4"]);
    let mount = w.spawn(1.4, &relay, apple("/sbin/mount", "com.apple.mount"), &["mount"]);
    let helper = w.spawn(1.5, &mount, MOUNT_NFS, &["mount_nfs"]);
    w.mount_kind(1.6, &helper, ("nfs", "fuse-t:/mega"), MOUNT);
    copies(&mut w, 3.0, &shell, KEY, MOUNT);
    w.upload(8.0, &server, MEGA, 6_000);
    told_of(&w.tell(), RCLONE);
}

/// An app of which one part mounts, as root, and another serves and sends.
#[test]
fn an_app_with_a_helper_that_mounts() {
    let app = vendor("/Applications/Duck.app/Contents/MacOS/Duck", "io.acme.duck", "ACME000000");
    let tool =
        vendor("/Library/PrivilegedHelperTools/io.acme.duck.mounter", "io.acme.duck.mounter", "ACME000000");
    for (program, served) in [(app, true), (vendor(app.path, "io.other.duck", "OTHER00000"), false)] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let server = w.launch(1.0, program, &["Duck"]);
        let mounter = w.launch(1.2, tool, &["mounter"]);
        let helper = w.spawn(1.5, &mounter, MOUNT_NFS, &["mount_nfs"]);
        w.mount_kind(1.6, &helper, LOCAL, MOUNT);
        copies(&mut w, 3.0, &shell, KEY, MOUNT);
        w.upload(8.0, &server, MEGA, 6_000);
        let told = w.tell();
        if served { told_of(&told, app) } else { told.none() }
    }
}

/// `mount_webdav https://.. /Volumes/dav`: the system's agent uploads, in the process that mounts or in a child of it.
#[test]
fn webdav() {
    for child in [false, true] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let args = &["mount_webdav", "https://webdav.yandex.com/", "/Volumes/dav"];
        let mount = w.spawn(1.0, &shell, apple("/sbin/mount_webdav", "com.apple.mount_webdav"), args);
        let agent = match child {
            true => w.spawn(1.5, &mount, AGENT, args),
            false => w.exec(1.5, &mount, AGENT, args),
        };
        w.mount_kind(1.6, if child { &mount } else { &agent }, YANDEX, "/Volumes/dav");
        // The agent of another volume gets nothing.
        let other = w.launch(1.7, AGENT, &["webdavfs_agent"]);
        copies(&mut w, 3.0, &shell, KEY, "/Volumes/dav");
        w.upload(3.5, &agent, "webdav.yandex.com", 6_000);
        w.upload(3.6, &other, "webdav.4shared.com", 6_000);
        told_of(&w.tell(), AGENT);
    }
}

/// Finder has it mounted; the agent is launchd's, and seen when it runs already. Of several it cannot be told whose it is.
#[test]
fn webdav_by_finder() {
    for agents in [0, 1, 2] {
        let mut w = World::new();
        let auth = apple(
            "/System/Library/CoreServices/NetAuthAgent.app/Contents/MacOS/NetAuthSysAgent",
            "com.apple.NetAuthSysAgent",
        );
        let auth = w.launch(0.0, auth, &["NetAuthSysAgent"]);
        w.mount_kind(1.0, &auth, YANDEX, "/Volumes/dav");
        let agents: Vec<_> =
            (0..agents).map(|at| w.launch(1.5 + f64::from(at), AGENT, &["webdavfs_agent"])).collect();
        let shell = w.launch(4.0, ZSH, &["-zsh"]);
        copies(&mut w, 5.0, &shell, KEY, "/Volumes/dav");
        agents.iter().for_each(|agent| w.upload(8.0, agent, "webdav.yandex.com", 6_000));
        let told = w.tell();
        if agents.len() == 1 {
            told_of(&told, AGENT);
        } else {
            unknown_once(&told, "webdav.yandex.com");
        }
    }
}

/// The company's WebDAV: a host of its own, or a service that an entry allows.
#[test]
fn webdav_of_the_company() {
    let entry = "[[allow]]\nname = \"dav\"\nprocess = { platform = true, signing_id = \"com.apple.webdavfs_agent\" }\nsensitive = [\"corp-docs\", \"documents\"]\nservices = \"*\"\ntenants = \"*\"\nusers = \"*\"\nreason = \"r\"\n";
    for (host, entry) in [("dav.corp.example", ""), ("webdav.yandex.com", entry)] {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{entry}");
        let agent = w.launch(1.0, AGENT, &["webdavfs_agent"]);
        w.mount_kind(1.1, &agent, ("webdav", &format!("https://{host}/")), "/Volumes/dav");
        let shell = w.launch(2.0, ZSH, &["-zsh"]);
        copies(&mut w, 3.0, &shell, PLAN, "/Volumes/dav");
        w.upload(8.0, &agent, host, 300_000);
        let told = w.tell();
        told.none();
        assert!(told.coverage().is_empty(), "{:?}", told.coverage());
    }
}

/// `sshfs`, which goes on in a child once it has mounted and whose `ssh` sends: to a host of nobody's, and to a cloud.
#[test]
fn sshfs() {
    let ssh = apple("/usr/bin/ssh", "com.apple.openssh");
    let sshfs = adhoc("/usr/local/bin/sshfs", "sshfs");
    for (host, cloud) in [("box.example.org", false), (MEGA, true)] {
        for by_ssh in [true, false] {
            let mut w = World::new();
            let shell = w.launch(0.0, ZSH, &["-zsh"]);
            let first = w.spawn(1.0, &shell, sshfs, &["sshfs", "alice@box:", MOUNT]);
            let ssh = w.spawn(1.2, &first, ssh, &["ssh", "-s", "alice@box", "sftp"]);
            let helper = w.spawn(1.5, &first, MOUNT_MACFUSE, &["mount", MOUNT]);
            w.mount_kind(1.6, &helper, ("macfuse", "alice@box:@macfuse0"), MOUNT);
            let goes_on = w.fork(1.8, &first);
            w.exit(1.9, &first);
            copies(&mut w, 3.0, &shell, KEY, MOUNT);
            w.upload(8.0, if by_ssh { &ssh } else { &goes_on }, host, 6_000);
            let told = w.tell();
            if cloud { _ = told.alert() } else { told.none() }
        }
    }
}

/// The company's own backup goes by such a volume, and to its own bucket only.
#[test]
fn an_allowed_server() {
    for (file, host, quiet) in [(PLAN, BUCKET, true), (PLAN, MEGA, false), (KEY, BUCKET, false)] {
        let mut w = World::new();
        let (shell, server) = rclone(&mut w);
        copies(&mut w, 3.0, &shell, file, MOUNT);
        w.upload(8.0, &server, host, 300_000);
        let told = w.tell();
        if quiet { told.none() } else { _ = told.alert() }
    }
}

#[track_caller]
fn unknown_once(told: &Told, names: &str) {
    let notes = told.note();
    let ours: Vec<_> = notes.iter().filter(|note| note.text.contains("is not known")).collect();
    assert_eq!(ours.len(), 1, "{notes:?}");
    assert_eq!((ours[0].kind.as_str(), ours[0].count), ("ipc-possible", 1));
    assert!(ours[0].text.contains(names), "{}", ours[0].text);
}

/// Mounted by hand from a server that runs elsewhere (`rclone serve nfs`), or by a part of macOS: said once for each volume.
#[test]
fn an_unknown_server() {
    let mut w = World::new();
    let server = w.launch(0.0, RCLONE, &["rclone", "serve", "nfs", "mega:"]);
    let shell = w.launch(0.5, ZSH, &["-zsh"]);
    let helper = w.spawn(1.5, &shell, MOUNT_NFS, &["mount_nfs", "localhost:/", MOUNT]);
    w.mount_kind(1.6, &helper, LOCAL, MOUNT);
    copies(&mut w, 3.0, &shell, KEY, MOUNT);
    copies(&mut w, 300.0, &shell, PLAN, MOUNT);
    w.upload(400.0, &server, MEGA, 300_000);
    unknown_once(&w.tell(), MOUNT);
}

/// The program ran before the sensor began; its own fork of the helper is the first that is heard of it.
#[test]
fn a_server_from_before_the_sensor() {
    let mut w = World::new();
    let (shell, server) = rclone(&mut w);
    w.forget_beginning_of(&server);
    copies(&mut w, 3.0, &shell, KEY, MOUNT);
    w.upload(8.0, &server, MEGA, 6_000);
    told_of(&w.tell(), RCLONE);
}

/// Nothing sensitive is on the volume when the server uploads, or not in time.
#[test]
fn twins_that_are_quiet() {
    let told = |story: fn(&mut World, &Proc, &Proc)| {
        let mut w = World::new();
        let (shell, server) = rclone(&mut w);
        story(&mut w, &shell, &server);
        let told = w.tell();
        told.none();
        assert!(told.coverage().is_empty(), "{:?}", told.coverage());
    };
    // Whoever writes has read nothing.
    told(|w, shell, server| {
        copies(w, 3.0, shell, "/usr/share/dict/words", MOUNT);
        w.upload(8.0, server, MEGA, 300_000);
    });
    // It reads after it wrote.
    told(|w, shell, server| {
        let p = w.spawn(3.0, shell, adhoc("/private/tmp/x", "x"), &["x"]);
        w.write(3.1, &p, "/Users/alice/mnt/y");
        w.open(3.5, &p, KEY);
        w.upload(8.0, server, MEGA, 300_000);
    });
    // It writes beside the volume, though its name begins so.
    told(|w, shell, server| {
        copies(w, 3.0, shell, KEY, "/Users/alice/mnt2");
        w.upload(8.0, server, MEGA, 300_000);
    });
    // The upload was before, and the next is long after.
    told(|w, shell, server| {
        w.upload(2.0, server, MEGA, 300_000);
        copies(w, 3.0, shell, PLAN, MOUNT);
        w.upload(3.0 + 3_600.0, server, MEGA, 300_000);
    });
    // The volume was taken away: the folder below it is one like any other.
    told(|w, shell, server| {
        let umount = w.spawn(2.0, shell, apple("/sbin/umount", "com.apple.umount"), &["umount", MOUNT]);
        w.unmount(2.1, &umount, MACFUSE, MOUNT);
        copies(w, 3.0, shell, KEY, MOUNT);
        w.upload(8.0, server, MEGA, 300_000);
    });
    // With its server it was, too.
    told(|w, shell, server| {
        w.exit(2.0, server);
        w.unmount(2.1, server, MACFUSE, MOUNT);
        copies(w, 60.0, shell, KEY, MOUNT);
    });
    // Another volume came in its place.
    told(|w, shell, server| {
        w.mount(2.0, shell, MOUNT);
        copies(w, 3.0, shell, KEY, MOUNT);
        w.upload(8.0, server, MEGA, 300_000);
    });
    // A child of the server that became another program serves nothing.
    told(|w, shell, server| {
        let child = w.spawn(2.0, server, adhoc("/private/tmp/x", "x"), &["x"]);
        copies(w, 3.0, shell, KEY, MOUNT);
        w.upload(8.0, &child, MEGA, 300_000);
    });
}

/// Who mounted hands the volume on to another program, which it becomes, or which a child becomes that is left.
#[test]
fn a_server_that_becomes_another_program() {
    let other = adhoc("/private/tmp/x", "x");
    for child in [false, true] {
        let mut w = World::new();
        let (shell, server) = rclone(&mut w);
        let left = if child { w.fork(1.8, &server) } else { server };
        if child {
            w.exit(1.9, &server);
        }
        let left = w.exec(2.0, &left, other, &["x"]);
        copies(&mut w, 3.0, &shell, KEY, MOUNT);
        w.upload(8.0, &left, MEGA, 6_000);
        told_of(&w.tell(), other);
    }
}

/// All who were known to serve it have ended, and it is still there: whoever serves it now is not known.
#[test]
fn a_volume_that_outlives_its_servers() {
    let mut w = World::new();
    let (shell, server) = rclone(&mut w);
    let child = w.spawn(2.0, &server, adhoc("/private/tmp/x", "x"), &["x"]);
    w.exit(2.5, &server);
    copies(&mut w, 30.0, &shell, KEY, MOUNT);
    copies(&mut w, 60.0, &shell, PLAN, MOUNT);
    w.upload(70.0, &child, MEGA, 6_000);
    unknown_once(&w.tell(), MOUNT);
}

/// More children than are remembered to serve it: that one is not is said.
#[test]
fn too_many_servers() {
    let mut w = World::new();
    let (shell, server) = rclone(&mut w);
    (0..8).for_each(|child| _ = w.fork(2.0 + f64::from(child) / 10.0, &server));
    w.open(100.0, &shell, "/usr/share/dict/words");
    let told = w.tell();
    let full = |note: &&cloudward::model::Coverage| note.kind.as_str() == "table-full" && note.count == 1;
    assert_eq!(told.coverage().into_iter().filter(full).count(), 1, "{:?}", told.coverage());
}

/// Servers of the network and disks are no programs of this Mac: Time Machine, a share, an image.
#[test]
fn volumes_that_nobody_here_serves() {
    for of in [
        ("smbfs", "//alice@nas._smb._tcp.local/TimeMachine"),
        ("nfs", "nas.corp.example:/volume1"),
        ("apfs", "/dev/disk5s1"),
    ] {
        let mut w = World::new();
        let (shell, server) = serves(&mut w, RCLONE, MOUNT_NFS, of);
        copies(&mut w, 3.0, &shell, KEY, MOUNT);
        w.upload(8.0, &server, MEGA, 300_000);
        let told = w.tell();
        told.none();
        assert!(told.coverage().is_empty(), "{:?}", told.coverage());
    }
}

/// A share whose source names a user shows what it holds, not what lies at the root of this Mac.
#[test]
fn a_share_is_no_snapshot() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.mount_kind(1.0, &p, ("smbfs", "//alice@nas/share"), "/Volumes/share");
    w.open(2.0, &p, "/Volumes/share/Library/Keychains/System.keychain");
    w.upload(3.0, &p, "content.dropboxapi.com", 300_000);
    w.tell().none();
}

/// The daemon begins anew after the mount, or between write and upload. After a boot nothing of it is there.
#[test]
fn the_daemon_begins_anew() {
    for (at, rebooted) in [(2.0, false), (5.0, false), (2.0, true)] {
        let mut w = World::new();
        let (_, server) = rclone(&mut w);
        let other = w.launch(2.5, ZSH, &["-zsh"]);
        copies(&mut w, 3.0, &other, KEY, MOUNT);
        w.upload(8.0, &server, MEGA, 6_000);
        let told = tell_with_restart(&w, at, Some(&Away { rebooted, running: None }));
        if rebooted { told.none() } else { told_of(&told, RCLONE) }
    }
}

/// More volumes than are remembered: the latest are, and that others are not is said.
#[test]
fn too_many_volumes() {
    for (volume, remembered) in [(0, false), (1, true), (MAX_SERVED, true)] {
        let mut w = World::new();
        let (shell, server) = rclone(&mut w);
        // The volume that it began with is the oldest.
        w.unmount(1.8, &shell, MACFUSE, MOUNT);
        let at = |volume: usize| format!("{MOUNT}/{volume:03}");
        for other in 0..=MAX_SERVED {
            w.mount_kind(2.0 + other as f64 / 100.0, &server, MACFUSE, &at(other));
        }
        copies(&mut w, 5.0, &shell, KEY, &at(volume));
        w.upload(9.0, &server, MEGA, 6_000);
        w.open(100.0, &shell, "/usr/share/dict/words");
        let told = w.tell();
        let full = |note: &&cloudward::model::Coverage| note.kind.as_str() == "table-full" && note.count == 1;
        assert_eq!(told.coverage().into_iter().filter(full).count(), 1, "{:?}", told.coverage());
        if remembered { told_of(&told, RCLONE) } else { told.none() }
    }
}
