//! A made-up hour of a desktop as eslogger lines, for the benchmarks; or the recording that
//! `CLOUDWARD_BENCH_ESLOGGER` names.

use std::fmt::Write;

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

pub fn workload() -> Vec<u8> {
    if let Some(path) = std::env::var_os("CLOUDWARD_BENCH_ESLOGGER") {
        return std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let mut workload = Workload { state: 42, out: String::new() };
    (0..20_000).for_each(|number| workload.line(number));
    workload.out.into_bytes()
}
