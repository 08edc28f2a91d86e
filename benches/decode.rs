//! How fast lines are decided. `cargo bench --bench decode` over a made-up hour of a desktop; set
//! `CLOUDWARD_BENCH_ESLOGGER` to a recording to run over that instead.

use std::hint::black_box;
use std::io::Cursor;

use cloudward::model::PathHash;
use cloudward::sensor::eslogger::Decoder;
use cloudward::sensor::gate::{Gate, GateId, PathInterest};
use cloudward::sensor::lines::{Item, Lines};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workload::workload;

#[path = "workload.rs"]
mod workload;
use memchr::memmem;

/// One path in a thousand or so matters; the hash costs about what a real one does.
struct BenchGate {
    secret: memmem::Finder<'static>,
    hash: foldhash::fast::FixedState,
}

impl Gate for BenchGate {
    fn id(&self) -> GateId {
        GateId(0)
    }

    fn path(&mut self, path: &[u8]) -> PathInterest {
        use std::hash::BuildHasher;
        let matters = self.secret.find(path).is_some();
        PathInterest { matters, named: !matters, hash: PathHash(self.hash.hash_one(path)) }
    }

    fn variable(&self, _: &[u8]) -> bool {
        false
    }
}

/// Decodes every line; how many gave something.
fn decode_all(data: &'static [u8]) -> u64 {
    let mut lines = Lines::new("bench".into(), Box::new(Cursor::new(data))).expect("plain bytes");
    let mut decoder = Decoder::new();
    let mut gate = BenchGate { secret: memmem::Finder::new("/.ssh/"), hash: Default::default() };
    let mut observed = 0;
    while let Ok(Some(item)) = lines.next_line() {
        if let Item::Line(line) = item
            && let Ok(Some(told)) = decoder.decode(line.bytes, &mut gate)
        {
            observed += 1;
            black_box(told);
        }
    }
    assert_eq!(decoder.counts().rejected, 0);
    observed
}

fn lines_only(data: &'static [u8]) -> u64 {
    let mut lines = Lines::new("bench".into(), Box::new(Cursor::new(data))).expect("plain bytes");
    let mut count = 0;
    while let Ok(Some(item)) = lines.next_line() {
        black_box(item);
        count += 1;
    }
    count
}

/// What it costs a general parser to see that every line is JSON, and to keep nothing: the yardstick on a machine whose
/// speed is not known.
fn validate_only(data: &'static [u8]) -> u64 {
    let lines = data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| u64::from(serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok())).sum()
}

type Subject = (&'static str, fn(&'static [u8]) -> u64);

const SUBJECTS: [Subject; 3] =
    [("decode", decode_all), ("lines only", lines_only), ("serde_json validates only", validate_only)];

/// The best of a few rounds, taken in turn, for a quick look or a profiler: `CLOUDWARD_BENCH_ROUNDS=15`.
fn time_rounds(data: &'static [u8], lines: u64, rounds: u32) {
    let mut best = [std::time::Duration::MAX; SUBJECTS.len()];
    for _ in 0..rounds {
        for ((_, subject), best) in SUBJECTS.iter().zip(&mut best) {
            let start = std::time::Instant::now();
            black_box(subject(data));
            *best = start.elapsed().min(*best);
        }
    }
    for ((name, _), best) in SUBJECTS.iter().zip(best) {
        let nanos = best.as_nanos() as f64;
        println!("{name}: {:.0} ns/event, {:.2} GB/s", nanos / lines as f64, data.len() as f64 / nanos);
    }
}

fn bench(criterion: &mut Criterion) {
    let data: &'static [u8] = workload().leak();
    let lines = memchr::memchr_iter(b'\n', data).count() as u64;
    println!(
        "{lines} lines, {} bytes each, {} of them give something",
        data.len() as u64 / lines.max(1),
        decode_all(data)
    );
    if let Some(rounds) = std::env::var("CLOUDWARD_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok())
    {
        return time_rounds(data, lines, rounds);
    }
    for (group, throughput) in
        [("events", Throughput::Elements(lines)), ("bytes", Throughput::Bytes(data.len() as u64))]
    {
        let mut group = criterion.benchmark_group(group);
        group.throughput(throughput).sample_size(20);
        for (name, subject) in SUBJECTS {
            group.bench_function(name, |bencher| bencher.iter(|| subject(data)));
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
