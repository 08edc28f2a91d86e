//! A proposed entry silences its alert and no near twin of it.

use crate::cli::scenario;
use crate::config::suite::{self, Suite};
use crate::model::{Actor, Record};
use crate::sink::format::Format;

use super::*;

const POLICY: &str = include_str!("../../../tests/cli/files/small.toml");
const STORIES: &str = include_str!("../../../tests/cli/files/twins.toml");

const MORE: &str = r#"
[[sensitive]]
name  = "plans"
paths = ["~/Plans/**"]
[[service]]
name     = "box"
category = "file-sync"
domains  = ["box.example"]
tenants  = ["{tenant}.box.example"]
"#;

fn stories() -> Suite {
    let (suite, wrong) = suite::read(&Source::new(Origin::File, "twins.toml", STORIES));
    assert_eq!(wrong, []);
    suite
}

fn settings(more: &str) -> Settings {
    let text = format!("{POLICY}{MORE}{more}");
    let (settings, wrong) = config::load(&[Source::new(Origin::File, "policy", text)]);
    let errors: Vec<_> = wrong.iter().filter(|found| found.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    settings
}

/// The alert of a story, as it is written and read back.
fn told(settings: &Settings, test: &suite::Test) -> Option<Told> {
    let outcome = scenario::play(&settings.policy, test);
    let alert = outcome.alerts.into_iter().next()?;
    match told::read(&Format::Ecs.write(&Record::Alert(Box::new(alert)))) {
        Ok(Line::Alert(told)) => Some(*told),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_silences_its_alert_and_no_near_twin() {
    let (suite, plain) = (stories(), settings(""));
    let originals = suite.tests.iter().filter(|test| !test.name.contains(':'));
    let mut twins_heard = 0;
    for original in originals {
        let alert = told(&plain, original).unwrap_or_else(|| panic!("{} is quiet", original.name));
        let (proposal, _) = proposal::propose(&alert).unwrap();
        let entry = proposal.toml(&proposal.name(), "because");
        let with = settings(&entry);
        assert_eq!(told(&with, original).map(|told| told.time), None, "{entry}");
        assert!(is_silent(&with, &alert) && !is_silent(&plain, &alert), "{entry}");
        for twin in suite.tests.iter().filter(|test| test.name.starts_with(&format!("{}:", original.name))) {
            let heard = told(&with, twin).unwrap_or_else(|| panic!("{} is silenced by\n{entry}", twin.name));
            assert!(!is_silent(&with, &heard), "{}", twin.name);
            twins_heard += 1;
        }
    }
    assert_eq!(twins_heard, 10);
}

#[test]
fn what_no_entry_can_cover_is_said() {
    let (suite, plain) = (stories(), settings(""));
    for name in ["signed: tampered with", "script: none"] {
        let test = suite.tests.iter().find(|test| test.name == name).unwrap();
        let refused = proposal::propose(&told(&plain, test).unwrap());
        assert!(matches!(refused, Err(proposal::Concern::Impossible(_))), "{name}: {refused:?}");
    }
}

/// No argument shows an injected library: the record must say it.
#[test]
fn code_that_the_environment_put_in_is_told() {
    let plain = settings("");
    let story = stories().tests.into_iter().find(|test| test.name == "signed").unwrap();
    let mut alert = scenario::play(&plain.policy, &story).alerts.remove(0);
    let mut uploader = (**alert.uploader.process().unwrap()).clone();
    uploader.runs_other_code = true;
    alert.uploader = Actor::Process(Arc::new(uploader));
    let heard = &read_text(&Format::Ecs.write(&Record::Alert(Box::new(alert)))).unwrap()[0];
    assert!(matches!(proposal::propose(heard), Err(proposal::Concern::Impossible(_))));
    let careless = told(&plain, &story).unwrap();
    let (entry, _) = proposal::propose(&careless).unwrap();
    let with = settings(&entry.toml("mine", "because"));
    assert!(is_silent(&with, &careless) && !is_silent(&with, heard));
}

/// A hash that the kernel does not vouch for holds no program: an entry with it would silence nothing.
#[test]
fn a_hash_without_a_signature_is_not_proposed() {
    let plain = settings("");
    let story = stories().tests.into_iter().find(|test| test.name == "unsigned").unwrap();
    let mut alert = told(&plain, &story).unwrap();
    alert.process.hash.cdhash = Some("ab".repeat(20));
    for (flags, held) in [("0x22020203", true), ("0x00000000", false), ("0x00000002", false)] {
        alert.process.code_signature.flags = flags.to_owned();
        let (proposal, _) = proposal::propose(&alert).unwrap();
        let entry = proposal.toml("mine", "because");
        assert_eq!(entry.contains("cdhash"), held, "{flags}: {entry}");
        assert!(is_silent(&settings(&entry), &alert), "{flags}: {entry}");
    }
}

/// A parent whose start was before the recording is a number: no entry names it, and that it is missing is said.
#[test]
fn a_parent_that_was_not_seen_is_not_proposed() {
    let plain = settings("");
    let story = stories().tests.into_iter().find(|test| test.name == "unsigned").unwrap();
    let mut alert = told(&plain, &story).unwrap();
    alert.process.executable = "/opt/tools/curl".to_owned();
    alert.process.parent = Some(Box::default());
    let (proposal, concerns) = proposal::propose(&alert).unwrap();
    assert!(concerns.iter().any(|concern| concern.text().contains("who started it")));
    assert!(is_silent(&settings(&proposal.toml("mine", "because")), &alert));
}

/// Names are hostile: whatever stands in an alert, what is proposed is TOML and no wider than its words.
#[test]
fn hostile_names_stay_inside_their_quotes() {
    let plain = settings("");
    let story = stories().tests.into_iter().find(|test| test.name == "unsigned").unwrap();
    let alert = told(&plain, &story).unwrap();
    let paths = [
        "/tmp/\"]\nprocess = \"*",
        "/tmp/\\",
        "/tmp/**",
        "/tmp/{a,b}",
        "/tmp/\u{202e}\u{1b}[2J",
        "/tmp/ü ' # x",
    ];
    for path in paths {
        let mut hostile = alert.clone();
        hostile.process.executable = path.to_owned();
        hostile.process.hash.cdhash = None;
        let (proposal, _) = proposal::propose(&hostile).unwrap();
        let entry = proposal.toml(&proposal.name(), "because");
        assert!(!entry.contains(['\u{1b}', '\u{202e}']), "{entry}");
        let with = settings(&entry);
        let mut elsewhere = hostile.clone();
        elsewhere.process.executable = "/tmp/other".to_owned();
        assert!(is_silent(&with, &hostile) && !is_silent(&with, &elsewhere), "{entry}");
    }
    let mut hostile = alert;
    hostile.cloudward.tenant.name = Some("*".to_owned());
    assert!(proposal::propose(&hostile).is_err());
}

#[test]
fn files_are_read_in_every_shape_they_come_in() {
    let plain = settings("");
    let outcome = scenario::play(&plain.policy, &stories().tests[0]);
    let line = Format::Ecs.write(&Record::Alert(Box::new(outcome.alerts[0].clone())));
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    for text in [line.clone(), format!("\n{line}\n{line}"), serde_json::to_string_pretty(&value).unwrap()] {
        assert_eq!(read_text(&text).unwrap().len(), 1);
    }
    assert_eq!(read_text("{}").unwrap_err(), "1: is no record of cloudward in ECS (`--format ecs`)");
    assert!(read_text(&format!("{line}nonsense")).unwrap_err().starts_with("2: is no JSON"));
    assert_eq!(read_text("").unwrap().len(), 0);
}
