//! Secrets in a command line: the value after an option, also inside a command that a shell is told to run.

use super::names::{is_secret, is_secret_command};
use super::programs::{NONE, PROGRAMS, Program};
use super::stdin::{HandedOn, handed_on, may_be_it};
use super::text::is_place;
use super::{REDACTED, shapes, text};

/// Commands inside commands are read so deep.
const MAX_DEPTH: usize = 4;
/// A longer word before `=` is no name.
const MAX_NAME: usize = 64;

/// A whole command line.
pub fn args(args: &[Box<str>]) -> Vec<String> {
    let mut line = Line::new(0);
    args.iter().map(|arg| line.word(arg)).collect()
}

/// Programs that other programs start: what follows them is theirs.
const STARTED: [&str; 8] = ["ssh", "scp", "sftp", "rsync", "sh", "bash", "zsh", "python3"];

#[derive(Clone, Copy, PartialEq)]
enum Next {
    Free,
    Secret,
    /// A command that prints a secret.
    Printer,
    /// `user:password`, or a user alone.
    Login,
    /// `file:password`, or a file alone.
    Certificate,
}

/// A command line read word by word.
struct Line {
    depth: usize,
    first: bool,
    program: &'static Program,
    next: Next,
    /// Words without a dash to keep, then to hide.
    count: (usize, usize),
    /// What `password` of the program names is a secret from here on.
    password: bool,
    /// What another program takes as a password.
    handed_on: HandedOn,
}

impl Line {
    const fn new(depth: usize) -> Self {
        Self {
            depth,
            first: true,
            program: &NONE,
            next: Next::Free,
            count: (0, 0),
            password: false,
            handed_on: HandedOn::Nothing,
        }
    }

    /// The command that `text` begins with, up to where the next one does.
    fn of(text: &str, depth: usize) -> Self {
        Self { handed_on: handed_on(text), ..Self::new(depth) }
    }

    fn word(&mut self, word: &str) -> String {
        let first = std::mem::take(&mut self.first);
        match std::mem::replace(&mut self.next, Next::Free) {
            Next::Secret if !is_option(word) && !is_place(word) && !word.starts_with("pass:") => {
                return REDACTED.to_owned();
            }
            Next::Login if is_login(word) => return REDACTED.to_owned(),
            Next::Certificate => return certificate(word),
            Next::Printer if !is_option(word) => return printer(word),
            _ => {}
        }
        if self.handed_on == HandedOn::Printed && !first && may_be_it(word) {
            return REDACTED.to_owned();
        }
        if word.starts_with('-') && word.len() > 1 {
            self.begin_count(word);
            return self.option(word);
        }
        if let (HandedOn::HereString, Some(given)) = (self.handed_on, word.strip_prefix("<<<"))
            && !given.is_empty()
        {
            return format!("<<<{REDACTED}");
        }
        self.learn(word, first);
        if self.hides(word) {
            return REDACTED.to_owned();
        }
        self.plain(word)
    }

    /// What a word without a dash says about those behind it.
    fn learn(&mut self, word: &str, first: bool) {
        let name = word.rsplit('/').next().unwrap_or(word);
        let known = PROGRAMS.iter().find(|program| program.names.contains(&name));
        if let Some(program) = known {
            (self.program, self.password) = (program, false);
        } else if first || STARTED.contains(&name) {
            (self.program, self.password) = (&NONE, false);
        }
        self.password |= self.program.behind.contains(&word);
        if word == "<<<" && self.handed_on == HandedOn::HereString || first && is_ftp_password(word) {
            self.next = Next::Secret;
        }
        if name.contains(['_', '-']) && !name.contains(['=', ':', ' ', '.']) && is_secret(name) {
            self.next = Next::Secret;
        }
    }

    fn begin_count(&mut self, word: &str) {
        let name = word.rsplit('/').next().unwrap_or(word);
        if let Some((_, keep, hide)) = self.program.verbs.iter().find(|(verb, _, _)| *verb == name) {
            self.count = (*keep, *hide);
        }
    }

    /// Counts the words behind a verb.
    fn hides(&mut self, word: &str) -> bool {
        match &mut self.count {
            (0, 0) => {
                self.begin_count(word);
                false
            }
            (0, hide) => {
                *hide -= 1;
                !is_place(word)
            }
            (keep, _) => {
                *keep -= 1;
                false
            }
        }
    }

    fn option(&mut self, word: &str) -> String {
        if let Some((name, value)) = word.split_once('=') {
            return named(name, value, self.depth);
        }
        let program = self.program;
        if program.secret.contains(&word) || self.password && program.password.contains(&word) {
            self.next = Next::Secret;
            return word.to_owned();
        }
        if program.certificate.contains(&word) {
            self.next = Next::Certificate;
            return word.to_owned();
        }
        if is_login_option(word) || (is_cluster(word, 'u') && !program.login.is_empty()) {
            self.next = Next::Login;
            return word.to_owned();
        }
        let attached = program.secret.iter().chain(program.attached);
        let mut short = attached.filter(|short| !short.starts_with("--"));
        if let Some(short) = short.find(|short| word.len() > short.len() && word.starts_with(**short)) {
            return format!("{short}{REDACTED}");
        }
        let mut login = program.login.iter();
        if let Some(short) = login.find(|short| word.starts_with(**short) && is_login(&word[short.len()..])) {
            return format!("{short}{REDACTED}");
        }
        if !word.contains([':', ' ']) && is_secret(word) || is_auth(word) {
            self.next = Next::Secret;
        } else if is_secret_command(word) {
            self.next = Next::Printer;
        }
        self.plain(word)
    }

    /// Anything else: a text, and if it holds several words, perhaps a command of its own.
    fn plain(&self, word: &str) -> String {
        if self.depth < MAX_DEPTH
            && let Some((name, value)) = word.split_once('=')
            && (1..=MAX_NAME).contains(&name.len())
            && (!value.contains(char::is_whitespace) || is_secret_command(name))
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        {
            return named(name, value, self.depth);
        }
        if shapes::is_aws_secret(word) && !is_place(word) {
            return REDACTED.to_owned();
        }
        if let Some(source) = word.strip_prefix("pass:") {
            return if source.is_empty() { word.to_owned() } else { format!("pass:{REDACTED}") };
        }
        command(&text(word), self.depth)
    }
}

/// `--name=value`, or `NAME=value` as a word of its own: all of the value is meant.
fn named(name: &str, value: &str, depth: usize) -> String {
    let list = value.contains([';', '&']) && value.contains('=');
    let hidden = if is_login_option(name) {
        is_login(value)
    } else {
        (is_secret(name) || is_auth(name)) && !list && !is_place(value)
    };
    if hidden && !value.is_empty() {
        return format!("{name}={REDACTED}");
    }
    if is_secret_command(name) {
        return format!("{name}={}", quoted(value, printer));
    }
    if list {
        return command(&text(&format!("{name}={value}")), depth);
    }
    format!("{}={}", text(name), Line::new(depth + 1).plain(value))
}

/// `file:password` without the password.
fn certificate(word: &str) -> String {
    match word.rsplit_once(':') {
        Some((file, password)) if !password.is_empty() && !password.starts_with('/') => {
            format!("{file}:{REDACTED}")
        }
        _ => word.to_owned(),
    }
}

/// Commands of FTP (RFC 959, 4.1.1), which curl's `--quote` sends, as the RFC spells them: `pass` is a program of its own.
fn is_ftp_password(word: &str) -> bool {
    matches!(word, "PASS" | "ACCT")
}

/// A command that prints a secret may well hold it: only what is run stays.
fn printer(command: &str) -> String {
    match command.split_once(char::is_whitespace) {
        Some((program, rest)) if !rest.trim().is_empty() => format!("{program} {REDACTED}"),
        _ => command.to_owned(),
    }
}

/// A word that holds words: each is read as a command line's, quotes kept.
fn command(text: &str, depth: usize) -> String {
    if depth >= MAX_DEPTH || !text.contains([' ', '\n', '\t']) {
        return text.to_owned();
    }
    let mut line = Line::of(text, depth + 1);
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let space = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        written.push_str(&rest[..space]);
        let word = shell_word(&rest[space..]);
        rest = &rest[space + word.len()..];
        if is_operator(word) {
            line = Line::of(rest, depth + 1);
            written.push_str(word);
        } else if !word.is_empty() {
            written.push_str(&quoted(word, |bare| line.word(bare)));
        }
    }
    written
}

/// What stands between two commands.
pub(super) fn is_operator(word: &str) -> bool {
    matches!(word, "|" | "||" | "|&" | "&&" | ";" | "&")
}

/// Up to the next space, pipe or closing semicolon that no quotes enclose.
pub(super) fn shell_word(text: &str) -> &str {
    let pipes = text.bytes().take_while(|byte| *byte == b'|').count();
    if pipes > 0 {
        return &text[..pipes];
    }
    let closes = |at: usize| text[at + 1..].chars().next().is_none_or(char::is_whitespace);
    if text.starts_with(';') && closes(0) {
        return &text[..1];
    }
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() || c == '|' || c == ';' && closes(at) => return &text[..at],
            None => {}
        }
    }
    text
}

/// Applies `clean` to what the quotes enclose.
fn quoted(word: &str, clean: impl FnOnce(&str) -> String) -> String {
    for quote in ['"', '\''] {
        let inner = word.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return format!("{quote}{}{quote}", clean(inner));
        }
    }
    clean(word)
}

fn is_option(word: &str) -> bool {
    word.starts_with("--") && word.len() > 3 || (word.len() == 2 && word.starts_with('-'))
}

/// HTTPie's; other names that end so are addresses and modes.
fn is_auth(word: &str) -> bool {
    matches!(word, "--auth" | "-auth")
}

fn is_login_option(word: &str) -> bool {
    matches!(word, "-u" | "-U" | "--user" | "--proxy-user" | "--userpwd")
}

/// `-sSu`: several short options, the last of which takes a value.
fn is_cluster(word: &str, last: char) -> bool {
    let letters = word.strip_prefix('-').unwrap_or_default();
    letters.len() > 1 && letters.ends_with(last) && letters.chars().all(|c| c.is_ascii_alphabetic())
}

/// `user:password`, `user,password` (lftp) or `user%password` (smbclient), but no address and no pair of numbers.
fn is_login(word: &str) -> bool {
    let numbers = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    word.contains([':', ',', '%']) && !numbers && !is_place(word)
}
