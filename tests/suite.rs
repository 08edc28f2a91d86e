//! One test binary: each file beside this one is a room of it.

mod captures;
mod config;
mod eslogger;
mod stories;
