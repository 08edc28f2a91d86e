//! A value of a property list, as macOS keeps preferences and configuration profiles.

use super::Timestamp;

#[derive(Clone, PartialEq, Debug)]
pub enum Property {
    Text(String),
    Integer(i64),
    Real(f64),
    Boolean(bool),
    /// To the second.
    Date(Timestamp),
    List(Vec<Property>),
    /// Keys in the order given.
    Table(Vec<(String, Property)>),
}

impl Property {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn table<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Table(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// What stands for a value of another kind, such as data. No key takes it, so that it is refused by its key's name.
    pub fn unreadable() -> Self {
        Self::table([("<data>", Self::Boolean(true))])
    }
}
