//! Real captures against what an independent decoder saw in them (`captures/ORIGIN.md`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use cloudward::cli::flows::{FlowFormat, write_flows};
use cloudward::model::{NameSource, NetFact, NetKind, Timestamp, Transport};
use cloudward::net::{FlowSummary, Limits, Tap, Unread};
use cloudward::sensor::capture::{CaptureError, CaptureReader, CaptureSet};

fn path(name: &str) -> String {
    format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn table(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path(name)).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn files(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap())).collect();
    names.sort();
    names
}

struct Read {
    tap: Tap,
    flows: Vec<FlowSummary>,
    facts: Vec<NetFact>,
    errors: Vec<CaptureError>,
}

fn read(names: &[&str]) -> Read {
    let readers = names.iter().map(|name| CaptureReader::open(path(name)).unwrap()).collect();
    read_set(CaptureSet::new(readers))
}

fn read_set(mut set: CaptureSet) -> Read {
    let mut tap = Tap::new(Limits { summaries: true, ..Limits::default() });
    let (mut facts, mut errors) = (Vec::new(), Vec::new());
    loop {
        match set.next() {
            Ok(Some(packet)) => tap.packet(&packet, &mut facts),
            Ok(None) => break,
            Err(error) => errors.push(error),
        }
    }
    tap.finish(Timestamp::MIN, &mut facts);
    let flows = tap.finished().collect();
    Read { tap, flows, facts, errors }
}

/// File, client port, server port, name, first ALPN protocol.
type Seen = (String, u16, u16, String, String);

#[test]
fn every_hello_is_seen_as_tshark_saw_it() {
    check_hellos("hellos.tsv", &["tls", "tcp", "quic"], Transport::Tcp, NameSource::TlsSni);
}

#[test]
fn every_quic_hello_is_seen_as_tshark_saw_it() {
    check_hellos("quic.tsv", &["quic"], Transport::Quic, NameSource::QuicSni);
}

#[test]
fn names_are_those_that_zeek_logs() {
    for line in table("zeek.tsv") {
        let (file, ports) = (&line[0], [&line[1], &line[2]].map(|port| port.parse::<u16>().unwrap()));
        let flows = read(&[file]).flows;
        let of_ports = flows.iter().filter(|flow| [flow.client.port, flow.server.port] == ports);
        let said: Vec<&str> = of_ports
            .map(|flow| match &flow.name {
                Some((name, NameSource::TlsSni | NameSource::QuicSni, _)) => name.as_str(),
                _ => "-",
            })
            .collect();
        assert!(said.contains(&&*line[3]), "{file} {ports:?}: zeek says {}, we say {said:?}", line[3]);
    }
}

#[test]
fn hellos_are_those_that_suricata_s_tests_expect() {
    for line in table("suricata.tsv") {
        let (file, field, value, count) = (&line[0], &*line[1], &*line[2], line[3].parse::<usize>().unwrap());
        let says = |flow: &FlowSummary| -> Option<String> {
            let hello = flow.hello.as_ref()?;
            match (field, &flow.name) {
                ("sni", Some((name, NameSource::TlsSni | NameSource::QuicSni, _))) => Some(name.to_string()),
                ("alpn", _) => Some(hello.alpn.join(",")),
                ("ja4", _) => hello.ja4.as_deref().map(str::to_owned),
                ("version", _) => Some(format!("TLS 1.{}", hello.version.checked_sub(0x0301)?)),
                _ => None,
            }
        };
        let said: Vec<_> = read(&[file]).flows.iter().map(says).collect();
        let same = said.iter().filter(|said| said.as_deref() == Some(value)).count();
        assert_eq!(same, count, "{file}: Suricata says {field} {value}, we say {said:?}");
    }
}

fn check_hellos(expected: &str, folders: &[&str], transport: Transport, named: NameSource) {
    let expected: BTreeSet<Seen> = table(expected)
        .into_iter()
        .map(|line| {
            let port = |column: usize| line[column].parse().unwrap();
            (line[0].clone(), port(1), port(2), line[3].clone(), line[4].clone())
        })
        .collect();
    let mut seen = BTreeSet::new();
    for file in folders.iter().flat_map(|folder| files(folder)) {
        for flow in read(&[&file]).flows {
            let Some(hello) = flow.hello.filter(|_| flow.transport == transport) else { continue };
            let name = match &flow.name {
                Some((name, source, _)) if *source == named => name.to_string(),
                _ => "-".to_owned(),
            };
            let alpn = hello.alpn.first().map_or("-", |alpn| alpn).to_owned();
            assert!((0x0002..=0x0304).contains(&hello.version), "{file}: {:#x}", hello.version);
            seen.insert((file.clone(), flow.client.port, flow.server.port, name, alpn));
        }
    }
    let missing: Vec<_> = expected.difference(&seen).collect();
    let surplus: Vec<_> = seen.difference(&expected).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:#?}\nsurplus {surplus:#?}");
}

#[test]
fn bytes_agree_with_tshark_s_reassembly() {
    let mut expected: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for line in table("bytes.tsv") {
        expected.entry(line[0].clone()).or_default().push(line);
    }
    for (file, connections) in expected {
        let flows = read(&[&file]).flows;
        for line in connections {
            let ends = [(&line[1], &line[2]), (&line[3], &line[4])].map(|(ip, port)| format!("{ip} {port}"));
            let counts = [&line[5], &line[6]].map(|count| count.parse::<u64>().unwrap());
            let agrees = |flow: &FlowSummary| {
                let client = format!("{} {}", flow.client.ip, flow.client.port);
                let server = format!("{} {}", flow.server.ip, flow.server.port);
                ends == [client.clone(), server.clone()] && counts == [flow.bytes_out, flow.bytes_in]
                    || ends == [server, client] && counts == [flow.bytes_in, flow.bytes_out]
            };
            assert!(flows.iter().any(agrees), "{file}: no flow {ends:?} of {counts:?}");
        }
    }
}

#[test]
fn published_fingerprints_are_met() {
    let tcp = "t13d1516h2_8daaf6152771_e5627efa2ab1";
    let quic = "q13d0310h3_55b375c5d22e_cd85d2d88918";
    for (file, expected) in
        [("quic/ja4-tls-quic.pcap", &[tcp, quic][..]), ("quic/ja4-quic.pcap", &[quic; 11])]
    {
        let mut flows = read(&[file]).flows;
        flows.sort_by_key(|flow| flow.transport);
        let prints: Vec<_> = flows.iter().filter_map(|flow| flow.hello.as_ref()?.ja4.as_deref()).collect();
        assert_eq!(prints, expected, "{file}");
    }
}

#[test]
fn of_quic_only_what_follows_the_handshake_counts() {
    // 0-RTT and 1-RTT packets, as tshark tells their lengths; of frame 79 of `zerortt` it leaves out the last 25 bytes, a short
    // header behind two long ones. Of `ja4-quic` nothing but first flights was captured.
    for (file, expected) in [
        ("quic/zerortt.pcap", (11785 + 25, 3038)),
        ("quic/ja4-quic.pcap", (0, 0)),
        ("quic/retry.pcap", (208, 10372)),
    ] {
        let counted = read(&[file]).facts.iter().fold((0, 0), |(out, into), fact| match fact.kind {
            NetKind::Bytes { out: o, into: i } => (out + o, into + i),
            _ => (out, into),
        });
        assert_eq!(counted, expected, "{file}");
    }
}

#[test]
fn dns_answers_are_seen_as_tshark_saw_them() {
    // Messages with an address for the name asked, hints in HTTPS records among them (`ech`). tshark lists more: three in `dns_over_https`, which travel inside HTTP;
    // two in `dynamic-update`, which are updates; one in `long-connection`, where mail servers' addresses come along with
    // their names; one in `max-compression-depth`, on port 12345.
    let expected = BTreeMap::from([
        ("dns/dns-corrupt.pcap", 1),
        ("dns/ech.pcap", 2),
        ("dns/long-connection.pcap", 4),
        ("dns/mdns-no-assoc.pcap", 3),
        ("dns/mdns.pcap", 6),
        ("dns/tm1t.pcap", 1),
    ]);
    for file in files("dns") {
        let count = read(&[&file]).tap.stats().dns_answers;
        assert_eq!(count, expected.get(&*file).copied().unwrap_or_default(), "{file}");
    }
}

#[test]
fn an_encrypted_hello_is_said() {
    let read = read(&["tls/tls13-ech.pcap"]);
    let ech = read.flows.iter().filter(|flow| flow.hello.as_ref().is_some_and(|hello| hello.ech)).count();
    let nameless = read.facts.iter().filter(|fact| matches!(fact.kind, NetKind::Nameless(_))).count();
    assert_eq!((ech, nameless >= ech), (2, true));
}

#[test]
fn packet_tap_headers_tell_the_owner() {
    for file in ["pktap/LINKTYPE_PKTAP.pcap", "pktap/LINKTYPE_USER2_PKTAP.pcap"] {
        let flows = read(&[file]).flows;
        let [flow] = &flows[..] else { panic!("{file}: {flows:?}") };
        assert_eq!(flow.client.to_string_pair(), "10.32.4.27 63538");
        assert_eq!(flow.server.to_string_pair(), "10.32.100.15 53");
        assert_eq!((flow.bytes_out, flow.owner.unwrap().pid.0), (32, 512), "{file}");
        assert_eq!(flow.interface.as_deref(), Some("en0"), "{file}");
        assert_eq!(flow.start.to_string(), "2014-02-19T09:41:14.221562000Z");
    }
}

#[test]
fn a_hostile_packet_tap_header_is_counted() {
    let read = read(&["pktap/pktap-heap-overflow.pcap"]);
    assert_eq!((read.flows.len(), read.tap.stats().unread(Unread::PktapMalformed)), (0, 2));
}

#[test]
fn every_capture_is_read_to_its_end() {
    for file in ["dns", "pktap", "quic", "tcp", "tls"].into_iter().flat_map(files) {
        let read = read(&[&file]);
        assert!(read.errors.is_empty(), "{file}: {:?}", read.errors);
        assert_eq!(read.tap.open_flows(), 0, "{file}");
        check_order(&file, &read.facts);
    }
}

/// `Opened` comes first of each flow, `Closed` once, and counted bytes are never more than there were.
fn check_order(file: &str, facts: &[NetFact]) {
    let (mut opened, mut closed) = (BTreeSet::new(), BTreeSet::new());
    for fact in facts {
        match fact.kind {
            NetKind::Opened(_) => assert!(opened.insert(fact.flow), "{file}: opened twice"),
            _ => assert!(opened.contains(&fact.flow), "{file}: {fact:?} before Opened"),
        }
        if let NetKind::Closed(_) = fact.kind {
            assert!(closed.insert(fact.flow), "{file}: closed twice");
        }
    }
    assert_eq!(opened, closed, "{file}: every flow that opens closes");
}

#[test]
fn files_may_be_given_in_any_order() {
    let names = ["tls/ecdhe.pcap", "tls/tls13-ech.pcap", "dns/long-connection.pcap", "tls/ecdsa-cert.pcap"];
    let mut backwards = names;
    backwards.reverse();
    assert_eq!(read(&names).facts, read(&backwards).facts);
}

#[test]
fn a_cut_file_gives_what_came_before_the_cut() {
    let whole = std::fs::read(path("tls/chrome-34-google.pcap")).unwrap();
    let cut = std::env::temp_dir().join(format!("cloudward-cut-{}.pcap", std::process::id()));
    std::fs::File::create(&cut).unwrap().write_all(&whole[..whole.len() - 700]).unwrap();
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let files = [cut];
    let fine = write_flows(&files, FlowFormat::Json, &|_| None, &mut out, &mut notes, |_, _| ()).unwrap();
    std::fs::remove_file(&files[0]).unwrap();
    let (out, notes) = (String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap());
    assert!(!fine && out.contains("\"domain\":\"google.de\""), "{out}");
    assert!(notes.contains("cut off at byte ") && notes.contains(files[0].to_str().unwrap()), "{notes}");
}

trait Pair {
    fn to_string_pair(&self) -> String;
}

impl Pair for cloudward::model::Endpoint {
    fn to_string_pair(&self) -> String {
        format!("{} {}", self.ip, self.port)
    }
}
