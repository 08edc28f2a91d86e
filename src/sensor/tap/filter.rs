//! What the kernel copies for the tap: a classic BPF program for PKTAP.
//!
//! `pcap_compile` does not know PKTAP, yet the kernel runs an installed program over `[version 1 header][link
//! header][packet]` (`bpf_tap_imp` in `bsd/net/bpf.c` of xnu), and what it returns is how many bytes are copied. The tap
//! needs all of what may be a handshake or a DNS answer, and of everything else the headers only: lengths stand there.
//! What this program does not understand it lets through whole.

mod assembler;
#[cfg(test)]
mod tests;

use assembler::{
    ADD, ADD_X, AND, FROM_X, IF_ANY_BIT, IF_EQUAL, IF_GREATER_X, LOAD_BYTE, LOAD_BYTE_X, LOAD_HALF_X,
    LOAD_LENGTH, LOAD_MEMORY, Line, RETURN, RETURN_A, SHIFT_LEFT, SHIFT_RIGHT, STORE, TO_X, assemble,
};

pub use assembler::Instruction;

/// More than any packet has: copy it whole.
pub const WHOLE: u32 = 256 << 10;
/// Payload copied where a handshake may be: a hello with post-quantum keys has 1.7 KB, and two of them fit.
const OPENING: u32 = 4 << 10;
/// Payload copied of a datagram that begins no QUIC connection: enough to see that it is none.
const GLANCE: u32 = 64;

/// Bits of `pth_flags`: the packet leaves.
const OUTBOUND: u32 = 0x2;
/// First byte of a TLS record that holds handshake messages.
const TLS_HANDSHAKE: u32 = 0x16;
/// First byte of a QUIC packet with a long header.
const QUIC_LONG: u32 = 0x80;

/// IPv6 extension headers, AH among them.
const EXTENSIONS: [u32; 8] = [0, 43, 44, 51, 60, 135, 139, 140];
/// What the tap looks into for another packet: IPv4, IPv6, GRE, AH.
const CARRIERS: [u32; 4] = [4, 41, 47, 51];
const ESP: u32 = 50;

/// The program. X holds the offset of the header being looked at.
pub fn program() -> Vec<Instruction> {
    let mut lines = Vec::new();
    lines.extend(link_layer());
    lines.extend(network_layer());
    lines.extend(tcp());
    lines.extend(udp());
    lines.push(Line::Label("opening"));
    lines.extend(copy_beyond(OPENING));
    lines.extend([
        Line::Label("whole"),
        Line::Do(RETURN, WHOLE),
        Line::Label("nothing"),
        Line::Do(RETURN, 0),
    ]);
    assemble(&lines)
}

/// X goes on by so many bytes.
const fn skip(bytes: u32) -> [Line; 3] {
    [Line::Do(FROM_X, 0), Line::Do(ADD, bytes), Line::Do(TO_X, 0)]
}

/// The end: the packet is copied up to X, and so many bytes beyond.
const fn copy_beyond(bytes: u32) -> [Line; 3] {
    [Line::Do(FROM_X, 0), Line::Do(ADD, bytes), Line::Do(RETURN_A, 0)]
}

/// From the PKTAP header to IP.
fn link_layer() -> Vec<Line> {
    let mut lines = vec![
        // Records about dropped packets are counted.
        Line::Do(LOAD_BYTE, 4),
        Line::Test(IF_EQUAL, 1, None, Some("whole")),
        // `pth_length`, 156 in every system so far, fits 16 bits. The fields of PKTAP are little endian and loads are not:
        // it is read byte by byte.
        Line::Do(LOAD_BYTE, 1),
        Line::Do(SHIFT_LEFT, 8),
        Line::Do(TO_X, 0),
        Line::Do(LOAD_BYTE, 0),
        Line::Do(ADD_X, 0),
        Line::Do(TO_X, 0),
        // `pth_dlt`
        Line::Do(LOAD_BYTE, 8),
        Line::Test(IF_EQUAL, 1, Some("ethernet"), None),
        Line::Test(IF_EQUAL, 0, Some("loopback"), None),
        Line::Test(IF_EQUAL, 12, Some("ip"), Some("whole")),
        Line::Label("ethernet"),
        Line::Do(LOAD_HALF_X, 12),
        Line::Test(IF_EQUAL, 0x0800, Some("framed"), None),
        Line::Test(IF_EQUAL, 0x86dd, Some("framed"), None),
    ];
    // VLAN tags and PPPoE; the rest is not IP.
    lines.extend([0x8100, 0x88a8, 0x9100].map(|tag| Line::Test(IF_EQUAL, tag, Some("whole"), None)));
    lines.extend([Line::Test(IF_EQUAL, 0x8864, Some("whole"), Some("nothing")), Line::Label("framed")]);
    lines.extend(skip(14));
    lines.extend([Line::Go("ip"), Line::Label("loopback")]);
    lines.extend(skip(4));
    lines
}

/// From IP to TCP or UDP. Fragments and IPv6 extension headers go through whole.
fn network_layer() -> Vec<Line> {
    let mut lines = vec![
        Line::Label("ip"),
        Line::Do(LOAD_BYTE_X, 0),
        Line::Do(AND, 0xf0),
        Line::Test(IF_EQUAL, 0x40, None, Some("v6")),
        Line::Do(LOAD_HALF_X, 6),
        Line::Test(IF_ANY_BIT, 0x3fff, Some("whole"), None),
        Line::Do(LOAD_BYTE_X, 9),
        Line::Do(STORE, 0),
        Line::Do(LOAD_BYTE_X, 0),
        Line::Do(AND, 0x0f),
        Line::Do(SHIFT_LEFT, 2),
        Line::Do(ADD_X, 0),
        Line::Do(TO_X, 0),
        Line::Go("transport"),
        Line::Label("v6"),
        Line::Test(IF_EQUAL, 0x60, None, Some("nothing")),
        Line::Do(LOAD_BYTE_X, 6),
        Line::Do(STORE, 0),
    ];
    lines.extend(EXTENSIONS.map(|next| Line::Test(IF_EQUAL, next, Some("whole"), None)));
    lines.extend(skip(40));
    lines.extend([
        Line::Label("transport"),
        Line::Do(LOAD_MEMORY, 0),
        Line::Test(IF_EQUAL, 6, Some("tcp"), None),
        Line::Test(IF_EQUAL, 17, Some("udp"), None),
        // That there was one is all that can be told of it.
        Line::Test(IF_EQUAL, ESP, Some("headers"), None),
    ]);
    lines.extend(CARRIERS.map(|carrier| Line::Test(IF_EQUAL, carrier, Some("whole"), None)));
    lines.push(Line::Go("nothing"));
    lines
}

/// What leaves may be a hello; what comes in counts by its length, unless it is a handshake or a DNS answer.
fn tcp() -> [Line; 17] {
    [
        Line::Label("tcp"),
        Line::Do(LOAD_HALF_X, 0),
        Line::Test(IF_EQUAL, 53, Some("whole"), None),
        // To the payload.
        Line::Do(LOAD_BYTE_X, 12),
        Line::Do(AND, 0xf0),
        Line::Do(SHIFT_RIGHT, 2),
        Line::Do(ADD_X, 0),
        Line::Do(TO_X, 0),
        Line::Do(LOAD_BYTE, 36),
        Line::Test(IF_ANY_BIT, OUTBOUND, Some("opening"), None),
        // A load behind the end would end the program and drop the packet.
        Line::Do(LOAD_LENGTH, 0),
        Line::Test(IF_GREATER_X, 0, None, Some("headers")),
        Line::Do(LOAD_BYTE_X, 0),
        Line::Test(IF_EQUAL, TLS_HANDSHAKE, Some("opening"), None),
        Line::Label("headers"),
        Line::Do(FROM_X, 0),
        Line::Do(RETURN_A, 0),
    ]
}

/// DNS and the beginnings of QUIC connections.
fn udp() -> Vec<Line> {
    let mut lines = vec![Line::Label("udp")];
    for port_at in [0, 2] {
        lines.push(Line::Do(LOAD_HALF_X, port_at));
        lines.extend([53, 5353].map(|port| Line::Test(IF_EQUAL, port, Some("whole"), None)));
    }
    lines.extend(skip(8));
    lines.extend([
        Line::Do(LOAD_LENGTH, 0),
        Line::Test(IF_GREATER_X, 0, None, Some("glance")),
        Line::Do(LOAD_BYTE_X, 0),
        Line::Test(IF_ANY_BIT, QUIC_LONG, Some("opening"), None),
        Line::Label("glance"),
    ]);
    lines.extend(copy_beyond(GLANCE));
    lines
}
