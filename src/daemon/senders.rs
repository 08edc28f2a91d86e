//! The tasks that bring records from the spool to the outputs, on a thread of their own. Which outputs there are may
//! change while they run: those that stay as they are notice nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task;
use tokio::time::{sleep, timeout};

use crate::sink::counters::Board;
use crate::sink::delivery::{Delivery, Stay};
use crate::sink::output::Output;
use crate::sink::spool::Shared;

use super::RunError;

/// For the outputs to send what is left, at the end. What they do not send stays in the spool.
const GRACE: Duration = Duration::from_secs(6);
/// For an output that is no longer configured to send what it still has.
const LEAVING: Duration = Duration::from_secs(60);

/// The outputs at work.
pub(super) struct Senders {
    orders: UnboundedSender<Order>,
    thread: JoinHandle<()>,
}

enum Order {
    /// Exactly these, from now on. Records from the number on are not for those that leave.
    Serve(Vec<Output>, u64),
    Finish,
}

impl Senders {
    pub(super) fn start(spool: Arc<Shared>, board: Arc<Board>) -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| RunError::Start("the outputs' runtime", error))?;
        let (orders, given) = mpsc::unbounded_channel();
        let tasks = Tasks { spool, board, serving: BTreeMap::new(), leaving: BTreeMap::new() };
        let thread = thread::Builder::new()
            .name("delivering".to_owned())
            .spawn(move || runtime.block_on(tasks.run(given)));
        let thread = thread.map_err(|error| RunError::Start("the outputs' thread", error))?;
        Ok(Self { orders, thread })
    }

    pub(super) fn serve(&self, outputs: Vec<Output>, before: u64) {
        self.order(Order::Serve(outputs, before));
    }

    /// Send what is left, within the grace.
    pub(super) fn finish(&self) {
        self.order(Order::Finish);
    }

    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::error!("the outputs' thread is gone: the spool keeps what is raised");
        }
    }
}

struct Tasks {
    spool: Arc<Shared>,
    board: Arc<Board>,
    serving: BTreeMap<String, Task>,
    leaving: BTreeMap<String, Task>,
}

struct Task {
    output: Output,
    stay: watch::Sender<Stay>,
    handle: task::JoinHandle<()>,
}

impl Tasks {
    async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        while let Some(Order::Serve(outputs, before)) = orders.recv().await {
            self.serve(outputs, before).await;
        }
        for task in self.serving.values() {
            task.stay.send_replace(Stay::Settle);
        }
        let finish = async {
            for task in self.serving.into_values().chain(self.leaving.into_values()) {
                let _ = task.handle.await;
            }
        };
        if timeout(GRACE, finish).await.is_err() {
            tracing::warn!("not every output took everything in time: the spool keeps the rest");
        }
    }

    async fn serve(&mut self, outputs: Vec<Output>, before: u64) {
        self.leaving.retain(|_, task| !task.handle.is_finished());
        for (name, task) in std::mem::take(&mut self.serving) {
            match outputs.iter().find(|output| output.name == name) {
                Some(output) if *output == task.output => _ = self.serving.insert(name, task),
                // What its receiver has not confirmed is sent again, by the settings that are new.
                Some(_) => task.stop().await,
                None => {
                    tracing::info!(output = %name, "no longer configured: it sends what it still has");
                    task.stay.send_replace(Stay::Leave { before });
                    self.leaving.insert(name, task);
                }
            }
        }
        for output in outputs {
            if self.serving.contains_key(&output.name) {
                continue;
            }
            if let Some(task) = self.leaving.remove(&output.name) {
                task.stop().await;
            }
            self.serving.insert(output.name.clone(), self.start(output));
        }
    }

    fn start(&self, output: Output) -> Task {
        let counters = self.board.counters(&output.name);
        let delivery = Delivery::new(output.clone(), Arc::clone(&self.spool), counters);
        let (stay, told) = watch::channel(Stay::On);
        Task { output, stay, handle: task::spawn(deliver(delivery, told)) }
    }
}

impl Task {
    /// At once. Nothing of it runs any more when this returns.
    async fn stop(self) {
        self.handle.abort();
        let _ = self.handle.await;
    }
}

/// One output, until it is done. If it leaves, it has some time for what is left.
async fn deliver(mut delivery: Delivery, mut stay: watch::Receiver<Stay>) {
    let leaves = |stay: &Stay| matches!(stay, Stay::Leave { .. });
    let told = stay.clone();
    let patience = async {
        let left = stay.wait_for(leaves).await.is_ok();
        if left {
            sleep(LEAVING).await;
        } else {
            std::future::pending().await
        }
    };
    tokio::select! {
        () = delivery.run(told.clone()) => {}
        () = patience => {}
    }
    if leaves(&told.borrow()) {
        delivery.leave();
    }
}
