//! Ctrl-C during a replay of something that never ends by itself.

use std::process;
use std::{io, thread};

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::sensor::halt::{Halt, Halter};

/// What a shell says of a program that a signal ended, beside the signal's number.
const BY_SIGNAL: i32 = 128;

/// From now on the first SIGINT or SIGTERM ends the inputs that hear of it, and the second one the process.
pub fn watch() -> io::Result<Halt> {
    let mut halter = Some(Halter::new()?);
    let halt = halter.as_ref().map(Halter::ear).unwrap_or_default();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let listen = async move {
        loop {
            let kind = tokio::select! {
                _ = interrupt.recv() => SignalKind::interrupt(),
                _ = terminate.recv() => SignalKind::terminate(),
            };
            match halter.take() {
                Some(halter) => halter.halt(),
                None => process::exit(BY_SIGNAL + kind.as_raw_value()),
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(listen))?;
    Ok(halt)
}
