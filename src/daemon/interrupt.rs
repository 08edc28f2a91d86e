//! Ctrl-C during a replay of something that never ends by itself.

use std::process;
use std::{future, io, thread};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::sensor::halt::{Halt, Halter};
use crate::sys::signals;

/// What a shell says of a program that a signal ended, beside the signal's number.
const BY_SIGNAL: i32 = 128;

/// A signal that is heard of, unless it was ignored when the program was started: a script does so with what it starts in
/// the background, which is not to hear of the Ctrl-C that ends what stands in front.
pub(super) struct Heard(Option<Signal>);

impl Heard {
    pub(super) fn of(kind: SignalKind) -> io::Result<Self> {
        let ignored = signals::is_ignored(kind.as_raw_value());
        Ok(Self(if ignored { None } else { Some(signal(kind)?) }))
    }

    pub(super) async fn recv(&mut self) {
        match &mut self.0 {
            Some(signal) => _ = signal.recv().await,
            None => future::pending().await,
        }
    }
}

/// From now on the first SIGINT or SIGTERM ends the inputs that hear of it, and the second one the process. Fails where the
/// system gives no pipe, no signal handler or no thread: then signals end the process at once.
pub fn watch() -> io::Result<Halt> {
    let mut halter = Some(Halter::new()?);
    let halt = halter.as_ref().map(Halter::ear).unwrap_or_default();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (Heard::of(SignalKind::interrupt())?, Heard::of(SignalKind::terminate())?)
    };
    let listen = async move {
        loop {
            let kind = tokio::select! {
                () = interrupt.recv() => SignalKind::interrupt(),
                () = terminate.recv() => SignalKind::terminate(),
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
