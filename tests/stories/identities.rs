//! Built-in excuses that anybody could claim: a program under a known name, a script where one is expected, an environment
//! that brings other code along. Each stands beside the one that the excuse is for.

use super::world::*;

const PYTHON: Program = adhoc(
    "/opt/homebrew/Cellar/python@3.13/3.13.1/Frameworks/Python.framework/Versions/3.13/Resources/Python.app/Contents/MacOS/Python",
    "org.python.python",
);
const APPLES_PYTHON: Program = apple(
    "/Library/Developer/CommandLineTools/Library/Frameworks/Python3.framework/Versions/3.9/Resources/Python.app/Contents/MacOS/Python",
    "com.apple.python3",
);
const BREWED_GCLOUD: &str = "/opt/homebrew/share/google-cloud-sdk/lib/gcloud.py";
const BREWED_AWS: &str = "/opt/homebrew/Cellar/awscli/2.22.4/libexec/bin/aws";
const AWS_LAUNCHER: &str = "/opt/homebrew/Cellar/awscli/2.22.4/libexec/bin/python";

const CHROME: Program =
    vendor("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "com.google.Chrome", "EQHXZ8M8AV");
const HELPER: Program = vendor(
    "/Applications/Google Chrome.app/Contents/Frameworks/Google Chrome Framework.framework/Versions/131.0.6778.86/Helpers/Google Chrome Helper.app/Contents/MacOS/Google Chrome Helper",
    "com.google.Chrome.helper",
    "EQHXZ8M8AV",
);

/// A signature of one's own making: valid, of nobody that Apple knows, under any identifier.
const fn self_signed(path: &'static str, signing_id: &'static str) -> Program {
    Program { path, signing_id, team: None, platform: false, flags: 0x2200_0301 }
}

/// Reads a file of alice's and sends 300 kB.
fn reads_and_sends(program: Program, args: &[&str], env: &[&str], file: &str) -> Told {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
    let child = w.fork(0.5, &shell);
    let env = [&["HOME=/Users/alice", "USER=alice"][..], env].concat();
    let p = w.exec_in(0.6, &child, program, args, "null", &[], &env);
    w.open(1.0, &p, &format!("/Users/alice/{file}"));
    w.upload(2.0, &p, "content.dropboxapi.com", 300_000);
    w.tell()
}

#[test]
fn gclouds_script_counts_where_it_is_installed_and_in_a_known_interpreter() {
    let db = ".config/gcloud/access_tokens.db";
    let told = |program, script: &str| {
        reads_and_sends(program, &["python3.13", "-S", script, "storage", "ls"], &[], db)
    };
    told(PYTHON, BREWED_GCLOUD).none();
    told(APPLES_PYTHON, "/opt/homebrew/Caskroom/gcloud-cli/549.0.1/google-cloud-sdk/lib/gcloud.py").none();
    let pythons_own = vendor(
        "/Library/Frameworks/Python.framework/Versions/3.13/Resources/Python.app/Contents/MacOS/Python",
        "org.python.python",
        "BMM5U3QVKW",
    );
    told(pythons_own, "/opt/google-cloud-sdk/lib/gcloud.py").none();
    let at_home = "/Users/alice/google-cloud-sdk/lib/gcloud.py";
    told(PYTHON, at_home).none();
    told(APPLES_PYTHON, at_home).none();
    told(adhoc("/Users/alice/google-cloud-sdk/platform/bundledpythonunix/bin/python3", "python3"), at_home)
        .none();
    // Anybody can make this file, and this program.
    told(PYTHON, "/Users/alice/lib/gcloud.py").alert();
    told(adhoc("/Users/alice/.cache/python3", "python3"), at_home).alert();
    told(adhoc("/Users/alice/.cache/python3", "python3"), BREWED_GCLOUD).alert();
    told(self_signed("/Users/alice/.cache/python3", "com.apple.python3"), BREWED_GCLOUD).alert();
    told(adhoc("/Users/alice/.cache/bash", "bash"), BREWED_GCLOUD).alert();
}

/// Which packages a script finds, the folder decides that Python was started by: a virtual environment that anybody can make.
#[test]
fn a_virtual_environment_of_somebodys_making_is_other_code() {
    let keys = ".aws/credentials";
    let told = |args: &[&str], env: &[&str]| reads_and_sends(PYTHON, args, env, keys);
    told(&[AWS_LAUNCHER, BREWED_AWS, "s3", "ls"], &[]).none();
    told(&[AWS_LAUNCHER, "/opt/homebrew/bin/aws", "s3", "ls"], &[]).none();
    let launcher: &'static str = format!("__PYVENV_LAUNCHER__={AWS_LAUNCHER}").leak();
    told(&[AWS_LAUNCHER, BREWED_AWS, "s3", "ls"], &[launcher]).none();
    told(&["/tmp/venv/bin/python3", BREWED_AWS, "s3", "ls"], &[]).alert();
    told(&["venv/bin/python3", BREWED_AWS, "s3", "ls"], &[]).alert();
    told(&["/opt/homebrew/../../tmp/venv/bin/python3", BREWED_AWS, "s3", "ls"], &[]).alert();
    told(&[AWS_LAUNCHER, BREWED_AWS, "s3", "ls"], &["__PYVENV_LAUNCHER__=/tmp/venv/bin/python3"]).alert();
    told(&[AWS_LAUNCHER, BREWED_AWS, "s3", "ls"], &["PYTHONEXECUTABLE=/tmp/venv/bin/python3"]).alert();
    // Compiled modules are believed by date and size alone.
    told(&[AWS_LAUNCHER, BREWED_AWS, "s3", "ls"], &["PYTHONPYCACHEPREFIX=/tmp/pyc"]).alert();
    told(&[AWS_LAUNCHER, "-X", "pycache_prefix=/tmp/pyc", BREWED_AWS, "s3", "ls"], &[]).alert();
    told(&[AWS_LAUNCHER, "-X", "utf8", BREWED_AWS, "s3", "ls"], &[]).none();
}

/// Homebrew's OpenSSL loads what its configuration names.
#[test]
fn a_configuration_of_openssl_brings_libraries() {
    let told = |value: &'static str| {
        reads_and_sends(PYTHON, &[AWS_LAUNCHER, BREWED_AWS, "s3", "ls"], &[value], ".aws/credentials")
    };
    told("OPENSSL_CONF=/opt/homebrew/etc/openssl@3/openssl.cnf").none();
    told("OPENSSL_CONF=/etc/ssl/openssl.cnf").none();
    told("OPENSSL_CONF=/dev/null").none();
    told("OPENSSL_CONF=/Users/alice/.cache/o.cnf").alert();
    told("OPENSSL_MODULES=/tmp/m").alert();
    told("OPENSSL_ENGINES=/tmp/m").alert();
}

/// A container belongs to the app of that identifier by whoever made that app, not to whoever signs under it.
#[test]
fn a_container_is_not_its_identifiers_alone() {
    let path = "/Users/alice/Downloads/x";
    let bitwarden =
        "Library/Containers/com.bitwarden.desktop/Data/Library/Application Support/Bitwarden/data.json";
    let strongbox = "Library/Containers/com.markmcguill.strongbox/Data/Documents/v.json";
    let told = |program, file| reads_and_sends(program, &["x"], &[], file);
    told(
        vendor("/Applications/Bitwarden.app/Contents/MacOS/Bitwarden", "com.bitwarden.desktop", "LTZ2PFU5D6"),
        bitwarden,
    )
    .none();
    told(self_signed(path, "com.bitwarden.desktop"), bitwarden).alert();
    told(vendor(path, "com.bitwarden.desktop", "EV1L000000"), bitwarden).alert();
    // No list tells this one's team: what is known of it is that it has one.
    told(
        vendor(
            "/Applications/Strongbox.app/Contents/MacOS/Strongbox",
            "com.markmcguill.strongbox",
            "4XYZ000000",
        ),
        strongbox,
    )
    .none();
    told(self_signed(path, "com.markmcguill.strongbox"), strongbox).alert();
}

/// Keys are read by ssh, which these start; what they read themselves they send. The list of what to send stands in a file.
#[test]
fn a_key_that_sftp_reads_is_one_that_it_sends() {
    for (path, id) in [
        ("/usr/bin/sftp", "com.apple.sftp"),
        ("/usr/bin/sftp", "com.apple.openssh"),
        ("/usr/bin/scp", "com.apple.scp"),
    ] {
        reads_and_sends(apple(path, id), &["sftp", "-b", "/tmp/b", "evil"], &[], ".ssh/id_ed25519").alert();
    }
    let brewed = adhoc("/opt/homebrew/Cellar/openssh/9.9p1/bin/sftp", "sftp");
    reads_and_sends(brewed, &["sftp", "-b", "/tmp/b", "evil"], &[], ".ssh/id_ed25519").alert();
    for program in [
        apple("/usr/bin/ssh", "com.apple.openssh"),
        apple("/usr/bin/ssh-add", "com.apple.ssh-add"),
        adhoc("/opt/homebrew/Cellar/openssh/9.9p1/bin/ssh", "ssh"),
        adhoc("/opt/homebrew/Cellar/openssh/9.9p1/libexec/ssh-pkcs11-helper", "helper"),
    ] {
        reads_and_sends(program, &["ssh", "git@github.com"], &[], ".ssh/id_ed25519").none();
    }
}

/// Each tool has its own keys, and none of another's: Midnight Commander is called `mc`, too.
#[test]
fn a_clouds_tool_reads_its_own_keys_alone() {
    let doctl = adhoc("/opt/homebrew/Cellar/doctl/1.120.0/bin/doctl", "doctl");
    reads_and_sends(doctl, &["doctl", "apps", "list"], &[], "Library/Application Support/doctl/config.yaml")
        .none();
    reads_and_sends(doctl, &["doctl", "apps", "list"], &[], ".oci/config").alert();
    let mc = adhoc("/opt/homebrew/Cellar/midnight-commander/4.8.32/bin/mc", "mc");
    reads_and_sends(mc, &["mc"], &[], ".vault-token").alert();
    reads_and_sends(mc, &["mc"], &[], ".mc/config.json").none();
    let docker = adhoc("/opt/homebrew/Cellar/docker/27.4.0/bin/docker", "docker");
    reads_and_sends(docker, &["docker", "push", "x"], &[], ".docker/config.json").none();
    reads_and_sends(docker, &["docker", "push", "x"], &[], ".aws/credentials").alert();
}

/// Whoever holds the other end of it tells the browser what to do.
#[test]
fn a_browser_told_what_to_do_reads_for_another() {
    let data = "Library/Application Support/Google/Chrome/Default/Login Data";
    reads_and_sends(CHROME, &["Google Chrome", "--profile-directory=Default"], &[], data).none();
    reads_and_sends(CHROME, &["Google Chrome", "--remote-debugging-pipe"], &[], data).alert();
    reads_and_sends(CHROME, &["Google Chrome", "--load-extension=/tmp/x"], &[], data).alert();
    for args in [
        &["-remote-debugging-port=9222"][..],
        &["-load-extension=/tmp/x"],
        &["--marionette", "--headless"],
        &["--start-debugger-server", "6000"],
        &["--type=", "--allow-file-access-from-files", "file:///tmp/x.html"],
        &["--disable-web-security", "--", "--type=renderer"],
    ] {
        reads_and_sends(CHROME, &[&["Google Chrome"], args].concat(), &[], data).alert();
    }
    for args in [&["--", "--marionette"][..], &["--type=renderer", "--disable-web-security"]] {
        reads_and_sends(CHROME, &[&["Google Chrome"], args].concat(), &[], data).none();
    }
}

/// What a browser asks of its own helpers, whoever tells the browser what to do asks of them.
#[test]
fn the_helpers_of_a_browser_told_what_to_do_read_for_another() {
    const EDITOR: Program =
        vendor("/Applications/Code.app/Contents/MacOS/Electron", "com.microsoft.VSCode", "UBF8T346G9");
    let told = |parent: Program, option: &str, helper: Program| {
        let mut w = World::new();
        let parent = w.launch(0.0, parent, &["x", option]);
        let args = ["x", "--type=utility", "--utility-sub-type=network.mojom.NetworkService"];
        let helper = w.spawn(0.6, &parent, helper, &args);
        w.open(1.0, &helper, "/Users/alice/Library/Application Support/Google/Chrome/Default/Cookies");
        w.upload(2.0, &helper, "content.dropboxapi.com", 300_000);
        w.tell()
    };
    told(CHROME, "--profile-directory=Default", HELPER).none();
    for option in ["--remote-debugging-port=9222", "--remote-debugging-pipe", "--load-extension=/tmp/x"] {
        let told = told(CHROME, option, HELPER);
        assert_eq!(&*told.alert().reads[0].sets[0], "browser-credentials", "{option}");
    }
    // An app of its own that another one started, however that was started.
    told(EDITOR, "--inspect=9229", CHROME).none();
}

/// Code that is put into a browser later has the helpers that it runs by then do what it wants.
#[test]
fn helpers_of_a_browser_that_another_program_enters_later() {
    let told = |entered: bool| {
        let mut w = World::new();
        let chrome = w.launch(0.0, CHROME, &["Google Chrome"]);
        let helper = w.spawn(0.6, &chrome, HELPER, &["x", "--type=utility"]);
        let thief = w.launch(0.8, adhoc("/private/tmp/inject", "inject"), &["inject"]);
        if entered {
            w.injects(0.9, &thief, &chrome);
        }
        w.open(1.0, &helper, "/Users/alice/Library/Application Support/Google/Chrome/Default/Cookies");
        w.upload(2.0, &helper, "content.dropboxapi.com", 300_000);
        w.tell()
    };
    assert_eq!(&*told(true).alert().reads[0].sets[0], "browser-credentials");
    told(false).none();
}

/// What a helper reads, its app hands to whoever tells it what to do: by the port that it was told to open, or by itself.
#[test]
fn what_helpers_read_leaves_through_their_app() {
    let cookies = "/Users/alice/Library/Application Support/Google/Chrome/Default/Cookies";
    for by_helper in [false, true] {
        let story = |option: &str, by: &str| {
            let mut w = World::new();
            let thief =
                w.launch(0.0, apple("/usr/bin/python3", "com.apple.python3"), &["python3", "/tmp/x.py"]);
            let chrome = w.spawn(0.5, &thief, CHROME, &["Google Chrome", option]);
            let args = ["x", "--type=utility", "--utility-sub-type=network.mojom.NetworkService"];
            let helper = w.spawn(0.6, &chrome, HELPER, &args);
            w.open(1.0, if by_helper { &helper } else { &chrome }, cookies);
            if by == "port" {
                let mut local = w.connect_local(2.0, &thief, &chrome, 9222);
                w.plain(2.1, &mut local, true, &[b'x'; 300]);
                w.plain(2.2, &mut local, false, &[b'x'; 30_000]);
                w.close(2.5, &mut local);
            }
            let sender = if by == "itself" { &chrome } else { &thief };
            w.upload(4.0, sender, "content.dropboxapi.com", 31_000);
            w.tell()
        };
        let by_itself = story("--remote-debugging-port=9222", "itself");
        assert_eq!(&*by_itself.alert().reads[0].sets[0], "browser-credentials", "{by_helper}");
        let by_port = story("--remote-debugging-port=9222", "port");
        assert!(
            by_port.low().reasons.iter().any(|reason| reason.code.as_str() == "second-hop"),
            "{by_helper}"
        );
        let by_pipe = story("--remote-debugging-pipe", "pipe");
        assert!(by_pipe.alert().hops.iter().any(|hop| hop.kind.as_str() == "pipe"), "{by_helper}");
        // Who is not told, and tells nobody.
        for by in ["itself", "port", "pipe"] {
            story("--profile-directory=Default", by).none();
        }
        story("--remote-debugging-port=9222", "nothing").none();
    }
}

/// What a browser that is told what to do reads leaves through the helper that sends for all its parts, though a terminal
/// answers for both.
#[test]
fn what_a_browser_reads_leaves_through_its_network_service() {
    let story = |option: &str| {
        let mut w = World::new();
        let terminal = apple(
            "/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal",
            "com.apple.Terminal",
        );
        let terminal = w.launch(0.0, terminal, &["Terminal"]);
        let shell = w.spawn(0.1, &terminal, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        let chrome =
            w.spawn_for(0.5, &shell, &terminal, CHROME, &["Google Chrome", "--headless=new", option]);
        let args = ["x", "--type=utility", "--utility-sub-type=network.mojom.NetworkService"];
        let helper = w.spawn_for(0.6, &chrome, &terminal, HELPER, &args);
        w.open(1.0, &chrome, "/Users/alice/Documents/offer.pdf");
        w.upload(2.0, &helper, "content.dropboxapi.com", 31_000);
        w.tell()
    };
    assert_eq!(&*story("--remote-debugging-port=9222").alert().reads[0].sets[0], "documents");
    story("--disable-gpu").none();
}

/// A page of a thief's, in a browser that is told to let it read what lies on the disk: nobody chose the document.
#[test]
fn a_page_that_may_read_files_sends_them() {
    let story = |options: &[&str], by_helper: bool| {
        let mut w = World::new();
        let python = w.launch(0.0, apple("/usr/bin/python3", "com.apple.python3"), &["python3", "/tmp/x.py"]);
        let args = [&["Google Chrome", "--headless=new"], options, &["file:///private/tmp/x.html"]].concat();
        let chrome = w.spawn(0.5, &python, CHROME, &args);
        let helper = [&["x", "--type=utility"], options].concat();
        let helper = w.spawn(0.6, &chrome, HELPER, &helper);
        w.open(1.0, &chrome, "/Users/alice/Documents/offer.pdf");
        w.upload(2.0, if by_helper { &helper } else { &chrome }, "content.dropboxapi.com", 31_000);
        w.tell()
    };
    for by_helper in [false, true] {
        for option in ["--allow-file-access-from-files", "--disable-web-security"] {
            let told = story(&[option, "--user-data-dir=/tmp/p"], by_helper);
            assert_eq!(&*told.alert().reads[0].sets[0], "documents", "{option} {by_helper}");
        }
        story(&["--user-data-dir=/tmp/p", "--no-first-run"], by_helper).none();
    }
    // An app that tells its own processes so reads its own.
    let mut w = World::new();
    let chrome = w.launch(0.0, CHROME, &["Google Chrome"]);
    let page = w.spawn(0.6, &chrome, HELPER, &["x", "--type=renderer", "--disable-web-security"]);
    w.open(1.0, &page, "/Users/alice/Library/Application Support/Google/Chrome/Default/Cookies");
    w.upload(2.0, &page, "content.dropboxapi.com", 300_000);
    w.tell().none();
}

/// The entry is for Python with one script, however the line spells it; and for nothing else that Python is made to run.
#[test]
fn an_entry_for_a_script_holds_however_the_line_spells_it() {
    let told = |cwd: &'static str, args: &[&str]| {
        let mut w = World::new();
        w.cwd = cwd;
        let p = w.launch(0.0, apple("/usr/bin/python3", "com.apple.python3"), args);
        w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
        w.upload(2.0, &p, "corp-backup.s3.eu-central-1.amazonaws.com", 90_000);
        w.tell()
    };
    let script = "/opt/corp/backup.py";
    told("/", &["python3", script]).none();
    told("/", &["python3", "-u", "-W", "ignore", script, "--all"]).none();
    told("/", &["/usr/bin/python3", "-Es", "-X", "importtime", script]).none();
    told("/opt/corp", &["python3", "./backup.py"]).none();
    told("/opt/other", &["python3", "../corp/backup.py"]).none();
    told("/", &["python3", "/opt/corp/../corp/backup.py"]).none();
    told("/opt/other", &["python3", "backup.py"]).alert();
    told("/", &["python3", "-c", "import runpy", script]).alert();
    told("/", &["python3", "-uc", "import runpy", script]).alert();
    told("/", &["python3", "-m", "runpy", script]).alert();
    told("/", &["python3", "-", script]).alert();
}
