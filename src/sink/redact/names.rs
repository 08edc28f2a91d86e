//! Names that announce a secret: of options, variables, headers, fields and parameters.

/// How the name of a secret ends, in lower case with dashes.
const ENDS: [&str; 28] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "api-key",
    "access-key",
    "secret-key",
    "account-key",
    "private-key",
    "shared-key",
    "shared-access-key",
    "shared-access-signature",
    "storage-key",
    "master-key",
    "session-key",
    "encryption-key",
    "auth-key",
    "application-key",
    "signing-key",
    "-pass",
    "-pwd",
    "-pat",
    "-sas",
    "-credential",
    "-signature",
];

/// The name of a secret when it stands alone.
const WHOLE: [&str; 12] = [
    "pass",
    "sas",
    "sig",
    "signature",
    "credential",
    "awsaccesskeyid",
    "passwordbase64",
    "passin",
    "passout",
    "bearer",
    "oauth2-bearer",
    "jwt",
];

/// A name that ends so tells where a secret is, not what it is.
const PLACES: [&str; 8] = ["-file", "-path", "-env", "-stdin", "-url", "-uri", "-endpoint", "-command"];

/// Flags without a value.
const FLAGS: [&str; 4] = ["no-", "ask-", "show-", "prompt-"];

/// Headers whose whole value is a secret.
const HEADERS: [&str; 11] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-amz-security-token",
    "private-token",
    "x-goog-api-key",
    "x-vault-token",
    "dropbox-api-token",
];

/// Parameters of URLs whose names mean a secret there and something harmless elsewhere.
const PARAMETERS: [&str; 6] = ["key", "code", "auth", "sign", "hmac", "state"];

/// Options with a secret whose name means something else in other places.
const OPTIONS: [&str; 1] = ["--pat"];

/// Does the value under this name carry a secret?
pub fn is_secret(name: &str) -> bool {
    if OPTIONS.contains(&name) {
        return true;
    }
    let name = normal(name);
    let place =
        PLACES.iter().any(|end| name.ends_with(end)) || FLAGS.iter().any(|flag| name.starts_with(flag));
    !place
        && (WHOLE.contains(&name.as_str())
            || HEADERS.contains(&name.as_str())
            || ENDS.iter().any(|end| name.ends_with(end)))
}

/// Does a command follow that prints a secret: `--password-command`, `BORG_PASSCOMMAND`?
pub fn is_secret_command(name: &str) -> bool {
    let name = normal(name);
    name.strip_suffix("-command").is_some_and(is_secret) || name.ends_with("passcommand")
}

pub fn is_header(name: &str) -> bool {
    HEADERS.contains(&normal(name).as_str())
}

/// In the query of a URL.
pub fn is_secret_parameter(name: &str) -> bool {
    is_secret(name) || PARAMETERS.contains(&normal(name).as_str())
}

/// `--Secret_Access_Key`, `secretAccessKey` and `SECRET_ACCESS_KEY` are one name.
fn normal(name: &str) -> String {
    let name = name.trim_matches(|c: char| matches!(c, '-' | '_' | '.' | '$' | ' '));
    let mut written = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && lower {
            written.push('-');
        }
        lower = c.is_ascii_lowercase();
        written.push(if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() });
    }
    written
}
