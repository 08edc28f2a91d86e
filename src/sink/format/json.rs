//! JSON on one line, whoever reads lines.
//!
//! RFC 8259 lets U+2028, U+0085 or a right-to-left mark stand in a string as they are; readers of lines break at some of
//! them and terminals obey others. Here they are written as `\u` escapes, which every reader of JSON turns back.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::words::{is_trick, within};

/// The value on one line, without its line feed.
pub fn line(value: &Value) -> String {
    write(value, Escaping { ascii: false })
}

/// The same in ASCII alone.
pub fn ascii(value: &Value) -> String {
    write(value, Escaping { ascii: true })
}

fn write(value: &Value, escaping: Escaping) -> String {
    let mut bytes = Vec::with_capacity(4096);
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, escaping));
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    String::from_utf8(bytes).unwrap_or_default()
}

#[derive(Clone, Copy)]
struct Escaping {
    ascii: bool,
}

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly every text: nothing in it that any reader could trip over.
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return CompactFormatter.write_string_fragment(out, fragment);
        }
        let mut copied = 0;
        for (at, c) in fragment.char_indices() {
            if (self.ascii && !c.is_ascii()) || c.is_control() || is_trick(c) {
                CompactFormatter.write_string_fragment(out, &fragment[copied..at])?;
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
                copied = at + c.len_utf8();
            }
        }
        CompactFormatter.write_string_fragment(out, &fragment[copied..])
    }
}

/// The value in at most `limit` octets of ASCII, and whether it was cut. Lists lose their ends first, then texts; both
/// more and more, until it fits. `None` if even that is too long.
pub fn ascii_within(value: &Value, limit: usize) -> Option<(String, bool)> {
    const STEPS: [(usize, usize); 7] =
        [(32, 4096), (16, 2048), (8, 1024), (4, 512), (3, 256), (2, 128), (1, 64)];
    let whole = ascii(value);
    if whole.len() <= limit {
        return Some((whole, false));
    }
    STEPS.into_iter().find_map(|(items, bytes)| {
        let mut less = value.clone();
        shorten(&mut less, items, bytes);
        let home = if less.get("unmapped").is_some() { &mut less["unmapped"] } else { &mut less };
        home["cloudward"]["truncated"] = true.into();
        let text = ascii(&less);
        (text.len() <= limit).then_some((text, true))
    })
}

fn shorten(value: &mut Value, items: usize, bytes: usize) {
    match value {
        Value::String(text) if text.len() > bytes => *text = within(text, bytes),
        Value::Array(list) => {
            list.truncate(items);
            list.iter_mut().for_each(|item| shorten(item, items, bytes));
        }
        Value::Object(map) => map.values_mut().for_each(|item| shorten(item, items, bytes)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_line_that_reads_back_the_same() {
        let hostile = json!({ "a\u{2028}": "\u{0}\n\u{7f}\u{85}\u{202e}\"\\é\u{1f600}\u{e0041}" });
        for text in [line(&hostile), ascii(&hostile)] {
            assert!(!text.chars().any(|c| c.is_control() || is_trick(c)), "{text}");
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
        }
        assert!(ascii(&hostile).is_ascii() && line(&hostile).contains('é'));
    }

    #[test]
    fn too_long_is_cut_at_lists_and_texts_and_says_so() {
        let value = json!({ "cloudward": { "list": vec!["é".repeat(5_000); 100] }, "id": "x" });
        for limit in [300, 2_000, 8_000, 100_000] {
            let (text, cut) = ascii_within(&value, limit).unwrap_or_else(|| panic!("{limit}"));
            let back: Value = serde_json::from_str(&text).unwrap();
            assert!(
                text.len() <= limit && cut && back["cloudward"]["truncated"] == true && back["id"] == "x"
            );
        }
        assert_eq!(ascii_within(&value, 10), None);
        assert_eq!(ascii_within(&json!({ "a": 1 }), 100), Some(("{\"a\":1}".to_owned(), false)));
    }
}
