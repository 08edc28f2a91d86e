//! A seeded simulation: worlds of actors who work or steal, under trouble, judged by what must hold whatever happens.
//!
//! Each seed makes a world ([`mac`], [`plays`]) and its trouble: events reordered within the hold, lost, told twice, pids
//! reused all the time, processes in floods, a clock that is set, a Mac that sleeps, a policy exchanged in the middle, an
//! engine that is saved and goes on as another one; and, behind the engine, receivers that die, a disk that is full at times,
//! a spool that is opened again ([`delivery`]). After every step:
//!
//! * no table is larger than its limit;
//! * no alert comes before its evidence, and records come in the order of their time;
//! * nothing is joined across lineages, and so not across pid reuse;
//!
//! and at the end: what came live equals what the replay of the recording says, byte for byte; every theft of which nothing
//! was lost is found as exactly one alert; nobody who only works is accused; every receiver has every record, in order, but
//! those of which it was told that they were given up.
//!
//! `cargo test simulation` runs a hundred seeds. `CLOUDWARD_SEEDS=10000` runs more; a seed that fails names itself,
//! and `CLOUDWARD_SEED=n cargo test simulation` runs it alone.
//!
//! # Who gets through
//!
//! Deliberate evasions, each asserted in [`adversaries`]:
//!
//! | attempt | outcome | why |
//! |---|---|---|
//! | read a thousand other sensitive files to push the secret out of what a process carries | caught | the most sensitive read stays; what remains is sensitive too |
//! | open one file again and again to hide how many were read | caught | of reads of the same file the older ones make room first |
//! | start as many processes as the table holds | caught | processes that carry a read go last; `table-full` is said |
//! | taint as many files as the table holds to push a staged one out | through, `table-full` | the file that would expire first makes room |
//! | open 40 named pipes, or one from 80 processes, to push out the one that the secret goes through | through, `table-full` | 32 of one process and 64 of one pipe are followed, the latest |
//! | wait for the window to pass | through | the window is the promise; staging renews it |
//! | drip below the floor within each window | through | the sum never reaches the floor; lower `min_bytes` of the set |
//! | drip, but faster | caught | bytes are summed over the window, whatever the number of flows |
//! | split over 120 processes, each far below the floor | through, `table-full` | bytes are summed over 64 lives of one read |
//! | split over 20 or 60 processes | caught | the same sum |
//! | download twice as much as is sent | through | `upload.min_ratio`; 0 turns it off |
//! | begin uploads and leave them undecided, so that nothing later is told | caught, 10 s late | a record waits so long for an earlier one |
//! | send a little to 32 other services first, then to the 33rd | caught, `table-full` | of 32 places that are kept the least makes room |
//! | write the path or the host otherwise | caught | one canonical form |
//! | hand the file to a process that launchd starts | caught | the file carries it |
//! | exec an allowed program with a foreign account | caught | all dimensions of an entry must match |

#[path = "simulation/adversaries.rs"]
mod adversaries;
#[path = "simulation/chance.rs"]
pub mod chance;
#[path = "simulation/delivery.rs"]
mod delivery;
#[path = "simulation/mac.rs"]
mod mac;
#[path = "simulation/plays.rs"]
mod plays;
#[path = "simulation/run.rs"]
mod run;
#[path = "simulation/usual.rs"]
mod usual;

/// Seeds of an ordinary run.
const SEEDS: u64 = 120;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

#[test]
fn seeds() {
    if let Some(seed) = number("CLOUDWARD_SEED") {
        return run::judge(seed);
    }
    for seed in 0..number("CLOUDWARD_SEEDS").unwrap_or(SEEDS) {
        if let Err(panic) = std::panic::catch_unwind(|| run::judge(seed)) {
            eprintln!("seed {seed} failed; CLOUDWARD_SEED={seed} cargo test simulation runs it alone");
            std::panic::resume_unwind(panic);
        }
    }
}
