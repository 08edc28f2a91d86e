//! Words that are keys by their looks, as their issuers document them.

use super::REDACTED;

/// Which characters a key is made of.
#[derive(Clone, Copy)]
enum Of {
    Upper,
    Alnum,
    Url,
    Dotted,
    Hex,
}

impl Of {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Hex => byte.is_ascii_hexdigit(),
        }
    }
}

/// How a key begins, what follows, and at least how much of it.
const SHAPES: [(&str, Of, usize); 42] = [
    ("AKIA", Of::Upper, 12),   // AWS, long-lived
    ("ASIA", Of::Upper, 12),   // AWS, temporary
    ("AIza", Of::Url, 30),     // Google API
    ("ya29.", Of::Dotted, 20), // Google OAuth
    ("GOCSPX-", Of::Url, 20),  // Google client secret
    ("1//0", Of::Url, 30),     // Google refresh token
    ("ghp_", Of::Alnum, 16),   // GitHub
    ("gho_", Of::Alnum, 16),
    ("ghu_", Of::Alnum, 16),
    ("ghs_", Of::Alnum, 16),
    ("ghr_", Of::Alnum, 16),
    ("github_pat_", Of::Url, 20),
    ("glpat-", Of::Dotted, 16), // GitLab
    ("gldt-", Of::Dotted, 16),
    ("glrt-", Of::Dotted, 16),
    ("glptt-", Of::Dotted, 16),
    ("xoxb-", Of::Url, 15), // Slack
    ("xoxp-", Of::Url, 15),
    ("xoxa-", Of::Url, 15),
    ("xoxr-", Of::Url, 15),
    ("xoxs-", Of::Url, 15),
    ("xoxc-", Of::Url, 15),
    ("xoxd-", Of::Url, 15),
    ("xapp-", Of::Url, 15),
    ("sk_live_", Of::Alnum, 12), // Stripe
    ("sk_test_", Of::Alnum, 12),
    ("rk_live_", Of::Alnum, 12),
    ("rk_test_", Of::Alnum, 12),
    ("whsec_", Of::Alnum, 20),
    ("sk-", Of::Url, 24),     // OpenAI and those who copied it
    ("npm_", Of::Alnum, 30),  // npm
    ("pypi-", Of::Url, 30),   // PyPI
    ("sl.", Of::Dotted, 30),  // Dropbox
    ("dop_v1_", Of::Hex, 30), // DigitalOcean
    ("doo_v1_", Of::Hex, 30),
    ("dor_v1_", Of::Hex, 30),
    ("SG.", Of::Dotted, 30), // SendGrid
    ("SK", Of::Hex, 32),     // Twilio API key
    ("eyJ", Of::Dotted, 30), // JWT: `{"` in base64
    ("shpat_", Of::Hex, 30), // Shopify
    ("hvs.", Of::Url, 20),   // Vault
    ("hf_", Of::Alnum, 30),  // Hugging Face
];

/// Bytes that some shape begins with.
const BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let mut index = 0;
    while index < SHAPES.len() {
        begins[SHAPES[index].0.as_bytes()[0] as usize] = true;
        index += 1;
    }
    begins
};

/// A key has this many letters and digits in a row somewhere, a digit among them, or more without one; words of a file
/// name have fewer.
const SOLID: usize = 12;
const SOLID_LETTERS: usize = 20;

/// Takes keys out of a text; `None` if there are none in it.
pub fn keys(text: &str) -> Option<String> {
    let mut written = String::new();
    let (mut at, mut copied) = (0, 0);
    while at < text.len() {
        let inside_word = at > 0 && text.as_bytes()[at - 1].is_ascii_alphanumeric();
        let found = if inside_word { None } else { key_at(&text.as_bytes()[at..]) };
        match found {
            Some(length) => {
                written.push_str(&text[copied..at]);
                written.push_str(REDACTED);
                at += length;
                copied = at;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    (copied > 0).then(|| written + &text[copied..])
}

/// Bytes looked at before a word is taken for a key: hostile texts cost no more.
const LOOK: usize = 512;

/// Length of the key that begins here.
fn key_at(text: &[u8]) -> Option<usize> {
    let begins = text.first().is_some_and(|first| BEGINS[usize::from(*first)]);
    let shapes = if begins { &SHAPES[..] } else { &[] };
    let known = shapes.iter().find_map(|(prefix, of, least)| {
        let rest = text.strip_prefix(prefix.as_bytes())?;
        let seen = run(&rest[..rest.len().min(LOOK)], *of);
        (seen >= *least && is_solid(&rest[..seen])).then(|| prefix.len() + run(rest, *of))
    });
    let seen = &text[..text.len().min(LOOK)];
    known
        .or_else(|| discord_bot(seen))
        .or_else(|| telegram_bot(seen))
        .or_else(|| azure_client_secret(seen))
        .or_else(|| storage_key(seen))
}

fn run(text: &[u8], of: Of) -> usize {
    text.iter().take_while(|byte| of.has(**byte)).count()
}

fn is_solid(key: &[u8]) -> bool {
    let solid = |part: &[u8]| {
        part.len() >= SOLID_LETTERS || (part.len() >= SOLID && part.iter().any(u8::is_ascii_digit))
    };
    key.split(|byte| !byte.is_ascii_alphanumeric()).any(solid)
}

/// `id.time.mac`, the id a number in base64.
fn discord_bot(text: &[u8]) -> Option<usize> {
    let first = if matches!(text.first(), Some(b'M' | b'N' | b'O')) { run(text, Of::Url) } else { 0 };
    let rest = text.get(first..)?.strip_prefix(b".").filter(|_| (23..=28).contains(&first))?;
    let second = run(rest, Of::Url);
    let last = rest.get(second..)?.strip_prefix(b".").filter(|_| (6..=7).contains(&second))?;
    let third = run(last, Of::Url);
    (third >= 27).then_some(first + second + third + 2)
}

/// `123456789:AA…`, 35 characters behind the colon.
fn telegram_bot(text: &[u8]) -> Option<usize> {
    let number = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text.get(number..)?.strip_prefix(b":")?;
    let secret = run(rest, Of::Url);
    ((8..=10).contains(&number) && secret == 35).then_some(number + 1 + secret)
}

/// Three characters, a digit, `Q~`, and more than thirty others.
fn azure_client_secret(text: &[u8]) -> Option<usize> {
    let rest =
        text.get(3).filter(|byte| byte.is_ascii_digit()).and_then(|_| text.get(4..)?.strip_prefix(b"Q~"))?;
    let rest = rest.iter().take_while(|byte| Of::Dotted.has(**byte) || **byte == b'~').count();
    (rest >= 31).then_some(6 + rest)
}

/// 64 bytes in base64: keys of Azure storage, Service Bus, Cosmos.
fn storage_key(text: &[u8]) -> Option<usize> {
    let (key, rest) = text.split_at_checked(86)?;
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    (rest.starts_with(b"==") && key.iter().all(base64)).then_some(88)
}

/// 40 characters of base64 that change their kind as often as chance makes them: an AWS secret key without a name.
pub fn is_aws_secret(word: &str) -> bool {
    let kind = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let base64 = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    let changes = word.as_bytes().windows(2).filter(|pair| kind(&pair[0]) != kind(&pair[1])).count();
    // No name made of words has the two that are no letters and no digits.
    let odd = usize::from(word.contains(['+', '/']));
    word.len() == 40 && base64 && changes + odd >= 17
}
