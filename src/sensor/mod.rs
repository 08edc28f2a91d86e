//! Observes: the machine's own events, as the system's `eslogger` prints them.

pub mod eslogger;
pub mod gate;
pub mod lines;
