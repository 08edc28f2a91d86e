//! Stories that end in a verdict, each named after its case.
//!
//! ALERT is one distinct id of confidence high or medium; LOW the same with confidence low; NONE no alert; NOTE no alert
//! and a coverage record that names what could not be seen. The policy is `tests/cases/corp.toml` unless a story says
//! otherwise.

mod apps;
mod atomic;
mod audit;
mod behind_ports;
mod benign;
mod commands;
mod days;
mod determinism;
mod disks;
mod drops;
mod everyday;
mod fetched;
mod fifos;
mod hops;
mod identities;
mod macos;
mod malicious;
mod mounts;
mod network;
mod offices;
mod orders;
mod paths;
mod recorded;
mod restart;
mod rules;
mod secrets;
mod services;
mod siblings;
mod sums;
mod swaps;
mod table;
mod thieves;
mod time;
mod variants;
mod wire;
mod words;
pub mod world;
