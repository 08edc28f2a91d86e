//! What a terminal is given: nothing that draws by itself.

pub use crate::sink::format::visible;
