//! Runs: threads, channels, signals, order of start and stop.

pub mod replay;
