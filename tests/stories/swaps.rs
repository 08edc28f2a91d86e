//! Two files change places (`renamex_np(RENAME_SWAP)`, `exchangedata(2)`): told of as one event, as a rename each way, or not
//! at all.

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const KEY: (&str, u64) = ("/Users/alice/.ssh/id_rsa", 100);
const STAGED: (&str, u64) = ("/private/tmp/out", 100);
const OTHER: (&str, u64) = ("/private/tmp/notes", 200);

/// How the system tells of it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Heard {
    Once,
    EachWay { replaced: bool },
    NotAtAll,
}

const HEARD: [Heard; 3] =
    [Heard::Once, Heard::EachWay { replaced: true }, Heard::EachWay { replaced: false }];

/// The first file and the second change places.
fn swap(w: &mut World, at: f64, who: &Proc, heard: Heard, one: (&str, u64), other: (&str, u64)) {
    match heard {
        Heard::Once => w.exchange(at, who, one, other),
        Heard::EachWay { replaced } => {
            w.rename_inode(at, who, one, other.0, replaced.then_some(other.1));
            w.rename_inode(at, who, other, one.0, replaced.then_some(one.1));
        }
        Heard::NotAtAll => {}
    }
}

/// A harmless file, a staged one where somebody read a key, and a swap of the two; then files are opened and something is sent.
fn staged(heard: Heard, opens: &[(&str, u64)]) -> Told {
    let mut w = World::new();
    let other = w.launch(0.0, adhoc("/opt/homebrew/bin/gen", "gen"), &["gen"]);
    w.write_inode(0.5, &other, OTHER.0, OTHER.1);
    let thief = w.launch(1.0, X, &["x"]);
    w.open(1.5, &thief, KEY.0);
    w.write_inode(2.0, &thief, STAGED.0, STAGED.1);
    w.exit(2.5, &thief);
    let mover = w.launch(3.0, adhoc("/opt/homebrew/bin/swap", "swap"), &["swap"]);
    swap(&mut w, 4.0, &mover, heard, STAGED, OTHER);
    w.exit(4.5, &mover);
    let up = w.launch(10.0, adhoc("/opt/homebrew/bin/up", "up"), &["up"]);
    for (at, (path, inode)) in opens.iter().enumerate() {
        w.open_inode(11.0 + at as f64, &up, path, *inode);
    }
    w.upload(20.0, &up, "content.dropboxapi.com", 30_000);
    w.tell()
}

#[test]
fn what_was_staged_goes_with_its_file() {
    for heard in HEARD {
        let found = staged(heard, &[(OTHER.0, STAGED.1)]);
        assert_eq!(found.alert().reads[0].path.to_string(), KEY.0, "{heard:?}");
        assert!(found.alert().hops.iter().any(|hop| hop.kind.as_str() == "rename"), "{heard:?}");
        staged(heard, &[(STAGED.0, OTHER.1)]).none();
        staged(heard, &[(STAGED.0, OTHER.1), (OTHER.0, STAGED.1)]).alert();
        // By a third name, which nobody told of.
        staged(heard, &[("/private/tmp/third", STAGED.1)]).alert();
    }
}

/// What is heard of no swap is found by its inode, whatever becomes first of what lies under the old name.
#[test]
fn a_swap_that_nobody_told_of() {
    staged(Heard::NotAtAll, &[(OTHER.0, STAGED.1)]).alert();
    type Then = fn(&mut World, &Proc);
    let before: [Then; 4] = [
        |w, other| w.open_inode(8.0, other, STAGED.0, OTHER.1),
        |w, other| w.rename_inode(8.0, other, (STAGED.0, OTHER.1), "/private/tmp/away", None),
        |w, other| w.unlink(8.0, other, (STAGED.0, OTHER.1)),
        |w, other| w.rewrite(8.0, other, STAGED.0, OTHER.1, 0x402),
    ];
    for (number, then) in before.iter().enumerate() {
        let mut w = World::new();
        let thief = w.launch(1.0, X, &["x"]);
        w.open(1.5, &thief, KEY.0);
        w.write_inode(2.0, &thief, STAGED.0, STAGED.1);
        w.exit(2.5, &thief);
        let other = w.launch(7.0, adhoc("/opt/homebrew/bin/gen", "gen"), &["gen"]);
        then(&mut w, &other);
        w.exit(8.5, &other);
        let up = w.launch(10.0, adhoc("/opt/homebrew/bin/up", "up"), &["up"]);
        w.open_inode(11.0, &up, OTHER.0, STAGED.1);
        w.upload(20.0, &up, "content.dropboxapi.com", 30_000);
        let told = w.tell();
        assert_eq!(told.alerts().len(), 1, "{number}");
    }
}

/// A key under the name of something harmless, which lies where the key lay.
#[test]
fn a_key_changes_places() {
    for heard in HEARD {
        let mut w = World::new();
        let gen_ = w.launch(0.0, adhoc("/opt/homebrew/bin/gen", "gen"), &["gen"]);
        w.write_inode(0.5, &gen_, OTHER.0, OTHER.1);
        let mover = w.launch(3.0, adhoc("/opt/homebrew/bin/swap", "swap"), &["swap"]);
        swap(&mut w, 4.0, &mover, heard, KEY, OTHER);
        w.exit(4.5, &mover);
        let up = w.launch(10.0, X, &["x"]);
        w.open_inode(11.0, &up, OTHER.0, KEY.1);
        w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
        let found = w.tell();
        assert_eq!(found.alert().reads[0].path.to_string(), KEY.0, "{heard:?}");
    }
}

/// Both carry something: each goes with its own.
#[test]
fn two_staged_files_change_places() {
    let wallet = "/Users/alice/Library/Application Support/Exodus/exodus.wallet/seed.seco";
    for heard in HEARD {
        let mut w = World::new();
        for (at, (read, file)) in [(0.0, (KEY.0, STAGED)), (2.0, (wallet, OTHER))] {
            let thief = w.launch(at, X, &["x"]);
            w.open(at + 0.1, &thief, read);
            w.write_inode(at + 0.2, &thief, file.0, file.1);
            w.exit(at + 0.5, &thief);
        }
        let mover = w.launch(5.0, adhoc("/opt/homebrew/bin/swap", "swap"), &["swap"]);
        swap(&mut w, 6.0, &mover, heard, STAGED, OTHER);
        w.exit(6.5, &mover);
        let up = w.launch(10.0, adhoc("/opt/homebrew/bin/up", "up"), &["up"]);
        w.open_inode(11.0, &up, STAGED.0, OTHER.1);
        w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
        let found = w.tell();
        let read: Vec<_> = found.alert().reads.iter().map(|read| read.path.to_string()).collect();
        assert!(read.iter().any(|path| path == wallet), "{heard:?}: {read:?}");
        assert!(!read.iter().any(|path| path == KEY.0), "{heard:?}: {read:?}");
    }
}

/// The folder of the keys and an empty one.
#[test]
fn folders_change_places() {
    let (keys, folder) = (("/Users/alice/.ssh", 10), ("/private/tmp/d", 20));
    for heard in HEARD {
        let mut w = World::new();
        let thief = w.launch(0.0, X, &["x"]);
        w.open(0.5, &thief, KEY.0);
        w.write(0.6, &thief, "/private/tmp/d/old.zip");
        w.exit(1.0, &thief);
        let mover = w.launch(3.0, adhoc("/opt/homebrew/bin/swap", "swap"), &["swap"]);
        match heard {
            Heard::Once => w.exchange_folders(4.0, &mover, keys.0, folder.0),
            _ => {
                w.rename_folder(4.0, &mover, keys.0, folder.0);
                w.rename_folder(4.0, &mover, folder.0, keys.0);
            }
        }
        w.exit(4.5, &mover);
        let up = w.launch(10.0, X, &["x"]);
        w.open(11.0, &up, "/private/tmp/d/id_rsa");
        w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
        w.tell().alert();
    }
}

/// An app saves a document so: what it wrote aside and what was there change places, and the old one goes.
#[test]
fn a_document_is_saved_by_a_swap() {
    for heard in HEARD {
        let mut w = World::new();
        let editor = vendor("/Applications/Edit.app/Contents/MacOS/Edit", "com.acme.edit", "ABCDE12345");
        let app = w.launch(0.0, editor, &["Edit"]);
        let (document, aside) =
            (("/Users/alice/Pictures/plan.txt", 7), ("/Users/alice/Pictures/.plan.sb", 8));
        w.write_inode(1.0, &app, document.0, document.1);
        w.write_inode(2.0, &app, aside.0, aside.1);
        swap(&mut w, 3.0, &app, heard, aside, document);
        let up = w.launch(10.0, X, &["x"]);
        w.open_inode(11.0, &up, document.0, aside.1);
        w.upload(12.0, &up, "content.dropboxapi.com", 30_000);
        w.tell().none();
    }
}

/// What lay in a folder that is kept in step changes places with a key, or with a staged file.
#[test]
fn into_a_synchronised_folder() {
    let inside = ("/Users/alice/Dropbox/app/notes.txt", 200);
    for (heard, from) in HEARD.iter().flat_map(|heard| [(*heard, KEY), (*heard, STAGED)]) {
        let mut w = World::new();
        if from == STAGED {
            let thief = w.launch(1.0, X, &["x"]);
            w.open(1.5, &thief, KEY.0);
            w.write_inode(2.0, &thief, STAGED.0, STAGED.1);
            w.exit(2.5, &thief);
        }
        let mover = w.launch(3.0, adhoc("/opt/homebrew/bin/swap", "swap"), &["swap"]);
        let (one, other) = if from == KEY { (from, inside) } else { (inside, from) };
        swap(&mut w, 4.0, &mover, heard, one, other);
        let told = w.tell();
        assert_eq!(told.alert().service.as_deref(), Some("dropbox"), "{heard:?} {}", from.0);
        assert_eq!(told.alert().count, 1, "{heard:?} {}", from.0);
    }
}
