//! Property lists as Apple's XML.

use std::fmt::Write as _;

use crate::model::Property;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
";

/// The whole document.
pub(super) fn document(root: &Property) -> String {
    let mut out = HEAD.to_owned();
    write(root, 0, &mut out);
    out.push_str("</plist>\n");
    out
}

fn write(value: &Property, depth: usize, out: &mut String) {
    let tabs = "\t".repeat(depth);
    // Writing to a string cannot fail.
    match value {
        Property::Text(text) => _ = writeln!(out, "{tabs}<string>{}</string>", escaped(text)),
        Property::Integer(number) => _ = writeln!(out, "{tabs}<integer>{number}</integer>"),
        Property::Real(number) => _ = writeln!(out, "{tabs}<real>{number:?}</real>"),
        Property::Boolean(truth) => _ = writeln!(out, "{tabs}<{truth}/>"),
        Property::Date(time) => {
            let time = time.to_string();
            _ = writeln!(out, "{tabs}<date>{}Z</date>", time.get(..19).unwrap_or(&time));
        }
        Property::List(items) if items.is_empty() => _ = writeln!(out, "{tabs}<array/>"),
        Property::List(items) => {
            _ = writeln!(out, "{tabs}<array>");
            items.iter().for_each(|item| write(item, depth + 1, out));
            _ = writeln!(out, "{tabs}</array>");
        }
        Property::Table(pairs) if pairs.is_empty() => _ = writeln!(out, "{tabs}<dict/>"),
        Property::Table(pairs) => {
            _ = writeln!(out, "{tabs}<dict>");
            for (key, value) in pairs {
                _ = writeln!(out, "{tabs}\t<key>{}</key>", escaped(key));
                write(value, depth + 1, out);
            }
            _ = writeln!(out, "{tabs}</dict>");
        }
    }
}

/// XML 1.0 has no place for most control characters, not even escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            c if c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
