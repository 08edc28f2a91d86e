//! Forms for an administrator to fill in, written from the tables by which configuration is read.
//!
//! A value that ships is shown as a placeholder in Jamf's form, not as its default: Jamf forces defaults, and what is
//! forced beats the file.

use serde_json::{Map, Value, json};

use crate::config::managed::DOMAIN;
use crate::config::schema::{Key, Keys, Shape, TOP, default_of};
use crate::model::{Property, Timestamp};

const ABOUT: &str = "Sees data leave a Mac for cloud storage. What is set here beats the file on the Mac.";
/// Raise it, and the date, with every change of the tables.
const MANIFEST_VERSION: i64 = 1;
const MODIFIED: &[u8] = b"2026-11-22T00:00:00Z";
/// Between two properties, so that an administrator's own may stand between them.
const ORDER_STEP: usize = 5;

/// A custom schema of Jamf Pro: JSON Schema, and what its form adds.
pub(super) fn jamf() -> String {
    let schema = json!({
        "title": format!("cloudward ({DOMAIN})"),
        "description": ABOUT,
        "options": { "remove_empty_properties": true },
        "properties": properties("", TOP),
    });
    format!("{schema:#}\n")
}

fn properties(table: &str, keys: Keys) -> Value {
    let one = |(at, key): (usize, &Key)| {
        let mut property = json_shape(key.name, key.shape);
        property.insert("title".to_owned(), json!(title(key.name)));
        property.insert("description".to_owned(), json!(key.says));
        property.insert("property_order".to_owned(), json!((at + 1) * ORDER_STEP));
        if let Some(example) = example(table, key) {
            let placeholder = json!({ "inputAttributes": { "placeholder": example } });
            property.insert("options".to_owned(), placeholder);
        }
        (key.name.to_owned(), Value::Object(property))
    };
    Value::Object(keys.iter().enumerate().map(one).collect())
}

fn json_shape(name: &str, shape: Shape) -> Map<String, Value> {
    let plain = |kind: &str| json!({ "type": kind });
    let shape = match shape {
        Shape::Text | Shape::Size | Shape::Duration | Shape::Date => plain("string"),
        Shape::Boolean => plain("boolean"),
        Shape::Integer => plain("integer"),
        Shape::Real => plain("number"),
        Shape::Word(words) => json!({ "type": "string", "enum": words() }),
        Shape::List(item) => json!({ "type": "array", "items": json_shape(name, *item) }),
        Shape::Table(keys) => json!({ "type": "object", "properties": properties(name, keys) }),
        Shape::Tables(keys) => {
            let entry = json!({ "type": "object", "title": title(name), "properties": properties("", keys) });
            json!({ "type": "array", "items": entry })
        }
        Shape::Map(value) => json!({ "type": "object", "additionalProperties": json_shape(name, *value) }),
    };
    match shape {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The value that ships, as a placeholder shows it.
fn example(table: &str, key: &Key) -> Option<String> {
    match default_of(table, key.name)? {
        Property::Text(text) => Some(text),
        Property::Integer(number) => Some(number.to_string()),
        Property::Real(number) => Some(number.to_string()),
        Property::Boolean(_) | Property::Date(_) | Property::List(_) | Property::Table(_) => None,
    }
}

/// `min_bytes` as `Min bytes`.
fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let (first, rest) = words.split_at(usize::from(!words.is_empty()));
    first.to_ascii_uppercase() + rest
}

/// A manifest as the project ProfileManifests keeps them.
pub(super) fn manifest() -> Property {
    let text = |text: &str| Property::text(text);
    let mut subkeys = payload_keys();
    subkeys.extend(TOP.iter().map(|key| subkey("", key)));
    let modified = Timestamp::parse(MODIFIED).map(|time| ("pfm_last_modified", Property::Date(time)));
    let pairs = [
        ("pfm_domain", text(DOMAIN)),
        ("pfm_title", text("cloudward")),
        ("pfm_description", text(ABOUT)),
        ("pfm_format_version", Property::Integer(1)),
        ("pfm_version", Property::Integer(MANIFEST_VERSION)),
        ("pfm_platforms", Property::List(vec![text("macOS")])),
        ("pfm_macos_min", text("13.0")),
        ("pfm_targets", Property::List(vec![text("system")])),
        ("pfm_unique", Property::Boolean(true)),
        ("pfm_interaction", text("combined")),
        ("pfm_subkeys", Property::List(subkeys)),
    ];
    Property::table(pairs.into_iter().chain(modified))
}

/// What every payload has, which manifests name first.
fn payload_keys() -> Vec<Property> {
    let key = |name: &str, title: &str, says: &str, kind: &str, default: Property, always: bool| {
        let require = always.then(|| ("pfm_require", Property::text("always")));
        let pairs = [
            ("pfm_name", Property::text(name)),
            ("pfm_title", Property::text(title)),
            ("pfm_description", Property::text(says)),
            ("pfm_type", Property::text(kind)),
            ("pfm_default", default),
        ];
        Property::table(pairs.into_iter().chain(require))
    };
    let text = |text: &str| Property::text(text);
    vec![
        key(
            "PayloadDescription",
            "Payload Description",
            "What the payload is for",
            "string",
            text(ABOUT),
            false,
        ),
        key(
            "PayloadDisplayName",
            "Payload Display Name",
            "What it is called",
            "string",
            text("cloudward"),
            true,
        ),
        key("PayloadIdentifier", "Payload Identifier", "Its own identifier", "string", text(DOMAIN), true),
        key("PayloadType", "Payload Type", "The preference domain", "string", text(DOMAIN), true),
        key("PayloadUUID", "Payload UUID", "Its own UUID", "string", text(""), true),
        key("PayloadVersion", "Payload Version", "Always 1", "integer", Property::Integer(1), true),
        key("PayloadOrganization", "Payload Organization", "Who hands it out", "string", text(""), false),
    ]
}

fn subkey(table: &str, key: &Key) -> Property {
    let mut pairs = vec![
        ("pfm_name", Property::text(key.name)),
        ("pfm_title", Property::text(title(key.name))),
        ("pfm_description", Property::text(key.says)),
    ];
    pairs.extend(typed(key.name, key.shape));
    pairs.extend(
        default_of(table, key.name).filter(|_| !table.is_empty()).map(|value| ("pfm_default", value)),
    );
    Property::table(pairs)
}

/// The type, and what belongs to it.
fn typed(name: &str, shape: Shape) -> Vec<(&'static str, Property)> {
    let kind = |kind: &str| ("pfm_type", Property::text(kind));
    let subkeys = |table: &str, keys: Keys| {
        ("pfm_subkeys", Property::List(keys.iter().map(|key| subkey(table, key)).collect()))
    };
    let item =
        |item: Vec<(&'static str, Property)>| ("pfm_subkeys", Property::List(vec![Property::table(item)]));
    match shape {
        Shape::Text | Shape::Size | Shape::Duration => vec![kind("string")],
        Shape::Boolean => vec![kind("boolean")],
        Shape::Integer => vec![kind("integer")],
        Shape::Real => vec![kind("real")],
        Shape::Date => vec![kind("date")],
        Shape::Word(words) => {
            let words = words().into_iter().map(Property::text).collect();
            vec![kind("string"), ("pfm_range_list", Property::List(words))]
        }
        Shape::List(inner) => vec![kind("array"), item(typed(name, *inner))],
        Shape::Table(keys) => vec![kind("dictionary"), subkeys(name, keys)],
        Shape::Tables(keys) => {
            vec![kind("array"), item(vec![kind("dictionary"), subkeys("", keys)])]
        }
        // Keys of the administrator's own choice, which a manifest writes so.
        Shape::Map(value) => {
            let mut key = vec![("pfm_name", Property::text("{{key}}")), ("pfm_title", Property::text("Key"))];
            key.push(kind("string"));
            let mut inner = vec![("pfm_name", Property::text("{{value}}"))];
            inner.extend(typed(name, *value));
            let pairs = vec![Property::table(key), Property::table(inner)];
            vec![kind("dictionary"), ("pfm_subkeys", Property::List(pairs))]
        }
    }
}
