//! What the kernel copies for the tap: a classic BPF program for PKTAP.
//!
//! `pcap_compile` does not know PKTAP, yet the kernel runs an installed program over `[version 1 header][link
//! header][packet]` (`bpf_tap_imp` in `bsd/net/bpf.c` of xnu), and what it returns is how many bytes are copied. The tap
//! needs all of what may be a handshake or a DNS answer, and of everything else the headers only: lengths stand there.
//! What this program does not understand it lets through whole.

/// `struct bpf_insn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Instruction {
    pub code: u16,
    pub jump_true: u8,
    pub jump_false: u8,
    pub operand: u32,
}

/// More than any packet has: copy it whole.
pub const WHOLE: u32 = 256 << 10;
/// Payload copied where a handshake may be: a hello with post-quantum keys has 1.7 KB, and two of them fit.
const OPENING: u32 = 4 << 10;
/// Payload copied of a datagram that begins no QUIC connection: enough to see that it is none.
const GLANCE: u32 = 64;

// `bpf(4)`; loads are big endian, the fields of PKTAP little endian, so those are read byte by byte.
const LOAD_BYTE: u16 = 0x30;
const LOAD_BYTE_X: u16 = 0x50;
const LOAD_HALF_X: u16 = 0x48;
const LOAD_LENGTH: u16 = 0x80;
const LOAD_MEMORY: u16 = 0x60;
const STORE: u16 = 0x02;
const ADD: u16 = 0x04;
const ADD_X: u16 = 0x0c;
const AND: u16 = 0x54;
const SHIFT_LEFT: u16 = 0x64;
const SHIFT_RIGHT: u16 = 0x74;
const TO_X: u16 = 0x07;
const FROM_X: u16 = 0x87;
const IF_EQUAL: u16 = 0x15;
const IF_ANY_BIT: u16 = 0x45;
const IF_GREATER_X: u16 = 0x2d;
const GO: u16 = 0x05;
const RETURN: u16 = 0x06;
const RETURN_A: u16 = 0x16;

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

/// Places in the program. The next instruction, where none is named.
type Label = Option<&'static str>;

enum Line {
    Do(u16, u32),
    /// Condition, operand, where to if it holds, where to if not.
    Test(u16, u32, Label, Label),
    Go(&'static str),
    Label(&'static str),
}

/// The program. X holds the offset of the header being looked at.
pub fn program() -> Vec<Instruction> {
    let mut lines = Vec::new();
    lines.extend(link_layer());
    lines.extend(network_layer());
    lines.extend(tcp());
    lines.extend(udp());
    lines.extend([
        Line::Label("opening"),
        Line::Do(FROM_X, 0),
        Line::Do(ADD, OPENING),
        Line::Do(RETURN_A, 0),
        Line::Label("whole"),
        Line::Do(RETURN, WHOLE),
        Line::Label("nothing"),
        Line::Do(RETURN, 0),
    ]);
    assemble(&lines)
}

/// From the PKTAP header to IP.
fn link_layer() -> Vec<Line> {
    let mut lines = vec![
        // Records about dropped packets are counted.
        Line::Do(LOAD_BYTE, 4),
        Line::Test(IF_EQUAL, 1, None, Some("whole")),
        // `pth_length` is 156 today and fits 16 bits.
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
    lines.extend([
        Line::Test(IF_EQUAL, 0x8864, Some("whole"), Some("nothing")),
        Line::Label("framed"),
        Line::Do(FROM_X, 0),
        Line::Do(ADD, 14),
        Line::Do(TO_X, 0),
        Line::Go("ip"),
        Line::Label("loopback"),
        Line::Do(FROM_X, 0),
        Line::Do(ADD, 4),
        Line::Do(TO_X, 0),
    ]);
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
    lines.extend([
        Line::Do(FROM_X, 0),
        Line::Do(ADD, 40),
        Line::Do(TO_X, 0),
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
    lines.extend([
        Line::Do(FROM_X, 0),
        Line::Do(ADD, 8),
        Line::Do(TO_X, 0),
        Line::Do(LOAD_LENGTH, 0),
        Line::Test(IF_GREATER_X, 0, None, Some("glance")),
        Line::Do(LOAD_BYTE_X, 0),
        Line::Test(IF_ANY_BIT, QUIC_LONG, Some("opening"), None),
        Line::Label("glance"),
        Line::Do(FROM_X, 0),
        Line::Do(ADD, GLANCE),
        Line::Do(RETURN_A, 0),
    ]);
    lines
}

/// Labels become distances. They fit eight bits: the program is shorter than that.
fn assemble(lines: &[Line]) -> Vec<Instruction> {
    let is_code = |line: &&Line| !matches!(line, Line::Label(_));
    let place = |label: &str| {
        let at = lines.iter().position(|line| matches!(line, Line::Label(name) if *name == label));
        lines[..at.unwrap_or(lines.len())].iter().filter(is_code).count()
    };
    let mut program = Vec::with_capacity(lines.len());
    for line in lines.iter().filter(is_code) {
        let behind = program.len() + 1;
        let distance =
            |label: &Label| label.map_or(0, |label| u8::try_from(place(label) - behind).unwrap_or(u8::MAX));
        program.push(match line {
            Line::Do(code, operand) => step(*code, *operand, 0, 0),
            Line::Test(code, operand, yes, no) => step(*code, *operand, distance(yes), distance(no)),
            Line::Go(label) => step(GO, u32::from(distance(&Some(label))), 0, 0),
            Line::Label(_) => continue,
        });
    }
    program
}

const fn step(code: u16, operand: u32, jump_true: u8, jump_false: u8) -> Instruction {
    Instruction { code, jump_true, jump_false, operand }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Limits, LinkType, Packet, Tap};
    use crate::sensor::capture::CaptureReader;

    /// The machine of `bpf(4)`, as far as the program uses it. `None` is a fault: the kernel drops the packet.
    fn run(program: &[Instruction], packet: &[u8], wire: usize) -> Option<u32> {
        let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
        let load = |offset: u32, size: usize| {
            let bytes = packet.get(offset as usize..offset as usize + size)?;
            Some(bytes.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte)))
        };
        loop {
            let Instruction { code, jump_true, jump_false, operand } = *program.get(at)?;
            at += 1;
            let mut jump = |holds: bool| at += usize::from(if holds { jump_true } else { jump_false });
            match code {
                LOAD_BYTE => a = load(operand, 1)?,
                LOAD_BYTE_X => a = load(x + operand, 1)?,
                LOAD_HALF_X => a = load(x + operand, 2)?,
                LOAD_LENGTH => a = wire as u32,
                LOAD_MEMORY => a = memory[operand as usize],
                STORE => memory[operand as usize] = a,
                ADD => a += operand,
                ADD_X => a += x,
                AND => a &= operand,
                SHIFT_LEFT => a <<= operand,
                SHIFT_RIGHT => a >>= operand,
                TO_X => x = a,
                FROM_X => a = x,
                IF_EQUAL => jump(a == operand),
                IF_ANY_BIT => jump(a & operand != 0),
                IF_GREATER_X => jump(a > x),
                GO => at += operand as usize,
                RETURN => return Some(operand),
                RETURN_A => return Some(a),
                code => panic!("{code:#x} is no instruction of this program"),
            }
        }
    }

    fn kept(packet: &[u8]) -> usize {
        let kept = run(&program(), packet, packet.len()).unwrap_or(0);
        packet.len().min(kept as usize)
    }

    /// A PKTAP header for Ethernet, then the Ethernet header.
    fn framed(outbound: bool, ethertype: u16, ip: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 156 + 12];
        packet[0] = 156;
        packet[4] = 1;
        packet[8] = 1;
        packet[36] = if outbound { 2 } else { 1 };
        packet.extend(ethertype.to_be_bytes());
        packet.extend(ip);
        packet
    }

    fn ipv4(protocol: u8, transport: &[u8]) -> Vec<u8> {
        let mut ip = vec![0; 20];
        (ip[0], ip[9]) = (0x45, protocol);
        ip.extend(transport);
        ip
    }

    fn tcp(source: u16, payload: &[u8]) -> Vec<u8> {
        let mut tcp = vec![0; 32];
        tcp[..2].copy_from_slice(&source.to_be_bytes());
        tcp[12] = 0x80;
        tcp.extend(payload);
        tcp
    }

    fn udp(source: u16, payload: &[u8]) -> Vec<u8> {
        [&source.to_be_bytes()[..], &[0; 6], payload].concat()
    }

    #[test]
    fn headers_only_where_payload_says_nothing() {
        let headers = 156 + 14 + 20 + 32;
        let inbound = |transport: &[u8]| kept(&framed(false, 0x0800, &ipv4(6, transport)));
        assert_eq!(inbound(&tcp(443, &[0x17; 1400])), headers);
        assert_eq!(inbound(&tcp(443, &[])), headers, "an acknowledgment");
        assert_eq!(inbound(&tcp(443, &[0x16; 1400])), headers + 1400, "a handshake");
        assert_eq!(inbound(&tcp(53, &[0x17; 1400])), headers + 1400, "a DNS answer");
        let outbound = framed(true, 0x0800, &ipv4(6, &tcp(50_000, &[0x17; 60_000])));
        assert_eq!(kept(&outbound), headers + OPENING as usize, "a super-packet");
    }

    #[test]
    fn datagrams_are_kept_where_names_may_be() {
        let headers = 156 + 14 + 20 + 8;
        let datagram = |transport: &[u8]| kept(&framed(false, 0x0800, &ipv4(17, transport)));
        assert_eq!(datagram(&udp(53, &[0; 500])), headers + 500);
        assert_eq!(datagram(&udp(5353, &[0; 500])), headers + 500);
        assert_eq!(datagram(&udp(443, &[0xc3; 1200])), headers + 1200, "an Initial packet");
        assert_eq!(datagram(&udp(443, &[0x43; 1200])), headers + 64);
        assert_eq!(datagram(&udp(443, &[])), headers);
    }

    #[test]
    fn what_is_not_understood_is_whole_and_what_cannot_matter_is_not_copied() {
        let mut fragment = ipv4(6, &[0; 100]);
        fragment[7] = 9;
        let mut ipv6 = vec![0; 140];
        ipv6[0] = 0x60;
        for (packet, whole) in [
            (framed(true, 0x0800, &fragment), true),
            (framed(true, 0x8100, &[0; 80]), true),
            (framed(true, 0x86dd, &ipv6), true),
            (framed(true, 0x0806, &[0; 28]), false),
            (framed(true, 0x0800, &ipv4(1, &[0; 64])), false),
        ] {
            assert_eq!(kept(&packet), if whole { packet.len() } else { 0 });
        }
        for header in [43, 139, 140, 4, 41, 47] {
            ipv6[6] = header;
            assert_eq!(kept(&framed(true, 0x86dd, &ipv6)), 156 + 14 + 140, "{header}");
        }
        for carrier in [4, 41, 47, 51] {
            let packet = framed(true, 0x0800, &ipv4(carrier, &[0; 64]));
            assert_eq!(kept(&packet), packet.len(), "{carrier}");
        }
        assert_eq!(kept(&framed(true, 0x0800, &ipv4(50, &[0; 64]))), 156 + 14 + 20, "ESP");
        ipv6[6] = 17;
        assert_eq!(kept(&framed(false, 0x86dd, &ipv6)), 156 + 14 + 40 + 8 + 64);
    }

    /// Every jump lands inside the program, and the last instruction returns: the kernel refuses anything else.
    #[test]
    fn the_kernel_would_take_it() {
        let program = program();
        for (at, step) in program.iter().enumerate() {
            let furthest = match step.code {
                GO => step.operand as usize,
                _ => usize::from(step.jump_true.max(step.jump_false)),
            };
            assert!(at + 1 + furthest < program.len() || step.code & 7 == RETURN & 7, "{at}: {step:?}");
            assert!(step.jump_true < u8::MAX && step.jump_false < u8::MAX);
        }
        assert_eq!(program.last().map(|last| last.code), Some(RETURN));
    }

    /// Of real traffic, the tap tells the same whether it gets all or only what the kernel would copy.
    #[test]
    fn the_tap_misses_nothing_of_recorded_traffic() {
        let program = program();
        let mut copied = [0, 0];
        for name in ["demo", "awscli-s3", "curl-dropbox", "node-blob", "rclone-s3"] {
            let path = format!("{}/tests/recordings/{name}/capture.pcap.gz", env!("CARGO_MANIFEST_DIR"));
            let mut taps = [Tap::new(Limits::default()), Tap::new(Limits::default())];
            let mut told = [Vec::new(), Vec::new()];
            let mut reader = CaptureReader::open(&path).unwrap();
            while let Some(packet) = reader.next().unwrap() {
                assert_eq!(packet.link, LinkType::Pktap, "{name}");
                taps[0].packet(&packet, &mut told[0]);
                let kept = run(&program, packet.data, packet.wire_len as usize).unwrap_or(0);
                let data = &packet.data[..packet.data.len().min(kept as usize)];
                if !data.is_empty() {
                    taps[1].packet(&Packet { data, ..packet }, &mut told[1]);
                }
                copied = [copied[0] + packet.data.len(), copied[1] + data.len()];
            }
            let [whole, cut] = told;
            assert!(whole.len() >= 20, "{name}: {}", whole.len());
            assert_eq!(whole, cut, "{name}");
        }
        assert!(copied[1] < copied[0], "{copied:?}");
    }
}
