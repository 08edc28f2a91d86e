//! Two clients: made, kept and deleted on one thread, their messages read on threads that belong to the system.
//!
//! One hears how processes live and files move, and is never muted. The other hears opens of selected paths only, so that
//! a flood of opens pushes nothing else out. What the two say is put in order later, by time.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread::{self, JoinHandle};

use endpoint_sec::sys::{
    MuteInvertedType, NewClientError, ReturnError, audit_token_t, es_event_type_t, es_mute_inversion_type_t,
    es_mute_path_type_t,
};
use endpoint_sec::{AuditToken, Client, Message, version};

use crate::model::{Coverage, CoverageKind, Input, Observed, Pid, Timestamp};
use crate::sensor::inlet::Inlet;
use crate::sensor::loss::{Hearer, Numbers};
use crate::sensor::running;
use crate::sensor::selection::{Change, MAX_STAGED, Selection, Staging};
use crate::sensor::trouble::Trouble;
use crate::sys;

use super::convert;

/// Of the client that is never muted. All exist since macOS 12.
const LIFE: [es_event_type_t; 17] = [
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXEC,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_FORK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXIT,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CLOSE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CREATE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_RENAME,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXCHANGEDATA,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_UNLINK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_LINK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CLONE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_COPYFILE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_SETEXTATTR,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CS_INVALIDATED,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_REMOTE_THREAD_CREATE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_MOUNT,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_UNMOUNT,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_UIPC_CONNECT,
];
/// What exists since macOS 14 only: an older system refuses it, and with it all that is asked for in the same call.
const LATER: [es_event_type_t; 1] = [es_event_type_t::ES_EVENT_TYPE_NOTIFY_XPC_CONNECT];
const OPENS: [es_event_type_t; 1] = [es_event_type_t::ES_EVENT_TYPE_NOTIFY_OPEN];

const TARGETS: es_mute_inversion_type_t = es_mute_inversion_type_t::ES_MUTE_INVERSION_TYPE_TARGET_PATH;
const PREFIX: es_mute_path_type_t = es_mute_path_type_t::ES_MUTE_PATH_TYPE_TARGET_PREFIX;
const LITERAL: es_mute_path_type_t = es_mute_path_type_t::ES_MUTE_PATH_TYPE_TARGET_LITERAL;

/// A subscription that runs until it is stopped.
#[derive(Debug)]
pub struct Running {
    orders: SyncSender<Order>,
    owner: JoinHandle<()>,
}

/// Orders that wait at most: some 100 bytes each. Two for every staged file, twice over.
const MAX_ORDERS: usize = 4 * MAX_STAGED;

/// What the owner of the clients is told to do.
#[derive(Debug)]
enum Order {
    Stop,
    Adopt(Selection),
    Change(Change),
}

impl Running {
    /// Other places to hear opens of, from now on.
    pub fn adopt(&self, selection: Selection) {
        let _ = self.orders.send(Order::Adopt(selection));
    }

    /// Its owner is gone, which without [`Running::stop`] only a fault does.
    pub fn has_ended(&self) -> bool {
        self.owner.is_finished()
    }

    /// Ends the subscription. When it returns, no further message is read.
    pub fn stop(self) {
        let _ = self.orders.send(Order::Stop);
        if self.owner.join().is_err() {
            tracing::error!("the thread that owned the Endpoint Security clients failed");
        }
    }
}

/// Subscribes, then introduces who runs already. The events of this process itself are muted: it reads its own files.
pub fn start(inlet: &Arc<Inlet>, selection: Selection, now: fn() -> Timestamp) -> Result<Running, Trouble> {
    tell_the_version();
    let (ready, answer) = mpsc::channel();
    let (orders, taken) = mpsc::sync_channel(MAX_ORDERS);
    let ears = Ears {
        inlet: Arc::clone(inlet),
        staging: Arc::new(Mutex::new(Staging::new(selection.clone()))),
        orders: orders.clone(),
    };
    let owner = thread::Builder::new()
        .name("endpoint-security".to_owned())
        .spawn(move || own(&ears, selection, &ready, &taken, now))
        .map_err(|error| Trouble::Refused(error.to_string()))?;
    match answer.recv() {
        Ok(Ok(())) => Ok(Running { orders, owner }),
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Internal),
    }
}

/// Whether a client could be had now: one is made, and let go at once.
pub fn probe() -> Result<(), Trouble> {
    tell_the_version();
    let client = Client::new(|_: &mut Client<'_>, _| {}).map_err(told)?;
    client.delete().map_err(refused)
}

/// The crate must know the system's version before any other call, and must never be told another.
fn tell_the_version() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Our deployment target is the oldest that can run us.
        let (major, minor, patch) = sys::os_version().unwrap_or((13, 0, 0));
        version::set_runtime_version(major, minor, patch);
    });
}

/// The life of the clients: `es_delete_client` must run on the thread that called `es_new_client`.
fn own(
    ears: &Ears,
    selection: Selection,
    ready: &Sender<Result<(), Trouble>>,
    taken: &Receiver<Order>,
    now: fn() -> Timestamp,
) {
    let begun = now();
    let clients = subscribe(ears, &selection);
    let (life, mut opens) = match clients {
        Ok(clients) => clients,
        Err(trouble) => {
            let _ = ready.send(Err(trouble));
            return;
        }
    };
    // Subscribed first, asked then: whoever began in between is heard, and known by then or not.
    ears.inlet.introduce(running::all(), begun);
    let _ = ready.send(Ok(()));
    opens.obey(ears, selection, taken, now);
    for client in [life, opens.client] {
        if let Err(error) = client.delete() {
            tracing::warn!(%error, "an Endpoint Security client could not be deleted");
        }
    }
}

/// The clients, or the reason why there are none: a client that was made is deleted when the other one fails.
fn subscribe(ears: &Ears, selection: &Selection) -> Result<(Client<'static>, Opens), Trouble> {
    let mut life = client(ears, Hearer::Life)?;
    let mut opens = Opens { client: client(ears, Hearer::Opens)?, inverted: false };
    opens.invert(selection);
    // Opens first: a process heard of by its open is introduced by it.
    opens.client.subscribe(&OPENS).map_err(refused)?;
    life.subscribe(&LIFE).map_err(refused)?;
    if sys::os_version().is_some_and(|version| version >= (14, 0, 0))
        && let Err(error) = life.subscribe(&LATER)
    {
        tracing::warn!(%error, "connections to services are not told");
    }
    Ok((life, opens))
}

fn client(ears: &Ears, hearer: Hearer) -> Result<Client<'static>, Trouble> {
    // The bound asks for no `Send`, yet the system calls from a thread of its own: what is captured is `Send` and `Sync`.
    let ears = AssertUnwindSafe(ears.clone());
    let mut client =
        Client::new(move |_: &mut Client<'_>, message| ears.hear(hearer, &message)).map_err(told)?;
    match sys::own_audit_token() {
        Some(val) => client.mute_process(&AuditToken(audit_token_t { val })).map_err(refused)?,
        None => tracing::warn!(
            "this process could not name itself to Endpoint Security: it will hear its own events"
        ),
    }
    Ok(client)
}

fn refused(error: ReturnError) -> Trouble {
    Trouble::Refused(error.to_string())
}

fn told(error: NewClientError) -> Trouble {
    match error {
        NewClientError::NotEntitled => Trouble::NotEntitled,
        NewClientError::NotPermitted => Trouble::NotPermitted,
        NewClientError::NotPrivileged => Trouble::NotPrivileged,
        NewClientError::TooManyClients => Trouble::TooManyClients,
        NewClientError::Internal => Trouble::Internal,
        NewClientError::ApiUnavailable => Trouble::NotThisSystem,
        NewClientError::InvalidArgument | NewClientError::Unknown(_) => Trouble::Refused(error.to_string()),
    }
}

/// The client for opens.
struct Opens {
    client: Client<'static>,
    /// Only selected targets are heard of. Otherwise all are: more work, nothing missed.
    inverted: bool,
}

impl Opens {
    /// The system's own list of muted targets must go first: inverted, it would be what is selected.
    fn invert(&mut self, selection: &Selection) {
        let client = &mut self.client;
        let done = client.unmute_all_target_paths().and_then(|()| client.invert_muting(TARGETS));
        self.inverted = done.is_ok()
            && client.muting_inverted(TARGETS).is_ok_and(|state| matches!(state, MuteInvertedType::Inverted));
        match self.inverted {
            true => selection.prefixes().for_each(|prefix| self.select(prefix, PREFIX)),
            false => tracing::warn!(?done, "all opens are heard of: their selection was refused"),
        }
    }

    /// By events, although there is one only: the call without them falls back to functions that Apple deprecated.
    fn select(&mut self, path: &[u8], how: es_mute_path_type_t) {
        if self.inverted
            && let Err(error) = self.client.mute_path_events(OsStr::from_bytes(path), how, &OPENS)
        {
            let path = String::from_utf8_lossy(path);
            tracing::error!(%error, %path, "opens below it are not heard of");
        }
    }

    fn drop(&mut self, path: &[u8], how: es_mute_path_type_t) {
        if self.inverted
            && let Err(error) = self.client.unmute_path_events(OsStr::from_bytes(path), how, &OPENS)
        {
            tracing::debug!(%error, "a path could not be taken from the selection");
        }
    }

    /// Until told to stop.
    fn obey(
        &mut self,
        ears: &Ears,
        mut selection: Selection,
        taken: &Receiver<Order>,
        now: fn() -> Timestamp,
    ) {
        let mut dropped = 0;
        for order in taken {
            match order {
                Order::Stop => return,
                Order::Adopt(new) => {
                    // The new ones first: between the two, more is heard, not less.
                    new.prefixes().for_each(|prefix| self.select(prefix, PREFIX));
                    let old: Vec<&[u8]> = selection.prefixes().collect();
                    old.iter()
                        .filter(|prefix| new.prefixes().all(|other| other != **prefix))
                        .for_each(|prefix| self.drop(prefix, PREFIX));
                    ears.staging().adopt(new.clone());
                    selection = new;
                }
                Order::Change(Change::Select(path)) => self.select(path.as_bytes(), LITERAL),
                Order::Change(Change::Drop(path)) => {
                    self.drop(path.as_bytes(), LITERAL);
                    let now = now();
                    let text =
                        format!("more than {MAX_STAGED} staged files: opens of the oldest are not seen");
                    let kind = CoverageKind::TableFull;
                    dropped += 1;
                    let lost = Coverage { kind, start: now, end: now, count: dropped, text };
                    // Where there is no room, the next one tells of this one too.
                    if ears.inlet.offer(Input::Coverage(lost)).is_none() {
                        dropped = 0;
                    }
                }
            }
        }
    }
}

/// What the handlers share.
#[derive(Clone)]
struct Ears {
    inlet: Arc<Inlet>,
    staging: Arc<Mutex<Staging>>,
    orders: SyncSender<Order>,
}

impl Ears {
    /// One message. A panic must not leave here: the crate would delete the live client from this thread, and delete it
    /// again when its owner lets go (endpoint-sec 0.6.2, `Client::new`).
    fn hear(&self, hearer: Hearer, message: &Message) {
        let time = convert::time(message);
        let numbers = Numbers {
            hearer,
            kind: message.event_type().0,
            global: message.global_seq_num(),
            of_kind: message.seq_num(),
        };
        let read = catch_unwind(AssertUnwindSafe(|| {
            self.inlet.hear(numbers, time, |gate, processes| {
                let observed = convert::observed(message, gate, processes)?;
                self.stage(&observed, Pid(message.process().group_id()), time);
                Some(observed)
            });
        }));
        if read.is_err() {
            self.inlet.gave_up(time);
        }
    }

    /// Files that may now carry what was read are opens to hear of. The owner of the clients asks for them.
    fn stage(&self, observed: &Observed, group: Pid, time: Timestamp) {
        self.staging().follow(observed.actor, group, &observed.what, |change| {
            // A handler must not wait. Opens of that file will not be heard: they count as lost.
            if let Err(TrySendError::Full(_)) = self.orders.try_send(Order::Change(change)) {
                self.inlet.missed(time);
            }
        });
    }

    /// A fault while it was locked leaves sets that are whole between two events.
    fn staging(&self) -> MutexGuard<'_, Staging> {
        self.staging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
