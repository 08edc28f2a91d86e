//! What the tap costs per packet. `CLOUDWARD_CAPTURE=FILE` measures a capture of yours beside the shipped one.

use std::hint::black_box;

use cloudward::config::{self, Origin, Source};
use cloudward::net::{Limits, Tap};
use cloudward::sensor::capture::CaptureReader;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Reads a capture; says how many packets it has.
fn read(path: &str) -> u64 {
    let mut reader = CaptureReader::open(path).expect("capture opens");
    let mut packets = 0;
    while let Ok(Some(packet)) = reader.next() {
        black_box(packet.data);
        packets += 1;
    }
    packets
}

/// Reads and understands a capture; says how many facts it holds.
fn understand(path: &str, limits: &Limits) -> usize {
    let mut reader = CaptureReader::open(path).expect("capture opens");
    let mut tap = Tap::new(limits.clone());
    let (mut facts, mut count) = (Vec::new(), 0);
    while let Ok(Some(packet)) = reader.next() {
        tap.packet(&packet, &mut facts);
        if facts.len() > 1024 {
            count += facts.len();
            facts.clear();
        }
    }
    tap.finish(cloudward::model::Timestamp::MIN, &mut facts);
    count + facts.len()
}

fn tap(criterion: &mut Criterion) {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/tls/ssl.v3.pcap");
    let given = std::env::var("CLOUDWARD_CAPTURE").ok();
    let plain = Limits { fingerprints: false, ..Limits::default() };
    for (name, path) in [("shipped", Some(shipped.to_owned())), ("given", given)] {
        let Some(path) = path else { continue };
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(read(&path)));
        group.sample_size(20);
        group.bench_function("read", |bencher| bencher.iter(|| read(&path)));
        group.bench_function("understand", |bencher| bencher.iter(|| understand(&path, &Limits::default())));
        group.bench_function("understand, no JA4", |bencher| bencher.iter(|| understand(&path, &plain)));
        group.finish();
    }
}

/// What it costs to find the services behind eight names, with the shipped ones alone and with 50 and 2,000 domains beside
/// them. Less than a microsecond a name is what is asked for.
fn services(criterion: &mut Criterion) {
    let names = [
        "content.dropboxapi.com",
        "corp-backup.s3.eu-west-1.amazonaws.com",
        "account.blob.core.windows.net",
        "tenant-my.sharepoint.com",
        "www.example.org",
        "a.long.name.below.nobody-s.example",
        "upload-1234.storage.example",
        "xdropbox.com",
    ];
    let mut group = criterion.benchmark_group("service of a name");
    group.throughput(Throughput::Elements(names.len() as u64));
    for domains in [0, 50, 2000] {
        let listed: Vec<String> = (0..domains).map(|at| format!("\"upload-{at}.storage.example\"")).collect();
        let text = format!(
            "[[service]]\nname = \"bench\"\ncategory = \"object-store\"\ndomains = [{}]\n",
            if listed.is_empty() { "\"bench.example\"".to_owned() } else { listed.join(", ") }
        );
        let (settings, _) = config::load(&[Source::new(Origin::File, "bench.toml", text.as_str())]);
        group.bench_function(format!("{domains} more domains"), |bencher| {
            bencher.iter(|| names.map(|name| settings.policy.services.lookup(black_box(name)).is_some()))
        });
    }
    group.finish();
}

criterion_group!(benches, tap, services);
criterion_main!(benches);
