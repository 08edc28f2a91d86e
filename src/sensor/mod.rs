//! Observes: recordings, line by line.

pub mod lines;
