//! `cloudward report`: one HTML page from records.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::model::counted;
use crate::sensor::lines::{Item, Lines};
use crate::sink::report::{NoRecord, Report};

use super::inputs;

/// Make one self-contained HTML page from alerts and coverage records
///
/// The page needs no network and no script. It tells each alert as a story, with the path of the data, the processes,
/// the flows and the evidence, and says what could not be seen.
///
/// For example, from the recording that ships: `cloudward replay --format ecs | cloudward report - -o report.html`
#[derive(clap::Args, Debug)]
pub struct ReportArgs {
    /// Records as `replay --format ecs` and the daemon write them, plain, gzip or zstd; `-` is standard input
    #[arg(required = true, value_name = "ALERTS")]
    alerts: Vec<PathBuf>,
    /// Where the page goes; `-` is standard output
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
}

/// Complaints about single lines shown; the page lists more.
const MAX_COMPLAINTS: u64 = 5;

/// The status is 1 when an input failed or held no record; the page is made from the others all the same.
pub fn run(args: &ReportArgs) -> ExitCode {
    if !inputs::are_apart(&args.alerts) {
        return ExitCode::from(2);
    }
    let mut report = Report::default();
    let mut whole = true;
    for path in &args.alerts {
        if let Err(error) = read(path, &mut report) {
            complain!("cloudward: {error}");
            whole = false;
        }
    }
    let (alerts, records, unread) = report.counts();
    if records == 0 {
        complain!(
            "cloudward: no record in the input: give what `cloudward replay --format ecs` or the daemon's output wrote"
        );
        whole = false;
    }
    if let Err(error) = write(&args.output, &report.html()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return ExitCode::SUCCESS;
        }
        complain!("cloudward: {} cannot be written: {error}", args.output.display());
        return ExitCode::from(1);
    }
    let (records, alerts) = (counted(records, "record"), counted(alerts as u64, "distinct alert"));
    let unread = match unread {
        1 => "1 line that is no record".to_owned(),
        lines => format!("{lines} lines that are no records"),
    };
    complain!("cloudward: {records}, {alerts}, {unread}");
    ExitCode::from(u8::from(!whole))
}

fn read(path: &Path, report: &mut Report) -> Result<(), String> {
    let mut lines = Lines::open(path).map_err(|error| error.to_string())?;
    let name = lines.name().to_owned();
    report.source(&name);
    let mut complaints = 0;
    loop {
        let (number, outcome) = match lines.next_line().map_err(|error| error.to_string())? {
            None => break,
            Some(Item::Line(line)) => (line.number, report.line(&name, line.number, line.bytes)),
            Some(Item::TooLong { number, bytes }) => {
                report.skipped(&name, number, NoRecord::TooLong(bytes));
                (number, Err(NoRecord::TooLong(bytes)))
            }
        };
        let Err(why) = outcome else { continue };
        complaints += 1;
        if complaints <= MAX_COMPLAINTS {
            complain!("cloudward: {name}:{number}: {why}");
        }
    }
    if complaints > MAX_COMPLAINTS {
        let more = match complaints - MAX_COMPLAINTS {
            1 => "1 more line that is no record".to_owned(),
            lines => format!("{lines} more lines that are no records"),
        };
        complain!("cloudward: {name}: and {more}");
    }
    Ok(())
}

fn write(path: &Path, page: &str) -> io::Result<()> {
    if path.as_os_str() == "-" {
        let mut out = io::stdout().lock();
        out.write_all(page.as_bytes())?;
        return out.flush();
    }
    fs::write(path, page)
}
