//! What the network shows, and what it hides.

use super::world::*;

fn program(w: &mut World) -> Proc {
    let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
    p
}

#[test]
fn n05_plain_address_is_said() {
    let mut w = World::new();
    let p = program(&mut w);
    let mut conn = w.connect(2.0, &p, "203.0.113.9", false);
    let end = w.send(2.1, &mut conn, 90_000);
    w.close(end + 0.1, &mut conn);
    let told = w.tell();
    assert!(told.note().iter().any(|record| record.kind.as_str() == "name-hidden"));
    w.policy = w.policy.replace("\"record\"", "\"alert\"");
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "name-by-address"));
}

/// Names that only look like a service.
#[test]
fn n08_look_alike_names() {
    for host in
        ["dropbox.com.evil.test", "xdropbox.com", "s3.amazonaws.com.evil.example", "notdropboxapi.com"]
    {
        let mut w = World::new();
        let p = program(&mut w);
        w.upload(2.0, &p, host, 90_000);
        w.tell().none();
    }
}

#[test]
fn n13_relay_hides_the_destination() {
    let mut w = World::new();
    let p = program(&mut w);
    w.upload(2.0, &p, "mask.icloud.com", 90_000);
    w.tell().note();
}

/// Two attempts to connect, one carries data: one alert with its bytes counted once.
#[test]
fn n14_happy_eyeballs() {
    let mut w = World::new();
    let p = program(&mut w);
    w.syn(2.0, &p, "content.dropboxapi.com", true);
    w.upload(2.01, &p, "content.dropboxapi.com", 50_000);
    let told = w.tell();
    let alert = told.alert();
    assert_eq!(alert.flows.len(), 1);
    assert!((50_000..60_000).contains(&alert.bytes_out), "{}", alert.bytes_out);
}

#[test]
fn n14_over_ipv6() {
    let mut w = World::new();
    let p = program(&mut w);
    w.syn(2.0, &p, "content.dropboxapi.com", false);
    let mut conn = w.connect_to(2.01, &p, "content.dropboxapi.com", Some("content.dropboxapi.com"), true);
    let end = w.send(2.1, &mut conn, 50_000);
    w.close(end + 0.1, &mut conn);
    assert_eq!(w.tell().alert().flows.len(), 1);
}

/// The account is in a cookie, and the policy names accounts of this service.
#[test]
fn n18_tenant_cannot_be_seen() {
    let mut w = World::new();
    let p = w.launch(
        0.0,
        vendor(
            "/Applications/Google Drive.app/Contents/MacOS/Google Drive",
            "com.google.drivefs",
            "EQHXZ8M8AV",
        ),
        &["drive"],
    );
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "drive.google.com", 90_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "tenant-unknown"));
}

/// The company's own name for somebody's storage: of the names that it is an alias of, the one counts that is the service's.
/// Behind it stand those of the machines that serve all.
#[test]
fn custom_domain_of_a_bucket() {
    let bucket = "drop-77.s3.eu-west-1.amazonaws.com";
    let account = "drop77.blob.core.windows.net";
    for (links, service, tenant) in [
        (&[bucket][..], "s3", "drop-77"),
        (&[bucket, "s3-r-w.eu-west-1.amazonaws.com"], "s3", "drop-77"),
        (&["files.cdn.example.net", bucket, "s3-r-w.eu-west-1.amazonaws.com"], "s3", "drop-77"),
        (&[account, "blob.ams07prdstr02a.store.core.windows.net"], "azure-blob", "drop77"),
    ] {
        let mut w = World::new();
        let p = program(&mut w);
        w.resolve_alias(1.5, &p, "files.example.com", links);
        w.upload(2.0, &p, "files.example.com", 30_000);
        let told = w.tell();
        let alert = told.alert();
        assert_eq!((alert.service.as_deref(), alert.tenant.as_deref()), (Some(service), Some(tenant)));
        assert_eq!(alert.flows[0].domain.as_ref().unwrap().as_str(), "files.example.com");
    }
    let mut w = World::new();
    let p = program(&mut w);
    w.resolve_alias(1.5, &p, "files.example.com", &["d111.cloudfront.net", "s3-r-w.eu-west-1.amazonaws.com"]);
    w.upload(2.0, &p, "files.example.com", 30_000);
    w.tell().none();
}

/// Where no hello names it, DNS does, and that it went over an alias is told.
#[test]
fn an_alias_is_told_of() {
    for (alias, source) in [(Some("drop-77.s3.eu-west-1.amazonaws.com"), "dns_cname"), (None, "dns")] {
        let mut w = World::new();
        let p = program(&mut w);
        let host = if alias.is_some() { "files.example.com" } else { "content.dropboxapi.com" };
        match alias {
            Some(end) => w.resolve_alias(1.5, &p, host, &[end]),
            None => w.resolve(1.5, &p, host),
        }
        let mut conn = w.connect_to(2.0, &p, host, None, false);
        let end = w.send(2.1, &mut conn, 30_000);
        w.close(end + 0.1, &mut conn);
        let told = w.tell();
        let flow = &told.alert().flows[0];
        assert_eq!(flow.domain.as_ref().unwrap().as_str(), host);
        assert_eq!(flow.source.unwrap().as_str(), source);
    }
}

/// Packets that were recorded out of order, the first ones last.
#[test]
fn packets_out_of_order() {
    let mut w = World::new();
    let p = program(&mut w);
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    let straight = w.tell();
    w.shuffle_packets(|packets| packets[..12].reverse());
    let told = w.tell_as_recorded();
    assert_eq!(told.alert().bytes_out, straight.alert().bytes_out);
    assert_eq!(told.alert().id, straight.alert().id);
}

/// The owner of the socket becomes known after the first bytes.
#[test]
fn n16_owner_known_late() {
    let mut w = World::new();
    let p = program(&mut w);
    let mut conn = w.connect(2.0, &p, "content.dropboxapi.com", true);
    let pid = World::disown(&mut conn);
    let middle = w.send(2.1, &mut conn, 20_000);
    conn.own(pid);
    let end = w.send(middle + 0.1, &mut conn, 20_000);
    w.close(end + 0.1, &mut conn);
    assert!(w.tell().alert().bytes_out >= 40_000);
}

/// Nobody knows whose flow it is: said, not guessed.
#[test]
fn unattributed_flow_is_said() {
    let mut w = World::new();
    let p = program(&mut w);
    let mut conn = w.connect_unowned(2.0, &p, "content.dropboxapi.com");
    let end = w.send(2.1, &mut conn, 90_000);
    w.close(end + 0.1, &mut conn);
    assert!(w.tell().note().iter().any(|record| record.kind.as_str() == "unattributed-flow"));
}

/// Only the outer name of an encrypted hello is visible.
#[test]
fn n03_encrypted_hello() {
    let mut w = World::new();
    let p = program(&mut w);
    let mut conn = w.connect_to(2.0, &p, "cloudflare-ech.com", Some("cloudflare-ech.com"), false);
    let end = w.send(2.1, &mut conn, 90_000);
    w.close(end + 0.1, &mut conn);
    assert!(w.tell().note().iter().any(|record| record.kind.as_str() == "name-hidden"));
}

/// A real QUIC conversation of Chromium's: the name is inside its encrypted Initial packets.
#[test]
fn n01_quic() {
    let mut w = World::new();
    let p = program(&mut w);
    w.policy = format!(
        "{CORP}\n[[service]]\nname = \"ci\"\ncategory = \"code-host\"\ndomains = [\"api.cirrus-ci.com\"]\n"
    );
    let capture = include_bytes!("../captures/quic/chromium-115.0.5790.110-api-cirrus-com.pcap");
    w.relive(2.0, &p, capture, [82, 239, 54, 117]);
    let told = w.tell();
    let flow = &told.alert().flows[0];
    assert_eq!(flow.domain.as_ref().unwrap().as_str(), "api.cirrus-ci.com");
    assert_eq!((flow.transport.as_str(), flow.source.unwrap().as_str()), ("quic", "quic_sni"));
}

/// Names asked over HTTPS: no DNS answer is visible, and none is needed. What was asked cannot be seen, which is said.
#[test]
fn n04_dns_over_https() {
    let mut w = World::new();
    let p = program(&mut w);
    w.upload(1.5, &p, "dns.google", 600);
    w.upload(2.0, &p, "content.dropboxapi.com", 90_000);
    let told = w.tell();
    assert_eq!(told.alert().flows[0].source.unwrap().as_str(), "tls_sni");
    assert!(told.coverage().iter().any(|record| record.kind.as_str() == "name-hidden"));
}

/// One uncertain alert: Dropbox behind another's name.
fn suspects_fronting(told: &Told) {
    let alert = told.low();
    assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "fronting-suspected"));
    assert_eq!(alert.service.as_deref(), Some("dropbox"));
}

/// The hello names an innocent host; the process asked DNS for another a moment before.
#[test]
fn n07_the_hello_contradicts_dns() {
    let mut w = World::new();
    let p = program(&mut w);
    w.resolve(1.9, &p, "content.dropboxapi.com");
    let mut conn = w.connect_to(2.0, &p, "content.dropboxapi.com", Some("www.example.org"), false);
    let end = w.send(2.1, &mut conn, 90_000);
    w.close(end + 0.1, &mut conn);
    suspects_fronting(&w.tell());
}

/// The hello names the account that the entry allows; DNS was asked for another, or for a machine of the same site that is
/// nobody's account, or for a host of somebody else. To ask for the allowed name as well is no cover.
#[test]
fn n07_the_hello_names_an_allowed_account() {
    const ALLOWED: &str = "corp-backup.s3.eu-west-1.amazonaws.com";
    let story = |asked: &str, also: &[&str]| {
        let mut w = World::new();
        w.policy = format!(
            "{CORP}\n[[allow]]\nname = \"x\"\nprocess = {{ path = \"/private/tmp/x\", unsigned = true }}\nsensitive = \"*\"\n\
             services = [\"s3\"]\ntenants = [\"corp-backup\"]\nusers = \"*\"\nreason = \"CHG-1\"\n"
        );
        let p = program(&mut w);
        for name in also {
            w.resolve(1.5, &p, name);
        }
        w.resolve(1.9, &p, asked);
        let mut conn = w.connect_to(2.0, &p, asked, Some(ALLOWED), false);
        let end = w.send(2.1, &mut conn, 90_000);
        w.close(end + 0.1, &mut conn);
        w.tell()
    };
    story(ALLOWED, &[]).none();
    for (asked, tenant) in [
        ("evil-loot.s3.eu-west-1.amazonaws.com", Some("evil-loot")),
        ("ec2-198-51-100-7.eu-west-1.compute.amazonaws.com", None),
        ("files.evil.example", None),
    ] {
        for also in [&[][..], &[ALLOWED]] {
            let told = story(asked, also);
            let alert = told.low();
            assert!(
                alert.reasons.iter().any(|reason| reason.code.as_str() == "fronting-suspected"),
                "{asked}"
            );
            assert_eq!((alert.service.as_deref(), alert.tenant.as_deref()), (Some("s3"), tenant), "{asked}");
        }
    }
}

/// A capture of what is sent only: the upload is told, and that nothing says whether more came back.
#[test]
fn only_one_direction_is_captured() {
    let story = |reads: bool| {
        let mut w = World::new();
        let p = w.launch(0.0, adhoc("/private/tmp/x", "x"), &["x"]);
        if reads {
            w.open(1.0, &p, "/Users/alice/.ssh/id_rsa");
        }
        w.upload(2.0, &p, "content.dropboxapi.com", 90_000);
        w
    };
    let is_told =
        |told: &Told| told.coverage().iter().any(|record| record.kind.as_str() == "ratio-not-judged");
    let mut w = story(true);
    assert!(!is_told(&w.tell()));
    w.only_sent();
    let told = w.tell();
    told.alert();
    assert!(is_told(&told));
    let mut w = story(false);
    w.only_sent();
    w.tell().none();
}

/// The connection to an innocent host is open; then the process is led to the same address by another name, and sends.
#[test]
fn n10_one_connection_for_several_hosts() {
    let mut w = World::new();
    let p = program(&mut w);
    let mut conn = w.connect_to(2.0, &p, "content.dropboxapi.com", Some("www.example.org"), false);
    w.resolve(3.0, &p, "content.dropboxapi.com");
    let end = w.send(4.0, &mut conn, 90_000);
    w.close(end + 0.1, &mut conn);
    suspects_fronting(&w.tell());
}

/// The same, but all was sent before; or it was another process that asked.
#[test]
fn n10_near_misses() {
    for (asks_at, by_another) in [(6.0, false), (3.0, true)] {
        let mut w = World::new();
        let p = program(&mut w);
        let other = program(&mut w);
        let mut conn = w.connect_to(2.0, &p, "content.dropboxapi.com", Some("www.example.org"), false);
        w.resolve(asks_at, if by_another { &other } else { &p }, "content.dropboxapi.com");
        w.send(4.0, &mut conn, 90_000);
        w.close(7.0, &mut conn);
        w.tell().none();
    }
}

#[test]
fn n13_relay_is_said_as_such() {
    let mut w = World::new();
    let p = program(&mut w);
    w.upload(2.0, &p, "mask-h2.icloud.com", 90_000);
    assert!(w.tell().note().iter().any(|record| record.kind.as_str() == "relay"));
}

/// WebRTC: a STUN exchange, then data to whoever answered. The name of the server in between says nothing.
#[test]
fn n21_peer_to_peer() {
    let mut w = World::new();
    let p = program(&mut w);
    w.resolve(1.5, &p, "turn.example.net");
    let mut stun = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    stun.extend([7; 12]);
    let payloads = [vec![stun], vec![vec![0x80; 1200]; 80]].concat();
    w.datagrams(2.0, &p, "turn.example.net", "en0", &payloads);
    assert!(w.tell().note().iter().any(|record| record.kind.as_str() == "peer-to-peer"));
}

/// AirDrop: a device nearby is not the cloud.
#[test]
fn n22_airdrop() {
    let mut w = World::new();
    let p = program(&mut w);
    w.datagrams(2.0, &p, "nearby.local", "awdl0", &vec![vec![7; 1200]; 80]);
    assert!(w.tell().note().iter().any(|record| record.kind.as_str() == "airdrop"));
}

/// Both layouts of the tap's header say the same; a record of a dropped packet is none.
#[test]
fn n19_both_layouts_of_the_tap() {
    let mut w = World::new();
    let p = program(&mut w);
    w.upload(2.0, &p, "content.dropboxapi.com", 30_000);
    let first = w.tell();
    w.second_layout();
    assert_eq!(w.tell().records, first.records);
    w.drop_record(2.1);
    let told = w.tell();
    assert_eq!(told.alert().bytes_out, first.alert().bytes_out);
    assert!(told.coverage().iter().any(|record| record.kind.as_str() == "capture-drop-record"));
}

/// Much came in over the connection: more than goes out makes it a download, less does not; a response is none, however short
/// the upload. What was sent before two seconds of silence is judged by what had come until then.
#[test]
fn what_came_in_weighs_against_what_went_out() {
    let told = |exchange: &[(f64, usize, usize)]| {
        let mut w = World::new();
        let p = program(&mut w);
        let mut conn = w.connect(2.0, &p, "content.dropboxapi.com", true);
        let mut end = w.send(2.5, &mut conn, 100);
        for (at, into, out) in exchange {
            let now = w.receive(*at, &mut conn, *into);
            end = w.send(now + 0.01, &mut conn, *out);
        }
        w.close(end + 0.1, &mut conn);
        w.tell()
    };
    told(&[(3.0, 99_000, 0), (4.0, 0, 100_000)]).alert();
    told(&[(3.0, 101_000, 0), (4.0, 0, 100_000)]).none();
    told(&[(3.0, 65_000, 0), (4.0, 0, 5_000)]).alert();
    told(&[(3.0, 66_000, 0), (4.0, 0, 5_000)]).none();
    told(&[(3.0, 0, 5_000), (6.0, 1_000_000, 0)]).alert();
    told(&[(3.0, 0, 5_000), (4.0, 1_000_000, 0)]).none();
    told(&[(3.0, 0, 70_000), (3.5, 1_000_000, 0)]).alert();
}
