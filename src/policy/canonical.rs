//! One spelling for every file.
//!
//! A file has many names: `/private/var` and `/var`, `/System/Volumes/Data/Users` and `/Users` (firmlinks), a snapshot's
//! view of yesterday, `ID_RSA` and `id_rsa` on a volume that does not tell them apart, and the two Unicode forms of an
//! umlaut. Patterns and paths are both brought into the form below, then compared byte by byte.

mod why;

use unicode_normalization::UnicodeNormalization;

pub use why::Spelling;

/// Buffers for [`Volumes::canonical`]: once warm, canonicalising an ASCII path allocates nothing.
#[derive(Default, Debug)]
pub struct Scratch {
    bytes: Vec<u8>,
    spare: Vec<u8>,
}

impl Scratch {
    pub fn new() -> Self {
        Self::default()
    }
}

/// A path in its one spelling, borrowed from a [`Scratch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Canonical<'s> {
    bytes: &'s [u8],
    exact: bool,
    named_fork: bool,
}

impl<'s> Canonical<'s> {
    pub const fn bytes(&self) -> &'s [u8] {
        self.bytes
    }

    /// The path named a fork of the file (`..namedfork/rsrc`): the file is meant, by its less watched door.
    pub const fn named_fork(&self) -> bool {
        self.named_fork
    }

    /// Is it a part of macOS or of an app, where people's files do not come to lie?
    pub fn is_system(&self) -> bool {
        const PARTS: [&[u8]; 11] = [
            b"/system",
            b"/usr/lib",
            b"/usr/share",
            b"/usr/libexec",
            b"/usr/bin",
            b"/usr/sbin",
            b"/bin",
            b"/sbin",
            b"/dev",
            b"/library/apple",
            b"/var/db/dyld",
        ];
        let in_app = || memchr::memmem::find(self.bytes, b".app/").is_some();
        PARTS.iter().any(|part| under(self.bytes, part)) || under(self.bytes, b"/applications") && in_app()
    }

    /// The file lies on a volume that tells `A` from `a`, so the case was kept.
    pub const fn case_kept(&self) -> bool {
        self.exact
    }
}

/// Which volumes tell upper from lower case; the rest of the Mac does not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Volumes {
    /// Mount points in NFC, case as configured, without a trailing `/`; `""` stands for the root volume.
    case_sensitive: Vec<Box<[u8]>>,
}

impl Volumes {
    pub fn new<'a>(case_sensitive: impl IntoIterator<Item = &'a str>) -> Self {
        let tidy = |path: &str| -> Box<[u8]> {
            path.nfc().collect::<String>().trim_end_matches('/').as_bytes().into()
        };
        Self { case_sensitive: case_sensitive.into_iter().map(tidy).collect() }
    }

    pub fn any_case_sensitive(&self) -> bool {
        !self.case_sensitive.is_empty()
    }

    /// The one spelling of `raw`. Idempotent. Relative paths stay relative.
    pub fn canonical<'s>(&self, raw: &[u8], scratch: &'s mut Scratch) -> Canonical<'s> {
        let Scratch { bytes, spare } = scratch;
        copy_collapsed(raw, bytes);
        let ascii = bytes.is_ascii();
        if !ascii {
            map_text(bytes, spare, compose);
        }
        let mut named_fork = strip_named_fork(bytes);
        let mut start = strip_aliases(bytes);
        let exact = self.spell_volume(&mut bytes[start..]);
        if !exact {
            bytes[start..].make_ascii_lowercase();
            if !ascii {
                map_text(bytes, spare, fold);
                named_fork |= strip_named_fork(bytes);
                // Folding a letter changes lengths before `start`, so the aliases are found anew.
                start = strip_aliases(bytes);
            }
        }
        Canonical { bytes: &bytes[start..], exact, named_fork }
    }

    /// Is it on a case-sensitive volume? If so the mount point itself takes the configured spelling.
    fn spell_volume(&self, path: &mut [u8]) -> bool {
        if !path.starts_with(b"/") {
            return false;
        }
        for volume in &self.case_sensitive {
            if under(path, volume) {
                path[..volume.len()].copy_from_slice(volume);
                return true;
            }
        }
        false
    }

    /// The spelling that patterns need on case-sensitive volumes: everything but the letters' case.
    pub(super) fn keep_case(&self, raw: &[u8], scratch: &mut Scratch) -> Vec<u8> {
        let Scratch { bytes, spare } = scratch;
        copy_collapsed(raw, bytes);
        map_text(bytes, spare, compose);
        let start = strip_aliases(bytes);
        self.spell_volume(&mut bytes[start..]);
        bytes[start..].to_vec()
    }
}

/// Is `path` this directory or below it? ASCII case does not count.
fn under(path: &[u8], directory: &[u8]) -> bool {
    path.len() >= directory.len()
        && path[..directory.len()].eq_ignore_ascii_case(directory)
        && matches!(path.get(directory.len()), None | Some(b'/'))
}

/// Copies without empty, `.` and `..` components and without a trailing slash. `..` goes up by name: the system reports
/// resolved paths, so it occurs only in arguments, where nothing better can be known.
fn copy_collapsed(raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    if is_tidy(raw) {
        out.extend_from_slice(raw);
        return;
    }
    let absolute = raw.starts_with(b"/");
    for part in raw.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if absolute => {
                let parent = out.iter().rposition(|b| *b == b'/').unwrap_or(0);
                out.truncate(parent);
            }
            _ => {
                if absolute || !out.is_empty() {
                    out.push(b'/');
                }
                out.extend_from_slice(part);
            }
        }
    }
    if absolute && out.is_empty() {
        out.push(b'/');
    }
}

/// No component is empty, `.` or `..`.
fn is_tidy(raw: &[u8]) -> bool {
    let untidy = |rest: &[u8]| {
        matches!(rest, [] | [b'/', ..] | b"." | [b'.', b'/', ..] | b".." | [b'.', b'.', b'/', ..])
    };
    let relative = !raw.starts_with(b"/");
    raw == b"/"
        || !(relative && untidy(raw))
            && (looks_tidy(raw) || !memchr::memchr_iter(b'/', raw).any(|at| untidy(&raw[at + 1..])))
}

/// No slash has a slash, a dot or nothing behind it: true of most paths, and found without a branch per byte.
fn looks_tidy(raw: &[u8]) -> bool {
    let Some((last, next)) = raw.last().zip(raw.get(1..)) else { return false };
    let suspicious = |(byte, next): (&u8, &u8)| (*byte == b'/') & ((*next == b'/') | (*next == b'.'));
    *last != b'/' && !raw.iter().zip(next).fold(false, |found, pair| found | suspicious(pair))
}

/// Rewrites the parts of `bytes` that are text; bytes that are no UTF-8 stay as they are.
fn map_text(bytes: &mut Vec<u8>, spare: &mut Vec<u8>, map: impl Fn(&str, &mut Vec<u8>)) {
    spare.clear();
    for chunk in bytes.utf8_chunks() {
        map(chunk.valid(), spare);
        spare.extend_from_slice(chunk.invalid());
    }
    std::mem::swap(bytes, spare);
}

fn push(out: &mut Vec<u8>, letter: char) {
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Unicode's canonical composition.
fn compose(text: &str, out: &mut Vec<u8>) {
    text.nfc().for_each(|letter| push(out, letter));
}

/// Caseless and composed, as APFS compares names: decompose, fold every letter, compose.
fn fold(text: &str, out: &mut Vec<u8>) {
    text.nfd().flat_map(fold_letter).nfc().for_each(|letter| push(out, letter));
}

/// Full case folding by way of the upper case, which brings `ß`, `ſ`, `ς` and the ligatures together with their kin.
/// The dotless `ı` has no kin outside Turkic languages.
fn fold_letter(letter: char) -> impl Iterator<Item = char> {
    let turkic = letter == 'ı';
    let folded = letter.to_uppercase().flat_map(char::to_lowercase);
    turkic.then_some(letter).into_iter().chain(folded.filter(move |_| !turkic))
}

/// The resource fork of a file, behind its path.
pub const RESOURCE_FORK: &[u8] = b"/..namedfork/rsrc";

/// Where the path of the file ends whose fork this path names.
fn fork_at(path: &[u8]) -> Option<usize> {
    const FORKS: [&[u8]; 2] = [RESOURCE_FORK, b"/..namedfork/data"];
    FORKS.iter().find_map(|fork| {
        let at = path.len().checked_sub(fork.len()).filter(|at| *at > 0)?;
        path.get(at..)?.eq_ignore_ascii_case(fork).then_some(at)
    })
}

/// Does the path name the fork of a file that holds none of its bytes?
pub fn is_resource_fork(path: &[u8]) -> bool {
    let fork = path.len().checked_sub(RESOURCE_FORK.len()).and_then(|at| path.get(at..));
    fork.is_some_and(|fork| fork.eq_ignore_ascii_case(RESOURCE_FORK))
}

/// Cuts `/..namedfork/rsrc` or `/..namedfork/data` off the end; true if it was there.
fn strip_named_fork(bytes: &mut Vec<u8>) -> bool {
    let fork = fork_at(bytes);
    fork.into_iter().for_each(|at| bytes.truncate(at));
    fork.is_some()
}

/// Finds where the path proper begins behind firmlink, `/private` and snapshot prefixes. May overwrite bytes before it.
fn strip_aliases(bytes: &mut Vec<u8>) -> usize {
    let mut start = 0;
    loop {
        let next = start + alias_length(&bytes[start..]);
        if next < bytes.len() && next > start {
            start = next;
            continue;
        }
        if next > start {
            // Nothing is left of it: the alias of the root itself.
            bytes.clear();
            bytes.push(b'/');
            return 0;
        }
        match snapshot(&bytes[start..]) {
            Some(Shown::Root(rest)) => start += rest,
            Some(Shown::Volume(name)) => {
                const VOLUMES: &[u8] = b"/volumes/";
                start += name - VOLUMES.len();
                bytes[start..start + VOLUMES.len()].copy_from_slice(b"/Volumes/");
            }
            None => return start,
        }
    }
}

/// How many bytes at the front only say by which way the path was reached.
fn alias_length(path: &[u8]) -> usize {
    const DROPPED: [&[u8]; 4] =
        [b"/System/Volumes/Data", b"/Volumes/Macintosh HD - Data", b"/Volumes/Macintosh HD", b"/.nofollow"];
    const PRIVATE: [&[u8]; 3] = [b"/private/var", b"/private/tmp", b"/private/etc"];
    // Every alias begins with one of four letters, which few paths do.
    if !matches!(path, [b'/', b's' | b'S' | b'v' | b'V' | b'p' | b'P' | b'.', ..]) {
        return 0;
    }
    if let Some(length) = root_by_inode(path) {
        return length;
    }
    if let Some(prefix) = DROPPED.iter().find(|prefix| under(path, prefix)) {
        return prefix.len();
    }
    if PRIVATE.iter().any(|prefix| under(path, prefix)) { b"/private".len() } else { 0 }
}

/// `/.vol/<device>/2`: inode 2 is the root of a volume.
fn root_by_inode(path: &[u8]) -> Option<usize> {
    const VOL: &[u8] = b"/.vol/";
    let rest = path.strip_prefix(VOL)?;
    let device = rest.iter().position(|byte| *byte == b'/')?;
    let root = rest[..device].iter().all(u8::is_ascii_digit) && under(&rest[device..], b"/2");
    root.then_some(VOL.len() + device + b"/2".len())
}

/// What a snapshot's mount shows.
enum Shown {
    /// The running system's volumes: the path proper begins at this byte.
    Root(usize),
    /// Another volume, whose name begins at this byte.
    Volume(usize),
}

/// Time Machine's snapshot mounts, and what lies on its disks:
/// `/Volumes/com.apple.TimeMachine.localsnapshots/Backups.backupdb/<host>/<date>/<volume>/...`,
/// `/Volumes/.timemachine/<uuid>/<date>.backup/<date>.backup/<volume>/...`,
/// `/Volumes/<disk>/<date>.backup/<volume>/...` and `/Volumes/<disk>/Backups.backupdb/<host>/<date>/<volume>/...`.
fn snapshot(path: &[u8]) -> Option<Shown> {
    const LOCAL: &[u8] = b"/Volumes/com.apple.TimeMachine.localsnapshots/Backups.backupdb";
    const REMOTE: &[u8] = b"/Volumes/.timemachine";
    if !under(path, b"/Volumes") {
        return None;
    }
    let (prefix, skipped) = if under(path, LOCAL) {
        (LOCAL.len(), 2)
    } else if under(path, REMOTE) {
        (REMOTE.len(), 3)
    } else {
        on_backup_disk(path)?
    };
    let mut slashes = (prefix..path.len()).filter(|at| path[*at] == b'/');
    let name = slashes.nth(skipped)? + 1;
    let rest = slashes.next()?;
    Some(if is_system_volume(&path[name..rest], &path[rest..]) {
        Shown::Root(rest)
    } else {
        Shown::Volume(name)
    })
}

/// Where the way to a backup ends on the disk that a path of `/Volumes` is on, and how many names lie between it and that of
/// the volume.
fn on_backup_disk(path: &[u8]) -> Option<(usize, usize)> {
    let disk = b"/Volumes/".len();
    let top = disk + memchr::memchr(b'/', path.get(disk..)?)?;
    let name = path[top + 1..].split(|byte| *byte == b'/').next()?;
    let end = top + 1 + name.len();
    if name.eq_ignore_ascii_case(b"Backups.backupdb") {
        return Some((end, 2));
    }
    is_backup(name).then_some((end, 0))
}

/// `2026-11-01-120000.backup`, and what one is called that was not finished or is the last before it.
fn is_backup(name: &[u8]) -> bool {
    const DATE: &[u8; 17] = b"dddd-dd-dd-dddddd";
    const ENDS: [&[u8]; 4] = [b".backup", b".previous", b".interrupted", b".inprogress"];
    let Some((date, end)) = name.split_at_checked(DATE.len()) else { return false };
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'd' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    date.iter().zip(DATE).all(fits) && ENDS.iter().any(|known| end.eq_ignore_ascii_case(known))
}

/// The start-up disk may have any name; its data volume ends in ` - Data` or is called so, and only it has these folders.
fn is_system_volume(name: &[u8], rest: &[u8]) -> bool {
    const FOLDERS: [&[u8]; 6] = [b"/Users", b"/private", b"/Library", b"/Applications", b"/opt", b"/usr"];
    let suffix = name.len().checked_sub(b" - Data".len()).map(|at| &name[at..]);
    name.eq_ignore_ascii_case(b"Data")
        || name.eq_ignore_ascii_case(b"Macintosh HD")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b" - Data"))
        || FOLDERS.iter().any(|folder| under(rest, folder))
}
