//! The thread that listens to packets: opens the source, opens it again when it fails, and says what was not seen
//! meanwhile.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::config::Capture;
use crate::model::{CoverageKind, Span};
use crate::sensor::inlet::Inlet;
use crate::sensor::kernel_counts::KernelCounts;
use crate::sensor::pktap::Pktap;
use crate::sensor::tap::{Ended, Listener, Meter, Source, Stream};
use crate::sensor::{ntstat, running};

use super::clock;
use super::{RunError, say};

/// Waits before a new try: doubled from the first to the last, and back to the first after a life of [`LONG_LIFE`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LAST_WAIT: Duration = Duration::from_secs(60);
const LONG_LIFE: Duration = Duration::from_secs(60);
/// Between two looks whether it is time to stop.
const STEP: Duration = Duration::from_millis(50);

/// The tap at work.
pub(super) struct Tapping {
    capture: Capture,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    meter: Arc<Meter>,
    trouble: Trouble,
}

/// Why no packets are seen now.
type Trouble = Arc<Mutex<Option<String>>>;

impl Tapping {
    /// `hold`: how long the engine waits for latecomers.
    pub(super) fn start(capture: &Capture, hold: Span, inlet: &Arc<Inlet>) -> Result<Self, RunError> {
        let (stop, meter) = (Arc::new(AtomicBool::new(false)), Arc::new(Meter::default()));
        let trouble = Trouble::default();
        let keeper = Keeper {
            capture: capture.clone(),
            // Half of it, so that what the tap tells late is in time with what the other sensors tell late.
            slack: Span::from_nanos(hold.as_nanos() / 2),
            inlet: Arc::clone(inlet),
            meter: Arc::clone(&meter),
            stop: Arc::clone(&stop),
            trouble: Arc::clone(&trouble),
            no_counts: RefCell::default(),
        };
        let thread = thread::Builder::new().name("packet-tap".to_owned()).spawn(move || keeper.keep());
        let thread = thread.map_err(|error| RunError::Start("the packet tap's thread", error))?;
        Ok(Self { capture: capture.clone(), stop, thread: Some(thread), meter, trouble })
    }

    /// Another source, if it is another one.
    pub(super) fn adopt(&mut self, capture: &Capture, hold: Span, inlet: &Arc<Inlet>) {
        if *capture == self.capture {
            return;
        }
        self.stop();
        match Self::start(capture, hold, inlet) {
            Ok(tapping) => *self = tapping,
            Err(error) => {
                tracing::error!("{error}");
                say(inlet, CoverageKind::CaptureLoss, &format!("no packets are seen: {error}"));
            }
        }
    }

    /// Why no packets are seen now; nothing while they are.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// When it returns, what was heard is with the engine and nothing more will come.
    pub(super) fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the packet tap's thread failed");
        }
    }
}

struct Keeper {
    capture: Capture,
    slack: Span,
    inlet: Arc<Inlet>,
    meter: Arc<Meter>,
    stop: Arc<AtomicBool>,
    trouble: Trouble,
    /// Why the kernel's counts are not tried any more.
    no_counts: RefCell<Option<String>>,
}

impl Keeper {
    fn keep(&self) {
        let mut wait = FIRST_WAIT;
        let mut known = String::new();
        loop {
            let born = Instant::now();
            let trouble = match &self.capture {
                Capture::Off => return self.blind("the configuration says `[sensor] capture = \"off\"`"),
                Capture::Stream(path) => self.stream(path),
                Capture::Pktap => match self.pktap() {
                    Some(trouble) => trouble,
                    None => return,
                },
            };
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            if born.elapsed() >= LONG_LIFE {
                wait = FIRST_WAIT;
                known.clear();
            }
            self.note(Some(&trouble));
            // The same trouble is told once; that it goes on, the log says.
            if trouble != known {
                self.blind(&trouble);
                known = trouble;
            }
            tracing::info!("the packet tap is tried again in {wait:?}");
            if !self.sleep(wait) {
                return;
            }
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// What went wrong; nothing if it is no use to try again, which is then said already.
    fn pktap(&self) -> Option<String> {
        let opened = match Pktap::open() {
            Ok(tap) => Ok(tap),
            Err(trouble) => {
                let text = format!("{trouble}; {}", trouble.remedy());
                if !trouble.may_pass() {
                    self.blind(&text);
                    return None;
                }
                self.count_instead(&text)
            }
        };
        Some(match opened {
            Ok(mut tap) => {
                tracing::info!("the packet tap is open");
                self.listen(&mut tap)
            }
            Err(trouble) => trouble,
        })
    }

    /// Goes by the kernel's own counts until the tap opens after all. `why` it does not; the error adds why there is
    /// nothing in its place.
    fn count_instead(&self, why: &str) -> Result<Pktap, String> {
        if let Some(none) = &*self.no_counts.borrow() {
            return Err(format!("{why}; {none}"));
        }
        let (born, mut tap) = (Instant::now(), None);
        let (mut wait, mut next) = (FIRST_WAIT, born + FIRST_WAIT);
        let mut enough = || {
            if Instant::now() >= next {
                tap = Pktap::open().ok();
                wait = (wait * 2).min(LAST_WAIT);
                next = Instant::now() + wait;
            }
            tap.is_some()
        };
        let ended = match KernelCounts::open() {
            Ok(mut counts) => {
                self.half_blind(why);
                catch(|| ntstat::listen(&self.listener(), &mut counts, &mut enough))
            }
            Err(none) => none,
        };
        tap.ok_or_else(|| {
            if born.elapsed() < LONG_LIFE {
                *self.no_counts.borrow_mut() = Some(ended.clone());
            }
            format!("{why}; {ended}")
        })
    }

    fn stream(&self, path: &Path) -> String {
        match Stream::open(path, &self.stop) {
            Ok(mut stream) => {
                tracing::info!(path = %path.display(), "reading packets");
                self.listen(&mut stream)
            }
            Err(Ended::Failed(why)) => why,
            Err(Ended::Stopped) => String::new(),
        }
    }

    fn listen(&self, source: &mut dyn Source) -> String {
        self.note(None);
        catch(|| self.listener().listen(source))
    }

    fn listener(&self) -> Listener<'_> {
        Listener {
            inlet: &self.inlet,
            meter: &self.meter,
            stop: &self.stop,
            now: clock::now,
            who: running::one,
            slack: self.slack,
        }
    }

    fn note(&self, trouble: Option<&str>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble.map(str::to_owned);
    }

    fn half_blind(&self, why: &str) {
        let text = format!(
            "no packets are seen: {why}; the kernel's own counts (NetworkStatistics) tell each connection's owner and \
             bytes meanwhile, but no name, so that uploads go to unknown places"
        );
        self.note(Some(&text));
        tracing::error!("{text}");
        say(&self.inlet, CoverageKind::CaptureLoss, &text);
    }

    fn blind(&self, why: &str) {
        self.note(Some(why));
        tracing::error!("no packets are seen: {why}");
        let text = format!(
            "no packets are seen, and of uploads only what is put into folders that sync clients upload: {why}"
        );
        say(&self.inlet, CoverageKind::CaptureLoss, &text);
    }

    /// False if it is time to stop.
    fn sleep(&self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        while Instant::now() < end && !self.stop.load(Ordering::Relaxed) {
            thread::sleep(STEP);
        }
        !self.stop.load(Ordering::Relaxed)
    }
}

/// Why listening ended; empty if it was told to.
fn catch(listen: impl FnOnce() -> Ended) -> String {
    match catch_unwind(AssertUnwindSafe(listen)) {
        Ok(Ended::Failed(why)) => why,
        Ok(Ended::Stopped) => String::new(),
        Err(_) => "a fault of cloudward while reading packets; please report it with the log".to_owned(),
    }
}
