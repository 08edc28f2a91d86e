//! One function for each event that is read: from the value of the event to what happened.

use crate::model::{OpenFlags, What};
use crate::sensor::attributes;
use crate::sensor::gate::{Gate, PathInterest};

use super::error::LineError;
use super::exec;
use super::file::{Destination, RawFile, Tools, copy_target};
use super::kind::Kind;
use super::near::head;
use super::process::{Newcomer, RawProcess};
use super::scan::{Scan, Scanner};
use super::text::Text;
use super::volume;

/// What reading an event needs beside the event.
pub(super) struct Context<'d, G: ?Sized> {
    pub(super) gate: &'d mut G,
    pub(super) tools: Tools<'d>,
}

impl<G: Gate + ?Sized> Context<'_, G> {
    /// What policy says of a path.
    #[inline]
    fn ask(&mut self, path: Text<'_>) -> PathInterest {
        let Tools { names, scratch, .. } = &mut self.tools;
        names.asked(path, scratch, self.gate).1
    }
}

/// What an event comes to.
#[derive(Debug)]
pub(super) struct Body {
    /// `None` if it can matter to no verdict.
    pub(super) what: Option<What>,
    /// Open flags asked for; 0 for other events.
    pub(super) wanted: u32,
    /// Who acts from now on: a fork's child, or an exec's new image.
    pub(super) newcomer: Option<Newcomer>,
}

pub(super) type Read<T> = Result<T, LineError>;

const TARGET: &str = "event.*.target.path";

/// Reads the value that `scanner` is on and leaves the scanner behind it.
#[inline]
pub(super) fn read<G: Gate + ?Sized>(
    kind: Kind,
    scanner: &mut Scanner<'_>,
    context: &mut Context<'_, G>,
) -> Read<Body> {
    let what = match kind {
        Kind::Open => return open(scanner, context),
        Kind::Close => close(scanner, context)?,
        Kind::Exec => return exec::read(scanner, context.tools.scratch, context.gate),
        Kind::Fork => return fork(scanner, context),
        Kind::Exit => ignoring(scanner, What::Exit)?,
        Kind::CsInvalidated => ignoring(scanner, What::CodeInvalidated)?,
        Kind::RemoteThreadCreate => Some(remote_thread(scanner, context)?),
        Kind::Create => Some(create(scanner, context)?),
        Kind::Rename => Some(rename(scanner, context)?),
        Kind::ExchangeData => Some(exchange(scanner, context)?),
        Kind::Unlink => {
            Some(What::Removed { file: named(scanner, b"target", TARGET)?.build(&mut context.tools)? })
        }
        Kind::Write => {
            Some(What::Written { file: named(scanner, b"target", TARGET)?.build(&mut context.tools)? })
        }
        Kind::SetExtattr => set_attribute(scanner, context)?,
        Kind::Mmap => mmap(scanner, context)?,
        Kind::Link | Kind::Clone | Kind::Copyfile => Some(second_name(kind, scanner, context)?),
        Kind::Mount | Kind::Unmount => volume::read(kind, scanner, context)?,
        Kind::XpcConnect => Some(xpc_connect(scanner, context)?),
        Kind::UipcConnect => Some(uipc_connect(scanner, context)?),
        Kind::Other => {
            scanner.skip()?;
            None
        }
    };
    Ok(Body { what, wanted: 0, newcomer: None })
}

fn ignoring(scanner: &mut Scanner<'_>, what: What) -> Read<Option<What>> {
    scanner.skip()?;
    Ok(Some(what))
}

/// The event that decides speed: two in three are opens, and nearly all of them matter to nobody.
#[inline]
fn open<G: Gate + ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<Body> {
    let (flags, file) = match scanner.attempt(opened_near) {
        Some(opened) => opened,
        None => opened(scanner)?,
    };
    let Tools { finders, names, scratch } = &mut context.tools;
    let (name, interest) = names.asked(file.path, scratch, context.gate);
    // In parts of the system nobody makes a pipe, and most opens are of files there.
    let what = if interest.named && flags.transfers() && file.is_fifo(finders, &mut name.stood) {
        Some(What::Fifo { file: Box::new(file.build(&mut context.tools)?), flags })
    } else if interest.matters {
        Some(What::Open { file: file.build(&mut context.tools)?, flags })
    } else if flags.reads() {
        let id = file.id(finders, &mut name.stood);
        let links = if interest.named { file.links(finders, &mut name.stood) } else { 0 };
        let (path, stood) = (interest.named.then(|| name.path(file.path, scratch)), name.stood);
        names.stood(stood);
        Some(What::Touch { path: interest.hash, id, name: path, links })
    } else if flags.empties() {
        Some(What::Emptied { path: interest.hash, id: file.id(finders, &mut name.stood) })
    } else {
        None
    };
    Ok(Body { what, wanted: flags.0, newcomer: None })
}

/// What was opened and how, of an event that is written as all are.
#[inline]
fn opened_near<'a>(scanner: &mut Scanner<'a>) -> Option<(OpenFlags, RawFile<'a>)> {
    const FLAGS: u64 = head(b"\"fflag\":");
    const FILE: u64 = head(b"\"file\":{");
    let (mut flags, mut file) = (None, None);
    scanner.near_fields(|scanner, head| {
        match head {
            FLAGS => {
                scanner.advance(8);
                flags = scanner.number().ok()?;
            }
            FILE => {
                scanner.advance(7);
                file = Some(RawFile::read_near(scanner)?);
            }
            _ => return None,
        }
        Some(())
    })?;
    Some((OpenFlags(flags?), file?))
}

fn opened<'a>(scanner: &mut Scanner<'a>) -> Read<(OpenFlags, RawFile<'a>)> {
    let (mut flags, mut file) = (None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"fflag" => flags = scanner.number::<i64>()?,
            b"file" => file = RawFile::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let file = file.ok_or(LineError::Missing("event.open.file.path"))?;
    // The mask is an int in C and its high bits may be printed as a sign.
    Ok((OpenFlags(flags.ok_or(LineError::Missing("event.open.fflag"))? as u32), file))
}

/// The next in number to opens, and few of them are of a file that was written to.
#[inline]
fn close<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<Option<What>> {
    let (changed, file) = match scanner.attempt(closed_near) {
        Some((changed, file)) => (changed, Some(file)),
        None => closed(scanner)?,
    };
    if !changed {
        return Ok(None);
    }
    let file = file.ok_or(LineError::Missing("event.close.target.path"))?;
    Ok(Some(What::Written { file: file.build(&mut context.tools)? }))
}

/// Whether a file was changed and which, of an event that is written as all are.
#[inline]
fn closed_near<'a>(scanner: &mut Scanner<'a>) -> Option<(bool, RawFile<'a>)> {
    const MODIFIED: u64 = head(b"\"modifie");
    const MAPPED: u64 = head(b"\"was_map");
    const TARGET: u64 = head(b"\"target\"");
    let (mut changed, mut file) = (false, None);
    scanner.near_fields(|scanner, head| {
        match head {
            MODIFIED => {
                scanner.expect(b"\"modified\":")?;
                changed |= scanner.near_flag()?;
            }
            MAPPED => {
                scanner.expect(b"\"was_mapped_writable\":")?;
                changed |= scanner.near_flag()?;
            }
            TARGET => {
                scanner.expect(b"\"target\":")?;
                file = Some(RawFile::read_near(scanner)?);
            }
            _ => return None,
        }
        Some(())
    })?;
    Some((changed, file?))
}

fn closed<'a>(scanner: &mut Scanner<'a>) -> Scan<(bool, Option<RawFile<'a>>)> {
    let (mut changed, mut file) = (false, None);
    scanner.fields(|scanner, key| {
        match key {
            b"modified" | b"was_mapped_writable" => changed |= scanner.flag()?.unwrap_or(false),
            b"target" => file = RawFile::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok((changed, file))
}

fn fork<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<Body> {
    let mut child = None;
    scanner.fields(|scanner, key| {
        match key {
            b"child" => child = RawProcess::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let child = child.ok_or(LineError::Missing("event.fork.child"))?;
    let what = What::Fork { child: child.build(context.tools.scratch)? };
    Ok(Body { what: Some(what), wanted: 0, newcomer: child.newcomer() })
}

fn remote_thread<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let mut target = None;
    scanner.fields(|scanner, key| {
        match key {
            b"target" => target = RawProcess::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let target = target.ok_or(LineError::Missing("event.remote_thread_create.target"))?;
    Ok(What::ThreadStarted { target: target.build(context.tools.scratch)? })
}

fn create<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let (_, to) = source_and_destination(scanner)?;
    let to = to.ok_or(LineError::Missing("event.create.destination"))?;
    Ok(What::Created { file: to.build(&mut context.tools)? })
}

fn rename<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let (from, to) = source_and_destination(scanner)?;
    let from = from.ok_or(LineError::Missing("event.rename.source.path"))?;
    let to = to.ok_or(LineError::Missing("event.rename.destination"))?;
    let (from, to) = (from.build(&mut context.tools)?, to.build(&mut context.tools)?);
    Ok(What::Renamed { from: Box::new(from), to })
}

fn exchange<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let (mut one, mut other) = (None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"file1" => one = RawFile::read(scanner)?,
            b"file2" => other = RawFile::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let one = one.ok_or(LineError::Missing("event.exchangedata.file1.path"))?;
    let other = other.ok_or(LineError::Missing("event.exchangedata.file2.path"))?;
    let one = Box::new(one.build(&mut context.tools)?);
    Ok(What::Exchanged { one, other: Box::new(other.build(&mut context.tools)?) })
}

fn source_and_destination<'a>(
    scanner: &mut Scanner<'a>,
) -> Scan<(Option<RawFile<'a>>, Option<Destination<'a>>)> {
    let (mut from, mut to) = (None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"source" => from = RawFile::read(scanner)?,
            b"destination" => to = Destination::read(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok((from, to))
}

/// The file under this key.
#[inline]
fn named<'a>(scanner: &mut Scanner<'a>, name: &[u8], missing: &'static str) -> Read<RawFile<'a>> {
    let mut file = None;
    scanner.fields(|scanner, key| {
        let any = scanner.attempt(RawFile::read_near);
        match any {
            Some(_) if key != name => {}
            Some(_) => file = any,
            None if key == name => file = RawFile::read(scanner)?,
            None => scanner.skip()?,
        }
        Ok(())
    })?;
    file.ok_or(LineError::Missing(missing))
}

fn set_attribute<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<Option<What>> {
    let (mut file, mut name) = (None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"target" => file = RawFile::read(scanner)?,
            b"extattr" => name = scanner.text()?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let file = file.ok_or(LineError::Missing("event.setextattr.target.path"))?;
    let mark = name.and_then(|name| attributes::mark(name.bytes(context.tools.scratch)));
    let Some(mark) = mark else { return Ok(None) };
    Ok(Some(What::Marked { file: Box::new(file.build(&mut context.tools)?), mark }))
}

/// A mapping for reading, of a file that matters, is an open for reading. Of any other file it tells nothing that its
/// open did not.
fn mmap<G: Gate + ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<Option<What>> {
    /// `bsd/sys/mman.h`
    const PROT_READ: i64 = 1;
    let (mut source, mut protection) = (None, 0);
    scanner.fields(|scanner, key| {
        match key {
            b"source" => source = RawFile::read(scanner)?,
            b"protection" => protection = scanner.number()?.unwrap_or(0),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let source = source.ok_or(LineError::Missing("event.mmap.source.path"))?;
    if protection & PROT_READ == 0 || !context.ask(source.path).matters {
        return Ok(None);
    }
    Ok(Some(What::Open { file: source.build(&mut context.tools)?, flags: OpenFlags(OpenFlags::FREAD) }))
}

/// `link`, `clone`, `copyfile`: a source, and a name in a directory, or (`copyfile`) over a file that exists.
fn second_name<G: ?Sized>(kind: Kind, scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let (mut source, mut existing, mut dir, mut name) = (None, None, None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"source" => source = RawFile::read(scanner)?,
            b"target_file" => existing = RawFile::read(scanner)?,
            b"target_dir" => dir = RawFile::read(scanner)?,
            b"target_name" | b"target_filename" => name = scanner.text()?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let source = source.ok_or(LineError::Missing("event.*.source.path"))?;
    let to = copy_target(existing, dir, name, context.tools.scratch);
    let to = to.ok_or(LineError::Missing("event.*.target_dir"))?;
    let from = Box::new(source.build(&mut context.tools)?);
    Ok(match kind {
        Kind::Link => What::Linked { from, to },
        _ => What::Copied { from, to, clone: kind == Kind::Clone },
    })
}

fn xpc_connect<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let mut name = None;
    scanner.fields(|scanner, key| {
        match key {
            b"service_name" => name = scanner.text()?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let name = name.ok_or(LineError::Missing("event.xpc_connect.service_name"))?;
    Ok(What::ServiceAsked { name: name.boxed_str(context.tools.scratch) })
}

fn uipc_connect<G: ?Sized>(scanner: &mut Scanner<'_>, context: &mut Context<'_, G>) -> Read<What> {
    let file = named(scanner, b"file", "event.uipc_connect.file.path")?;
    Ok(What::SocketAsked { path: file.path(context.tools.scratch) })
}
