//! Files put into synchronised folders, and staged files that others replace.

use super::world::*;

const KEY: &str = "/Users/alice/.ssh/id_rsa";
const CP: Program = apple("/bin/cp", "com.apple.cp");
const CODE: Program = vendor(
    "/Applications/Visual Studio Code.app/Contents/MacOS/Electron",
    "com.microsoft.VSCode",
    "UBF8T346G9",
);
const X: Program = adhoc("/private/tmp/x", "x");
const ROOT: &str = "/Users/alice/Dropbox/app";
/// `FWRITE`, `O_TRUNC`
const EMPTIED: u32 = 0x402;
const FWRITE: u32 = 0x2;

fn inside(name: &str) -> String {
    format!("{ROOT}/{name}")
}

/// However many events tell of it.
#[test]
fn one_file_put_there_is_one_pair() {
    let mut w = World::new();
    let cp = w.launch(0.0, CP, &["cp"]);
    w.open(1.0, &cp, KEY);
    w.write_inode(1.1, &cp, &inside("k"), 7);
    w.rewrite(1.2, &cp, &inside("k"), 7, EMPTIED);
    let told = w.tell();
    assert_eq!((told.alert().count, told.alert().revision), (1, 1));

    // Two files, read one after the other.
    w.open(2.0, &cp, "/Users/alice/.ssh/id_ed25519");
    w.write_inode(2.1, &cp, &inside("l"), 8);
    let told = w.tell();
    assert_eq!((told.alert().count, told.alert().reads.len()), (2, 2));

    // An archive: more is read and put into it, then it gets its name.
    let mut w = World::new();
    let zip = w.launch(0.0, apple("/usr/bin/zip", "com.apple.zip"), &["zip"]);
    w.open(1.0, &zip, KEY);
    w.write_inode(1.1, &zip, &inside("ziXYZ"), 7);
    w.open(2.0, &zip, "/Users/alice/.ssh/id_ed25519");
    w.rewrite(2.1, &zip, &inside("ziXYZ"), 7, FWRITE);
    w.rename_inode(2.3, &zip, (&inside("ziXYZ"), 7), &inside("a.zip"), None);
    let told = w.tell();
    assert_eq!((told.alert().count, told.alert().reads.len()), (1, 2));

    // The same once more, by another run of the program.
    let mut w = World::new();
    for at in [0.0, 10.0, 20.0] {
        let cp = w.launch(at, CP, &["cp"]);
        w.open(at + 1.0, &cp, KEY);
        w.rewrite(at + 1.1, &cp, &inside("k"), 7, EMPTIED);
    }
    assert_eq!(w.tell().alert().count, 3);
}

/// Written elsewhere, then moved in.
#[test]
fn what_is_moved_in_is_put_there() {
    let mut w = World::new();
    let zip = w.launch(0.0, apple("/usr/bin/zip", "com.apple.zip"), &["zip"]);
    w.open(1.0, &zip, KEY);
    w.write_inode(1.1, &zip, "/private/tmp/a.zip", 7);
    w.rename_inode(1.3, &zip, ("/private/tmp/a.zip", 7), &inside("a.zip"), None);
    assert_eq!(w.tell().alert().count, 1);
}

/// Moved in while it is still being written: its end is told of under its new name.
#[test]
fn what_is_moved_in_before_its_end_is_put_there_once() {
    let [part, whole] = ["/private/tmp/a.part".to_owned(), inside("a.zip")];
    for (reads, part) in [(0.5, &part), (1.05, &part), (1.15, &part), (0.5, &inside("a.part"))] {
        let mut w = World::new();
        let zip = w.launch(0.0, apple("/usr/bin/zip", "com.apple.zip"), &["zip"]);
        w.open(reads, &zip, KEY);
        w.create(1.0, &zip, part);
        w.rename_inode(1.1, &zip, (part, 7), &whole, None);
        w.close_changed(1.2, &zip, &whole, 7);
        let told = w.tell();
        assert_eq!((told.alert().count, told.alert().reads.len()), (1, 1), "{reads} {part}");
    }
}

/// A secret that lies in a folder is edited there: whichever way the editor saves, nothing new gets into the folder.
#[test]
fn editing_what_lies_there_puts_nothing_there() {
    let env = inside(".env");
    let edited = |save: &dyn Fn(&mut World, &Proc)| {
        let mut w = World::new();
        let code = w.launch(0.0, CODE, &["code"]);
        w.open(1.0, &code, &inside(".env"));
        save(&mut w, &code);
        w.tell()
    };
    edited(&|w, code| w.rewrite(2.0, code, &env, 7, EMPTIED)).none();
    for temporary in [inside(".env.tmp"), "/private/var/folders/zz/T/NSIRD_x/.env".to_owned()] {
        let saved = edited(&|w, code| {
            w.write_inode(2.0, code, &temporary, 8);
            w.rename_inode(2.2, code, (&temporary, 8), &env, Some(7));
        });
        saved.none();
    }
    edited(&|w, code| w.rename_inode(2.0, code, (&env, 7), &inside(".env.bak"), None)).none();
    // Another folder is another matter: another client's, another account's, another user's.
    for elsewhere in [
        "/Users/alice/Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive/.env",
        "/Users/bob/Dropbox/app/.env",
    ] {
        edited(&|w, code| w.write_inode(2.0, code, elsewhere, 8)).alert();
    }
    // And so is what did not lie there.
    let mut w = World::new();
    let code = w.launch(0.0, CODE, &["code"]);
    w.open(1.0, &code, "/Users/alice/src/app/.env");
    w.rewrite(2.0, &code, &env, 7, EMPTIED);
    w.tell().alert();
}

/// A staged file, what becomes of it, and a third program that sends whatever lies there then.
fn staged(then: impl Fn(&mut World, &Proc, &Proc)) -> Told {
    let mut w = World::new();
    let thief = w.launch(0.0, X, &["x"]);
    w.open(1.0, &thief, KEY);
    w.write_inode(2.0, &thief, "/private/tmp/out", 100);
    let other = w.launch(3.0, adhoc("/opt/homebrew/bin/gen", "gen"), &["gen"]);
    then(&mut w, &thief, &other);
    let up = w.launch(10.0, adhoc("/opt/homebrew/bin/up", "up"), &["up"]);
    w.open_inode(11.0, &up, "/private/tmp/out", 200);
    w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
    w.tell()
}

#[test]
fn a_file_that_replaced_a_staged_one_is_clean() {
    let new = "/private/tmp/new";
    for replaced in [Some(100), Some(9), None] {
        let told = staged(|w, _, other| {
            w.write_inode(4.0, other, new, 200);
            w.rename_inode(5.0, other, (new, 200), "/private/tmp/out", replaced);
        });
        told.none();
    }
    staged(|w, _, other| w.write_inode(4.0, other, "/private/tmp/out", 200)).none();
    staged(|w, _, other| w.rewrite(4.0, other, "/private/tmp/out", 200, FWRITE)).none();
    // Emptied and written anew.
    let same = |flags| {
        let mut w = World::new();
        let thief = w.launch(0.0, X, &["x"]);
        w.open(1.0, &thief, KEY);
        w.write_inode(2.0, &thief, "/private/tmp/out", 100);
        let other = w.launch(3.0, adhoc("/opt/homebrew/bin/gen", "gen"), &["gen"]);
        w.rewrite(4.0, &other, "/private/tmp/out", 100, flags);
        let up = w.launch(10.0, adhoc("/opt/homebrew/bin/up", "up"), &["up"]);
        w.open_inode(11.0, &up, "/private/tmp/out", 100);
        w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
        w.tell()
    };
    same(EMPTIED).none();
    // Something was only added.
    same(FWRITE).alert();
}

/// Whoever still carries the read puts it into whatever he writes.
#[test]
fn a_thief_who_writes_his_file_anew_keeps_it_tainted() {
    let out = "/private/tmp/out";
    staged(|w, thief, _| w.rewrite(4.0, thief, out, 100, FWRITE)).alert();
    staged(|w, thief, _| w.rewrite(4.0, thief, out, 100, EMPTIED)).alert();
    staged(|w, thief, _| w.write_inode(4.0, thief, out, 200)).alert();
    let moved = staged(|w, thief, _| {
        w.write_inode(4.0, thief, "/private/tmp/new", 200);
        w.rename_inode(5.0, thief, ("/private/tmp/new", 200), out, Some(100));
    });
    moved.alert();
    // The file that was replaced has another name.
    let mut w = World::new();
    let thief = w.launch(0.0, X, &["x"]);
    w.open(1.0, &thief, KEY);
    w.write_inode(2.0, &thief, out, 100);
    w.link(2.5, &thief, out, "/private/tmp/kept", 100);
    let other = w.launch(3.0, adhoc("/opt/homebrew/bin/gen", "gen"), &["gen"]);
    w.write_inode(4.0, &other, out, 200);
    let up = w.launch(10.0, adhoc("/opt/homebrew/bin/up", "up"), &["up"]);
    w.open_inode(11.0, &up, "/private/tmp/kept", 100);
    w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
    w.tell().alert();
}

/// Another process moves the file into the folder while its writer is still at it: what is in it comes there at the close.
#[test]
fn moved_into_the_folder_before_it_is_closed() {
    for (reads_at, moves_at) in [(1.0, 2.5), (2.2, 2.5), (2.7, 2.5)] {
        let mut w = World::new();
        let (from, to) = ("/private/tmp/out.bin", "/Users/alice/Dropbox/out.bin");
        let writer = w.launch(0.5, adhoc("/private/tmp/x", "x"), &["x"]);
        let mover = w.launch(0.6, apple("/bin/mv", "com.apple.mv"), &["mv", from, to]);
        if reads_at < 2.0 {
            w.open(reads_at, &writer, "/Users/alice/.ssh/id_rsa");
        }
        w.create(2.0, &writer, from);
        if reads_at > 2.0 {
            w.open(reads_at, &writer, "/Users/alice/.ssh/id_rsa");
        }
        w.rename_inode(moves_at, &mover, (from, 4711), to, None);
        w.close_changed(3.0, &writer, to, 4711);
        let told = w.tell();
        assert_eq!(told.alert().service.as_deref(), Some("dropbox"), "{reads_at}");
        assert_eq!(told.alert().count, 1, "{reads_at}");
    }
    // The same into a folder that nobody keeps in step.
    let mut w = World::new();
    let (from, to) = ("/private/tmp/out.bin", "/Users/alice/Old/out.bin");
    let writer = w.launch(0.5, adhoc("/private/tmp/x", "x"), &["x"]);
    let mover = w.launch(0.6, apple("/bin/mv", "com.apple.mv"), &["mv", from, to]);
    w.open(1.0, &writer, "/Users/alice/.ssh/id_rsa");
    w.create(2.0, &writer, from);
    w.rename_inode(2.5, &mover, (from, 4711), to, None);
    w.close_changed(3.0, &writer, to, 4711);
    w.tell().none();
}

const LN: Program = apple("/bin/ln", "com.apple.ln");
const DRIVE: &str = "/Users/alice/Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive";

/// What `ln` makes of these arguments, as an event tells of a name, or of a link that is there.
fn linked(program: Program, args: &[&str], link: &str, as_link: bool) -> Told {
    let mut w = World::new();
    let ln = w.launch(0.0, program, args);
    match as_link {
        true => w.symlink(1.0, &ln, link),
        false => w.create(1.0, &ln, link),
    }
    w.tell()
}

/// A link to a folder of keys hands over what lies in it, as one to a key does.
#[test]
fn a_link_to_a_folder_of_sensitive_files_is_an_upload() {
    for (folder, set) in [
        ("/Users/alice/.ssh", "ssh-keys"),
        ("/Users/alice/.ssh/", "ssh-keys"),
        ("/Users/alice/.config", "cloud-keys"),
        ("/Users/alice", "browser-credentials"),
    ] {
        for root in ["/Users/alice/Dropbox", DRIVE] {
            let link = format!("{root}/x");
            for as_link in [true, false] {
                let told = linked(LN, &["ln", "-s", folder, &link], &link, as_link);
                let alert = told.alert();
                assert!(alert.reads[0].sets.iter().any(|name| **name == *set), "{folder} {root} {as_link}");
                assert_eq!((alert.count, alert.reads[0].evidence.as_str()), (1, "argv"), "{folder} {root}");
            }
        }
    }
    // Whatever makes it.
    let args = ["x", "/Users/alice/.aws", "/Users/alice/Dropbox"];
    linked(X, &args, "/Users/alice/Dropbox/.aws", true).alert();
    // It is relative to where it lies.
    let args = ["ln", "-s", "../.ssh", "/Users/alice/Dropbox/x"];
    linked(LN, &args, "/Users/alice/Dropbox/x", true).alert();
}

/// Where a link leads that names nothing on its maker's line, no event tells. What is read through it has the path of what it
/// leads to, and the folder's own client has no leave to read that.
#[test]
fn what_a_client_takes_up_through_a_link_is_what_it_leads_to() {
    let client =
        vendor("/Applications/Dropbox.app/Contents/MacOS/Dropbox", "com.getdropbox.dropbox", "G7HH3F8CAK");
    let link = "/Users/alice/Dropbox/x";
    for (read, told) in [("/Users/alice/.ssh/id_rsa", true), ("/Users/alice/Dropbox/plan.docx", false)] {
        let mut w = World::new();
        let python = w.launch(0.0, apple("/usr/bin/python3", "com.apple.python3"), &["python3", "/tmp/x.py"]);
        let client = w.launch(0.1, client, &["Dropbox"]);
        w.symlink(1.0, &python, link);
        w.open(5.0, &client, read);
        w.upload(6.0, &client, "content.dropboxapi.com", 5_000);
        let story = w.tell();
        if told { assert_eq!(story.alert().reads[0].path.to_string(), read) } else { story.none() }
    }
}

#[test]
fn other_links_into_the_folder_are_none() {
    let link = "/Users/alice/Dropbox/x";
    // What is no link: the folder was only named.
    linked(X, &["x", "/Users/alice/.ssh", link], link, false).none();
    // Nothing sensitive is known to lie there.
    linked(LN, &["ln", "-s", "/Users/alice/src/app", link], link, true).none();
    linked(LN, &["ln", "-s", "/Users/alice/.ssh/config", link], link, true).none();
    // The other way around: dotfiles that lie in the folder.
    linked(LN, &["ln", "-s", "/Users/alice/Dropbox/ssh", "/Users/alice/.ssh"], "/Users/alice/.ssh", true)
        .none();
    // From one place in the folder to another.
    linked(LN, &["ln", "-s", "/Users/alice/Dropbox/home/.ssh", link], link, true).none();
    // The client's own link.
    let client =
        vendor("/Applications/Dropbox.app/Contents/MacOS/Dropbox", "com.getdropbox.dropbox", "G7HH3F8CAK");
    linked(client, &["Dropbox", "/Users/alice/.ssh"], link, true).none();
}

/// A folder of keys that is moved, cloned or copied there whole.
#[test]
fn a_folder_that_holds_sensitive_files_is_put_there_with_them() {
    for (folder, set) in [("/Users/alice/.ssh", "ssh-keys"), ("/Users/alice/.config", "cloud-keys")] {
        for root in ["/Users/alice/Dropbox", DRIVE] {
            let to = format!("{root}/x");
            let holds = |told: &Told| told.alert().reads[0].sets.iter().any(|name| **name == *set);
            let mut w = World::new();
            let p = w.launch(0.0, X, &["x"]);
            w.rename_folder(1.0, &p, folder, &to);
            assert!(holds(&w.tell()), "{folder} moved");
            for kind in ["clone", "copyfile"] {
                let mut w = World::new();
                let p = w.launch(0.0, X, &["x"]);
                w.copy_folder(1.0, &p, kind, folder, &to);
                assert!(holds(&w.tell()), "{folder} {kind}");
            }
        }
    }
}

/// M28 with other services: what lies below `CloudStorage` is some file provider's, whether or not it is known by name.
#[test]
fn m28_folders_of_other_clients() {
    for (folder, service) in [
        ("Library/CloudStorage/Nextcloud-alice@cloud.example.org", "nextcloud"),
        ("ownCloud", "nextcloud"),
        ("Library/CloudStorage/pCloudDrive-pCloudDrive", "pcloud"),
        ("Library/CloudStorage/Tresorit-alice", "tresorit"),
        ("Yandex.Disk.localized", "yandex-disk"),
        ("Jottacloud", "jottacloud"),
        ("kDrive", "infomaniak-kdrive"),
        ("Library/CloudStorage/MEGA-alice", "mega"),
        ("Library/CloudStorage/SomeNewDrive-alice", "file-provider"),
        ("Library/CloudStorage/Dropbox-Personal", "dropbox"),
    ] {
        let mut w = World::new();
        let cp = w.launch(0.0, CP, &["cp"]);
        w.open(1.0, &cp, KEY);
        w.write(1.1, &cp, &format!("/Users/alice/{folder}/notes/k"));
        assert_eq!(w.tell().alert().service.as_deref(), Some(service), "{folder}");
    }
}

/// The provider's own daemon brings such a file from the cloud.
#[test]
fn m28_twin_fetched_by_the_provider() {
    let mut w = World::new();
    let provider = w.launch(
        0.0,
        apple(
            "/System/Library/Frameworks/FileProvider.framework/Support/fileproviderd",
            "com.apple.fileproviderd",
        ),
        &["fileproviderd"],
    );
    w.write(1.0, &provider, "/Users/alice/Library/CloudStorage/SomeNewDrive-alice/passwords.kdbx");
    w.tell().none();
}

/// What comes through a pipe is what was read before it: tee never opened the key.
#[test]
fn a_pipe_ends_in_a_synchronised_folder() {
    let copy = "/Users/alice/Library/CloudStorage/Dropbox/k.txt";
    for (into, is_theft) in [(7, true), (8, false)] {
        let mut w = World::new();
        let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        let cat = w.piped(1.0, &shell, apple("/bin/cat", "com.apple.cat"), &["cat", KEY], &[(1, 7)]);
        let tee = w.piped(1.1, &shell, apple("/usr/bin/tee", "com.apple.tee"), &["tee", copy], &[(0, into)]);
        w.open(1.2, &cat, KEY);
        w.write(1.3, &tee, copy);
        let told = w.tell();
        if is_theft { assert_eq!(told.alert().service.as_deref(), Some("dropbox")) } else { told.none() }
    }
}
