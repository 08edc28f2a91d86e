//! One test binary: each file beside this one is a room of it.

mod architecture;
mod captures;
mod cli;
mod config;
mod daemon;
mod eslogger;
mod formats;
mod launchd;
mod outputs;
mod simulation;
mod stories;
