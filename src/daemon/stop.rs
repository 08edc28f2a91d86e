//! Closing in the direction of the flow, with a limit on patience.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::time::timeout;

use crate::sensor::inlet::Inlet;

use super::RunError;
use super::health;
use super::memory::Keeping;
use super::thinking::Thinking;
use super::voice::Voice;

/// For the engine to judge what was heard, and again for the last records to be written. Together they stay within
/// `ExitTimeOut` of the LaunchDaemon (20 s).
const GRACE: Duration = Duration::from_secs(8);
/// For the last loss to find room in the queue.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Call when the sensors have stopped. Inputs end, so the engine concludes and ends; records end, so the speaker does.
/// A second signal, or the end of patience, cuts it short. Returns the first thing that went wrong.
pub(super) async fn in_flow_order(
    inlet: &Inlet,
    mut thinking: Thinking,
    mut voice: Voice,
    outcome: Result<(), RunError>,
    again: impl Future<Output = ()>,
    keeping: Option<Keeping>,
) -> Result<(), RunError> {
    inlet.close(LAST_WORD);
    let drained = async {
        let judged = timeout(GRACE, thinking.gone()).await.is_ok();
        judged && timeout(GRACE, voice.gone()).await.is_ok()
    };
    let drained = tokio::select! {
        drained = drained => drained,
        () = again => false,
    };
    health::last_words(inlet);
    if !drained {
        tracing::error!("not everything that was heard could be judged and written in time");
        return outcome;
    }
    let thought_well = thinking.ended_well();
    keeping.into_iter().for_each(Keeping::stop);
    match voice.outcome() {
        // Whoever read the records went away: the engine's end and everything else follow from it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            tracing::warn!("nobody reads standard output any more");
            Err(RunError::Output(error))
        }
        Err(error) => Err(RunError::Output(error)),
        Ok(()) if !thought_well => Err(RunError::EngineGone),
        Ok(()) => outcome,
    }
}
