//! Options given as a document: `--cli-input-json {"Bucket":"name","ACL":"public-read"}` says `--bucket name --acl
//! public-read`.

use std::borrow::Cow;

use serde_json::Value;

use super::{Command, Does, Role, Tool};

/// Options taken from one document at most.
const MAX_OPTIONS: usize = 64;

/// The line with the options that its documents hold in place of them. What only points to a document stays.
pub(super) fn spelled_out<'a>(tool: &Tool, args: &'a [Box<str>]) -> Cow<'a, [Box<str>]> {
    let is =
        |word: &str| tool.options.iter().any(|(name, known)| known.role == Role::Skeleton && **name == *word);
    let Some(at) = args.iter().position(|arg| is(arg.split('=').next().unwrap_or(arg))) else {
        return args.into();
    };
    let (document, rest) = match args[at].split_once('=') {
        Some((_, value)) => (value, &args[at + 1..]),
        None => (args.get(at + 1).map_or("", |value| value), args.get(at + 2..).unwrap_or_default()),
    };
    match serde_json::from_str(document) {
        Ok(Value::Object(given)) => {
            let options = given.iter().take(MAX_OPTIONS).flat_map(|(name, value)| option(name, value));
            args[..at].iter().cloned().chain(options).chain(rest.iter().cloned()).collect()
        }
        _ => args.into(),
    }
}

/// Does a document, which the line only points to, say whom the command lets in? Of one that copies it seldom does.
pub(super) fn hides_whom(command: &Command, value: &str) -> bool {
    let grants = |role| matches!(role, Role::Grantee | Role::Policy);
    command.does == Does::Share
        && value.starts_with("file://")
        && command.options.iter().any(|(_, operand)| grants(operand.role))
}

/// An option and its values. A switch that is off is not said.
fn option(name: &str, value: &Value) -> Vec<Box<str>> {
    let values: Vec<Box<str>> = match value {
        Value::Null | Value::Bool(false) => return Vec::new(),
        Value::Bool(true) => Vec::new(),
        Value::Array(list) => list.iter().map(plain).collect(),
        one => vec![plain(one)],
    };
    std::iter::once(dashed(name)).chain(values).collect()
}

fn plain(value: &Value) -> Box<str> {
    match value {
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// `CopySource`, `copySource`: `--copy-source`; `DBSnapshotIdentifier`: `--db-snapshot-identifier`.
fn dashed(name: &str) -> Box<str> {
    let letters: Vec<char> = name.chars().collect();
    let mut option = String::from("-");
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1).is_some_and(|after| after.is_lowercase());
        let begins = letter.is_uppercase() && (after || before.is_some_and(|before| !before.is_uppercase()));
        if at == 0 || begins {
            option.push('-');
        }
        option.extend(letter.to_lowercase());
    }
    option.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_options() {
        for (name, option) in [
            ("Bucket", "--bucket"),
            ("CopySource", "--copy-source"),
            ("ACL", "--acl"),
            ("DBSnapshotIdentifier", "--db-snapshot-identifier"),
            ("principals", "--principals"),
            ("resourceArns", "--resource-arns"),
            ("S3BucketName", "--s3-bucket-name"),
            ("", "-"),
        ] {
            assert_eq!(&*dashed(name), option);
        }
    }
}
