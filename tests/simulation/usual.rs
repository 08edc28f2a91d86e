//! What programs usually do: first uses as far back as the engine has watched, volumes as a baseline tells them.

use std::sync::Arc;

use cloudward::engine::Engine;
use cloudward::engine::habits::{Baseline, code_of};

use super::adversaries::{Told, tell_to};
use super::chance::Chance;
use super::mac::{Mac, START};
use super::plays::DROPBOX;
use super::run::compiled;

const RULES: &str = r#"
[[rule]]
id = "volume"
name = "Ten times the usual"
severity = "high"
step = [{ on = "read" }, { on = "upload", times_usual = 10 }]

[[rule]]
id = "new-program"
name = "Never on the network before"
severity = "high"
step = [{ on = "read" }, { on = "upload", first_seen = "network" }]

[[rule]]
id = "new-service"
name = "Never there before"
severity = "high"
step = [{ on = "read" }, { on = "upload", first_seen = "service" }]
"#;

/// A program sends so much after a read, having visited another host before.
fn told(baseline: Baseline, visited: Option<&str>, bytes: u32) -> Told {
    let (mut mac, mut chance) = (Mac::new(), Chance::new(1));
    let mut actor = mac.actor(0, START, &mut chance);
    if let Some(host) = visited {
        let earlier = actor.launch("x");
        actor.upload(&earlier, host, 500);
        actor.exit(&earlier);
    }
    let p = actor.launch("x");
    let doc = actor.home("Documents/plan.pdf");
    actor.open(&p, &doc);
    actor.upload(&p, DROPBOX, bytes);
    actor.done();
    let mut engine = Engine::new(compiled(RULES));
    engine.accustom(Arc::new(baseline));
    tell_to(engine, mac)
}

fn rules(told: &Told) -> Vec<String> {
    let own = |id: &&str| !id.starts_with("cw.");
    told.caught().rules.iter().map(|rule| &*rule.id).filter(own).map(str::to_owned).collect()
}

#[test]
fn first_uses() {
    let none = Baseline::default;
    assert_eq!(rules(&told(none(), None, 9_000)), ["new-program", "new-service"]);
    assert_eq!(rules(&told(none(), Some("intranet.example.com"), 9_000)), ["new-service"]);
    assert_eq!(rules(&told(none(), Some(DROPBOX), 9_000)), [""; 0]);
}

#[test]
fn unusual_volumes() {
    let code = code_of(told(Baseline::default(), None, 9_000).caught().uploader.process().unwrap());
    let usually = |bytes| {
        let mut baseline = Baseline::default();
        assert!(baseline.tell(&code, "dropbox", bytes));
        baseline
    };
    assert_eq!(rules(&told(usually(900), Some(DROPBOX), 9_000)), ["volume"]);
    assert_eq!(rules(&told(usually(901), Some(DROPBOX), 9_000)), [""; 0]);
}
