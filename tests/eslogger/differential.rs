//! Lines that are changed in many small ways: a decoder that has read many lines must read each as one that has read none,
//! and, while it is valid JSON with each key once, as one that walks through it.

use std::path::Path;

use cloudward::model::{Observed, ProcessInfo, What};
use cloudward::sensor::eslogger::{Decoder, LineError};
use cloudward::sensor::lines::{Item, Lines};

use super::TestGate;

/// JSON in its order, with scalars as they are written.
#[derive(Clone, Debug)]
enum Node {
    Scalar(String),
    List(Vec<Node>),
    /// Keys with their quotes.
    Object(Vec<(String, Node)>),
}

impl Node {
    fn parse(text: &mut &str) -> Self {
        match text.as_bytes()[0] {
            b'{' => {
                let mut fields = Vec::new();
                *text = &text[1..];
                while !text.starts_with('}') {
                    *text = text.strip_prefix(',').unwrap_or(text);
                    let key = string(text);
                    *text = text.strip_prefix(':').unwrap();
                    fields.push((key, Self::parse(text)));
                }
                *text = &text[1..];
                Self::Object(fields)
            }
            b'[' => {
                let mut items = Vec::new();
                *text = &text[1..];
                while !text.starts_with(']') {
                    *text = text.strip_prefix(',').unwrap_or(text);
                    items.push(Self::parse(text));
                }
                *text = &text[1..];
                Self::List(items)
            }
            b'"' => Self::Scalar(string(text)),
            _ => {
                let (scalar, rest) = text.split_at(text.find([',', '}', ']']).unwrap());
                *text = rest;
                Self::Scalar(scalar.to_owned())
            }
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    out.push_str(key);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    fn line(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn count(&self) -> usize {
        1 + match self {
            Self::Scalar(_) => 0,
            Self::List(items) => items.iter().map(Self::count).sum(),
            Self::Object(fields) => fields.iter().map(|(_, value)| value.count()).sum(),
        }
    }

    fn at(&mut self, mut index: usize) -> &mut Self {
        if index == 0 {
            return self;
        }
        index -= 1;
        let children: Vec<&mut Self> = match self {
            Self::Scalar(_) => Vec::new(),
            Self::List(items) => items.iter_mut().collect(),
            Self::Object(fields) => fields.iter_mut().map(|(_, value)| value).collect(),
        };
        for child in children {
            let count = child.count();
            if index < count {
                return child.at(index);
            }
            index -= count;
        }
        unreachable!()
    }
}

fn string(text: &mut &str) -> String {
    let bytes = text.as_bytes();
    let mut end = 1;
    while bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    let (string, rest) = text.split_at(end + 1);
    *text = rest;
    string.to_owned()
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const SCALARS: [&str; 24] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "1.5",
    "1e3",
    "-0",
    "4294967295",
    "4294967296",
    "-2147483648",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999999",
    "\"\"",
    "\"x\"",
    "\"1\"",
    "[]",
    "{}",
    "[{}]",
    "{\"pid\":1,\"pidversion\":2}",
    "\"\\u0000\\ud83d\\ude00}\\\"\"",
];
const PIECES: [&str; 12] = [
    "\\u002f",
    "\\/",
    "/",
    "\\\"",
    "\\\\",
    "}",
    "{\\\"audit_token\\\":{",
    "\u{1f600}",
    "\\ud83d\\ude00",
    "\\ud83d",
    "\\n",
    "\\\",\\\"time\\\":\\\"",
];
const NESTED: [&str; 8] = [
    r#"{"event":{"open":{}},"time":"2026-01-01T00:00:00Z","seq_num":1}"#,
    r#"{"process":{"audit_token":{"pid":1,"pidversion":1}}}"#,
    r#"{"audit_token":{"pid":1,"pidversion":1},"executable":{"path":"/x","stat":{"st_ino":5}}}"#,
    r#"{"st_ino":1,"st_dev":2,"st_nlink":3,"st_mode":4096,"st_size":7}"#,
    r#"{"path":"/Users/a/.ssh/x","path_truncated":true,"stat":null}"#,
    r#"{"action":{"result":{"result":{"auth":1}}},"global_seq_num":5}"#,
    r#"[{"file":{"path":"report"}},"}",{"fflag":1}]"#,
    r#"{"":{"":{"a":[[[[[[[[[["}"]]]]]]]]]]}}}"#,
];

/// What is done to a line; whether it is still one in which each key stands once.
fn change(node: &mut Node, random: &mut Random) -> bool {
    let count = node.count();
    let place = node.at(random.below(count));
    match (random.below(9), place) {
        (0, place) => *place = Node::parse(&mut &*format!("{},", random.of(&SCALARS))),
        (1, Node::Object(fields)) if !fields.is_empty() => {
            let (from, to) = (random.below(fields.len()), random.below(fields.len() + 1));
            let mut again = fields[from].clone();
            if random.below(2) == 0 {
                again.1 = Node::parse(&mut &*format!("{},", random.of(&SCALARS)));
            }
            fields.insert(to, again);
            return false;
        }
        (2, Node::Object(fields)) if fields.len() != 1 => {
            let nested = random.of(&NESTED);
            let at = random.below(fields.len() + 1);
            fields.insert(at, ("\"new\"".to_owned(), Node::parse(&mut &*nested)));
        }
        (3, Node::Object(fields)) if !fields.is_empty() => {
            let (one, other) = (random.below(fields.len()), random.below(fields.len()));
            fields.swap(one, other);
        }
        (4, Node::Object(fields)) if !fields.is_empty() => {
            fields.remove(random.below(fields.len()));
        }
        (5, Node::Scalar(text)) if text.starts_with('"') => text.insert_str(1, random.of(&PIECES)),
        (6, Node::Scalar(text)) if text.starts_with('"') => {
            text.insert_str(text.len() - 1, random.of(&PIECES))
        }
        (7, Node::Scalar(text)) => {
            let space = random.of(&[" ", "\t", "  "]);
            if random.below(2) == 0 { text.insert_str(0, space) } else { text.push_str(space) }
        }
        (8, Node::Scalar(text)) if text.parse::<u64>().is_ok() => {
            *text = random.below(100_000_000).to_string()
        }
        (8, Node::Scalar(text)) if text.len() > 2 && text.starts_with('"') => {
            *text = format!("\"{}{}", "y".repeat(random.below(40)), &text[1..]);
        }
        _ => {}
    }
    true
}

/// A place to change a line at: breaks it off, or puts a byte there that counts.
fn spoil(line: &mut String, random: &mut Random) {
    let at = random.below(line.len());
    if random.below(2) == 0 && line.is_char_boundary(at) {
        line.truncate(at);
    } else if line.is_char_boundary(at) && line.is_char_boundary(at + 1) {
        line.replace_range(at..=at, random.of(&["\"", "}", "{", ",", "x", "\\"]));
    }
}

type Told = Result<Option<Observed>, LineError>;

/// Without the introduction of its actor, which is made once.
fn bare(told: &Told) -> Told {
    let bare = |observed: &Observed| Observed { info: None, ..observed.clone() };
    told.clone().map(|told| told.as_ref().map(bare).filter(|observed| observed.what != What::Seen))
}

fn introduced(told: &Told) -> Option<&ProcessInfo> {
    told.as_ref().ok()?.as_ref()?.info.as_deref()
}

fn recorded() -> Vec<String> {
    let names = ["curl-dropbox", "node-blob", "rclone-s3", "demo"];
    let recordings = names.map(|name| format!("tests/recordings/{name}/events.ndjson.gz"));
    let real = ["open", "exit"].map(|name| format!("tests/eslogger/eslogger-{name}.jsonl"));
    let mut all = Vec::new();
    for path in recordings.iter().chain(&real) {
        let mut lines = Lines::open(Path::new(path)).unwrap();
        while let Some(Item::Line(line)) = lines.next_line().unwrap() {
            all.push(String::from_utf8(line.bytes.trim_ascii_end().to_vec()).unwrap());
        }
    }
    all
}

/// `CLOUDWARD_ROUNDS` makes it longer.
#[test]
fn changed_lines_read_the_same_whatever_came_before_and_by_a_walk() {
    let (lines, mut random, mut warm) = (recorded(), Random(1), Decoder::by_the_wall());
    let rounds = std::env::var("CLOUDWARD_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(2);
    let (mut read, mut refused) = (0, 0);
    for line in lines.iter().cycle().take(lines.len() * rounds) {
        warm.decode(line.as_bytes(), &mut TestGate).unwrap();
        let (mut node, mut sound) = (Node::parse(&mut line.as_str()), true);
        for _ in 0..=random.below(3) {
            sound &= change(&mut node, &mut random);
        }
        let mut line = node.line();
        if random.below(10) == 0 {
            spoil(&mut line, &mut random);
            sound = false;
        }
        let fresh = Decoder::by_the_wall().decode(line.as_bytes(), &mut TestGate);
        let told = warm.decode(line.as_bytes(), &mut TestGate);
        // Of whom was introduced before, the process is not looked at.
        assert!(bare(&told) == bare(&fresh) || fresh.is_err(), "{told:?}\n{fresh:?}\n{line}");
        let known = introduced(&told).is_none();
        assert!(known || introduced(&told) == introduced(&fresh), "{told:?}\n{fresh:?}\n{line}");
        if sound {
            // What stands in an array is walked.
            let walked = Decoder::by_the_wall().decode(format!("[{line}").as_bytes(), &mut TestGate);
            assert_eq!(walked.clone().ok(), fresh.clone().ok(), "{walked:?}\n{fresh:?}\n{line}");
        }
        read += u64::from(fresh.is_ok());
        refused += u64::from(fresh.is_err());
    }
    assert!(read > 1500 && refused > 100, "{read} {refused}");
}
