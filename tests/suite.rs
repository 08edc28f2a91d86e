//! One test binary: each file beside this one is a room of it.

mod architecture;
mod daemon;
mod eslogger;
mod launchd;
