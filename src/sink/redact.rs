//! Secrets in arguments and URLs, taken out before anything is written.
//!
//! What is replaced: the value after an option or header that carries a secret, credentials in URLs, the signature and
//! token parameters of URLs (SAS, presigned S3 and GCS, webhooks), and words shaped like well-known keys. Better one word
//! too many than one secret in a SIEM.

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Options whose next argument, or value after `=`, is a secret. Compared without leading dashes, `_` as `-`, in lower case.
const SECRET_OPTIONS: [&str; 31] = [
    "access-key", "access-token", "account-key", "api-key", "apikey", "auth-token", "aws-secret-access-key",
    "aws-session-token", "client-secret", "connection-string", "key-password", "oauth-token", "oauth2-bearer", "pass",
    "passphrase", "passwd", "password", "passwordbase64", "private-key", "proxy-user", "sas-token", "secret",
    "secret-access-key", "secret-key", "session-token", "token", "user", "user-password", "x-api-key", "auth", "bearer",
];

/// Short options of curl and wget that carry `user:password`; and `-H`, whose value may be a header with a secret.
const SECRET_SHORT: [&str; 2] = ["-u", "-U"];

/// Headers that carry a secret.
const SECRET_HEADERS: [&str; 9] = [
    "authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-amz-security-token", "private-token",
    "x-goog-api-key", "dropbox-api-token",
];

/// Parameters of URLs and forms that carry a secret or a signature.
const SECRET_PARAMETERS: [&str; 22] = [
    "sig", "signature", "x-amz-signature", "x-amz-security-token", "x-amz-credential", "x-goog-signature", "x-goog-credential",
    "token", "access_token", "refresh_token", "id_token", "auth", "apikey", "api_key", "key", "secret", "password", "passwd",
    "client_secret", "code", "awsaccesskeyid", "sas",
];

/// Beginnings of words that are keys, and how long such a word is at least.
const KEY_SHAPES: [(&str, usize); 24] = [
    ("AKIA", 16), ("ASIA", 16), ("ghp_", 20), ("gho_", 20), ("ghu_", 20), ("ghs_", 20), ("ghr_", 20), ("github_pat_", 30),
    ("glpat-", 20), ("xoxb-", 20), ("xoxp-", 20), ("xoxa-", 20), ("xapp-", 20), ("sk-", 24), ("sk_live_", 20), ("rk_live_", 20),
    ("AIza", 30), ("ya29.", 20), ("eyJ", 30), ("sl.", 30), ("npm_", 30), ("pypi-", 30), ("dop_v1_", 30), ("SG.", 30),
];

/// A whole command line.
pub fn args(args: &[Box<str>]) -> Vec<String> {
    let mut hide_next = false;
    let mut one = |arg: &str| {
        if std::mem::take(&mut hide_next) {
            return REDACTED.to_owned();
        }
        hide_next = announces_secret(arg);
        word(arg)
    };
    args.iter().map(|arg| one(arg)).collect()
}

/// An option whose value comes as the next argument and is a secret.
fn announces_secret(arg: &str) -> bool {
    arg.starts_with('-') && !arg.contains('=') && (SECRET_SHORT.contains(&arg) || is_secret_name(arg))
}

fn is_secret_name(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
    SECRET_OPTIONS.iter().any(|secret| name == *secret)
        || ["-password", "-secret", "-token", "-access-key", "-api-key", "-secret-key"].iter().any(|end| name.ends_with(end))
}

/// One word of a command line: an option with its value, a header, a URL, or something else.
pub fn word(text: &str) -> String {
    if let Some((name, value)) = text.split_once('=')
        && !name.contains("://")
        && !value.is_empty()
        && is_secret_name(name)
    {
        return format!("{name}={REDACTED}");
    }
    if let Some((name, value)) = text.split_once(':')
        && !value.starts_with("//")
        && SECRET_HEADERS.contains(&name.trim().to_ascii_lowercase().as_str())
    {
        return format!("{name}: {REDACTED}");
    }
    if let Some(short) = SECRET_SHORT.iter().find(|short| text.len() > 2 && text.starts_with(**short) && text.contains(':')) {
        return format!("{short}{REDACTED}");
    }
    keys(&parameters(&user_info(text)))
}

/// `scheme://user:password@host` keeps the host.
fn user_info(text: &str) -> String {
    let Some(start) = text.find("://").map(|at| at + 3) else { return text.to_owned() };
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}{REDACTED}{}", &text[..start], &text[start + at..]),
        None => text.to_owned(),
    }
}

/// `name=secret` after `?`, `&`, `;` or at the beginning, and webhook paths that are themselves the secret.
fn parameters(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = webhook(text);
    loop {
        let end = rest.find(['?', '&', ';']).map_or(rest.len(), |at| at + 1);
        let (piece, after) = rest.split_at(end);
        let (body, separator) = match piece.as_bytes().last() {
            Some(b'?' | b'&' | b';') => piece.split_at(piece.len() - 1),
            _ => (piece, ""),
        };
        match body.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_secret_parameter(name) => {
                written.push_str(&format!("{name}={REDACTED}"));
            }
            _ => written.push_str(body),
        }
        written.push_str(separator);
        if after.is_empty() {
            return written;
        }
        rest = after.to_owned();
    }
}

fn is_secret_parameter(name: &str) -> bool {
    let name = name.rsplit(['"', '\'', ' ']).next().unwrap_or(name).to_ascii_lowercase();
    SECRET_PARAMETERS.contains(&name.as_str())
}

/// Discord, Slack and Telegram put the secret into the path.
fn webhook(text: &str) -> String {
    for (marker, keep) in [("/api/webhooks/", 1), ("hooks.slack.com/services/", 0), ("api.telegram.org/bot", 0)] {
        if let Some(at) = text.find(marker).map(|at| at + marker.len()) {
            let (head, tail) = text.split_at(at);
            let kept: usize = tail.split_inclusive('/').take(keep).map(str::len).sum();
            let (kept, secret) = tail.split_at(kept);
            let end = if marker.ends_with("bot") { secret.find('/').unwrap_or(secret.len()) } else { secret.find('?').unwrap_or(secret.len()) };
            return format!("{head}{kept}{REDACTED}{}", &secret[end..]);
        }
    }
    text.to_owned()
}

/// Words shaped like keys.
fn keys(text: &str) -> String {
    let is_key_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(is_key_char).unwrap_or(rest.len());
        let (between, tail) = rest.split_at(start);
        written.push_str(between);
        let end = tail.find(|c| !is_key_char(c)).unwrap_or(tail.len());
        let (word, after) = tail.split_at(end);
        let key = KEY_SHAPES.iter().any(|(shape, least)| word.len() >= *least && word.starts_with(shape));
        written.push_str(if key { REDACTED } else { word });
        rest = after;
    }
    written
}


#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        let words: Vec<Box<str>> = text.split(' ').map(Box::from).collect();
        args(&words).join(" ")
    }

    #[test]
    fn takes_secrets_out_and_leaves_the_rest() {
        let table = [
            ("curl -u bob:hunter2 https://x.test/", "curl -u [redacted] https://x.test/"),
            ("curl -ubob:hunter2 https://x.test/", "curl -u[redacted] https://x.test/"),
            ("curl https://bob:hunter2@x.test/a?b=c", "curl https://[redacted]@x.test/a?b=c"),
            ("azcopy copy . https://evil.blob.core.windows.net/c?sv=2024&sig=abc%3D", "azcopy copy . https://evil.blob.core.windows.net/c?sv=2024&sig=[redacted]"),
            ("x --secret-access-key=abc --region=eu", "x --secret-access-key=[redacted] --region=eu"),
            ("x --token abc --region eu", "x --token [redacted] --region eu"),
            ("AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=[redacted]"),
            ("curl https://discord.com/api/webhooks/123/s3cr3t", "curl https://discord.com/api/webhooks/123/[redacted]"),
            ("curl https://api.telegram.org/bot1:AAE/sendDocument", "curl https://api.telegram.org/bot[redacted]/sendDocument"),
            ("x AKIAIOSFODNN7EXAMPLE y", "x [redacted] y"),
            ("git push https://ghp_abcdefghijklmnopqrstuvwx@github.com/a/b", "git push https://[redacted]@github.com/a/b"),
            ("rclone copy /Users/a/Documents mega:", "rclone copy /Users/a/Documents mega:"),
        ];
        for (raw, clean) in table {
            assert_eq!(line(raw), clean);
        }
        let header: [Box<str>; 3] = ["curl".into(), "-H".into(), "Authorization: Bearer abc".into()];
        assert_eq!(args(&header)[2], "Authorization: [redacted]");
    }
}
