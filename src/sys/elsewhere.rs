//! What of the system's own calls is needed, and is the same, on every system.

#![allow(unsafe_code)]

pub mod signals;
