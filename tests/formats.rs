//! What receivers get: fields, escapes, limits, no secrets, and the shipped recording word for word.

#[path = "formats/ecs.rs"]
mod ecs;
#[path = "formats/golden.rs"]
mod golden;
#[path = "formats/hostile.rs"]
mod hostile;
#[path = "formats/ocsf.rs"]
mod ocsf;
#[path = "formats/parsers.rs"]
mod parsers;
#[path = "formats/records.rs"]
mod records;
#[path = "formats/secrets.rs"]
mod secrets;
