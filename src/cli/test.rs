//! `cloudward test`: unit tests for policies and rules.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::suite::{self, Expected, PolicyUnderTest, Suite, Test, Verdict};
use crate::config::{self, Diagnostic, Level, Settings};
use crate::model::Alert;
use crate::policy::Policy;
use crate::sink::format::visible;

use super::paint;
use super::print::print;
use super::scenario::{self, Outcome};

/// Run tests of a policy: stories in short form, each with the verdict it expects
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub struct TestArgs {
    /// Files of tests (TOML)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Test this configuration instead of the one that the files name
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const EXAMPLE: &str = "\
A file of tests:

  policy = \"corp.toml\"      # beside the tests; leave it out to test the built-in default

  [program]
  curl = { path = \"/usr/bin/curl\", platform = true, signing_id = \"com.apple.curl\" }

  [[test]]
  name   = \"a key goes to Dropbox\"
  events = [
    { by = \"curl\", reads = \"~/.ssh/id_rsa\" },
    { by = \"curl\", uploads = \"40KiB\", to = \"content.dropboxapi.com\", at = \"5s\" },
  ]
  expect = { verdict = \"ALERT\", severity = \"high\", service = \"dropbox\" }

A step is done `by` a program or by a process that an earlier step named, and says one of: reads, writes, copies,
clones, links, renames (with `to`), drops (with `into`), removes, starts or becomes (a program; with `args`, `script`,
`script_sha256`, `as`, `stdin`, `stdout`), uploads (with `to`, `receives`, `hidden`), tampered, exits. `at` counts from the beginning.
`expect` is ALERT, LOW, NONE or NOTE, alone or in a table with rules, severity, confidence, service, tenant, reasons, notes.

Exit status: 0 all pass, 1 some do not, 2 a file or its policy is wrong.";

pub fn run(args: &TestArgs) -> ExitCode {
    let mut text = String::new();
    let mut tally = Tally::default();
    for path in &args.files {
        match open(path, args.config.as_deref()) {
            Ok((suite, settings)) => run_suite(path, &suite, &settings.policy, &mut tally, &mut text),
            Err(diagnostics) => {
                diagnostics.iter().for_each(|found| complain!("{found}"));
                tally.unusable += 1;
            }
        }
    }
    text.push_str(&tally.summary());
    print(paint::paint(&text, paint::wanted()).as_bytes(), tally.status())
}

/// The tests of a file and their policy, or everything that is wrong with either.
fn open(path: &Path, config: Option<&Path>) -> Result<(Suite, Settings), Vec<Diagnostic>> {
    let source = suite_source(path).map_err(|found| vec![found])?;
    let (suite, diagnostics) = suite::read(&source);
    refuse_errors(diagnostics)?;
    let (settings, diagnostics) = match (&suite.policy, config) {
        (_, Some(config)) => config::load_file(config),
        (PolicyUnderTest::File(file, _), None) => {
            config::load_file(&path.parent().unwrap_or(Path::new("")).join(file))
        }
        (PolicyUnderTest::Inline(source), None) => config::load(std::slice::from_ref(source)),
        (PolicyUnderTest::BuiltIn, None) => config::load(&[]),
    };
    refuse_errors(diagnostics)?;
    Ok((suite, settings))
}

fn suite_source(path: &Path) -> Result<config::Source, Diagnostic> {
    config::read_source(path).map_err(|mut found| {
        let hint = "give files of tests; `cloudward test --help` shows one";
        found.hint = found.hint.map(|_| hint.to_owned());
        found
    })
}

fn refuse_errors(diagnostics: Vec<Diagnostic>) -> Result<(), Vec<Diagnostic>> {
    let wrong: Vec<Diagnostic> =
        diagnostics.into_iter().filter(|found| found.level == Level::Error).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    unusable: usize,
}

impl Tally {
    fn status(&self) -> u8 {
        match (self.unusable, self.failed) {
            (0, 0) => 0,
            (0, _) => 1,
            _ => 2,
        }
    }

    fn summary(&self) -> String {
        let mut text = format!("{} passed, {} failed", self.passed, self.failed);
        if self.unusable > 0 {
            let files = if self.unusable == 1 { "file" } else { "files" };
            _ = write!(text, ", {} {files} could not be used", self.unusable);
        }
        text + "\n"
    }
}

fn run_suite(path: &Path, suite: &Suite, policy: &Arc<Policy>, tally: &mut Tally, text: &mut String) {
    _ = writeln!(text, "{}", path.display());
    for test in &suite.tests {
        let outcome = scenario::play(policy, test);
        let wrong = mismatches(&test.expected, &outcome);
        if wrong.is_empty() {
            tally.passed += 1;
            _ = writeln!(text, "  ok    {}", visible(&test.name));
        } else {
            tally.failed += 1;
            text.push_str(&failure(test, &outcome, &wrong));
        }
    }
}

/// One thing that was expected and did not come out.
struct Mismatch {
    what: &'static str,
    expected: String,
    got: String,
}

fn mismatches(expected: &Expected, outcome: &Outcome) -> Vec<Mismatch> {
    let mut wrong = Vec::new();
    let mut ask = |what, fits: bool, expected: &str, got: String| {
        if !fits {
            wrong.push(Mismatch { what, expected: expected.to_owned(), got });
        }
    };
    let got = outcome.verdict();
    let quiet = expected.verdict == Verdict::None && outcome.alerts.is_empty();
    let several = || format!("{} alerts", outcome.alerts.len());
    let word = got.map_or_else(several, |verdict| verdict.as_str().to_owned());
    ask("verdict", quiet || got == Some(expected.verdict), expected.verdict.as_str(), word);
    let kinds: Vec<&str> = outcome.coverage.iter().map(|record| record.kind.as_str()).collect();
    for note in &expected.notes {
        ask("note", kinds.contains(&note.as_str()), note, listed(&kinds));
    }
    // What else was expected of an alert is asked of the first; without one the verdict says enough.
    let Some(alert) = outcome.alerts.first() else { return wrong };
    let rules: Vec<&str> = alert.rules.iter().map(|rule| &*rule.id).collect();
    for rule in &expected.rules {
        ask("rule", rules.contains(&rule.as_str()), rule, listed(&rules));
    }
    let codes: Vec<&str> = alert.reasons.iter().map(|reason| reason.code.as_str()).collect();
    for code in &expected.reasons {
        ask("reason", codes.contains(&code.as_str()), code, listed(&codes));
    }
    let singles = [
        ("severity", expected.severity.map(|one| one.as_str()), Some(alert.severity.as_str())),
        ("confidence", expected.confidence.map(|one| one.as_str()), Some(alert.confidence.as_str())),
        ("service", expected.service.as_deref(), alert.service.as_deref()),
        ("tenant", expected.tenant.as_deref(), alert.tenant.as_deref()),
    ];
    for (what, expected, got) in singles {
        if let Some(expected) = expected {
            ask(what, got == Some(expected), expected, got.unwrap_or("none").to_owned());
        }
    }
    wrong
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn failure(test: &Test, outcome: &Outcome, wrong: &[Mismatch]) -> String {
    let mut text = format!("  FAIL  {}  ({})\n", visible(&test.name), test.at.cite());
    for Mismatch { what, expected, got } in wrong {
        _ = writeln!(text, "        {what:<10} expected {expected}, got {got}");
    }
    for alert in &outcome.alerts {
        text.push_str(&what_it_says(alert));
    }
    for record in &outcome.coverage {
        _ = writeln!(text, "        not seen   {} ({})", record.text, record.kind.as_str());
    }
    if outcome.alerts.is_empty() {
        _ = writeln!(text, "        because    {}", why_quiet(outcome));
    }
    text
}

fn what_it_says(alert: &Alert) -> String {
    let rules: Vec<&str> = alert.rules.iter().map(|rule| &*rule.id).collect();
    let (severity, confidence) = (alert.severity.as_str(), alert.confidence.as_str());
    let mut text =
        format!("        alert      {severity} severity, {confidence} confidence: {}\n", rules.join(", "));
    for reason in &alert.reasons {
        _ = writeln!(text, "        because    {} ({})", reason.text, reason.code.as_str());
    }
    text
}

fn why_quiet(outcome: &Outcome) -> String {
    let hint = "`cloudward explain` shows which entry";
    match (outcome.stats.reads, outcome.stats.excused) {
        (0, 0) => "no sensitive file was read: no set holds the paths of the story".to_owned(),
        (0, excused) => format!("all sensitive reads ({excused}) were excused by allow entries; {hint}"),
        (reads, _) => format!(
            "sensitive reads counted ({reads}), and no upload did: too small, too late, to no service, or allowed; {hint}"
        ),
    }
}
