//! Observes. Opens things; understands nothing.

pub mod capture;
pub mod eslogger;
pub mod gate;
pub mod lines;
