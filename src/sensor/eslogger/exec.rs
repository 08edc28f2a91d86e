//! What an exec event says beside the new image: arguments, environment, descriptors.

use crate::model::{ExecFacts, PipeEnd, Script, What};
use crate::sensor::exec_limits::{MAX_ARG_BYTES, MAX_ARGS, MAX_ENV_BYTES, MAX_PIPES, env_kept};
use crate::sensor::gate::Gate;

use super::error::LineError;
use super::events::Body;
use super::file::RawFile;
use super::process::RawProcess;
use super::scan::{Scan, Scanner};
use super::text::Text;

/// `fdtype` of a pipe: `PROX_FDTYPE_PIPE` of `bsd/sys/proc_info.h`.
const FDTYPE_PIPE: u32 = 6;

/// The new image and its facts.
pub(super) fn read<G: Gate + ?Sized>(
    scanner: &mut Scanner<'_>,
    scratch: &mut Vec<u8>,
    gate: &G,
) -> Result<Body, LineError> {
    let (mut target, mut facts) = (None, Box::<ExecFacts>::default());
    scanner.fields(|scanner, key| {
        match key {
            b"target" => target = RawProcess::read(scanner)?,
            b"args" => facts.args = read_args(scanner, scratch)?,
            b"env" => facts.env = read_env(scanner, scratch, gate)?,
            b"cwd" => facts.cwd = RawFile::read(scanner)?.map(|file| file.path(scratch)),
            b"script" => {
                facts.script = RawFile::read(scanner)?.map(|file| Script { path: file.path(scratch) });
            }
            b"fds" => facts.pipes = read_pipes(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let target = target.ok_or(LineError::Missing("event.exec.target"))?;
    let what = What::Exec { target: target.build(scratch)?, facts };
    Ok(Body { what: Some(what), wanted: 0, newcomer: target.newcomer() })
}

fn read_args(scanner: &mut Scanner<'_>, scratch: &mut Vec<u8>) -> Scan<Vec<Box<str>>> {
    let (mut args, mut left) = (Vec::new(), MAX_ARG_BYTES);
    each_text(scanner, |text| {
        if args.len() < MAX_ARGS && left > 0 {
            let bytes = text.bytes(scratch);
            let bytes = bytes.get(..left).unwrap_or(bytes);
            left -= bytes.len();
            args.push(lossy(bytes));
        }
    })?;
    Ok(args)
}

fn read_env<G: Gate + ?Sized>(
    scanner: &mut Scanner<'_>,
    scratch: &mut Vec<u8>,
    gate: &G,
) -> Scan<Vec<(Box<str>, Box<str>)>> {
    let (mut env, mut left) = (Vec::new(), MAX_ENV_BYTES);
    each_text(scanner, |text| {
        // Few variables are kept: their names are looked at as they are written, which is how they are meant.
        let Some(at) = memchr::memchr(b'=', text.0) else { return };
        let (name, value) = text.0.split_at(at);
        if !env_kept(name, gate) {
            return;
        }
        let value = Text(value.get(1..).unwrap_or_default()).bytes(scratch);
        let length = name.len() + 1 + value.len();
        if length <= left {
            left -= length;
            env.push((lossy(name), lossy(value)));
        }
    })?;
    Ok(env)
}

fn each_text<'a>(scanner: &mut Scanner<'a>, mut each: impl FnMut(Text<'a>)) -> Scan<()> {
    if scanner.enter_array()? {
        while scanner.item()? {
            if let Some(text) = scanner.text()? {
                each(text);
            }
        }
    }
    Ok(())
}

fn lossy(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into_owned().into_boxed_str()
}

fn read_pipes(scanner: &mut Scanner<'_>) -> Scan<Vec<PipeEnd>> {
    let mut pipes = Vec::new();
    if scanner.enter_array()? {
        while scanner.item()? {
            if let Some(pipe) = read_descriptor(scanner)?
                && pipes.len() < MAX_PIPES
            {
                pipes.push(pipe);
            }
        }
    }
    Ok(pipes)
}

/// `{"fd":1,"fdtype":6,"pipe":{"pipe_id":1234}}`; `None` for any other kind of descriptor.
fn read_descriptor(scanner: &mut Scanner<'_>) -> Scan<Option<PipeEnd>> {
    let (mut fd, mut fdtype, mut id) = (None, None, None);
    scanner.fields(|scanner, key| {
        match key {
            b"fd" => fd = scanner.number()?,
            b"fdtype" => fdtype = scanner.number()?,
            b"pipe" => id = read_pipe_id(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(fd.zip(id).filter(|_| fdtype == Some(FDTYPE_PIPE)).map(|(fd, id)| PipeEnd { fd, id }))
}

fn read_pipe_id(scanner: &mut Scanner<'_>) -> Scan<Option<u64>> {
    let mut id = None;
    scanner.fields(|scanner, key| {
        match key {
            b"pipe_id" => id = scanner.number()?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(id)
}
