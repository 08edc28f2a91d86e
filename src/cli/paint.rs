//! What people are shown: nothing that draws by itself, and colours where they are wanted.

use std::io::IsTerminal as _;

pub use crate::sink::format::{size, visible};

/// The time of day of an RFC 3339 time, with milliseconds.
pub fn clock(time: &str) -> &str {
    time.get(11..23).unwrap_or_default()
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";
const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Whether standard output gets colours: a terminal that can, and nobody said no (no-color.org).
pub fn wanted() -> bool {
    let said = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    wants(
        std::io::stdout().is_terminal(),
        said("NO_COLOR").is_some(),
        said("TERM").is_some_and(|term| term == "dumb"),
    )
}

const fn wants(terminal: bool, refused: bool, dumb: bool) -> bool {
    terminal && !refused && !dumb
}

/// Colours the lines of a text for people: words that open a line, and labels. The words themselves stay as they are.
pub fn paint(text: &str, wanted: bool) -> String {
    if !wanted {
        return text.to_owned();
    }
    text.split_inclusive('\n').map(line).collect()
}

/// Words at the beginning of a line, and what they mean.
const OPENINGS: [(&str, &str); 9] = [
    ("ALERT", RED),
    ("Alert", RED),
    ("verdict   ALERT", RED),
    ("verdict   LOW", YELLOW),
    ("verdict   NOTE", YELLOW),
    ("verdict   NONE", GREEN),
    ("NOT SEEN", YELLOW),
    ("  FAIL", RED),
    ("  ok", GREEN),
];

/// Labels of two words.
const TWO_WORDS: [&str; 5] = ["run by", "may read", "may send", "sends to", "puts into"];

fn line(line: &str) -> String {
    if let Some((word, colour)) = OPENINGS.iter().find(|(word, _)| line.starts_with(word)) {
        return format!("{colour}{word}{PLAIN}{}", &line[word.len()..]);
    }
    if line.starts_with('#') {
        let (body, end) = line.split_at(line.trim_end_matches('\n').len());
        return format!("{DIM}{body}{PLAIN}{end}");
    }
    // A label in a column of its own: two spaces or none, a word, and the column's padding.
    let indent = line.len() - line.trim_start_matches(' ').len();
    let two_words = TWO_WORDS.iter().find(|label| line[indent..].starts_with(*label));
    let label = two_words.copied().unwrap_or_else(|| line[indent..].split(' ').next().unwrap_or_default());
    let labelled = indent <= 2
        && label.len() <= 9
        && label.bytes().all(|byte| byte == b' ' || byte.is_ascii_lowercase());
    let column = indent + 10;
    let padded =
        line.get(indent + label.len()..column).is_some_and(|gap| gap.bytes().all(|byte| byte == b' '));
    if labelled && padded && !label.is_empty() {
        return format!("{}{DIM}{label}{PLAIN}{}", &line[..indent], &line[indent + label.len()..]);
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        assert!(wants(true, false, false));
        assert!(!wants(false, false, false) && !wants(true, true, false) && !wants(true, false, true));
        assert_eq!(paint("ALERT high\n", false), "ALERT high\n");
    }

    #[test]
    fn words_stay_as_they_are_beneath_their_colours() {
        let text = "ALERT high severity\n  who       /usr/bin/curl\n  curl sent 9 KiB to x\nverdict   NONE: fine\nreads     /x\n\n# a\n";
        let painted = paint(text, true);
        let colours = [RED, YELLOW, GREEN, DIM, PLAIN];
        let bare = colours.iter().fold(painted.clone(), |text, colour| text.replace(colour, ""));
        assert_eq!(bare, text);
        assert!(painted.starts_with("\x1b[1;31mALERT\x1b[0m high"), "{painted}");
        assert!(
            painted.contains("  \x1b[2mwho\x1b[0m       /usr") && painted.contains("\n  curl sent"),
            "{painted}"
        );
        assert!(painted.contains("\x1b[2mreads\x1b[0m     /x"), "{painted}");
    }
}
