//! Alerts a second onto the disk, synced: one at a time, and as many as wait together. `TMPDIR` chooses the disk.

use std::hint::black_box;

use cloudward::model::{Span, Timestamp};
use cloudward::sink::format::Level;
use cloudward::sink::spool::{Draft, Head, Kind, Options, Writer};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// As long as the shipped recording's alert in ECS.
const LENGTH: usize = 6_000;

fn draft(number: usize) -> Draft {
    let head = Head {
        kind: Kind::Alert,
        level: Level::High,
        id: format!("{number:032x}"),
        revision: 1,
        rules: vec!["cw.exfil.cloud-storage".to_owned()],
        time: Timestamp::from_nanos(1_700_000_000_000_000_000),
    };
    Draft { head, forms: vec![("ecs".to_owned(), "x".repeat(LENGTH))] }
}

fn raise(criterion: &mut Criterion) {
    let path = std::env::temp_dir().join(format!("cloudward-bench-{}", std::process::id()));
    let options = Options { path: path.clone(), max_bytes: 256 << 20, max_age: Span::from_secs(3600) };
    let mut opened = Writer::open(options, &["siem"]).expect("a spool in the temporary folder");
    let mut group = criterion.benchmark_group("spool");
    let mut number = 0;
    for together in [1, 32, 512] {
        group.throughput(Throughput::Elements(together as u64));
        group.bench_function(format!("raise {together}"), |bencher| {
            let drafts = || {
                number += together;
                (number - together..number).map(draft).collect::<Vec<_>>()
            };
            let time = Timestamp::from_nanos(1_700_000_000_000_000_000);
            bencher.iter_batched(
                drafts,
                |drafts| opened.writer.raise(black_box(drafts), time),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
    drop(opened);
    // Left behind, it would be a quarter of a gigabyte.
    let _ = std::fs::remove_dir_all(path);
}

criterion_group!(benches, raise);
criterion_main!(benches);
