//! What is kept of an exec, whichever sensor saw it.

use crate::policy::interpreters;

use super::gate::Gate;

/// Arguments kept of one exec.
pub const MAX_ARGS: usize = 4096;
/// Bytes of all kept arguments of one exec; the one that crosses it is cut, the rest left out.
pub const MAX_ARG_BYTES: usize = 256 * 1024;
/// Bytes of all kept environment variables of one exec.
pub const MAX_ENV_BYTES: usize = 64 * 1024;
/// Pipes kept of one exec.
pub const MAX_PIPES: usize = 256;

/// Variables kept whatever the policy, beside those by which interpreters load code. Its tools ask for more
/// ([`Gate::variable`]); the others are nobody's business and may hold secrets.
const KEPT: [&[u8]; 12] = [
    b"HOME",
    b"USER",
    b"DYLD_INSERT_LIBRARIES",
    b"DYLD_LIBRARY_PATH",
    b"DYLD_FRAMEWORK_PATH",
    b"DYLD_VERSIONED_LIBRARY_PATH",
    b"DYLD_VERSIONED_FRAMEWORK_PATH",
    b"ELECTRON_RUN_AS_NODE",
    b"SSLKEYLOGFILE",
    b"OPENSSL_CONF",
    b"OPENSSL_MODULES",
    b"OPENSSL_ENGINES",
];
/// Variables kept by how they begin: where cloud tools are told their accounts and endpoints.
const KEPT_PREFIXES: [&[u8]; 8] =
    [b"S4CMD_", b"AWS_", b"AZURE_", b"GOOGLE_", b"CLOUDSDK_", b"RCLONE_", b"S3_", b"MC_HOST_"];
/// Variables kept in any case, as the tools read them.
const KEPT_ANY_CASE: [&[u8]; 3] = [b"HTTP_PROXY", b"HTTPS_PROXY", b"ALL_PROXY"];

/// Is a variable of this name kept?
pub fn env_kept<G: Gate + ?Sized>(name: &[u8], gate: &G) -> bool {
    KEPT.contains(&name)
        || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || KEPT_ANY_CASE.iter().any(|other| name.eq_ignore_ascii_case(other))
        || interpreters::reads_variable(name)
        || gate.variable(name)
}
