//! Reads what `eslogger` prints: one JSON object a line.
//!
//! A Mac says thousands of these a second, about 2 KB each, and nearly all of them matter to nobody. So a line is
//! decided by a few of its bytes: which event it is, which path it opened, who did it. Only a line that matters is read
//! whole. The format is not promised by Apple: keys come in any order, unknown ones are stepped over and counted, and so are
//! unknown events.

mod actors;
mod counts;
mod decode;
mod digits;
mod error;
mod events;
mod exec;
mod fields;
mod file;
mod find;
mod kind;
mod message;
mod names;
mod near;
mod orders;
mod pass;
mod process;
mod quotes;
mod scan;
mod sequence;
mod text;
mod volume;

pub use counts::{Counts, EventCount};
pub use decode::{Decoder, MAX_INTRODUCED};
pub use error::LineError;
