//! Secrets inside a text: URLs, headers, fields of JSON and connection strings, private keys.
//!
//! Nearly every text has none, and an alert is told once it has been searched: each kind of secret is first looked for by
//! a byte or a word that it cannot do without, and a text without any is not copied.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::names::{is_header, is_secret, is_secret_parameter};
use super::{REDACTED, shapes};

/// Any text: an argument, a sentence, a URL.
pub fn text(text: &str) -> Cow<'_, str> {
    clean(text, false)
}

/// A path: a secret in it ends with its folder's or file's name.
pub(super) fn path(text: &str) -> Cow<'_, str> {
    clean(text, true)
}

/// What one pass takes out can bring the ends of a key or a field nearer together than they stood before, so a text is
/// read until it stays as it is. Nothing real takes more than two passes; a text made to take more ends after eight.
fn clean(text: &str, is_path: bool) -> Cow<'_, str> {
    const MAX_PASSES: usize = 8;
    let mut whole = Cow::Borrowed(text);
    for _ in 0..MAX_PASSES {
        match pass(&whole, is_path) {
            Some(again) if again != *whole => whole = Cow::Owned(again),
            _ => break,
        }
    }
    whole
}

/// The text without what one look finds; `None` if it finds nothing.
fn pass(text: &str, is_path: bool) -> Option<String> {
    let mut whole = Cow::Borrowed(text);
    let mut without = |kind: &dyn Fn(&str) -> Option<String>| {
        if let Some(cleaned) = kind(&whole) {
            whole = Cow::Owned(cleaned);
        }
    };
    without(&private_keys);
    without(&webhooks);
    without(&user_info);
    without(&spoken);
    without(&encoded_parameters);
    without(&|text| assignments(text, is_path));
    without(&schemes);
    without(&shapes::keys);
    match whole {
        Cow::Owned(cleaned) => Some(cleaned),
        Cow::Borrowed(_) => None,
    }
}

fn has(text: &str, byte: u8) -> bool {
    memchr::memchr(byte, text.as_bytes()).is_some()
}

/// Armoured private keys, to their end or to the end of the text (RFC 7468).
fn private_keys(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN ";
    const END: &str = "PRIVATE KEY-----";
    const MAX_LABEL: usize = 64;
    if !has(text, b' ') || !text.contains(BEGIN) {
        return None;
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let (before, block) = rest.split_at(start);
        written.push_str(before);
        let label = &block.as_bytes()[..block.len().min(MAX_LABEL)];
        let opened = label.windows(END.len()).position(|at| at == END.as_bytes()).map(|at| at + END.len());
        let Some(opened) = opened else {
            written.push_str(BEGIN);
            rest = &block[BEGIN.len()..];
            continue;
        };
        written.push_str(REDACTED);
        rest = block[opened..].find(END).map_or("", |at| &block[opened + at + END.len()..]);
    }
    Some(written + rest)
}

/// Where an address carries its secret in the path: what leads to it, how many parts in between name the place, and whether
/// only one part is the secret.
const WEBHOOKS: [(&str, usize, bool); 11] = [
    ("/api/webhooks/", 1, false),
    ("hooks.slack.com/services/", 2, false),
    ("hooks.slack.com/workflows/", 2, false),
    ("hooks.slack.com/triggers/", 2, false),
    ("api.telegram.org/bot", 0, true),
    ("api.telegram.org/file/bot", 0, true),
    ("webhook.office.com/webhookb2/", 0, false),
    ("chat.googleapis.com/v1/spaces/", 9, false),
    ("hooks.zapier.com/hooks/catch/", 1, false),
    ("/open-apis/bot/v2/hook/", 0, false), // Feishu and Lark
    ("maker.ifttt.com/trigger/", 3, false),
];

fn webhooks(text: &str) -> Option<String> {
    static MARKERS: LazyLock<[Finder<'static>; WEBHOOKS.len()]> =
        LazyLock::new(|| WEBHOOKS.map(|(marker, ..)| Finder::new(marker)));
    if MARKERS.iter().all(|marker| marker.find(text.as_bytes()).is_none()) {
        return None;
    }
    let mut whole = text.to_owned();
    for (marker, keep, one) in WEBHOOKS {
        let mut from = 0;
        while let Some(at) = whole[from..].find(marker).map(|at| from + at + marker.len()) {
            let end = whole[at..].find(ends_word).map_or(whole.len(), |end| at + end);
            let kept: usize = whole[at..end].split_inclusive('/').take(keep).map(str::len).sum();
            let start = at + kept;
            let stop = if one { whole[start..end].find('/').map_or(end, |at| start + at) } else { end };
            from = start;
            if start < stop {
                whole.replace_range(start..stop, REDACTED);
                from += REDACTED.len();
            }
        }
    }
    Some(whole)
}

/// Ends a URL's path, or the word it stands in.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '?' | '#' | '"' | '\'' | '`' | ')' | '<' | '>' | ';' | '|' | '&')
}

/// `scheme://user:password@host` keeps the host (RFC 3986, 3.2.1), and so does `//user:password@host`, as mount_smbfs takes it.
fn user_info(text: &str) -> Option<String> {
    if !has(text, b'@') || !has(text, b':') {
        return None;
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("//").map(|at| at + 2) {
        let (before, authority) = rest.split_at(start);
        let has_scheme = before.ends_with("://");
        let begins = has_scheme || begins_word(&before[..before.len() - 1]);
        written.push_str(before);
        let end = authority.find(|c: char| c == '/' || ends_word(c)).unwrap_or(authority.len());
        let at = authority[..end].rfind('@').unwrap_or(0);
        let hidden = at > 0 && begins && (has_scheme || authority[..at].contains(':'));
        if hidden {
            written.push_str(REDACTED);
        }
        rest = if hidden { &authority[at..] } else { authority };
    }
    Some(written + rest)
}

/// `password "…"`, as AppleScript writes it, in a text where quotes may be escaped.
fn spoken(text: &str) -> Option<String> {
    const WORDS: [&str; 2] = ["password ", "passphrase "];
    static FINDERS: LazyLock<[Finder<'static>; WORDS.len()]> = LazyLock::new(|| WORDS.map(Finder::new));
    if !has(text, b'"') || FINDERS.iter().all(|word| word.find(text.as_bytes()).is_none()) {
        return None;
    }
    let mut whole = text.to_owned();
    for word in WORDS {
        let mut from = 0;
        while let Some(at) = whole[from..].find(word).map(|at| from + at + word.len()) {
            from = at;
            let quote = ["\\\"", "\""].into_iter().find(|quote| whole[at..].starts_with(quote));
            let Some(quote) = quote else { continue };
            let start = at + quote.len();
            let stop = whole[start..].find(quote).map_or(whole.len(), |end| start + end);
            if start < stop {
                whole.replace_range(start..stop, REDACTED);
                from = start + REDACTED.len();
            }
        }
    }
    Some(whole)
}

/// `token%3Dsecret`: parameters of an address inside a parameter (RFC 3986, 2.1).
fn encoded_parameters(text: &str) -> Option<String> {
    let mut written = String::new();
    let mut copied = 0;
    for at in memchr::memchr_iter(b'%', text.as_bytes()) {
        if at < copied || !text[at..].get(..3).is_some_and(|sign| sign.eq_ignore_ascii_case("%3d")) {
            continue;
        }
        let (name, before) = name_before(&text[..at]);
        // `%26token`: what stands before the name has digits of its own.
        let name = if before == Some('%') { name.get(2..).unwrap_or_default() } else { name };
        let start = at + 3;
        let ends = |c: char| c == '%' || c == '&' || ends_word(c);
        let end = text[start..].find(ends).map_or(text.len(), |end| start + end);
        if is_secret_parameter(name) && start < end {
            written.push_str(&text[copied..start]);
            written.push_str(REDACTED);
            copied = end;
        }
    }
    (copied > 0).then(|| written + &text[copied..])
}

/// `name=secret`, `"name": "secret"`, `Header: secret`.
fn assignments(text: &str, is_path: bool) -> Option<String> {
    let mut written = String::new();
    let mut copied = 0;
    for at in memchr::memchr2_iter(b'=', b':', text.as_bytes()) {
        if at < copied {
            continue;
        }
        let sign = if text.as_bytes()[at] == b'=' { '=' } else { ':' };
        if let Some((start, end)) = secret_value(text, at, sign, is_path) {
            written.push_str(&text[copied..start]);
            written.push_str(REDACTED);
            copied = end;
        }
    }
    (copied > 0).then(|| written + &text[copied..])
}

/// Where the value of the assignment at `at` begins and ends, if it is a secret.
fn secret_value(text: &str, at: usize, sign: char, is_path: bool) -> Option<(usize, usize)> {
    let (name, before) = name_before(&text[..at]);
    let header = sign == ':' && is_header(name);
    let slashed = sign == ':' && !is_path && before == Some('/') && begins_word(&text[..at - name.len()]);
    let in_query = matches!(before, Some('?' | '&' | ';'));
    let secret = if in_query { is_secret_parameter(name) } else { is_secret(name) };
    let after = &text[at + 1..];
    let quoted_name = text[..at].ends_with(['"', '\'']);
    let spaced = after.starts_with([' ', '"', '\'']) || quoted_name;
    if name.is_empty()
        || !secret
        || (sign == ':' && !spaced && !header && !slashed)
        || (is_path && sign == ':' && !quoted_name)
    {
        return None;
    }
    let skipped = after.len() - after.trim_start_matches([' ', '\\']).len();
    let value = if sign == ':' { &after[skipped..] } else { after };
    let start = text.len() - value.len();
    if value.starts_with("//") || value.starts_with(REDACTED) {
        return None;
    }
    let (open, inner) = match value.chars().next()? {
        quote @ ('"' | '\'') => (Some(quote), &value[1..]),
        _ => (None, value),
    };
    let enclosing = before.filter(|c| matches!(c, '"' | '\'') && !quoted_name);
    let length = value_length(inner, open.or(enclosing), header, sign, is_path);
    let start = start + usize::from(open.is_some());
    (length > 0 && (header || !is_place(&inner[..length]))).then_some((start, start + length))
}

/// `/token:SECRET`, an option as on Windows: the slash is the first of its word, and none of an address or path.
fn begins_word(before: &str) -> bool {
    let rest = before.strip_suffix('/').unwrap_or(before);
    rest.is_empty() || rest.ends_with(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
}

/// The name that ends here, without its quotes, and the character before it.
fn name_before(text: &str) -> (&str, Option<char>) {
    let bare = text.trim_end_matches(['"', '\'', '\\']);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let start =
        bare.rfind(|c| !is_name(c)).map_or(0, |at| at + bare[at..].chars().next().map_or(1, char::len_utf8));
    (&bare[start..], bare[..start].chars().next_back())
}

fn value_length(value: &str, quote: Option<char>, header: bool, sign: char, is_path: bool) -> usize {
    let ends = |c: char| match quote {
        Some(quote) => c == quote || c == '\\',
        None if header => c == '\n',
        None if is_path => matches!(c, '/' | '&' | ';'),
        None if sign == ':' => c.is_whitespace() || matches!(c, ',' | '}' | '"' | '\''),
        None => {
            c.is_whitespace() || matches!(c, '&' | ';' | ',' | '#' | '"' | '\'' | '`' | ')' | '}' | ']' | '|')
        }
    };
    value.find(ends).unwrap_or(value.len())
}

/// Paths and URLs are evidence, also behind an option that may carry a secret: `--private-key /Users/…`.
pub(super) fn is_place(value: &str) -> bool {
    const ROOTS: [&str; 15] = [
        "~/",
        "./",
        "../",
        "$HOME/",
        "/Users/",
        "/private/",
        "/tmp/",
        "/var/",
        "/etc/",
        "/opt/",
        "/usr/",
        "/Volumes/",
        "/Library/",
        "/Applications/",
        "/dev/",
    ];
    value.contains("://") || ROOTS.iter().any(|root| value.starts_with(root))
}

/// `Bearer …`, `Basic …` and the like, wherever they stand (RFC 9110, 11.6.2).
fn schemes(text: &str) -> Option<String> {
    const SCHEMES: [&str; 7] =
        ["Bearer ", "bearer ", "Basic ", "basic ", "Bot ", "SharedKey ", "GoogleLogin auth="];
    static FINDERS: LazyLock<[Finder<'static>; SCHEMES.len()]> = LazyLock::new(|| SCHEMES.map(Finder::new));
    if !has(text, b' ') || FINDERS.iter().all(|scheme| scheme.find(text.as_bytes()).is_none()) {
        return None;
    }
    let mut whole = text.to_owned();
    for scheme in SCHEMES {
        let mut from = 0;
        while let Some(start) = whole[from..].find(scheme).map(|at| from + at + scheme.len()) {
            let is_token = |c: char| {
                c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '+' | '/' | '=' | '-' | ':')
            };
            let length = whole[start..].find(|c| !is_token(c)).unwrap_or(whole.len() - start);
            from = start;
            if length >= 8 && is_mixed(&whole[start..start + length]) {
                whole.replace_range(start..start + length, REDACTED);
                from += REDACTED.len();
            }
        }
    }
    Some(whole)
}

/// Not a word of a sentence.
fn is_mixed(word: &str) -> bool {
    word.bytes().skip(1).any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'=')
}
