//! Paths are the file they show.

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";

fn reads(path: &str) -> Told {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, path);
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    w.tell()
}

#[test]
fn p01_case_does_not_hide_a_key() {
    reads("/Users/alice/.SSH/ID_RSA").alert();
}

#[test]
fn p02_on_a_case_sensitive_volume_it_is_another_file() {
    let mut w = World::new();
    w.policy = format!("{CORP}\n[paths]\ncase_sensitive = [\"/Users\"]\n");
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, "/Users/alice/.ssh/ID_RSA");
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    w.tell().none();
}

/// Written under one name of the folder, read under the other.
#[test]
fn p04_private_and_public_names_of_one_folder() {
    for (written, read) in
        [("/private/tmp/s.zip", "/tmp/s.zip"), ("/var/folders/zz/T/s.zip", "/private/var/folders/zz/T/s.zip")]
    {
        let mut w = World::new();
        let a = w.launch(0.0, adhoc("/private/tmp/a", "a"), &["a"]);
        w.open(1.0, &a, "/Users/alice/.ssh/id_rsa");
        w.write(1.5, &a, written);
        let b = w.launch(10.0, adhoc("/private/tmp/b", "b"), &["b"]);
        w.open(11.0, &b, read);
        w.upload(12.0, &b, "content.dropboxapi.com", 30_000);
        w.tell().alert();
    }
}

#[test]
fn p10_named_fork_lowers_confidence() {
    let told = reads("/Users/alice/.ssh/id_rsa/..namedfork/rsrc");
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "named-fork"));
}

/// P10 by way of a file: what was put into a fork or an attribute is not what its own bytes are. Who writes both hides nothing.
#[test]
fn p10_staged_in_a_fork() {
    const FORK: &str = "/private/tmp/a/..namedfork/rsrc";
    const PLAIN: &str = "/private/tmp/a";
    for (written, picked_up, low) in [
        (&[FORK][..], PLAIN, true),
        (&[FORK], FORK, true),
        (&[FORK, PLAIN], PLAIN, false),
        (&[PLAIN, FORK], PLAIN, false),
    ] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.open(1.0, &p, KEY);
        for path in written {
            w.close_changed(1.5, &p, path, 55);
        }
        w.exit(2.0, &p);
        sends_what_it_picks_up(&mut w, picked_up);
        let told = w.tell();
        match low {
            true => low_by_fork(&told),
            false => _ = told.alert(),
        }
    }
}

#[test]
fn p10_both_read_hide_nothing() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, KEY);
    w.open(1.1, &p, "/Users/alice/.ssh/id_rsa/..namedfork/rsrc");
    w.upload(2.0, &p, DROPBOX, 9_000);
    w.tell().alert();
    // The other fork is the file.
    reads("/Users/alice/.ssh/id_rsa/..namedfork/data").alert();
}

/// The other way round: what a fork is read of holds it in its own bytes. Who reads both hides nothing.
#[test]
fn p10_read_through_a_fork() {
    const FORK: &str = "/private/tmp/a/..namedfork/rsrc";
    const DATA: &str = "/private/tmp/a/..namedfork/data";
    const PLAIN: &str = "/private/tmp/a";
    for (read, low) in [
        (&[FORK][..], true),
        (&["/private/tmp/A/..namedfork/RSRC"], true),
        (&[DATA], false),
        (&[PLAIN], false),
        (&[FORK, PLAIN], false),
        (&[PLAIN, FORK], false),
    ] {
        for apart in [0.1, 5.0] {
            let mut w = World::new();
            let p = w.launch(0.0, X, &["x"]);
            w.open(1.0, &p, KEY);
            w.close_changed(1.5, &p, PLAIN, 55);
            w.exit(2.0, &p);
            let q = w.launch(3.0, adhoc("/private/tmp/y", "y"), &["y"]);
            for (index, path) in read.iter().enumerate() {
                w.open_inode(4.0 + index as f64 * apart, &q, path, 55);
            }
            w.upload(20.0, &q, DROPBOX, 9_000);
            let told = w.tell();
            match low {
                true => low_by_fork(&told),
                false => _ = told.alert(),
            }
        }
    }
}

/// Who has it already hides nothing behind a fork that holds it too.
#[test]
fn p10_read_itself_and_out_of_an_attribute() {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, KEY);
    w.set_attribute(1.5, &p, ("/private/tmp/a", 55), "user.data");
    let q = w.spawn(3.0, &p, X, &["x"]);
    w.open_inode(4.0, &q, "/private/tmp/a", 55);
    w.upload(6.0, &q, DROPBOX, 9_000);
    w.tell().alert();
}

/// Attributes under Apple's name are macOS's own only where macOS sets them, or the vendor of an app sets one that apps do set.
#[test]
fn p10_staged_in_an_attribute() {
    const FINDER: Program =
        apple("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "com.apple.finder");
    const XATTR: Program = apple("/usr/bin/xattr", "com.apple.xattr");
    const EDITOR: Program =
        vendor("/Applications/Editor.app/Contents/MacOS/Editor", "com.vendor.editor", "ABCDE12345");
    const PERL: Program = apple("/usr/bin/perl", "com.apple.perl");
    const NONE: &[&str] = &["x"];
    let perl: &[&str] = &["perl", "/private/tmp/x.pl"];
    for (who, args, name, told_of) in [
        (X, NONE, "user.data", true),
        (X, NONE, "com.apple.ResourceFork", true),
        (X, NONE, "com.apple.foo", true),
        (X, NONE, "com.apple.quarantine", true),
        (X, NONE, "com.apple.metadata:kMDItemFinderComment", true),
        (X, NONE, "com.apple.system.Security", false),
        (XATTR, NONE, "com.apple.quarantine", true),
        (PERL, perl, "com.apple.lastuseddate#PS", true),
        (EDITOR, NONE, "com.apple.quarantine", false),
        (EDITOR, NONE, "com.apple.lastuseddate#PS", false),
        (EDITOR, NONE, "com.apple.metadata:kMDItemWhereFroms", false),
        (EDITOR, NONE, "com.apple.metadata:x", true),
        (EDITOR, NONE, "com.apple.foo", true),
        (EDITOR, NONE, "com.vendor.foo", true),
        (FINDER, NONE, "com.apple.lastuseddate#PS", false),
        (FINDER, NONE, "com.apple.Preview.UIstate.v1", false),
        (FINDER, NONE, "com.apple.ResourceFork", true),
    ] {
        let mut w = World::new();
        let p = w.launch(0.0, who, args);
        w.open(1.0, &p, KEY);
        w.set_attribute(1.5, &p, ("/private/tmp/a", 55), name);
        w.exit(2.0, &p);
        sends_what_it_picks_up(&mut w, "/private/tmp/a");
        let told = w.tell();
        assert_eq!(told.alerts().is_empty(), !told_of, "{} {name}", who.path);
        if told_of {
            low_by_fork(&told);
        }
    }
}

fn sends_what_it_picks_up(w: &mut World, path: &str) {
    let q = w.launch(3.0, adhoc("/private/tmp/y", "y"), &["y"]);
    w.open_inode(4.0, &q, path, 55);
    w.upload(5.0, &q, DROPBOX, 9_000);
}

fn low_by_fork(told: &Told) {
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "named-fork"));
}

#[test]
fn firmlinks_and_data_volume() {
    reads("/System/Volumes/Data/Users/alice/.ssh/id_rsa").alert();
}

/// What a backup holds is what was backed up.
#[test]
fn backups_show_the_files_they_are_of() {
    for backup in [
        "/Volumes/TM/2026-01-01-120000.backup/Data",
        "/Volumes/TM/Backups.backupdb/mac/2026-01-01-120000/Macintosh HD - Data",
        "/Volumes/.timemachine/0F0F/2026-01-01-120000.backup/2026-01-01-120000.backup/Macintosh HD - Data",
        "/Volumes/com.apple.TimeMachine.localsnapshots/Backups.backupdb/mac/2026-01-01-120000/Data",
    ] {
        reads(&format!("{backup}/Users/alice/.ssh/id_rsa")).alert();
        reads(&format!("{backup}/Users/alice/.ssh/id_rsa.pub")).none();
    }
}

/// Hostile names are written so that every output stays one record a line.
#[test]
fn p12_hostile_names_are_escaped() {
    let told = reads("/Users/alice/Documents/corp/a\"b\\c\nd\u{202e}]|=.docx");
    let alert = told.alert();
    assert!(alert.reads[0].path.to_string().contains('\n'));
    for record in &told.records {
        let line = cloudward::sink::format::ecs(record);
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
        let text = cloudward::sink::format::text(record);
        assert!(!text.contains('\u{202e}') && !text.contains("c\nd"));
    }
}

/// A path so long that only its beginning is known.
#[test]
fn p11_path_cut_by_the_system() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open_cut(1.0, &p, &format!("/Users/alice/Documents/corp/{}", "d/".repeat(500)));
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "path-truncated"));
    assert!(!told.coverage().is_empty());
}

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const MV: Program = apple("/bin/mv", "com.apple.mv");

/// A home that is a link to another volume: the system reports where its files really lie.
#[test]
fn p06_home_on_another_volume() {
    let mut w = World::new();
    let env = &["HOME=/Volumes/Ext/alice", "USER=alice"];
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let child = w.fork(0.5, &shell);
    let p = w.exec_in(0.6, &child, X, &["x"], "null", &[], env);
    w.open(1.0, &p, "/Volumes/Ext/alice/.ssh/id_rsa");
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    w.tell().alert();
}

/// The same where HOME keeps the link's name: a working directory tells where it leads.
#[test]
fn p06_twin_only_the_working_directory_tells() {
    let mut w = World::new();
    w.cwd = "/Volumes/Ext/alice";
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, "/Volumes/Ext/alice/.ssh/id_rsa");
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    w.tell().alert();
}

/// A second name that is older than the agent: known if the key was ever seen under its own name, else said.
#[test]
fn p07_old_hard_link() {
    for seen in [true, false] {
        let mut w = World::new();
        if seen {
            let ssh = w.launch(0.0, apple("/usr/bin/ssh", "com.apple.ssh"), &["ssh", "host"]);
            w.open_inode(0.5, &ssh, "/Users/alice/.ssh/id_rsa", 4242);
        }
        let p = w.launch(10.0, X, &["x"]);
        w.open_inode(11.0, &p, "/Users/Shared/innocent", 4242);
        w.upload(12.0, &p, "content.dropboxapi.com", 30_000);
        let told = w.tell();
        if seen {
            assert_eq!(told.alert().reads[0].path.to_string(), "/Users/alice/.ssh/id_rsa");
            assert!(told.alert().hops.iter().any(|hop| hop.kind.as_str() == "link"));
        } else {
            assert!(told.note().iter().any(|record| record.kind.as_str() == "name-hidden"));
        }
    }
}

/// By device and inode, and from the root of the volume by its inode.
#[test]
fn p09_inode_paths() {
    let mut w = World::new();
    let ssh = w.launch(0.0, apple("/usr/bin/ssh", "com.apple.ssh"), &["ssh", "host"]);
    w.open_inode(0.5, &ssh, "/Users/alice/.ssh/id_rsa", 4242);
    let p = w.launch(10.0, X, &["x"]);
    w.open_inode(11.0, &p, "/.vol/16777234/4242", 4242);
    w.upload(12.0, &p, "content.dropboxapi.com", 30_000);
    w.tell().alert();
    reads("/.vol/16777234/2/Users/alice/.ssh/id_rsa").alert();
}

/// The folder of the keys gets an innocent name; then a key is read there.
#[test]
fn p14_renamed_folder() {
    let key = |steps: &[(&str, &str)], path: &str| {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        for (at, (from, to)) in steps.iter().enumerate() {
            let mv = w.spawn(1.0 + at as f64, &shell, MV, &["mv", from, to]);
            w.rename_folder(1.1 + at as f64, &mv, from, to);
        }
        let p = w.launch(60.0, X, &["x"]);
        w.open(61.0, &p, path);
        w.upload(62.0, &p, "content.dropboxapi.com", 30_000);
        w.tell()
    };
    let told = key(&[("/Users/alice/.ssh", "/Users/alice/stuff")], "/Users/alice/stuff/id_rsa");
    assert_eq!(told.alert().reads[0].sets[0].as_ref(), "ssh-keys");
    assert!(told.alert().hops.iter().any(|hop| hop.kind.as_str() == "rename"));
    key(
        &[("/Users/alice/.ssh", "/private/tmp/a"), ("/private/tmp/a", "/private/tmp/b")],
        "/private/tmp/b/id_rsa",
    )
    .alert();
    let docs = [("/Users/alice/Documents/corp", "/Users/alice/Pictures/holiday")];
    key(&docs, "/Users/alice/Pictures/holiday/2026/plan.docx").alert();
    // What was beside it, and what the sets leave out, stays out.
    key(&docs, "/Users/alice/Pictures/other/plan.docx").none();
    key(&[("/Users/alice/.ssh", "/Users/alice/stuff")], "/Users/alice/stuff/id_rsa.pub").none();
}

/// A folder moves with the tainted files in it.
#[test]
fn p14_taint_moves_with_the_folder() {
    let mut w = World::new();
    let a = w.launch(0.0, X, &["x"]);
    w.open(1.0, &a, "/Users/alice/.ssh/id_rsa");
    w.write(2.0, &a, "/private/tmp/d/Deep/s.zip");
    w.exit(2.5, &a);
    let shell = w.launch(3.0, ZSH, &["-zsh"]);
    let mv = w.spawn(4.0, &shell, MV, &["mv", "d", "e"]);
    w.rename_folder(4.1, &mv, "/private/tmp/d", "/Users/Shared/e");
    let b = w.launch(60.0, X, &["x"]);
    w.open(61.0, &b, "/Users/Shared/e/Deep/s.zip");
    w.upload(62.0, &b, "content.dropboxapi.com", 30_000);
    assert!(w.tell().alert().hops.iter().any(|hop| hop.kind.as_str() == "stage"));
}

/// A folder of keys moved where a client uploads it.
#[test]
fn p14_folder_moved_into_a_sync_root() {
    let mut w = World::new();
    let mv = w.launch(0.0, MV, &["mv", "a", "b"]);
    let root = "/Users/alice/Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive";
    w.rename_folder(1.0, &mv, "/Users/alice/.ssh", &format!("{root}/x"));
    assert_eq!(w.tell().alert().tenant.as_deref(), Some("me@gmail.com"));
}

/// A folder that is the root of a set is of that set, whichever others it lies in: iCloud may have documents, not the
/// company's.
#[test]
fn a_folder_belongs_to_the_sets_of_all_that_it_holds() {
    let docs = "/Users/alice/Documents/corp";
    let icloud = "/Users/alice/Library/Mobile Documents/com~apple~CloudDocs/corp";
    let drive = "/Users/alice/Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive/corp";
    let finder = apple("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "com.apple.finder");
    let first_set = |told: &Told| {
        let alert = told.alert();
        assert_eq!((alert.severity.as_str(), alert.count), ("high", 1));
        alert.reads[0].sets[0].to_string()
    };
    for root in [icloud, drive] {
        let mut w = World::new();
        let p = w.launch(0.0, finder, &["Finder"]);
        w.rename_folder(1.0, &p, docs, root);
        assert_eq!(first_set(&w.tell()), "corp-docs", "moved to {root}");
        let mut w = World::new();
        let ln = w.launch(0.0, apple("/bin/ln", "com.apple.ln"), &["ln", "-s", docs, root]);
        w.write(1.0, &ln, root);
        assert_eq!(first_set(&w.tell()), "corp-docs", "linked to from {root}");
    }
    for folder in [docs.to_owned(), format!("{docs}/")] {
        let mut w = World::new();
        let p =
            w.launch(0.0, adhoc("/opt/homebrew/bin/rclone", "rclone"), &["rclone", "copy", &folder, "mega:"]);
        w.upload(1.0, &p, "g.api.mega.co.nz", 20_000);
        assert_eq!(first_set(&w.tell()), "corp-docs", "{folder}");
    }
    // The folder that all documents lie in has no more than they have.
    let mut w = World::new();
    let p = w.launch(0.0, finder, &["Finder"]);
    w.rename_folder(1.0, &p, "/Users/alice/Documents/private", icloud);
    w.tell().none();
    let mut w = World::new();
    let p = w.launch(0.0, finder, &["Finder"]);
    w.rename_folder(1.0, &p, "/Users/alice/Documents", drive);
    assert_eq!(first_set(&w.tell()), "corp-docs", "it lies in there");
    assert_eq!(w.tell().alert().reads.len(), 1);
}

/// Copies in a disk image, read from the volume that shows it.
#[test]
fn p15_disk_image() {
    let mut w = World::new();
    let hdiutil = apple("/usr/bin/hdiutil", "com.apple.hdiutil");
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let create = w.spawn(1.0, &shell, hdiutil, &["hdiutil", "create", "-srcfolder", "x", "/tmp/x.dmg"]);
    w.open(1.1, &create, "/Users/alice/Documents/corp/plan.docx");
    w.write(1.5, &create, "/private/tmp/x.dmg");
    w.exit(2.0, &create);
    let attach = w.spawn(3.0, &shell, hdiutil, &["hdiutil", "attach", "/tmp/x.dmg"]);
    w.open(3.1, &attach, "/private/tmp/x.dmg");
    let daemon = w.launch(3.2, apple("/usr/libexec/diskarbitrationd", "com.apple.diskarbitrationd"), &["d"]);
    w.mount(4.0, &daemon, "/Volumes/X");
    let p = w.launch(60.0, X, &["x"]);
    w.open(61.0, &p, "/Volumes/X/plan.docx");
    w.upload(62.0, &p, "content.dropboxapi.com", 30_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "nested-volume"));
}

/// The near miss of P15: a volume of an image that nobody made from anything sensitive.
#[test]
fn p15_twin_somebody_elses_image() {
    let mut w = World::new();
    let hdiutil = apple("/usr/bin/hdiutil", "com.apple.hdiutil");
    let attach = w.launch(3.0, hdiutil, &["hdiutil", "attach", "/tmp/x.dmg"]);
    w.open(3.1, &attach, "/private/tmp/x.dmg");
    w.mount(4.0, &attach, "/Volumes/X");
    let p = w.launch(60.0, X, &["x"]);
    w.open(61.0, &p, "/Volumes/X/plan.docx");
    w.upload(62.0, &p, "content.dropboxapi.com", 30_000);
    w.tell().none();
}

/// Copies put on the volume that an image shows; then parts of the image are packed and sent, or the image as a whole.
#[test]
fn p15_copies_put_into_an_image() {
    let hdiutil = apple("/usr/bin/hdiutil", "com.apple.hdiutil");
    let helper = apple("/usr/libexec/diskimagesiod", "com.apple.diskimagesiod");
    let story = |image: &str, sent: &str, onto: &str, detached: bool| {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        // By a command, or by a double-click: then it is a helper that opens the image, or what comes first of a bundle.
        let attach = if image.starts_with("/tmp") {
            w.spawn(1.0, &shell, hdiutil, &["hdiutil", "attach", image])
        } else {
            let helper = w.launch(1.0, helper, &["diskimagesiod"]);
            w.open(1.1, &helper, image);
            helper
        };
        w.mount(2.0, &attach, "/Volumes/X");
        if detached {
            w.unmount(2.5, &attach, ("apfs", "/dev/disk5s1"), "/Volumes/X");
        }
        let cp =
            w.spawn(3.0, &shell, apple("/bin/cp", "com.apple.cp"), &["cp", "-R", "Documents", "/Volumes"]);
        w.open(3.1, &cp, "/Users/alice/Documents/corp/plan.docx");
        w.write(3.2, &cp, onto);
        w.exit(4.0, &cp);
        let p = w.launch(60.0, X, &["x"]);
        w.open(61.0, &p, sent);
        w.upload(62.0, &p, "content.dropboxapi.com", 30_000);
        w.tell()
    };
    let (bundle, band) = ("/tmp/b.sparsebundle", "/private/tmp/b.sparsebundle/bands/3");
    for (image, sent) in [
        (bundle, band),
        ("/tmp/b.dmg", "/private/tmp/b.dmg"),
        ("/Users/alice/b.DMG", "/Users/alice/b.dmg"),
        ("/Users/alice/b.sparsebundle/token", "/Users/alice/b.sparsebundle/bands/1a"),
    ] {
        let told = story(image, sent, "/Volumes/X/plan.docx", false);
        assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "nested-volume"), "{image}");
        assert!(told.coverage().iter().any(|record| record.kind.as_str() == "nested-volume"));
    }
    story(bundle, band, "/Volumes/Y/plan.docx", false).none();
    story(bundle, band, "/Volumes/X/plan.docx", true).none();
    let other = story(bundle, "/private/tmp/other.sparsebundle/bands/3", "/Volumes/X/plan.docx", false);
    assert!(other.alerts().is_empty());
}

/// Nothing equals nothing: a program without identifiers is not the program that an entry names.
#[test]
fn p17_empty_identifiers_match_nothing() {
    let mut w = World::new();
    let nobody = Program {
        path: "/private/tmp/n",
        signing_id: "",
        team: Some(""),
        platform: false,
        flags: 0x2201_0301,
    };
    let p = w.launch(0.0, nobody, &["n"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "corp-backup.s3.eu-central-1.amazonaws.com", 300_000);
    w.tell().alert();
    for part in ["team_id = \"\", signing_id = \"x\"", "team_id = \"A2P9LX4JPN\", signing_id = \"\""] {
        let text = format!(
            "[[allow]]\nname = \"n\"\nprocess = {{ {part} }}\nsensitive = \"*\"\nservices = \"*\"\ntenants = \"*\"\nusers = \"*\"\nreason = \"r\"\n"
        );
        let source = cloudward::config::Source::new(cloudward::config::Origin::File, "x.toml", &text);
        let (_, diagnostics) = cloudward::config::load(&[source]);
        assert!(diagnostics.iter().any(|d| d.level == cloudward::config::Level::Error), "{part}");
    }
}

/// A helper of the same team counts as its app where the entry names the app; another app of the team does not.
#[test]
fn p18_helpers() {
    let told = |signing_id: &'static str, entry: &str| {
        let mut w = World::new();
        w.policy = format!(
            "{CORP}\n[[allow]]\nname = \"acme\"\nprocess = {{ {entry} }}\nsensitive = [\"corp-docs\", \"documents\"]\nservices = [\"dropbox\"]\ntenants = \"*\"\nusers = \"*\"\nreason = \"r\"\n"
        );
        let p = w.launch(0.0, vendor("/Applications/Acme.app/Contents/x", signing_id, "ACME000000"), &["x"]);
        w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
        w.upload(2.0, &p, "content.dropboxapi.com", 300_000);
        w.tell()
    };
    let (team, app) = ("team_id = \"ACME000000\"", "team_id = \"ACME000000\", signing_id = \"com.acme.app\"");
    told("com.acme.app", app).none();
    told("com.acme.app.helper", app).none();
    told("com.acme.application", app).alert();
    told("com.acme.other", app).alert();
    told("com.acme.other", team).none();
}

/// A translated program is the program, not the translator.
#[test]
fn p20_translated_program() {
    let arq = vendor(
        "/Applications/Arq.app/Contents/MacOS/ArqAgent",
        "com.haystacksoftware.arqagent",
        "48ZCSDVL96",
    );
    for (program, host, quiet) in [
        (arq, "corp-backup.s3.eu-central-1.amazonaws.com", true),
        (X, "corp-backup.s3.eu-central-1.amazonaws.com", false),
    ] {
        let mut w = World::new();
        let oahd = w.launch(0.0, apple("/usr/libexec/rosetta/oahd", "com.apple.oahd"), &["oahd"]);
        let p = w.launch(1.0, program, &["x"]);
        w.translated();
        w.open(1.5, &oahd, program.path);
        w.open(2.0, &p, "/Users/alice/Documents/corp/plan.docx");
        w.upload(3.0, &p, host, 300_000);
        let told = w.tell();
        if quiet {
            told.none();
        } else {
            assert_eq!(
                told.alert().uploader.process().unwrap().info.program.path.to_string(),
                "/private/tmp/x"
            );
        }
    }
}

/// A snapshot that a thief mounts where he likes shows the files of the volume.
#[test]
fn snapshot_mounted_by_hand() {
    const LOCAL: &str = "com.apple.TimeMachine.2026-01-01-000000.local@/dev/disk3s5";
    for (from, file, thieves) in [
        (LOCAL, "Users/alice/.ssh/id_rsa", true),
        (LOCAL, "Users/alice/Documents/corp/plan.docx", true),
        (LOCAL, "Library/Keychains/System.keychain", true),
        (LOCAL, "usr/share/dict/words", false),
        ("/dev/disk5s1", "Library/Keychains/System.keychain", false),
    ] {
        let mut w = World::new();
        let p = w.launch(0.0, X, &["x"]);
        w.mount_from(1.0, &p, from, "/private/tmp/snap");
        w.open(2.0, &p, &format!("/private/tmp/snap/{file}"));
        w.upload(3.0, &p, "content.dropboxapi.com", 300_000);
        let told = w.tell();
        if thieves { _ = told.alert() } else { told.none() }
    }
}
