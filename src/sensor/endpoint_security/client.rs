//! The client: made, kept and deleted on one thread, its messages read on another that belongs to the system.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Once};
use std::thread::{self, JoinHandle};

use endpoint_sec::sys::{NewClientError, ReturnError, audit_token_t, es_event_type_t};
use endpoint_sec::{AuditToken, Client, Message, version};

use crate::sensor::inlet::Inlet;
use crate::sensor::loss::Numbers;
use crate::sensor::trouble::Trouble;
use crate::sys;

use super::convert;

/// What is asked for. All exist since macOS 12.
const EVENTS: [es_event_type_t; 12] = [
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXEC,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_FORK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXIT,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_OPEN,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CLOSE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CREATE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_RENAME,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_UNLINK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_LINK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CLONE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_COPYFILE,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_CS_INVALIDATED,
];

/// A subscription that runs until it is stopped.
#[derive(Debug)]
pub struct Running {
    stop: Sender<()>,
    owner: JoinHandle<()>,
}

impl Running {
    /// Ends the subscription. When it returns, no further message is read.
    pub fn stop(self) {
        drop(self.stop);
        if self.owner.join().is_err() {
            tracing::error!("the thread that owned the Endpoint Security client failed");
        }
    }
}

/// Subscribes. The events of this process itself are muted: it reads its own files.
pub fn start(inlet: &Arc<Inlet>) -> Result<Running, Trouble> {
    tell_the_version();
    let (ready, answer) = mpsc::channel();
    let (stop, stopped) = mpsc::channel();
    let inlet = Arc::clone(inlet);
    let owner = thread::Builder::new()
        .name("endpoint-security".to_owned())
        .spawn(move || own(&inlet, &ready, &stopped))
        .map_err(|error| Trouble::Refused(error.to_string()))?;
    match answer.recv() {
        Ok(Ok(())) => Ok(Running { stop, owner }),
        Ok(Err(trouble)) => Err(trouble),
        Err(_) => Err(Trouble::Internal),
    }
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

/// The life of a client: `es_delete_client` must run on the thread that called `es_new_client`.
fn own(inlet: &Arc<Inlet>, ready: &Sender<Result<(), Trouble>>, stopped: &Receiver<()>) {
    let client = match subscribe(inlet) {
        Ok(client) => client,
        Err(trouble) => {
            let _ = ready.send(Err(trouble));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    // Returns when the other end is dropped.
    let _ = stopped.recv();
    if let Err(error) = client.delete() {
        tracing::warn!(%error, "the Endpoint Security client could not be deleted");
    }
}

fn subscribe(inlet: &Arc<Inlet>) -> Result<Client<'static>, Trouble> {
    let inlet = Arc::clone(inlet);
    // The bound asks for no `Send`, yet the system calls from a thread of its own: an `Arc` of a `Sync` type is all that
    // is captured.
    let ears = AssertUnwindSafe(inlet);
    let mut client = Client::new(move |_: &mut Client<'_>, message| hear(&ears, &message)).map_err(told)?;
    let refused = |error: ReturnError| Trouble::Refused(error.to_string());
    match sys::own_audit_token() {
        Some(val) => client.mute_process(&AuditToken(audit_token_t { val })).map_err(refused)?,
        None => tracing::warn!(
            "this process could not name itself to Endpoint Security: it will hear its own events"
        ),
    }
    client.subscribe(&EVENTS).map_err(refused)?;
    Ok(client)
}

/// One message. A panic must not leave here: the crate would delete the live client from this thread, and delete it
/// again when its owner lets go (endpoint-sec 0.6.2, `Client::new`).
fn hear(inlet: &Inlet, message: &Message) {
    let time = convert::time(message);
    let numbers = Numbers {
        kind: message.event_type().0,
        global: message.global_seq_num(),
        of_kind: message.seq_num(),
    };
    let read = catch_unwind(AssertUnwindSafe(|| {
        inlet.hear(numbers, time, |gate, processes| convert::observed(message, gate, processes));
    }));
    if read.is_err() {
        inlet.gave_up(time);
    }
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
