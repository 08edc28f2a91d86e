//! `cloudward replay`: the same engine over recordings.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{self, Origin, Settings, Source};
use crate::daemon::replay::{Replay, Summary};
use crate::model::{Record, counted};
use crate::sensor::capture::CaptureReader;
use crate::sensor::lines::Lines;
use crate::sink::format::Format;

use super::print::ended;
use super::progress::Progress;
use super::{inputs, paint, settings};

/// Run the engine over recordings; without any, over the one that ships with the program
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// eslogger NDJSON, plain, gzip or zstd; `-` is standard input; may be given again
    #[arg(long, value_name = "FILE")]
    events: Vec<PathBuf>,
    /// pcap or pcapng, plain, gzip or zstd; `-` is standard input; may be given again
    #[arg(long, value_name = "FILE")]
    capture: Vec<PathBuf>,
    /// An audit log of a cloud: AWS CloudTrail, Microsoft 365 (CSV or JSON), Google Workspace Drive, Google Cloud, Azure
    /// Activity (JSON or CSV); may be given again
    #[arg(long, value_name = "FILE")]
    audit: Vec<PathBuf>,
    /// Configuration; the built-in one without it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What is usual, for rules that ask (`times_usual`): what `learn --baseline --format json` printed, or toml
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How alerts are written to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = parse_format)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  cloudward replay
  cloudward replay --events eslogger.ndjson.gz --capture pktap.pcap --config corp.toml
  cloudward replay --audit cloudtrail.json.gz --audit purview.csv --events eslogger.ndjson.gz
  gcloud logging read 'logName:cloudaudit' --format json | cloudward replay --audit -
  cloudward replay --events - --format ecs < eslogger.ndjson | jq .message
  sudo eslogger exec fork exit open close create rename unlink link clone copyfile | cloudward replay --events -

Alerts go to standard output, the summary and the progress of a long replay to standard error. Ctrl-C (or SIGTERM) ends a pipe
that stays open: what came is judged, the summary is told; a second one ends at once.

Exit status: 0 done; 1 an input failed (what was found before is printed) or the output did; 2 the command line or the configuration is wrong.";

/// The recording that ships: real client traffic and process events of one staged theft, an allowed backup, a download
/// and everyday work. `tests/recordings/README.md` says what in it is real.
const DEMO_EVENTS: &[u8] = include_bytes!("../../tests/recordings/demo/events.ndjson.gz");
const DEMO_CAPTURE: &[u8] = include_bytes!("../../tests/recordings/demo/capture.pcap.gz");
const DEMO_POLICY: &str = include_str!("../../tests/recordings/demo/policy.toml");

fn parse_format(text: &str) -> Result<Format, String> {
    let known = Format::ALL.map(Format::as_str);
    Format::ALL
        .into_iter()
        .find(|format| format.as_str() == text)
        .ok_or_else(|| format!("known formats: {}", known.join(", ")))
}

pub fn run(args: &ReplayArgs) -> ExitCode {
    if !inputs::are_apart(args.events.iter().chain(&args.capture).chain(&args.audit)) {
        return ExitCode::from(2);
    }
    let halt = inputs::until_told(args.events.iter().chain(&args.capture));
    let demo = args.events.is_empty() && args.capture.is_empty() && args.audit.is_empty();
    let Some(settings) = settings(args.config.as_deref(), demo) else { return ExitCode::from(2) };
    let mut replay = Replay::new(Arc::clone(&settings.policy));
    if let Some(path) = &args.baseline {
        let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match read.and_then(|text| super::learn::read_baseline(&text)) {
            Ok(baseline) => replay.accustom(baseline),
            Err(why) => {
                complain!("cloudward: {}: is no baseline: {why}", path.display());
                return ExitCode::from(2);
            }
        }
    }
    let mut failed = false;
    if demo {
        failed |= !open_demo(&mut replay);
    } else {
        failed |= !inputs::open(&args.events, &args.capture, &halt, &mut replay);
        failed |= !inputs::open_audits(&args.audit, &mut replay);
    }
    let (summary, written) = play(replay, args.format);
    if written.is_err() {
        return ended(written, 0);
    }
    if halt.was_said() {
        complain!("cloudward: stopped by a signal: what had come by then was judged");
    }
    report(&summary);
    failed |= !summary.failures.is_empty();
    ExitCode::from(u8::from(failed))
}

/// The configuration, or `None` when it has errors; they are all said.
fn settings(path: Option<&Path>, demo: bool) -> Option<Settings> {
    let demo_policy = || Source::new(Origin::File, "tests/recordings/demo/policy.toml", DEMO_POLICY);
    let settings = match path {
        None if demo => settings::sound(config::load(&[demo_policy()])),
        path => settings::of(path),
    };
    if settings.is_none() {
        complain!("cloudward: the configuration has errors; `cloudward check` shows everything about it");
    }
    settings
}

fn open_demo(replay: &mut Replay) -> bool {
    complain!("cloudward: no recording given: replaying the one that ships (tests/recordings/demo)");
    let lines = Lines::new("demo/events.ndjson.gz".to_owned(), Box::new(Cursor::new(DEMO_EVENTS)));
    let capture = CaptureReader::from_stream("demo/capture.pcap.gz", Box::new(Cursor::new(DEMO_CAPTURE)));
    match (lines, capture) {
        (Ok(lines), Ok(capture)) => {
            replay.events(lines);
            replay.captures(vec![capture]);
            true
        }
        (lines, capture) => {
            lines.err().into_iter().for_each(|error| complain!("cloudward: {error}"));
            capture.err().into_iter().for_each(|error| complain!("cloudward: {error}"));
            false
        }
    }
}

/// Runs it, as long as there is somewhere to write to. Each record is written as soon as it is certain.
fn play(replay: Replay, format: Format) -> (Summary, io::Result<()>) {
    let mut out = io::stdout().lock();
    let mut written = Ok(());
    let progress = Progress::new();
    let colours = format == Format::Text && paint::wanted();
    let shown = |text: String| if colours { paint::paint(&text, true) } else { text };
    let mut write = |record: Record| {
        let text = shown(format.write(&record));
        written = progress.aside(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()));
        written.is_ok()
    };
    let summary =
        replay.run(&mut write, |so_far| progress.reached(so_far.lines, so_far.packets, so_far.last));
    (summary, written)
}

/// What became of the inputs, on standard error.
fn report(summary: &Summary) {
    summary.failures.iter().for_each(|failure| complain!("cloudward: {failure}"));
    for complaint in &summary.complaints {
        complain!("cloudward: {complaint}");
    }
    summary.notes.iter().for_each(|note| complain!("cloudward: {note}"));
    let told = summary.complaints.len() as u64 + summary.foreign;
    let more = (summary.rejected + summary.truncated).saturating_sub(told);
    if more > 0 {
        complain!("cloudward: and {} that could not be read", counted(more, "more line"));
    }
    let stats = &summary.stats;
    let records = match summary.records {
        0 => String::new(),
        records => {
            let hand = if stats.audit_events == 1 { "hands" } else { "hand" };
            let records = counted(records, "record");
            format!(" {records} of audit logs ({} {hand} data over),", stats.audit_events)
        }
    };
    complain!(
        "cloudward: {} ({} rejected),{records} {}; {} ({} more {} allowed); {}, {}",
        counted(summary.lines, "line"),
        summary.rejected,
        counted(summary.packets, "packet"),
        counted(stats.reads, "sensitive read"),
        stats.excused,
        if stats.excused == 1 { "was" } else { "were" },
        counted(stats.alerts, "alert"),
        counted(stats.coverage, "coverage record")
    );
    if let (Some(first), Some(last)) = (summary.first, summary.last) {
        complain!("cloudward: from {first} to {last}");
    }
    if !summary.skipped.is_empty() {
        complain!("cloudward: event types that no verdict needs: {}", listed(&summary.skipped));
    }
    if !summary.unknown_fields.is_empty() {
        complain!(
            "cloudward: fields that this version does not know, in the {} that {} looked at for them: {}",
            counted(summary.looked_at, "line"),
            if summary.looked_at == 1 { "was" } else { "were" },
            listed(&summary.unknown_fields)
        );
    }
}

fn listed(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}
