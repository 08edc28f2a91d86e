//! What code a process really runs.
//!
//! A signature names the runtime; an interpreter's script, `-e`, `--inspect` or an injected library is other code, and no
//! allowance for the app covers it. Interpreters are known by the name of their executable.

use std::sync::Arc;

use crate::model::{ExecFacts, FilePath, ProcessEvidence, Program, SigningState};
use crate::policy::Identity;

/// Programs that run what their arguments name. Version digits and dots at the end of a name are ignored (`python3.12`).
const INTERPRETERS: [&str; 24] = [
    "awk",
    "bash",
    "bun",
    "csh",
    "dash",
    "deno",
    "expect",
    "fish",
    "gawk",
    "ksh",
    "lua",
    "node",
    "osascript",
    "perl",
    "php",
    "pwsh",
    "python",
    "ruby",
    "sh",
    "swift",
    "tclsh",
    "tcsh",
    "wish",
    "zsh",
];

/// Of those, the shells: `-e` and `-x` are modes there, only `-c` carries code.
const SHELLS: [&str; 9] = ["bash", "csh", "dash", "fish", "ksh", "sh", "tcsh", "pwsh", "zsh"];

/// Options that carry code, or name a module, on the command line of the others.
const INLINE: [&str; 9] = ["-c", "-e", "-E", "--eval", "-p", "--print", "-r", "-m", "-M"];

/// Options that take a value, so that the value is not mistaken for the script.
const VALUED: [&str; 10] = ["-W", "-X", "-I", "-l", "-o", "--require", "-O", "-d", "--loader", "--import"];

/// Who the new image is.
pub fn of(program: &Arc<Program>, facts: &ExecFacts) -> Identity {
    let (script, inline) = match (&facts.script, interpreter(program)) {
        (Some(script), _) => (Some(script.path.clone()), false),
        (None, Some(name)) => script_argument(facts, SHELLS.contains(&name)),
        (None, None) => (None, false),
    };
    let injected = facts.env.iter().any(|(name, value)| is_injection(name, value));
    let inspected = facts
        .args
        .iter()
        .skip(1)
        .any(|arg| arg.starts_with("--inspect") || arg.starts_with("--remote-debugging-port"));
    Identity {
        program: Arc::clone(program),
        runs_other_code: inline || injected || inspected,
        script,
        script_sha256: None,
        invalidated: false,
    }
}

/// The identity again from the evidence that was kept of it.
pub fn of_evidence(evidence: &ProcessEvidence) -> Identity {
    let facts = ExecFacts { args: evidence.args.to_vec(), cwd: evidence.cwd.clone(), ..ExecFacts::default() };
    let mut identity = of(&evidence.info.program, &facts);
    identity.script = evidence.script.as_ref().map(|script| script.path.clone());
    identity.runs_other_code = evidence.runs_other_code;
    identity.invalidated = evidence.invalidated;
    identity
}

/// One word for the code a process runs: a believed signer and identifier, else path and hash; with the script.
pub fn code_word(identity: &Identity) -> Arc<str> {
    let program = &identity.program;
    let trusted = program.flags.state() == SigningState::Trusted && !identity.invalidated;
    let mut word = match (&program.team_id, &program.signing_id) {
        (Some(team), Some(id)) if trusted => format!("signed:{team}:{id}"),
        (None, Some(id)) if trusted && program.platform => format!("platform:{id}"),
        _ => {
            let hash = program.cdhash.map_or_else(String::new, |hash| hash.to_string());
            format!("path:{}:{hash}", program.path)
        }
    };
    if let Some(script) = &identity.script {
        word.push_str(&format!(":script:{script}"));
    } else if identity.runs_other_code {
        word.push_str(":other-code");
    }
    Arc::from(word)
}

/// The interpreter's plain name, if the program is one.
fn interpreter(program: &Program) -> Option<&'static str> {
    let name = program.path.file_name();
    let end =
        name.iter().rposition(|b| !(b.is_ascii_digit() || *b == b'.' || *b == b'-')).map_or(0, |at| at + 1);
    let stem = name[..end].to_ascii_lowercase();
    INTERPRETERS.iter().copied().find(|known| known.as_bytes() == stem)
}

/// The script an interpreter was given, or that its code came another way: inline, a module, standard input.
fn script_argument(facts: &ExecFacts, shell: bool) -> (Option<FilePath>, bool) {
    let inline = if shell { &INLINE[..1] } else { &INLINE[..] };
    let bundled = if shell { &['c'][..] } else { &['c', 'e'][..] };
    let mut args = facts.args.iter().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_ref() {
            "-" | "-s" => return (None, true),
            "--" => return (args.next().map(|path| absolute(path, facts)), false),
            option
                if inline
                    .iter()
                    .any(|known| option == *known || option.starts_with(&format!("{known}="))) =>
            {
                return (None, true);
            }
            option if !shell && VALUED.contains(&option) => _ = args.next(),
            // Bundled short options that end in one with code: `-lc`, `-xe`.
            option
                if option.starts_with('-')
                    && !option.starts_with("--")
                    && option.len() > 2
                    && option.ends_with(bundled) =>
            {
                return (None, true);
            }
            option if option.starts_with('-') || option.starts_with('+') => {}
            path => return (Some(absolute(path, facts)), false),
        }
    }
    (None, false)
}

fn absolute(path: &str, facts: &ExecFacts) -> FilePath {
    match (&facts.cwd, path.starts_with('/')) {
        (Some(cwd), false) => {
            let mut full = cwd.as_bytes().to_vec();
            full.push(b'/');
            full.extend_from_slice(path.strip_prefix("./").unwrap_or(path).as_bytes());
            FilePath::new(&full)
        }
        _ => FilePath::from(path),
    }
}

/// Variables that make a signed program run something else.
fn is_injection(name: &str, value: &str) -> bool {
    match name {
        "DYLD_INSERT_LIBRARIES" => !value.is_empty(),
        "ELECTRON_RUN_AS_NODE" => !value.is_empty() && value != "0",
        "NODE_OPTIONS" => ["--require", "-r ", "--import", "--inspect", "--loader", "--eval"]
            .iter()
            .any(|o| value.contains(o)),
        _ => false,
    }
}

/// Network services of the system that act for other programs: what they send is somebody else's.
const NETWORK_SERVICES: [&str; 7] = [
    "com.apple.WebKit.Networking",
    "com.apple.nsurlsessiond",
    "com.apple.cloudd",
    "com.apple.bird",
    "com.apple.fileproviderd",
    "com.apple.networkserviceproxy",
    "com.apple.SafariPlatformSupport.Helper",
];

/// Does it send for others by its nature?
pub fn is_network_service(identity: &Identity) -> bool {
    let signing = identity.signing().filter(|signing| signing.platform);
    signing.and_then(|signing| signing.signing_id).is_some_and(|id| NETWORK_SERVICES.contains(&id))
}

/// Two processes of one app: the signer's team and the front of the bundle identifier agree, or, without a signer, both
/// lie in the same bundle. What runs somebody else's code is nobody's app.
pub fn same_app(one: &Identity, other: &Identity) -> bool {
    if [one, other].iter().any(|identity| identity.runs_other_code || identity.script.is_some()) {
        return false;
    }
    match (one.signing(), other.signing()) {
        (Some(one), Some(other)) => {
            let team = one.team_id.is_some() && one.team_id == other.team_id;
            let both = one.signing_id.zip(other.signing_id);
            let front = both.is_some_and(|(one, other)| vendor_and_app(one) == vendor_and_app(other));
            one.platform == other.platform
                && front
                && (team || one.platform && one.signing_id == other.signing_id)
        }
        (None, None) => {
            let bundles = outermost_bundle(&one.program).zip(outermost_bundle(&other.program));
            bundles.is_some_and(|(one, other)| one == other)
        }
        _ => false,
    }
}

/// `com.google.Chrome` of `com.google.Chrome.helper.plugin`.
fn vendor_and_app(id: &str) -> &str {
    let end = id.match_indices('.').nth(2).map_or(id.len(), |(at, _)| at);
    &id[..end]
}

/// The path up to the outermost `.app`.
fn outermost_bundle(program: &Program) -> Option<&[u8]> {
    let path = program.path.as_bytes();
    let at = memchr::memmem::find(path, b".app/")?;
    Some(&path[..at + 4])
}

/// What the app is called: the name of the outermost bundle.
pub fn bundle(program: &Program) -> Option<&[u8]> {
    let path = outermost_bundle(program)?;
    path.rsplit(|byte| *byte == b'/').next()?.strip_suffix(b".app")
}

/// Is it made to tell other apps what to do?
pub fn tells_apps(identity: &Identity) -> bool {
    const TELLERS: [&str; 4] = [
        "com.apple.osascript",
        "com.apple.ScriptEditor2",
        "com.apple.Automator",
        "com.apple.automator.runner",
    ];
    let signing = identity.signing().filter(|signing| signing.platform);
    signing.and_then(|signing| signing.signing_id).is_some_and(|id| TELLERS.contains(&id))
}

/// Calls `found` with each app that the text of a script speaks to: `tell application "Mail"`, `tell app id "com.x"`,
/// `Application("Mail")`.
pub fn apps_told<'t>(text: &'t str, mut found: impl FnMut(&'t str)) {
    /// Apps that one text may name.
    const MAX_APPS: usize = 16;
    // Every argument of every exec comes by here, and hardly one holds a quote.
    if memchr::memchr2(b'"', b'\'', text.as_bytes()).is_none() {
        return;
    }
    let lower = text.to_ascii_lowercase();
    let starts = ["tell application ", "tell app ", "application("];
    for (at, word) in starts.iter().flat_map(|word| lower.match_indices(word)).take(MAX_APPS) {
        let rest = &text[at + word.len()..];
        let rest = rest.strip_prefix("id ").unwrap_or(rest);
        let quoted = rest.strip_prefix(['"', '\'']).and_then(|rest| rest.split(['"', '\'']).next());
        quoted.filter(|name| !name.is_empty() && name.len() <= 256).into_iter().for_each(&mut found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CodeSigning;

    fn program(path: &str) -> Arc<Program> {
        let flags = CodeSigning(CodeSigning::VALID | CodeSigning::SIGNED);
        Arc::new(Program {
            path: path.into(),
            path_truncated: false,
            signing_id: Some("id".into()),
            team_id: None,
            cdhash: None,
            platform: true,
            flags,
        })
    }

    fn run(path: &str, args: &[&str], env: &[(&str, &str)]) -> Identity {
        let facts = ExecFacts {
            args: args.iter().map(|arg| Box::from(*arg)).collect(),
            env: env.iter().map(|(k, v)| (Box::from(*k), Box::from(*v))).collect(),
            cwd: Some("/Users/a".into()),
            ..ExecFacts::default()
        };
        of(&program(path), &facts)
    }

    #[test]
    fn finds_the_script_behind_the_interpreter() {
        let table: [(&str, &[&str], Option<&str>, bool); 11] = [
            ("/bin/bash", &["bash", "-ex", "run.sh"], Some("/Users/a/run.sh"), false),
            (
                "/usr/bin/python3",
                &["python3", "/opt/corp/backup.py", "--all"],
                Some("/opt/corp/backup.py"),
                false,
            ),
            ("/opt/homebrew/bin/python3.12", &["python3.12", "-u", "x.py"], Some("/Users/a/x.py"), false),
            ("/bin/zsh", &["-zsh"], None, false),
            ("/bin/sh", &["sh", "-c", "curl x"], None, true),
            ("/bin/bash", &["bash", "-lc", "curl x"], None, true),
            ("/usr/bin/osascript", &["osascript", "-e", "tell app"], None, true),
            ("/opt/homebrew/bin/node", &["node", "-"], None, true),
            ("/usr/bin/perl", &["perl", "-I", "lib", "./up.pl"], Some("/Users/a/up.pl"), false),
            ("/usr/bin/curl", &["curl", "-T", "x"], None, false),
            ("/usr/bin/python3", &["python3", "-m", "http.server"], None, true),
        ];
        for (path, args, script, other) in table {
            let identity = run(path, args, &[]);
            assert_eq!(identity.script.map(|s| s.to_string()).as_deref(), script, "{args:?}");
            assert_eq!(identity.runs_other_code, other, "{args:?}");
        }
    }

    #[test]
    fn a_signed_app_made_to_run_other_code_is_not_the_app() {
        let app = "/Applications/Code.app/Contents/MacOS/Electron";
        assert!(run(app, &["Electron", "x.js"], &[("ELECTRON_RUN_AS_NODE", "1")]).runs_other_code);
        assert!(run(app, &["Electron"], &[("DYLD_INSERT_LIBRARIES", "/tmp/x.dylib")]).runs_other_code);
        assert!(run(app, &["Electron", "--inspect=9229"], &[]).runs_other_code);
        assert!(!run(app, &["Electron"], &[("ELECTRON_RUN_AS_NODE", "0")]).runs_other_code);
    }
}
