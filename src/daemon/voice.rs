//! Where records go: to standard output, or to the outputs of the configuration. Which may change while it runs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::config::Settings;
use crate::model::Record;
use crate::sink::counters::Board;

use super::RunError;
use super::delivering::{Delivering, Plan, TEND};
use super::logs::Logs;
use super::speaking::Speaking;

/// Records on their way out. Above it the engine waits.
const RECORDS: usize = 1024;
/// Where nothing waits in a spool, nothing but a new configuration can come.
const IDLE: Duration = Duration::from_secs(1);

/// Whoever takes the records of this run. It ends when there are no more, or when they cannot be written.
pub(super) struct Voice {
    gone: oneshot::Receiver<()>,
    thread: JoinHandle<io::Result<()>>,
    orders: Sender<Order>,
    board: Arc<Board>,
    /// The folder that is in use.
    spool: Option<PathBuf>,
}

enum Order {
    /// The first outputs.
    Begin(Box<Delivering>),
    Adopt(Plan),
}

impl Voice {
    pub(super) fn start(
        settings: &Settings,
        logs: Option<Logs>,
    ) -> Result<(Self, SyncSender<Record>), RunError> {
        let (records, spoken) = sync_channel(RECORDS);
        let (orders, given) = mpsc::channel();
        let (here, gone) = oneshot::channel();
        let mut mouth = Mouth { speaking: Speaking::new(io::stdout()), delivering: None, logs };
        let board = Arc::default();
        if !settings.outputs.is_empty() {
            mouth.delivering = Some(Delivering::open(Plan::of(settings), &board)?);
        }
        let spool = mouth.delivering.is_some().then(|| settings.spool.path.clone());
        let thread = thread::Builder::new().name("speaking".to_owned()).spawn(move || {
            let _here = here;
            mouth.run(&spoken, &given)
        });
        let thread = thread.map_err(|error| RunError::Start("the output's thread", error))?;
        Ok((Self { gone, thread, orders, board, spool }, records))
    }

    /// Other outputs, from the next record on. After an error the old ones are still served.
    pub(super) fn adopt(&mut self, settings: &Settings) -> Result<(), RunError> {
        let plan = Plan::of(settings);
        let order = match &self.spool {
            None if plan.outputs.is_empty() => return Ok(()),
            None => {
                let path = plan.spool.path.clone();
                let delivering = Delivering::open(plan, &self.board)?;
                self.spool = Some(path);
                Order::Begin(Box::new(delivering))
            }
            Some(path) => {
                if *path != plan.spool.path && !plan.outputs.is_empty() {
                    let (old, new) = (path.display(), plan.spool.path.display());
                    tracing::warn!("the spool stays at {old} until the next start, then it is at {new}");
                }
                Order::Adopt(plan)
            }
        };
        // If the thread is gone, `gone` says so.
        let _ = self.orders.send(order);
        Ok(())
    }

    /// How the outputs go, for whoever reports it.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    pub(super) async fn gone(&mut self) {
        if !self.gone.is_terminated() {
            let _ = (&mut self.gone).await;
        }
    }

    /// Call when [`Voice::gone`] has returned.
    pub(super) fn outcome(self) -> io::Result<()> {
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| {
            Err(io::Error::other("a fault of cloudward while keeping or writing a record"))
        })
    }
}

/// What the thread works with.
struct Mouth {
    speaking: Speaking<io::Stdout>,
    delivering: Option<Delivering>,
    logs: Option<Logs>,
}

impl Mouth {
    fn run(mut self, records: &Receiver<Record>, orders: &Receiver<Order>) -> io::Result<()> {
        loop {
            let rests = self.delivering.as_ref().is_none_or(Delivering::rests);
            let patience = if rests { IDLE } else { TEND };
            let heard = records.recv_timeout(patience);
            orders.try_iter().for_each(|order| self.obey(order));
            match heard {
                Ok(record) => self.say(std::iter::once(record).chain(records.try_iter().take(RECORDS)))?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let losses = self.delivering.as_mut().map(Delivering::tend).unwrap_or_default();
            if !losses.is_empty() {
                self.say(losses.into_iter())?;
            }
            self.speaking.tend()?;
            self.logs.iter_mut().for_each(|logs| logs.tend(Instant::now()));
        }
        self.delivering.into_iter().for_each(Delivering::close);
        self.speaking.close()
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Begin(delivering) => self.delivering = Some(*delivering),
            Order::Adopt(plan) => {
                if let Some(delivering) = &mut self.delivering {
                    delivering.adopt(plan);
                }
            }
        }
    }

    fn say(&mut self, records: impl Iterator<Item = Record>) -> io::Result<()> {
        match self.delivering.as_mut().filter(|delivering| delivering.serves()) {
            Some(delivering) => {
                delivering.raise(records);
                Ok(())
            }
            None => self.speaking.say(records),
        }
    }
}
