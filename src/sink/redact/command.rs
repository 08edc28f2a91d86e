//! Secrets in a command line: the value after an option, also inside a command that a shell is told to run.

use super::names::{is_secret, is_secret_command};
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

/// Options of one program whose meaning others do not share.
struct Program {
    names: &'static [&'static str],
    /// A secret follows, as the next word or attached.
    secret: &'static [&'static str],
    /// A secret may be attached: `-pSECRET`. The next word is something else.
    attached: &'static [&'static str],
    /// `user:password` follows.
    login: &'static [&'static str],
    /// Behind this verb, so many words are kept and so many hidden.
    verbs: &'static [(&'static str, usize, usize)],
    /// Behind one of these verbs `-p` is a password; elsewhere it is something else.
    password: &'static [&'static str],
}

const NONE: Program =
    Program { names: &[], secret: &[], attached: &[], login: &[], verbs: &[], password: &[] };

const PROGRAMS: [Program; 23] = [
    Program {
        names: &["curl", "wget", "wget2", "aria2c"],
        secret: &["-b", "--cookie"],
        login: &["-u", "-U"],
        ..NONE
    },
    Program { names: &["http", "https", "httpie", "xh", "xhs"], secret: &["-a"], ..NONE },
    Program {
        names: &["az"],
        password: &["login", "sql", "mysql", "postgres", "mariadb", "synapse"],
        ..NONE
    },
    Program {
        names: &["docker", "podman", "nerdctl", "finch", "helm", "oras", "crane", "skopeo", "oc", "cf"],
        password: &["login"],
        ..NONE
    },
    Program { names: &["twine"], secret: &["-p"], ..NONE },
    Program {
        names: &[
            "megatools",
            "megacopy",
            "megadf",
            "megaget",
            "megals",
            "megamkdir",
            "megaput",
            "megareg",
            "megarm",
        ],
        secret: &["-p"],
        ..NONE
    },
    Program {
        names: &["mega-exec", "mega-cmd", "mega-login", "mega-signup", "mega-confirm", "mega-passwd"],
        verbs: &[
            ("login", 1, 1),
            ("mega-login", 1, 1),
            ("signup", 1, 1),
            ("mega-signup", 1, 1),
            ("confirm", 2, 1),
            ("mega-confirm", 2, 1),
            ("passwd", 0, 2),
            ("mega-passwd", 0, 2),
        ],
        ..NONE
    },
    Program {
        names: &["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlsh", "mariadb", "mariadb-dump"],
        attached: &["-p"],
        ..NONE
    },
    Program { names: &["sshpass"], secret: &["-p"], ..NONE },
    Program { names: &["7z", "7za", "7zz", "7zr"], attached: &["-p"], ..NONE },
    Program { names: &["rar", "unrar"], attached: &["-hp", "-p"], ..NONE },
    Program { names: &["zip", "unzip"], secret: &["-P"], ..NONE },
    Program { names: &["openssl"], secret: &["-k", "-K"], ..NONE },
    Program { names: &["security"], secret: &["-p", "-w", "-P"], ..NONE },
    Program { names: &["redis-cli"], secret: &["-a"], ..NONE },
    Program { names: &["ldapsearch", "ldapmodify", "ldapadd"], secret: &["-w"], ..NONE },
    Program {
        names: &["lftp", "smbclient", "ncftpput", "ncftp"],
        secret: &["-p"],
        login: &["-u", "-U"],
        ..NONE
    },
    Program { names: &["mosquitto_pub", "sqlcmd", "bcp"], secret: &["-P"], ..NONE },
    Program { names: &["doctl"], secret: &["-t"], ..NONE },
    Program { names: &["swift"], secret: &["-K"], ..NONE },
    Program { names: &["mc", "mcli"], verbs: &[("set", 2, 2)], ..NONE },
    Program {
        names: &["b2"],
        verbs: &[("authorize-account", 1, 1), ("authorize_account", 1, 1), ("authorize", 1, 1)],
        ..NONE
    },
    Program { names: &["rclone"], verbs: &[("obscure", 0, 1), ("pass", 0, 1), ("token", 0, 1)], ..NONE },
];

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
}

/// A command line read word by word.
struct Line {
    depth: usize,
    first: bool,
    program: &'static Program,
    next: Next,
    /// Words without a dash to keep, then to hide.
    count: (usize, usize),
    /// `-p` is a password from here on.
    password: bool,
}

impl Line {
    const fn new(depth: usize) -> Self {
        Self { depth, first: true, program: &NONE, next: Next::Free, count: (0, 0), password: false }
    }

    fn word(&mut self, word: &str) -> String {
        let first = std::mem::take(&mut self.first);
        match std::mem::replace(&mut self.next, Next::Free) {
            Next::Secret if !is_option(word) && !is_place(word) && !word.starts_with("pass:") => {
                return REDACTED.to_owned();
            }
            Next::Login if is_login(word) => return REDACTED.to_owned(),
            Next::Printer if !is_option(word) => return printer(word),
            _ => {}
        }
        if word.starts_with('-') && word.len() > 1 {
            return self.option(word);
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
        self.password |= self.program.password.contains(&word);
        if name.contains(['_', '-']) && !name.contains(['=', ':', ' ', '.']) && is_secret(name) {
            self.next = Next::Secret;
        }
    }

    /// Counts the words behind a verb.
    fn hides(&mut self, word: &str) -> bool {
        match &mut self.count {
            (0, 0) => {
                let name = word.rsplit('/').next().unwrap_or(word);
                let verb = self.program.verbs.iter().find(|(verb, _, _)| *verb == name);
                self.count = verb.map_or((0, 0), |(_, keep, hide)| (*keep, *hide));
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
        if program.secret.contains(&word) || self.password && word == "-p" {
            self.next = Next::Secret;
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
    let mut line = Line::new(depth + 1);
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let space = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        written.push_str(&rest[..space]);
        let word = shell_word(&rest[space..]);
        rest = &rest[space + word.len()..];
        if matches!(word, "|" | "||" | "&&" | ";" | "&") {
            line = Line::new(depth + 1);
            written.push_str(word);
        } else if !word.is_empty() {
            written.push_str(&quoted(word, |bare| line.word(bare)));
        }
    }
    written
}

/// Up to the next space that no quotes enclose.
fn shell_word(text: &str) -> &str {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c.is_whitespace() => return &text[..at],
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
