//! The system's packet tap: all interfaces, and each packet with the process it belongs to. Root only; no entitlement.

use super::tap::filter::{self, WHOLE};
use super::tap::{Ended, Heard, Source};
use super::trouble::TapTrouble;
use crate::model::Timestamp;
use crate::net::{LinkType, Packet};
use crate::sys::pcap::{Capture, Failure, Instruction, Options};

/// `all` adds loopback to the interfaces that the kernel taps by itself (Ethernet, Wi-Fi, tunnels): a program may send
/// through a proxy on this Mac.
const DEVICE: &str = "pktap,all";
/// How long the kernel may gather packets: far less than events are held for stragglers.
const TIMEOUT_MS: u32 = 100;
/// A third of a second at 100 Mbit/s of hellos, far longer of anything else: of that only headers are copied.
const BUFFER: u32 = 4 << 20;

/// A capture that is open.
pub struct Pktap(Capture);

impl Pktap {
    pub fn open() -> Result<Self, TapTrouble> {
        let filter: Vec<Instruction> = filter::program()
            .into_iter()
            .map(|filter::Instruction { code, jump_true, jump_false, operand }| Instruction {
                code,
                jump_true,
                jump_false,
                operand,
            })
            .collect();
        let options = Options {
            device: DEVICE,
            filter: &filter,
            snapshot: WHOLE,
            timeout_ms: TIMEOUT_MS,
            buffer: BUFFER,
        };
        Capture::open(&options).map(Self).map_err(|failure| match failure {
            Failure::Library(why) => TapTrouble::NoLibrary(why),
            Failure::Permission(why) => TapTrouble::NotPermitted(why),
            Failure::Device(why) => TapTrouble::NoDevice(why),
            Failure::Other(why) => TapTrouble::Failed(why),
        })
    }
}

impl Source for Pktap {
    fn next(&mut self) -> Result<Heard<'_>, Ended> {
        match self.0.next() {
            Ok(None) => Ok(Heard::Quiet),
            Ok(Some(raw)) => {
                let micros = raw.seconds.saturating_mul(1_000_000).saturating_add(raw.microseconds);
                Ok(Heard::Packet(Packet {
                    time: Timestamp::from_nanos(micros.saturating_mul(1000)),
                    link: LinkType::Pktap,
                    data: raw.data,
                    wire_len: raw.length,
                    interface: None,
                    owner: None,
                    direction: None,
                }))
            }
            Err(
                Failure::Library(why) | Failure::Permission(why) | Failure::Device(why) | Failure::Other(why),
            ) => Err(Ended::Failed(format!("the packet tap failed: {why}"))),
        }
    }

    fn dropped(&mut self) -> u64 {
        self.0.dropped().unwrap_or(0)
    }
}
