//! `cloudward flows`: what the tap understands of a capture, one line per flow.

mod json;
mod line;
mod order;
mod text;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::inputs;
use super::print::ended;
use super::progress::Progress;
use order::InOrder;

use crate::model::{DomainName, Table, Timestamp};
use crate::net::{FlowSummary, Limits, Tap, Unread};
use crate::sensor::capture::{CaptureError, CaptureReader, CaptureSet};

/// Show what the tap understands of a capture: one line per flow, in order of their start
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FlowsArgs {
    /// Captures: pcap or pcapng, plain, gzip or zstd; `-` is standard input. Several are merged by time.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How a flow is written.
    #[arg(long, default_value = "text", value_parser = parse_format, value_name = "text|json")]
    pub format: FlowFormat,
}

const EXAMPLES: &str = "\
Examples:
  cloudward flows pktap.pcap
  cloudward flows --format json a.pcapng b.pcap.gz | jq -r '[.domain, .bytes_out] | @tsv'
  sudo tcpdump -i pktap,all -k -w - | cloudward flows -

Exit status: 0 done; 1 an input failed (what was understood is printed); 2 the command line is wrong.";

const LINK_LAYERS: &str = "nothing could be read: captures of PKTAP, Ethernet, raw IP, NULL, LOOP and Linux cooked interfaces can; \
                           on a Mac, `sudo tcpdump -i pktap,all -k -w FILE` makes one";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlowFormat {
    Text,
    Json,
}

fn parse_format(text: &str) -> Result<FlowFormat, String> {
    match text {
        "text" => Ok(FlowFormat::Text),
        "json" => Ok(FlowFormat::Json),
        _ => Err("possible values: text, json".to_owned()),
    }
}

/// A service and, where a name tells it, a tenant.
pub type Service = (Arc<str>, Option<Arc<str>>);

/// The service that a host name belongs to, if it is one of the known ones.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Service>;

/// Runs the verb with the services of `lookup`. The status is 1 when an input failed; what was understood is printed all
/// the same.
pub fn run(args: &FlowsArgs, lookup: Lookup<'_>) -> ExitCode {
    if !inputs::are_apart(&args.files) {
        return ExitCode::from(2);
    }
    let progress = Progress::new();
    let out = BufWriter::with_capacity(64 << 10, progress.beside(io::stdout().lock()));
    let mut notes = Vec::new();
    let reached = |packets, time| progress.reached(0, packets, Some(time));
    let written = write_flows(&args.files, args.format, lookup, out, &mut notes, reached);
    drop(progress);
    _ = io::stderr().write_all(&notes);
    match written {
        Ok(whole) => ExitCode::from(u8::from(!whole)),
        Err(error) => ended(Err(error), 0),
    }
}

/// Reads captures and writes a line per flow to `out`, complaints and a summary of what was not understood to `notes`.
/// `reached` is told how many packets were taken, and up to when. False if an input failed. Fails only where `out` or
/// `notes` cannot be written to.
pub fn write_flows(
    files: &[PathBuf],
    format: FlowFormat,
    lookup: Lookup<'_>,
    mut out: impl Write,
    mut notes: impl Write,
    reached: impl Fn(u64, Timestamp),
) -> io::Result<bool> {
    let mut complaints = Vec::new();
    let mut readers = Vec::new();
    for file in files {
        match CaptureReader::open(file) {
            Ok(reader) => readers.push(reader),
            Err(error) => complaints.push(error),
        }
    }
    let mut writer = FlowWriter {
        format,
        lookup,
        known: Table::new(),
        room: line::Room::default(),
        out: &mut out,
        wrote_header: false,
    };
    let mut set = CaptureSet::new(readers);
    let tap = read_all(&mut set, &mut writer, &mut complaints, reached)?;
    writer.out.flush()?;
    for complaint in &complaints {
        writeln!(notes, "cloudward: {complaint}")?;
    }
    for note in set.dropped().map(|(_, note)| note).into_iter().chain(tap.stats().notes(|_| true)) {
        writeln!(notes, "cloudward: {note}")?;
    }
    let of_no_use = tap.stats().packets > 0 && tap.stats().unread(Unread::LinkUnknown) == tap.stats().packets;
    if of_no_use {
        writeln!(notes, "cloudward: {LINK_LAYERS}")?;
    }
    // The program ends with this: to free what it knew, flow by flow and name by name, would only cost time.
    std::mem::forget((tap, writer.known));
    Ok(complaints.is_empty() && !of_no_use)
}

struct FlowWriter<'a, W> {
    format: FlowFormat,
    lookup: Lookup<'a>,
    /// What names were found to be: most flows have one that an earlier flow had.
    known: Table<DomainName, Option<Service>>,
    room: line::Room,
    out: W,
    wrote_header: bool,
}

impl<W: Write> FlowWriter<'_, W> {
    fn service(&mut self, name: &DomainName) -> Option<Service> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        if self.known.len() >= MAX_KNOWN {
            self.known = Table::new();
        }
        let found = (self.lookup)(name.as_str());
        self.known.insert(name.clone(), found.clone());
        found
    }

    fn write(&mut self, flow: &FlowSummary) -> io::Result<()> {
        let aliases = flow.aliases.iter().flat_map(|links| &**links);
        let mut names = flow.name.iter().map(|(name, ..)| name).chain(aliases);
        let service = names.find_map(|name| self.service(name));
        match self.format {
            FlowFormat::Json => json::write(flow, service, &mut self.room, &mut self.out),
            FlowFormat::Text => {
                if !std::mem::replace(&mut self.wrote_header, true) {
                    text::header(&mut self.out)?;
                }
                text::write(flow, service, &mut self.room, &mut self.out)
            }
        }
    }
}

/// Flows that are followed at the same time, of about 1 KiB: what waits for its turn to be printed needs room too.
const MAX_FLOWS: usize = 1 << 15;

/// Names whose services are remembered, about 200 bytes each.
const MAX_KNOWN: usize = 1 << 14;

/// How many packets pass between two looks at whose turn it is.
const BATCH: u64 = 4096;

fn read_all<W: Write>(
    set: &mut CaptureSet,
    writer: &mut FlowWriter<'_, W>,
    complaints: &mut Vec<CaptureError>,
    reached: impl Fn(u64, Timestamp),
) -> io::Result<Tap> {
    let mut tap = Tap::new(Limits { flows: MAX_FLOWS, summaries: true, facts: false, ..Limits::default() });
    let mut order = InOrder::default();
    let mut facts = Vec::new();
    let mut now = Timestamp::MIN;
    loop {
        match set.next() {
            Ok(Some(packet)) => {
                now = now.max(packet.time);
                tap.packet(&packet, &mut facts);
                reached(tap.stats().packets, now);
            }
            Ok(None) => break,
            Err(error) => complaints.push(error),
        }
        if tap.has_finished() {
            order.opened(tap.opened());
            order.ended(tap.finished());
        }
        if tap.stats().packets.is_multiple_of(BATCH) {
            order.opened(tap.opened());
            order.ready(|flow| writer.write(flow))?;
        }
    }
    tap.finish(now, &mut facts);
    order.opened(tap.opened());
    order.ended(tap.finished());
    order.all(|flow| writer.write(flow))?;
    std::mem::forget(order);
    Ok(tap)
}
