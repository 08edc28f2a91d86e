//! Passwords that one command prints for the next: `echo PASSWORD | sudo -S …`, `sudo -S … <<< PASSWORD`.

use super::command::{is_operator, shell_word};

/// Programs that print their arguments.
const PRINTERS: [&str; 3] = ["echo", "printf", "print"];
/// Programs that ask standard input for a password, whatever their options are.
const ASKERS: [&str; 5] = ["kinit", "chpasswd", "passwd", "smbpasswd", "cryptsetup"];
/// Options by which others do.
const OPTIONS: [&str; 3] = ["--with-token", "--passphrase-fd", "--token-stdin"];

/// How a command gives a password to a program that asks standard input for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandedOn {
    Nothing,
    /// It prints it, and a pipe hands it on.
    Printed,
    /// It is the word behind `<<<`.
    HereString,
}

/// What the command at the start of this text hands on.
pub fn handed_on(text: &str) -> HandedOn {
    let (own, rest) = split(text);
    if words(own).next().is_some_and(|word| PRINTERS.contains(&name(word))) {
        let next = rest.strip_prefix('|').filter(|rest| !rest.starts_with('|'));
        let next = next.map(|rest| rest.trim_start_matches('&'));
        if next.is_some_and(|next| takes_password(split(next).0)) {
            return HandedOn::Printed;
        }
    } else if own.contains("<<<") && takes_password(own) {
        return HandedOn::HereString;
    }
    HandedOn::Nothing
}

/// Among the words that a printer prints: no option, no format, no variable.
pub fn may_be_it(word: &str) -> bool {
    let is_format = word.starts_with('%') && word.len() <= 4;
    !(word.is_empty() || word.starts_with(['-', '$']) || is_format)
}

fn takes_password(command: &str) -> bool {
    let mut first = true;
    let (mut sudo, mut op, mut pass) = (false, false, false);
    words(command).any(|word| {
        let bare = word.trim_matches(['"', '\'']);
        let lower = bare.to_ascii_lowercase();
        let asks = first && ASKERS.contains(&name(bare));
        let found = asks
            || OPTIONS.contains(&lower.as_str())
            || lower.starts_with('-') && lower.contains("stdin") && lower.contains("pass")
            || lower.starts_with("--password-file=-")
            || sudo && is_cluster_with(bare, b'S')
            || op && lower == "signin"
            || pass && matches!(lower.as_str(), "stdin" | "fd:0" | "file:-");
        pass = lower.starts_with("-pass");
        sudo |= first && name(bare) == "sudo";
        op |= first && name(bare) == "op";
        first = false;
        found
    })
}

/// One of several short options: `-kS`.
fn is_cluster_with(word: &str, letter: u8) -> bool {
    word.len() > 1
        && word.starts_with('-')
        && !word.starts_with("--")
        && word.bytes().any(|byte| byte == letter)
}

fn name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn words(command: &str) -> impl Iterator<Item = &str> {
    let mut rest = command;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let word = shell_word(rest);
        rest = &rest[word.len()..];
        (!word.is_empty()).then_some(word)
    })
}

/// The first command and what follows, from its operator on.
fn split(text: &str) -> (&str, &str) {
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let word = shell_word(&text[at..]);
        if word.is_empty() || is_operator(word) {
            return text.split_at(at);
        }
        at += word.len();
    }
}
