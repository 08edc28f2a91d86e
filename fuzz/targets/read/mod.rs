//! What both capture formats share.

use std::io::Cursor;

use cloudward::model::Timestamp;
use cloudward::net::{Limits, Tap};
use cloudward::sensor::capture::CaptureReader;

pub fn capture(bytes: Vec<u8>) {
    let Ok(mut reader) = CaptureReader::from_stream("fuzz", Box::new(Cursor::new(bytes))) else { return };
    let mut tap = Tap::new(Limits { flows: 32, summaries: true, ..Limits::default() });
    let mut facts = Vec::new();
    while let Ok(Some(packet)) = reader.next() {
        tap.packet(&packet, &mut facts);
        facts.clear();
    }
    tap.finish(Timestamp::MIN, &mut facts);
    assert_eq!(tap.open_flows(), 0);
}
