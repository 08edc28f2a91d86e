//! Apple's packet tap header (`bsd/net/pktap.h` of xnu), versions 1 and 2. All fields are little endian: every machine
//! that has the tap is.

use super::{Envelope, RawOwner, Unread};
use crate::model::Direction;
use crate::net::packet::LinkType;

/// Version 1 as macOS 10.9 wrote it, up to `pth_ecomm`; later systems append fields (156 bytes today).
const V1_MIN: usize = 108;
/// The fixed part of version 2.
const V2_MIN: usize = 40;
const FLAG_IN: u32 = 0x1;
const FLAG_OUT: u32 = 0x2;
const FLAG_V2: u32 = 0x8_0000;
const TYPE_PACKET: u32 = 1;
const TYPE_DROP: u32 = 2;

type Read<'a> = Result<(Envelope<'a>, LinkType, &'a [u8]), Unread>;

/// Reads the header of either version: what it says, the link type of the packet behind it, and that packet.
#[inline]
pub(super) fn decode(data: &[u8]) -> Read<'_> {
    let fixed = data.first_chunk::<V2_MIN>().ok_or(Unread::PktapMalformed)?;
    let flags = u32::from_le_bytes([fixed[36], fixed[37], fixed[38], fixed[39]]);
    let direction = match flags & (FLAG_IN | FLAG_OUT) {
        FLAG_IN => Some(Direction::In),
        FLAG_OUT => Some(Direction::Out),
        _ => None,
    };
    let (owner, interface, number, packet) = match flags & FLAG_V2 {
        0 => version_1(data)?,
        _ => version_2(data, fixed)?,
    };
    let is_known = owner.pid > 0 || owner.pid == 0 && first_is_text(owner.name);
    let owner = if is_known { Some(owner) } else { owner.on_behalf() };
    let envelope = Envelope { direction, owner, interface };
    match LinkType::from_number(number) {
        LinkType::Pktap => Err(Unread::PktapMalformed),
        link => Ok((envelope, link, packet)),
    }
}

type Parts<'a> = (RawOwner<'a>, Option<&'a [u8]>, u32, &'a [u8]);

#[inline]
fn version_1(data: &[u8]) -> Result<Parts<'_>, Unread> {
    let header = data.first_chunk::<V1_MIN>().ok_or(Unread::PktapMalformed)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let length = word(0) as usize;
    match word(4) {
        TYPE_PACKET => {}
        TYPE_DROP => return Err(Unread::DropRecord),
        _ => return Err(Unread::PktapMalformed),
    }
    if length < V1_MIN {
        return Err(Unread::PktapMalformed);
    }
    let packet = data.get(length..).ok_or(Unread::PktapMalformed)?;
    let owner = RawOwner {
        pid: word(52).cast_signed(),
        name: &header[56..73],
        effective_pid: word(84).cast_signed(),
        effective_name: &header[88..105],
    };
    Ok((owner, Some(&header[12..36]), word(8), packet))
}

/// Offsets 1 to 5 count from the start of the header; zero means absent. Strings end with a NUL.
fn version_2<'a>(data: &'a [u8], fixed: &'a [u8; V2_MIN]) -> Result<Parts<'a>, Unread> {
    let length = usize::from(fixed[0]);
    if length < V2_MIN {
        return Err(Unread::PktapMalformed);
    }
    let (header, packet) = data.split_at_checked(length).ok_or(Unread::PktapMalformed)?;
    let string = |offset: u8| match usize::from(offset) {
        0 => Ok(None),
        at if at < V2_MIN => Err(Unread::PktapMalformed),
        at => header.get(at..).map(Some).ok_or(Unread::PktapMalformed),
    };
    let word = |at: usize| i32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let owner = RawOwner {
        pid: word(28),
        name: string(fixed[4])?.unwrap_or_default(),
        effective_pid: word(32),
        effective_name: string(fixed[5])?.unwrap_or_default(),
    };
    let number = u32::from(u16::from_le_bytes([fixed[6], fixed[7]]));
    Ok((owner, string(fixed[3])?, number, packet))
}

impl RawOwner<'_> {
    /// Where only the process is known on whose behalf it is, that one.
    #[cold]
    fn on_behalf(self) -> Option<Self> {
        let Self { effective_pid: pid, effective_name: name, .. } = self;
        (pid > 0).then_some(Self { pid, name, effective_pid: -1, effective_name: &[] })
    }
}

/// A zero pid is the kernel if it has a name, and an empty field if not.
fn first_is_text(name: &[u8]) -> bool {
    name.first().is_some_and(|byte| *byte != 0)
}
