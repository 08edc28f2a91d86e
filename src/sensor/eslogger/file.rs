//! Files as messages carry them: `es_file_t`, its `stat`, and the two forms of a destination.

use crate::model::{File, FileId, FilePath};

use super::digits::leading_digits;
use super::error::LineError;
use super::find::{Finders, Key};
use super::names::{Names, Stood};
use super::near::head;
use super::scan::{Scan, Scanner};
use super::text::Text;

/// What building needs beside the line.
pub(super) struct Tools<'d> {
    pub(super) finders: &'d Finders,
    pub(super) names: &'d mut Names,
    pub(super) scratch: &'d mut Vec<u8>,
}

/// A file whose parts are found but not yet read.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawFile<'a> {
    pub(super) path: Text<'a>,
    pub(super) truncated: bool,
    /// The `stat` object as written; empty if there is none.
    stat: &'a [u8],
}

impl<'a> RawFile<'a> {
    /// `None` for `null`, and for a file without a path.
    #[inline]
    pub(super) fn read(scanner: &mut Scanner<'a>) -> Scan<Option<Self>> {
        match scanner.attempt(Self::read_near) {
            Some(file) => Ok(Some(file)),
            None => Self::read_any(scanner),
        }
    }

    #[inline]
    pub(super) fn read_near(scanner: &mut Scanner<'a>) -> Option<Self> {
        const PATH: u64 = head(b"\"path\":\"");
        const PATH_TRUNCATED: u64 = head(b"\"path_tr");
        const STAT: u64 = head(b"\"stat\":{");
        let (mut path, mut truncated, mut stat) = (None, false, [].as_slice());
        scanner.near_fields(|scanner, head| {
            match head {
                PATH => {
                    scanner.advance(8);
                    path = Some(scanner.near_path()?);
                }
                PATH_TRUNCATED => {
                    scanner.expect(b"\"path_truncated\":")?;
                    truncated = scanner.near_flag()?;
                }
                STAT => {
                    scanner.advance(7);
                    stat = scanner.flat().ok()?;
                }
                _ => return None,
            }
            Some(())
        })?;
        Some(Self { path: path?, truncated, stat })
    }

    fn read_any(scanner: &mut Scanner<'a>) -> Scan<Option<Self>> {
        let (mut path, mut truncated, mut stat) = (None, false, [].as_slice());
        scanner.fields(|scanner, key| {
            match key {
                b"path" => path = scanner.text()?,
                b"path_truncated" => truncated = scanner.flag()?.unwrap_or(false),
                b"stat" => stat = scanner.flat()?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        Ok(path.map(|path| Self { path, truncated, stat }))
    }

    /// Device and inode: of all a `stat` holds, most opens need only these.
    #[inline]
    pub(super) fn id(&self, finders: &Finders, stood: &mut Stood) -> Option<FileId> {
        match Stat::find_id(self.stat, finders, stood) {
            Some(id) => Some(id),
            None => Stat::walk(self.stat).ok()?.id,
        }
    }

    /// How many names it has; 0 without a `stat`, and for a directory.
    #[inline]
    pub(super) fn links(&self, finders: &Finders, stood: &mut Stood) -> u32 {
        match number(self.stat, b"\"st_nlink\":", &mut stood.links, &finders.links) {
            Some(links @ 0..=1) => links as u32,
            _ => self.links_of_several(finders, stood),
        }
    }

    #[cold]
    fn links_of_several(&self, finders: &Finders, stood: &mut Stood) -> u32 {
        let found = Stat::find(self.stat, finders, stood).or_else(|| Stat::walk(self.stat).ok());
        found.filter(|stat| !stat.is(Stat::S_IFDIR)).map_or(0, |stat| stat.links)
    }

    /// Is it a named pipe?
    #[inline]
    pub(super) fn is_fifo(&self, finders: &Finders, stood: &mut Stood) -> bool {
        const S_IFIFO: u64 = 0o010_000;
        let mode = match number(self.stat, b"\"st_mode\":", &mut stood.mode, &finders.mode) {
            Some(mode) => mode,
            None => Stat::walk(self.stat).map_or(0, |stat| u64::from(stat.mode)),
        };
        mode & u64::from(Stat::S_IFMT) == S_IFIFO
    }

    pub(super) fn build(&self, tools: &mut Tools<'_>) -> Result<File, LineError> {
        let name = tools.names.of(self.path);
        let stat = match Stat::find(self.stat, tools.finders, &mut name.stood) {
            Some(stat) => stat,
            None => Stat::walk(self.stat)?,
        };
        Ok(File {
            path: name.path(self.path, tools.scratch),
            truncated: self.truncated,
            id: stat.id,
            links: stat.links,
            size: stat.size,
            directory: stat.is(Stat::S_IFDIR),
            symlink: stat.is(Stat::S_IFLNK),
        })
    }

    pub(super) fn path(&self, scratch: &mut Vec<u8>) -> FilePath {
        FilePath::new(self.path.bytes(scratch))
    }
}

/// The number that is the value of a key, looked for where the key stood the last time: a `stat` has each key once, so what
/// is found there is what a search finds.
#[inline]
fn number<const N: usize>(stat: &[u8], key: &[u8; N], stood: &mut u16, search: &Key) -> Option<u64> {
    let place = stat.get(usize::from(*stood)..).and_then(<[u8]>::split_first_chunk);
    let value = match place {
        Some((there, value)) if there == key => value,
        _ => {
            let (at, value) = search.find(stat)?;
            *stood = u16::try_from(at).unwrap_or(0);
            stat.get(value..)?
        }
    };
    Some(leading_digits(value)?.0)
}

/// What is used of a `stat`. Searched for rather than walked to: sixteen keys cost more than four searches.
#[derive(Default)]
struct Stat {
    id: Option<FileId>,
    links: u32,
    size: u64,
    mode: u32,
}

impl Stat {
    /// `bsd/sys/_types/_s_ifmt.h`
    const S_IFMT: u32 = 0o170_000;
    const S_IFDIR: u32 = 0o040_000;
    const S_IFLNK: u32 = 0o120_000;

    fn is(&self, kind: u32) -> bool {
        self.mode & Self::S_IFMT == kind
    }

    #[inline]
    fn find_id(raw: &[u8], finders: &Finders, stood: &mut Stood) -> Option<FileId> {
        let inode = number(raw, b"\"st_ino\":", &mut stood.inode, &finders.inode)?;
        let device = number(raw, b"\"st_dev\":", &mut stood.device, &finders.device)?;
        FileId::new(device.try_into().ok()?, inode)
    }

    fn find(raw: &[u8], finders: &Finders, stood: &mut Stood) -> Option<Self> {
        let id = Some(Self::find_id(raw, finders, stood)?);
        let links = number(raw, b"\"st_nlink\":", &mut stood.links, &finders.links)?.try_into().ok()?;
        let size = finders.size.number_in(raw)?;
        let mode = number(raw, b"\"st_mode\":", &mut stood.mode, &finders.mode)?.try_into().ok()?;
        Some(Self { id, links, size, mode })
    }

    fn walk(raw: &[u8]) -> Scan<Self> {
        let (mut stat, mut device, mut inode) = (Self::default(), None, None);
        if !raw.starts_with(b"{") {
            return Ok(stat);
        }
        Scanner::new(raw).fields(|scanner, key| {
            match key {
                b"st_dev" => device = scanner.number()?,
                b"st_ino" => inode = scanner.number()?,
                b"st_mode" => stat.mode = scanner.number()?.unwrap_or(0),
                b"st_nlink" => stat.links = scanner.number()?.unwrap_or(0),
                b"st_size" => stat.size = scanner.number()?.unwrap_or(0),
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        stat.id = device.zip(inode).and_then(|(device, inode)| FileId::new(device, inode));
        Ok(stat)
    }
}

/// Where a copy comes to lie: over a file that exists, or under a name in a directory.
pub(super) fn copy_target(
    existing: Option<RawFile<'_>>,
    dir: Option<RawFile<'_>>,
    name: Option<Text<'_>>,
    scratch: &mut Vec<u8>,
) -> Option<FilePath> {
    match existing {
        Some(file) => Some(file.path(scratch)),
        None => Some(join(&dir?, name?, scratch)),
    }
}

/// Where a `create` or `rename` puts a file: over one that exists, or under a new name in a directory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Destination<'a> {
    Existing(RawFile<'a>),
    New { dir: RawFile<'a>, name: Text<'a> },
}

impl<'a> Destination<'a> {
    /// The form is told by the key, not by `destination_type`: the two never disagree.
    pub(super) fn read(scanner: &mut Scanner<'a>) -> Scan<Option<Self>> {
        let (mut existing, mut new) = (None, None);
        scanner.fields(|scanner, key| {
            match key {
                b"existing_file" => existing = RawFile::read(scanner)?.map(Self::Existing),
                b"new_path" => new = Self::read_new(scanner)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        Ok(existing.or(new))
    }

    fn read_new(scanner: &mut Scanner<'a>) -> Scan<Option<Self>> {
        let (mut dir, mut name) = (None, None);
        scanner.fields(|scanner, key| {
            match key {
                b"dir" => dir = RawFile::read(scanner)?,
                b"filename" => name = scanner.text()?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        Ok(dir.zip(name).map(|(dir, name)| Self::New { dir, name }))
    }

    pub(super) fn build(&self, tools: &mut Tools<'_>) -> Result<File, LineError> {
        match self {
            Self::Existing(file) => file.build(tools),
            Self::New { dir, name } => Ok(File {
                path: join(dir, *name, tools.scratch),
                truncated: dir.truncated,
                id: None,
                links: 0,
                size: 0,
                directory: false,
                symlink: false,
            }),
        }
    }
}

/// The path of `name` in `dir`.
pub(super) fn join(dir: &RawFile<'_>, name: Text<'_>, scratch: &mut Vec<u8>) -> FilePath {
    let mut path = dir.path.bytes(scratch).to_vec();
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name.bytes(scratch));
    FilePath::new(&path)
}
