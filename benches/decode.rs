//! How fast lines are decided. `cargo bench --bench decode` over a made-up hour of a desktop; set
//! `CLOUDWARD_BENCH_ESLOGGER` to a recording to run over that instead.

use std::fmt::Write;
use std::hint::black_box;
use std::io::Cursor;

use cloudward::model::PathHash;
use cloudward::sensor::eslogger::Decoder;
use cloudward::sensor::gate::{Gate, PathInterest};
use cloudward::sensor::lines::{Item, Lines};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use memchr::memmem;

/// One path in a thousand or so matters; the hash costs about what a real one does.
struct BenchGate {
    secret: memmem::Finder<'static>,
    hash: foldhash::fast::FixedState,
}

impl Gate for BenchGate {
    fn path(&mut self, path: &[u8]) -> PathInterest {
        use std::hash::BuildHasher;
        let matters = self.secret.find(path).is_some();
        PathInterest { matters, hash: PathHash(self.hash.hash_one(path)) }
    }
}

/// As many events of each kind as a desktop has: 62 % opens, 18 % closes, the rest a tenth each or less.
const MIX: [(&str, u32); 6] =
    [("open", 62), ("close", 18), ("create", 6), ("unlink", 4), ("exit", 4), ("fork", 6)];

struct Workload {
    state: u64,
    out: String,
}

impl Workload {
    fn random(&mut self, below: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }

    /// Writes the fields in another order each time, as `eslogger` does.
    fn object(&mut self, mut fields: Vec<(&str, String)>) -> String {
        for last in (1..fields.len()).rev() {
            fields.swap(last, self.random(last as u64 + 1) as usize);
        }
        let fields: Vec<_> = fields.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    fn file(&mut self, path: &str) -> String {
        let mut stat = Vec::new();
        for key in [
            "st_mode",
            "st_nlink",
            "st_uid",
            "st_gid",
            "st_rdev",
            "st_size",
            "st_blocks",
            "st_blksize",
            "st_flags",
            "st_gen",
        ] {
            stat.push((key, self.random(50_000).to_string()));
        }
        stat.push(("st_dev", "16777234".into()));
        stat.push(("st_ino", (1_152_921_500_312_000_000 + self.random(1 << 28)).to_string()));
        for key in ["st_atimespec", "st_mtimespec", "st_ctimespec", "st_birthtimespec"] {
            stat.push((key, "\"2025-07-09T06:27:14.000000000Z\"".into()));
        }
        let stat = self.object(stat);
        let path = format!("\"{}\"", path.replace('/', "\\/"));
        self.object(vec![("path", path), ("path_truncated", "false".into()), ("stat", stat)])
    }

    fn token(&mut self, pid: u64) -> String {
        let mut fields = vec![("pid", pid.to_string()), ("pidversion", (pid * 3).to_string())];
        fields.extend(["auid", "euid", "egid", "ruid", "rgid", "asid"].map(|key| (key, "501".into())));
        self.object(fields)
    }

    fn process(&mut self, pid: u64) -> String {
        let executable = self.file("/Applications/Tool.app/Contents/MacOS/Tool");
        let tty = self.file("/dev/ttys003");
        let fields = vec![
            ("audit_token", self.token(pid)),
            ("parent_audit_token", self.token(1)),
            ("responsible_audit_token", self.token(pid)),
            ("executable", executable),
            ("tty", if pid.is_multiple_of(3) { "null".into() } else { tty }),
            ("ppid", "1".into()),
            ("original_ppid", "1".into()),
            ("group_id", pid.to_string()),
            ("session_id", "1".into()),
            ("start_time", "\"2025-08-07T13:21:35.877422Z\"".into()),
            ("signing_id", "\"com.example.tool\"".into()),
            ("team_id", "null".into()),
            ("cdhash", "\"FEDCBA98765432100123456789ABCDEF00000000\"".into()),
            ("codesigning_flags", "570509313".into()),
            ("is_platform_binary", "false".into()),
            ("is_es_client", "false".into()),
        ];
        self.object(fields)
    }

    fn path(&mut self) -> String {
        let (a, b) = (self.random(1000), self.random(100_000));
        match self.random(1000) {
            0 => format!("/Users/alice/.ssh/id_{b}"),
            1..400 => format!("/Users/alice/src/app{a}/node_modules/react/lib/view/index{b}.js"),
            400..700 => format!("/System/Library/Frameworks/AppKit.framework/Resources/{a}/{b}.strings"),
            _ => format!("/private/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/cache-{b}.tmp"),
        }
    }

    fn event(&mut self) -> (&'static str, String) {
        let mut pick = self.random(100) as u32;
        let name =
            MIX.iter().find(|(_, share)| pick.checked_sub(*share).inspect(|rest| pick = *rest).is_none());
        let name = name.map_or("open", |(name, _)| name);
        let path = self.path();
        let file = self.file(&path);
        let fields = match name {
            "open" => vec![("fflag", "1".into()), ("file", file)],
            "close" => {
                vec![("target", file), ("modified", "false".into()), ("was_mapped_writable", "false".into())]
            }
            "create" => {
                let destination = self.object(vec![("existing_file", file)]);
                vec![("destination_type", "0".into()), ("destination", destination), ("acl", "null".into())]
            }
            "unlink" => vec![("target", file.clone()), ("parent_dir", file)],
            "exit" => vec![("stat", "0".into())],
            _ => vec![("child", self.process(90_000 + self.state % 1000))],
        };
        let event = self.object(fields);
        (name, format!("{{\"{name}\":{event}}}"))
    }

    fn line(&mut self, number: u64) {
        let pid = 400 + self.random(200);
        let (_, event) = self.event();
        let seconds = number / 1000 % 60;
        let fields = vec![
            ("schema_version", "1".into()),
            ("version", "9".into()),
            ("time", format!("\"2025-08-07T15:13:{seconds:02}.{:09}Z\"", number % 1000 * 1_000_000)),
            ("mach_time", (401_374_797_834 + number).to_string()),
            ("event_type", "10".into()),
            ("action_type", "1".into()),
            ("action", "{\"result\":{\"result_type\":0,\"result\":{\"auth\":0}}}".into()),
            ("seq_num", number.to_string()),
            ("global_seq_num", number.to_string()),
            ("thread", "{\"thread_id\":622243}".into()),
            ("process", self.process(pid)),
            ("event", event),
        ];
        let line = self.object(fields);
        let _ = writeln!(self.out, "{line}");
    }
}

fn workload() -> Vec<u8> {
    if let Some(path) = std::env::var_os("CLOUDWARD_BENCH_ESLOGGER") {
        return std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let mut workload = Workload { state: 42, out: String::new() };
    (0..20_000).for_each(|number| workload.line(number));
    workload.out.into_bytes()
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
