//! Endpoint Security, by a client of its own: NOTIFY events only, so that the Mac never waits for us.
//!
//! `client` owns the subscription, `convert` makes owned data of a message while the system lends it.

mod client;
mod convert;

pub use client::{Running, probe, start};
