//! Looks into a JSON value that anybody may have written: what is missing or of another kind is absent, never an error.

use serde_json::Value;

use crate::model::Timestamp;

/// A place in a value. Every question about a place that is not there answers "nothing".
#[derive(Clone, Copy)]
pub struct At<'a>(pub Option<&'a Value>);

impl<'a> At<'a> {
    /// The member at a path such as `process.code_signature.status`.
    pub fn get(self, path: &str) -> Self {
        Self(self.0.and_then(|value| path.split('.').try_fold(value, |value, name| value.get(name))))
    }

    pub fn text(self) -> Option<&'a str> {
        self.0?.as_str()
    }

    /// The text, or an empty one.
    pub fn words(self) -> String {
        self.text().unwrap_or_default().to_owned()
    }

    pub fn owned(self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    /// A count or a size. Fractions and negative numbers are none.
    pub fn number(self) -> u64 {
        self.0.and_then(Value::as_u64).unwrap_or_default()
    }

    pub fn is_true(self) -> bool {
        self.0.and_then(Value::as_bool).unwrap_or_default()
    }

    pub fn is_false(self) -> bool {
        self.0.and_then(Value::as_bool).is_some_and(|value| !value)
    }

    pub fn time(self) -> Option<Timestamp> {
        Timestamp::parse(self.text()?.as_bytes())
    }

    /// The items of a list; a single value is a list of one, as ECS has it.
    pub fn list(self) -> impl Iterator<Item = At<'a>> {
        let items = match self.0 {
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Null) | None => &[],
            Some(one) => std::slice::from_ref(one),
        };
        items.iter().map(|item| At(Some(item)))
    }

    pub fn texts(self) -> Vec<String> {
        self.list().filter_map(At::owned).collect()
    }
}
