//! Observes. Opens things; understands nothing.

pub mod capture;
