//! Readers of the formats, written from their descriptions and strict: what they refuse, a receiver may refuse.

use std::collections::BTreeMap;

pub type Pairs = BTreeMap<String, String>;

/// Header fields and extension of one CEF line.
pub fn cef(line: &str) -> (Vec<String>, Pairs) {
    let rest = line.strip_prefix("CEF:0|").expect("CEF:0|");
    let (mut fields, mut field, mut escaped, mut end) = (Vec::new(), String::new(), false, rest.len());
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => {
                assert!(matches!(c, '\\' | '|'), "\\{c} in the header: {line}");
                field.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '|' => fields.push(std::mem::take(&mut field)),
            _ => field.push(c),
        }
        if fields.len() == 6 {
            end = at + 1;
            break;
        }
    }
    assert_eq!(fields.len(), 6, "{line}");
    (fields, extension(&rest[end..]))
}

/// `key=value key=value`: a key begins behind the last space before an unescaped `=`.
fn extension(text: &str) -> Pairs {
    let bytes = text.as_bytes();
    let mut signs = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'=' => signs.push(at),
            _ => {}
        }
        at += 1;
    }
    let starts: Vec<usize> =
        signs.iter().map(|sign| text[..*sign].rfind(' ').map_or(0, |space| space + 1)).collect();
    let mut pairs = Pairs::new();
    for (index, sign) in signs.iter().enumerate() {
        let end = starts.get(index + 1).map_or(text.len(), |next| next - 1);
        let key = &text[starts[index]..*sign];
        assert!(
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "key {key:?} in {text}"
        );
        let old = pairs.insert(key.to_owned(), unescape(&text[sign + 1..end]));
        assert!(old.is_none(), "{key} twice");
    }
    pairs
}

fn unescape(value: &str) -> String {
    let mut chars = value.chars();
    let mut written = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => written.push('\n'),
                Some('r') => written.push('\r'),
                Some(c @ ('\\' | '=')) => written.push(c),
                other => panic!("\\{other:?} in a value"),
            },
            _ => written.push(c),
        }
    }
    written
}

/// Header fields and attributes of one LEEF line.
pub fn leef(line: &str) -> (Vec<String>, Pairs) {
    let parts: Vec<&str> = line.strip_prefix("LEEF:2.0|").expect("LEEF:2.0|").splitn(6, '|').collect();
    assert_eq!((parts.len(), parts[4]), (6, "x09"), "{line}");
    let mut pairs = Pairs::new();
    for pair in parts[5].split('\t') {
        let (key, value) = pair.split_once('=').expect("a pair");
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !key.is_empty(), "{key}");
        assert!(pairs.insert(key.to_owned(), value.to_owned()).is_none(), "{key} twice");
    }
    (parts[..4].iter().map(ToString::to_string).collect(), pairs)
}

/// A message of RFC 5424.
#[derive(Debug)]
pub struct Syslog {
    pub priority: u32,
    pub time: String,
    pub host: String,
    pub app: String,
    pub process: String,
    pub id: String,
    pub data: BTreeMap<String, Pairs>,
    pub message: Option<String>,
}

pub fn syslog(frame: &str) -> Syslog {
    let (priority, rest) = frame.strip_prefix('<').expect("<").split_once('>').expect(">");
    let rest = rest.strip_prefix("1 ").expect("version 1");
    let parts: Vec<&str> = rest.splitn(6, ' ').collect();
    for (part, limit) in parts[..5].iter().zip([32, 255, 48, 128, 32]) {
        assert!(part.len() <= limit && part.bytes().all(|byte| (33..=126).contains(&byte)), "{part}");
    }
    let (data, message) = structured(parts[5]);
    let priority_number: u32 = priority.parse().expect("a number");
    assert!(priority_number <= 191 && priority_number.to_string() == priority);
    Syslog {
        priority: priority_number,
        time: parts[0].to_owned(),
        host: parts[1].to_owned(),
        app: parts[2].to_owned(),
        process: parts[3].to_owned(),
        id: parts[4].to_owned(),
        data,
        message,
    }
}

fn structured(text: &str) -> (BTreeMap<String, Pairs>, Option<String>) {
    let mut elements = BTreeMap::new();
    let mut rest = text;
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.find([' ', ']']).expect("an end");
        let name = &element[..end];
        sd_name(name.split('@').next().unwrap_or_default());
        let mut pairs = Pairs::new();
        rest = &element[end..];
        while let Some(pair) = rest.strip_prefix(' ') {
            let (key, after) = pair.split_once("=\"").expect("=\"");
            sd_name(key);
            let (value, after) = sd_value(after);
            assert!(pairs.insert(key.to_owned(), value).is_none(), "{key} twice");
            rest = after;
        }
        rest = rest.strip_prefix(']').expect("]");
        assert!(elements.insert(name.to_owned(), pairs).is_none(), "{name} twice");
    }
    let message = rest.strip_prefix(' ').map(ToOwned::to_owned);
    assert!(message.is_some() || rest.is_empty(), "{rest}");
    (elements, message)
}

fn sd_name(name: &str) {
    let fits = (1..=32).contains(&name.len());
    assert!(
        fits && name.bytes().all(|b| (33..=126).contains(&b) && !matches!(b, b'=' | b']' | b'"')),
        "{name}"
    );
}

/// Up to the closing quote; a bare `]` is refused.
fn sd_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => match chars.next() {
                Some((_, c @ ('"' | '\\' | ']'))) => value.push(c),
                other => panic!("\\{other:?} in a parameter"),
            },
            ']' => panic!("a bare ] in {text}"),
            _ => value.push(c),
        }
    }
    panic!("no end of {text}")
}
