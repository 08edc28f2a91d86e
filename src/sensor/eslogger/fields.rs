//! Fields that this version does not know: what a newer macOS tells and nobody reads yet.
//!
//! A line is decided by a few of its bytes, so the names of its other fields are not looked at. Some lines are looked at
//! whole for this alone: the first of each event, which is every one of a short recording, and then one in many.

use std::collections::BTreeMap;

use crate::model::Set;

use super::kind::Kind;
use super::scan::{Scan, Scanner};

/// Of each event so many lines are looked at from the first on, and after that one of so many.
const FIRST: u64 = 256;
const ONE_OF: u64 = 1024;
/// Unknown names told apart, of at most [`LONGEST`] bytes: 16 KiB. More are counted under the last of them.
const MAX_NAMES: usize = 64;
const LONGEST: usize = 64;
/// Real messages nest six deep. What a program nests deeper is stepped over.
const DEEPEST: u32 = 16;

/// Every name `eslogger` is known to write in what is read here, sorted (`ESMessage.h` and `eslogger` of macOS 13 to 27).
#[rustfmt::skip]
const KNOWN: [&str; 126] = [
    "acl", "action", "action_type", "args", "asid", "audit_token", "auid", "auth", "cdhash", "child",
    "codesigning_flags", "cs_validation_category", "cwd", "destination", "destination_type", "dir",
    "disposition", "domain", "dyld_exec_path", "egid", "entitlements", "env", "euid", "event", "event_type",
    "executable", "existing_file", "extattr", "f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_ffree", "f_files",
    "f_flags", "f_flags_ext", "f_fsid", "f_fssubtype", "f_fstypename", "f_iosize", "f_mntfromname",
    "f_mntonname", "f_owner", "f_reserved", "f_type", "fd", "fds", "fdtype", "fflag", "file", "file_pos",
    "filename", "flags", "flavor", "global_seq_num", "group_id", "image_cpusubtype", "image_cputype",
    "is_es_client", "is_platform_binary", "last_fd", "mach_time", "max_protection", "mode", "modified",
    "new_path", "original_ppid", "parent_audit_token", "parent_dir", "path", "path_truncated", "pid",
    "pidversion", "pipe", "pipe_id", "ppid", "process", "protection", "protocol", "responsible_audit_token",
    "result", "result_type", "rgid", "ruid", "schema_version", "script", "seq_num", "service_domain_type",
    "service_name", "session_id", "signing_id", "source", "st_atimespec", "st_birthtimespec", "st_blksize",
    "st_blocks", "st_ctimespec", "st_dev", "st_flags", "st_gen", "st_gid", "st_ino", "st_mode", "st_mtimespec",
    "st_nlink", "st_rdev", "st_size", "st_uid", "start_time", "stat", "state", "statfs", "target",
    "target_dir", "target_file", "target_filename", "target_name", "team_id", "thread", "thread_id",
    "thread_state", "time", "tty", "type", "version", "was_mapped_writable",
];

/// The unknown fields of one stream.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    known: Set<&'static [u8]>,
    looked_at: u64,
    unknown: BTreeMap<Box<[u8]>, u64>,
}

impl Default for Fields {
    fn default() -> Self {
        let known = KNOWN.iter().map(|name| name.as_bytes()).collect();
        Self { known, looked_at: 0, unknown: BTreeMap::new() }
    }
}

impl Fields {
    /// Whether the line of an event that came so often by now is one to look at.
    #[inline]
    pub(super) fn wants(lines: u64) -> bool {
        lines <= FIRST || lines.is_multiple_of(ONE_OF)
    }

    /// Looks at a message that was understood. What cannot be walked to its end counts as far as it goes.
    pub(super) fn look(&mut self, message: &[u8]) {
        self.looked_at += 1;
        let _ = self.walk(&mut Scanner::new(message), b"", 0);
    }

    /// `within`: the name of the field whose value this is.
    fn walk(&mut self, scanner: &mut Scanner<'_>, within: &[u8], depth: u32) -> Scan<()> {
        match scanner.peek()? {
            _ if depth >= DEEPEST => scanner.skip(),
            b'{' => scanner
                .fields(|scanner, name| match within {
                    // Its one name is the event's, and of an event that is not read no field is.
                    b"event" if Kind::of(name) == Kind::Other => scanner.skip(),
                    b"event" => self.walk(scanner, name, depth + 1),
                    _ => self.field(scanner, within, name, depth),
                })
                .map(drop),
            b'[' => {
                scanner.enter_array()?;
                while scanner.item()? {
                    self.walk(scanner, within, depth + 1)?;
                }
                Ok(())
            }
            _ => scanner.skip(),
        }
    }

    fn field(&mut self, scanner: &mut Scanner<'_>, within: &[u8], name: &[u8], depth: u32) -> Scan<()> {
        if !self.known.contains(name) {
            self.count(within, name);
            return scanner.skip();
        }
        // A program's own words and names are no fields.
        if matches!(name, b"args" | b"env" | b"entitlements") {
            return scanner.skip();
        }
        self.walk(scanner, name, depth + 1)
    }

    fn count(&mut self, within: &[u8], name: &[u8]) {
        let mut path = if within.is_empty() { name.to_vec() } else { [within, name].join(&b'.') };
        path.truncate(LONGEST);
        if self.unknown.len() < MAX_NAMES || self.unknown.contains_key(&*path) {
            *self.unknown.entry(path.into()).or_default() += 1;
        } else if let Some(mut last) = self.unknown.last_entry() {
            *last.get_mut() += 1;
        }
    }

    pub(super) fn looked_at(&self) -> u64 {
        self.looked_at
    }

    pub(super) fn unknown(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.unknown.iter().map(|(name, count)| (&**name, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_where_a_reader_looks_for_them() {
        assert!(KNOWN.is_sorted());
    }

    /// The keys of macOS 27.0 as others recovered them.
    #[test]
    fn nothing_that_eslogger_is_known_to_write_is_unknown() {
        let keys: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/eslogger/eslogger-keys.json")).unwrap();
        let objects = |at: &str| keys[at].as_object().unwrap().iter();
        let events = objects("events").filter(|(name, _)| Kind::of(name.as_bytes()) != Kind::Other);
        let of_each = objects("definitions").chain(events).map(|(_, fields)| fields);
        let (known, mut seen) = (Fields::default().known, 0);
        for fields in of_each.chain([&keys["envelope"]]) {
            for path in fields.as_object().unwrap().keys() {
                let name = path.rsplit('.').next().unwrap().trim_end_matches(['?', '[', ']']);
                assert!(known.contains(name.as_bytes()), "{path}");
                seen += 1;
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn what_is_new_is_counted_where_it_stands() {
        let mut fields = Fields::default();
        let line = br#"{"new":1,"process":{"audit_token":{"pid":1},"mood":{"deep":1}},"event":{"exec":{"args":[{"x":1}],
            "fds":[{"fd":1,"colour":2},{"fd":2,"colour":3}],"entitlements":{"a":{"b":1}},"target":{"mood":1}}}}"#;
        fields.look(line);
        fields.look(br#"{"event":{"sudo":{"anything":1}},"new":[2]}"#);
        fields.look(br#"{"new":1,"cut":"#);
        let told: Vec<_> =
            fields.unknown().map(|(name, count)| (str::from_utf8(name).unwrap(), count)).collect();
        assert_eq!(
            told,
            [("cut", 1), ("fds.colour", 2), ("new", 3), ("process.mood", 1), ("target.mood", 1)]
        );
        assert_eq!(fields.looked_at(), 3);
    }

    #[test]
    fn neither_many_names_nor_deep_nesting_cost_memory() {
        let mut fields = Fields::default();
        let names: Vec<String> = (0..1000).map(|n| format!("\"n{n:0200}\":1")).collect();
        fields.look(format!("{{{}}}", names.join(",")).as_bytes());
        let short: Vec<String> = (0..1000).map(|n| format!("\"n{n}\":1")).collect();
        fields.look(format!("{{{}}}", short.join(",")).as_bytes());
        assert!(fields.unknown.len() == MAX_NAMES && fields.unknown().all(|(name, _)| name.len() <= LONGEST));
        assert_eq!(fields.unknown().map(|(_, count)| count).sum::<u64>(), 2000);
        fields.look("{\"event\":{\"exec\":".repeat(20_000).as_bytes());
        fields.look("{\"fds\":[".repeat(20_000).as_bytes());
    }
}
