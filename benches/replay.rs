//! How fast a recording goes through everything: lines, decoder, order, engine. `cargo bench --bench replay`; the workload
//! is that of `decode`.

use std::io::Cursor;
use std::sync::Arc;

use cloudward::config;
use cloudward::daemon::replay::Replay;
use cloudward::policy::Policy;
use cloudward::sensor::lines::Lines;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workload::workload;

#[path = "workload.rs"]
mod workload;

fn replay(data: &'static [u8], policy: &Arc<Policy>) -> u64 {
    let mut replay = Replay::new(Arc::clone(policy));
    replay.events(Lines::new("bench".into(), Box::new(Cursor::new(data))).expect("plain bytes"));
    let summary = replay.run(|_| true, |_| {});
    assert_eq!(summary.rejected, 0);
    summary.stats.events
}

fn bench(criterion: &mut Criterion) {
    let data: &'static [u8] = workload().leak();
    let lines = memchr::memchr_iter(b'\n', data).count() as u64;
    let policy = config::default_settings().policy;
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Elements(lines));
    group.bench_function("events", |bencher| bencher.iter(|| replay(data, &policy)));
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("bytes", |bencher| bencher.iter(|| replay(data, &policy)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
