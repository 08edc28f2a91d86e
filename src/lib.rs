//! cloudward sees data leave a Mac for cloud storage.
//!
//! # The map
//!
//! Data flows one way, and the rooms below stand in that order:
//!
//! ```text
//!  sensor ──► net ──►  engine: order ► lineage ► window ► rules ► alert  ──► sink
//!  (world)   (bytes    (pure: no clock, no I/O, no threads, no randomness)   (world)
//!             to facts)
//! ```
//!
//! * [`model`]: the vocabulary that crosses rooms. Plain data.
//! * [`policy`]: what the administrator asked for, compiled: which paths are sensitive, which names are services, who may.
//! * [`sensor`]: observes. Endpoint Security, `eslogger` lines, capture files. Opens things; understands nothing.
//! * [`net`]: packet bytes in, facts about flows out. Parses portably; opens nothing.
//! * [`engine`]: thinks. Facts in, alerts and coverage records out. Inside, in the order of the flow: `order` (one sequence
//!   from many sensors), `lineage` (who is who), `window`, `carry`, `files`, `pipes`, `fifos` and `taint` (who and what
//!   carries which reads), `sends` (bytes find their process), `judge` (an upload? allowed?), `chains` (one chain is one
//!   alert), `rules` (which detections it fulfils), `describe`, `reasons` and `verdict` (its evidence, why, how grave, how
//!   sure).
//! * [`sink`]: speaks. Formats are pure functions of a record; `spool` keeps records on disk until `transport` has
//!   brought them to every output's receiver (`delivery`); `counters` is what a status reader looks at.
//! * [`config`]: from TOML to [`policy`], collecting every complaint with its place.
//! * [`daemon`]: runs. Threads, channels, signals, order of start and stop.
//! * [`cli`], the verbs.
//! * [`sys`]: raw calls to the system, nearly all of macOS; the only `unsafe`.
//!
//! # Five minutes
//!
//! `main` → [`cli::main`] → `cli::replay` → [`daemon::replay::Replay::run`] (or [`daemon`]'s threads) →
//! [`engine::Engine::step`] → one story under `tests/stories/`.
//!
//! # Invariants, including what is absent
//!
//! * `model`, `policy`, `net` and `engine` read no clock, open no file, start no thread and draw no random number that
//!   could show. Time is an argument. Clippy refuses otherwise (`.clippy.toml`), and `tests/architecture.rs` holds the
//!   table of who may look where.
//! * Replay is live, minus the sensors: both feed the same `Engine::step`.
//! * Everything that grows has a named limit; where reaching one can hide what left, it is a coverage record, not a silence.
//! * `unsafe` lives in [`sys`] alone, each block with its reason.
//! * What attackers may try, and the test that stands against each try: [`daemon::threats`].
//! * No input panics, allocates from an unchecked length, or ends a replay.

// What is printed so panics where nobody reads it.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod model;

pub mod policy;

pub mod sensor;

pub mod net;

pub mod engine;

pub mod sink;

pub mod config;

pub mod daemon;

pub mod cli;

#[cfg_attr(not(target_os = "macos"), path = "sys/elsewhere.rs")]
pub mod sys;
