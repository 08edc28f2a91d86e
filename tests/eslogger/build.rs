//! Makes messages in the form of `eslogger`'s. Synthesised: no Mac printed these.

use serde_json::{Map, Value, json};

pub(super) fn token(pid: i32, version: u32) -> Value {
    json!({"asid": 100_019, "auid": 501, "egid": 20, "euid": 501, "pid": pid, "pidversion": version, "rgid": 20, "ruid": 501})
}

pub(super) fn stat(inode: u64) -> Value {
    let time = "2025-11-01T12:00:00.401664632Z";
    json!({
        "st_dev": 16_777_234, "st_ino": inode, "st_mode": 33188, "st_nlink": 1, "st_uid": 501, "st_gid": 20, "st_rdev": 0,
        "st_size": 4096, "st_blocks": 8, "st_blksize": 4096, "st_flags": 0, "st_gen": 0, "st_atimespec": time,
        "st_mtimespec": time, "st_ctimespec": time, "st_birthtimespec": time,
    })
}

pub(super) fn file(path: &str) -> Value {
    json!({"path": path, "path_truncated": false, "stat": stat(1_152_921_500_312_525_701)})
}

pub(super) fn process(pid: i32, version: u32) -> Value {
    json!({
        "audit_token": token(pid, version), "parent_audit_token": token(1, 1), "responsible_audit_token": token(pid, version),
        "ppid": 1, "original_ppid": 1, "group_id": pid, "session_id": 1, "start_time": "2025-11-01T12:26:40.552849Z",
        "executable": file("/usr/bin/tool"), "tty": null, "signing_id": "com.example.tool", "team_id": "ABCDE12345",
        "cdhash": "FEDCBA98765432100123456789ABCDEF00000000", "codesigning_flags": 570_509_313,
        "is_platform_binary": false, "is_es_client": false, "cs_validation_category": 6,
    })
}

pub(super) fn message(name: &str, event: Value) -> Value {
    json!({
        "schema_version": 1, "version": 10, "time": "2025-11-01T12:26:40.009685682Z", "mach_time": 240_000_232_463u64,
        "event_type": 10, "action_type": 1, "action": {"result": {"result_type": 0, "result": {"auth": 0}}},
        "seq_num": 7, "global_seq_num": 42, "thread": {"thread_id": 187_380}, "process": process(471, 1212),
        "event": {name: event},
    })
}

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Decides the order of keys.
    pub(super) seed: u64,
    /// `\/` for `/`, as `eslogger` itself writes.
    pub(super) slashes: bool,
    /// Spaces around colons and commas.
    pub(super) spaces: bool,
}

impl Style {
    pub(super) const PLAIN: Self = Self { seed: 0, slashes: true, spaces: false };

    pub(super) fn write(self, value: &Value) -> String {
        let mut out = String::new();
        Writer { style: self, state: self.seed }.value(value, &mut out);
        out
    }
}

struct Writer {
    style: Style,
    state: u64,
}

impl Writer {
    fn value(&mut self, value: &Value, out: &mut String) {
        match value {
            Value::Object(map) => self.object(map, out),
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.between(index, out);
                    self.value(item, out);
                }
                out.push(']');
            }
            Value::String(text) => out.push_str(&self.string(text)),
            other => out.push_str(&other.to_string()),
        }
    }

    fn object(&mut self, map: &Map<String, Value>, out: &mut String) {
        let mut entries: Vec<_> = map.iter().collect();
        for last in (1..entries.len()).rev() {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            entries.swap(last, (self.state >> 33) as usize % (last + 1));
        }
        out.push('{');
        for (index, (key, value)) in entries.into_iter().enumerate() {
            self.between(index, out);
            out.push_str(&self.string(key));
            out.push_str(if self.style.spaces { " : " } else { ":" });
            self.value(value, out);
        }
        out.push('}');
    }

    fn between(&self, index: usize, out: &mut String) {
        if index > 0 {
            out.push_str(if self.style.spaces { " ,\t" } else { "," });
        }
    }

    fn string(&self, text: &str) -> String {
        let written = Value::from(text).to_string();
        if self.style.slashes { written.replace('/', "\\/") } else { written }
    }
}
