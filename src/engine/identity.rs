//! What code a process really runs.
//!
//! A signature names the runtime; an interpreter's script, `-e`, `--inspect` or an injected library is other code, and no
//! allowance for the app covers it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::{ExecFacts, Mark, ProcessEvidence, Program, SigningState};
use crate::policy::{Identity, Signing, interpreters};

/// Who the new image is.
pub fn of(program: &Arc<Program>, facts: &ExecFacts) -> Identity {
    let told = interpreters::told(program, facts);
    let made = match &told {
        // Words behind a script's name are its arguments, and variables that steer other runtimes do not steer this one.
        Some(told) => told.other,
        None => is_debugged(facts) || facts.env.iter().any(|(name, value)| is_another_runtime(name, value)),
    };
    // The system ignores DYLD_INSERT_LIBRARIES for its own programs, but not for what an interpreter of its starts.
    let guarded = program.platform && told.is_none();
    let script = told.as_ref().and_then(|told| told.script.as_ref());
    let strange = |value: &str| !guarded && !interpreters::are_beside(value, program, script, facts);
    let injected = facts.env.iter().any(|(name, value)| is_injection(name, value, strange));
    // Signed apps have a library of their own that reads none of it.
    let asks_openssl = !guarded && (told.is_some() || program.flags.state() != SigningState::Trusted);
    let injected =
        injected || asks_openssl && facts.env.iter().any(|(name, value)| loads_openssl(name, value));
    Identity {
        program: Arc::clone(program),
        runs_other_code: made || injected,
        script_sha256: facts.script_sha256.filter(|_| script.is_some()),
        script: told.and_then(|told| told.script),
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

/// Browsers hear, and answer, by descriptors 3 and 4 of whoever starts them so.
const BY_PIPE: &str = "remote-debugging-pipe";

/// Was a browser started to be told what to do by a pipe of its parent's?
pub fn is_told_by_pipe(args: &[Box<str>]) -> bool {
    args.iter().skip(1).filter_map(|arg| option(arg)).any(|name| name.starts_with(BY_PIPE))
}

/// Does an argument open the program to whoever connects or holds the other end, load an extension into it, or let a page
/// that it shows read the files that lie here? What a browser tells its own processes (`--type=renderer`) says nothing of
/// that. Chromium and Firefox take options with one dash, too.
fn is_debugged(facts: &ExecFacts) -> bool {
    const OPENING: [&str; 7] = [
        "inspect",
        "remote-debugging-port",
        BY_PIPE,
        "load-extension",
        "marionette",
        "start-debugger-server",
        "juggler",
    ];
    const UNGUARDED: [&str; 2] = ["allow-file-access-from-files", "disable-web-security"];
    let options =
        || facts.args.iter().skip(1).take_while(|arg| ***arg != *"--").filter_map(|arg| option(arg));
    let any = |names: &[&str]| options().any(|option| names.iter().any(|name| option.starts_with(name)));
    let is_helper =
        || options().any(|option| option.strip_prefix("type=").is_some_and(|kind| !kind.is_empty()));
    any(&OPENING) || any(&UNGUARDED) && !is_helper()
}

/// What stands behind the dashes of an option.
fn option(arg: &str) -> Option<&str> {
    let name = arg.strip_prefix('-')?;
    Some(name.strip_prefix('-').unwrap_or(name))
}

/// Variables by which an app becomes a bare node, or loads code into the one in it. Electron asks only whether the first
/// has a value: `0` is one.
fn is_another_runtime(name: &str, value: &str) -> bool {
    match name {
        "ELECTRON_RUN_AS_NODE" => !value.is_empty(),
        "NODE_OPTIONS" => interpreters::node_options_bring_code(value),
        _ => false,
    }
}

/// Variables that put libraries into a program. The system takes them away from its own programs; that somebody tried to
/// insert one is enough all the same, while search paths are left over from much that is harmless: those must be `strange`.
fn is_injection(name: &str, value: &str, strange: impl Fn(&str) -> bool) -> bool {
    match name {
        _ if value.is_empty() => false,
        "DYLD_INSERT_LIBRARIES" => true,
        "DYLD_LIBRARY_PATH"
        | "DYLD_FRAMEWORK_PATH"
        | "DYLD_VERSIONED_LIBRARY_PATH"
        | "DYLD_VERSIONED_FRAMEWORK_PATH" => strange(value),
        _ => false,
    }
}

/// Variables by which OpenSSL, as Homebrew's programs have it, is told of libraries to load.
fn loads_openssl(name: &str, value: &str) -> bool {
    let asked = matches!(name, "OPENSSL_CONF" | "OPENSSL_MODULES" | "OPENSSL_ENGINES");
    asked && !matches!(value, "" | "/dev/null") && !interpreters::is_installed(value)
}

/// What comes with macOS and puts into an attribute whatever it is told to.
const MARKER: &[u8] = b"xattr";

/// Does this program mark files like this, and with nothing that it read? Whoever has a name of Apple's to hide data in
/// has no team that Apple would take away, or has a tool of macOS do it.
pub fn marks_as_usual(identity: &Identity, mark: Mark) -> bool {
    let Some(signing) = identity.signing() else { return false };
    if mark == Mark::Free || identity.runs_other_code || identity.script.is_some() {
        return false;
    }
    match signing.platform {
        true => identity.program.path.file_name() != MARKER && signing.signing_id != Some("com.apple.xattr"),
        false => mark == Mark::Usual && signing.team_id.is_some(),
    }
}

/// Network services of the system that act for other programs: what they send is somebody else's.
const NETWORK_SERVICES: [&str; 8] = [
    "com.apple.WebKit.Networking",
    "com.apple.nsurlsessiond",
    "com.apple.cloudd",
    "com.apple.bird",
    "com.apple.fileproviderd",
    "com.apple.FileProvider",
    "com.apple.networkserviceproxy",
    "com.apple.SafariPlatformSupport.Helper",
];

/// Does it send for others by its nature?
pub fn is_network_service(identity: &Identity) -> bool {
    let signing = identity.signing().filter(|signing| signing.platform);
    signing.and_then(|signing| signing.signing_id).is_some_and(|id| NETWORK_SERVICES.contains(&id))
}

/// The app that a process belongs to, by what its code is.
#[derive(Clone, Copy, Debug)]
pub enum App<'a> {
    /// Its signer, and an identifier whose front names the app.
    Signed { team_id: Option<&'a str>, platform: bool, signing_id: &'a str },
    /// Without a signer: the bundle it lies in.
    Bundle(&'a [u8]),
}

impl<'a> App<'a> {
    /// What runs somebody else's code is nobody's app.
    pub fn of(identity: &'a Identity) -> Option<Self> {
        if identity.runs_other_code || identity.script.is_some() {
            return None;
        }
        let Some(Signing { team_id, signing_id, platform }) = identity.signing() else {
            return outermost_bundle(&identity.program).map(Self::Bundle);
        };
        Some(Self::Signed { team_id, platform, signing_id: signing_id? })
    }

    /// The same for all that [`Self::has`] holds to be of one app, and hardly ever for others.
    pub fn word(self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        match self {
            Self::Signed { signing_id, .. } => vendor_and_app(signing_id).hash(&mut hasher),
            Self::Bundle(path) => path.hash(&mut hasher),
        }
        hasher.finish()
    }

    /// Is this of the same app: do the signer's team and the front of the identifier agree, or, without a signer, the bundle?
    pub fn has(self, identity: &Identity) -> bool {
        if identity.runs_other_code || identity.script.is_some() {
            return false;
        }
        match self {
            Self::Bundle(bundle) => {
                let rest = identity.program.path.as_bytes().strip_prefix(bundle);
                rest.is_some_and(|rest| rest.starts_with(b"/")) && identity.signing().is_none()
            }
            Self::Signed { team_id, platform, signing_id } => {
                let Some(other) = identity.signing() else { return false };
                let team = team_id.is_some() && team_id == other.team_id;
                let signer = team || platform && Some(signing_id) == other.signing_id;
                let front = |id: &str| vendor_and_app(id) == vendor_and_app(signing_id);
                platform == other.platform && signer && other.signing_id.is_some_and(front)
            }
        }
    }
}

/// Does it help this app, as far as its signature tells: of the same team, by an identifier that goes on behind the app's?
pub fn helps(helper: &Identity, app: &Identity) -> bool {
    let Some((helper, app)) = helper.signing().zip(app.signing()) else { return false };
    let below = |id: &str, app: &str| id.strip_prefix(app).is_some_and(|rest| rest.starts_with('.'));
    app.team_id.is_some()
        && helper.team_id == app.team_id
        && helper.signing_id.zip(app.signing_id).is_some_and(|(id, app)| below(id, app))
}

/// `com.google.Chrome` of `com.google.Chrome.helper.plugin`.
fn vendor_and_app(id: &str) -> &str {
    let end = memchr::memchr_iter(b'.', id.as_bytes()).nth(2).unwrap_or(id.len());
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
        assert!(run(app, &["Electron", "x.js"], &[("ELECTRON_RUN_AS_NODE", "0")]).runs_other_code);
        assert!(!run(app, &["Electron"], &[("ELECTRON_RUN_AS_NODE", "")]).runs_other_code);
        assert!(run(app, &["Electron"], &[("NODE_OPTIONS", "--require /tmp/x.js")]).runs_other_code);
        assert!(!run(app, &["Electron"], &[("NODE_OPTIONS", "--max-old-space-size=4096")]).runs_other_code);
        // What the system runs of its own does not search there; its interpreters lead to others that do.
        let search = [("DYLD_LIBRARY_PATH", "/tmp/x")];
        assert!(!run("/usr/bin/curl", &["curl"], &search).runs_other_code);
        assert!(run("/usr/bin/python3", &["python3", "/opt/corp/x.py"], &search).runs_other_code);
        let own = [("DYLD_LIBRARY_PATH", "/opt/corp/lib")];
        assert!(!run("/usr/bin/python3", &["python3", "/opt/corp/bin/x.py"], &own).runs_other_code);
        // A shell below such an app has its variables, and makes nothing of them.
        let shell = run("/bin/bash", &["bash", "/opt/corp/x"], &[("ELECTRON_RUN_AS_NODE", "1")]);
        assert!(!shell.runs_other_code);
    }
}
