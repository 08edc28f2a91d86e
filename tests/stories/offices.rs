//! Look-alikes, continued: the tools of offices, developers and administrators.

use cloudward::model::CoverageKind;

use super::world::*;

const DOCUMENT: &str = "/Users/alice/Documents/offer.pdf";
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const GIT: Program = apple("/Library/Developer/CommandLineTools/usr/bin/git", "com.apple.git");

/// Reads, then sends, in one process.
fn reads_and_sends(program: Program, args: &[&str], paths: &[&str], host: &str, bytes: usize) -> Told {
    let mut w = World::new();
    let p = w.launch(0.0, program, args);
    for (at, path) in paths.iter().enumerate() {
        w.open(1.0 + at as f64 * 0.01, &p, path);
    }
    w.upload(3.0, &p, host, bytes);
    w.tell()
}

/// Google's client fetches what the company's account holds.
#[test]
fn b05_drive_fetches_files() {
    let mut w = World::new();
    let drive = vendor(
        "/Applications/Google Drive.app/Contents/MacOS/Google Drive",
        "com.google.drivefs",
        "EQHXZ8M8AV",
    );
    let p = w.launch(0.0, drive, &["drive"]);
    let root = "/Users/alice/Library/CloudStorage/GoogleDrive-alice@corp.com/My Drive";
    w.open(1.0, &p, &format!("{root}/plan.docx"));
    w.open(1.1, &p, PLAN);
    let mut conn = w.connect(2.0, &p, "drive.google.com", true);
    w.send(2.1, &mut conn, 5_000);
    let end = w.receive(2.2, &mut conn, 2_000_000);
    w.write(end + 0.1, &p, &format!("{root}/new.docx"));
    w.close(end + 0.2, &mut conn);
    w.tell().none();
}

/// The signing key stays with securityd; the archive goes to Apple, whose store lies with Amazon.
#[test]
fn b10_xcode_uploads_an_archive() {
    let mut w = World::new();
    let securityd = w.launch(0.0, apple("/usr/sbin/securityd", "com.apple.securityd"), &["securityd"]);
    w.open(1.0, &securityd, "/Users/alice/Library/Keychains/login.keychain-db");
    let xcode = apple("/Applications/Xcode.app/Contents/MacOS/Xcode", "com.apple.dt.Xcode");
    let xcode = w.launch(0.1, xcode, &["Xcode"]);
    w.open(2.0, &xcode, "/Users/alice/Library/Developer/Xcode/Archives/App.xcarchive/App.ipa");
    w.upload(3.0, &xcode, "northamerica-1.object-storage.s3.amazonaws.com", 900_000);
    w.upload(4.0, &xcode, "appstoreconnect.apple.com", 90_000);
    w.tell().none();
}

/// A repository among the company's documents is pushed somewhere: to whose account, the name of the host does not say.
#[test]
fn b13_git_push_to_a_remote() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let git = w.spawn(1.0, &shell, GIT, &["git", "push", "https://github.com/alice-private/plan.git"]);
    w.open(1.1, &git, "/Users/alice/Documents/corp/plan/.git/objects/pack/pack-1.pack");
    let remote = apple(
        "/Library/Developer/CommandLineTools/usr/libexec/git-core/git-remote-http",
        "com.apple.git-remote-http",
    );
    let remote = w.spawn(1.2, &git, remote, &["git-remote-https", "origin"]);
    w.upload(2.0, &remote, "github.com", 90_000);
    let told = w.tell();
    assert!(told.low().reasons.iter().any(|reason| reason.code.as_str() == "tenant-unknown"));
}

/// Its state lies in the company's bucket; the keys are there to be used.
#[test]
fn b18_terraform() {
    let terraform = vendor("/opt/homebrew/bin/terraform", "terraform", "D38WU7D763");
    let keys = ["/Users/alice/.aws/credentials", "/Users/alice/.aws/config"];
    let bucket = "corp-tf-state.s3.eu-central-1.amazonaws.com";
    reads_and_sends(terraform, &["terraform", "apply"], &keys, bucket, 90_000).none();
}

/// Cloud tools use their own keys at names that storage has, too.
#[test]
fn b19_kubectl_and_gcloud() {
    let kubectl = vendor("/opt/homebrew/bin/kubectl", "kubectl", "EQHXZ8M8AV");
    let keys = ["/Users/alice/.kube/config", "/Users/alice/.config/gcloud/credentials.db"];
    reads_and_sends(kubectl, &["kubectl", "get", "pods"], &keys, "storage.googleapis.com", 9_000).none();
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let python = adhoc(
        "/opt/homebrew/Cellar/python@3.12/3.12.8/Frameworks/Python.framework/Versions/3.12/Resources/Python.app/Contents/MacOS/Python",
        "python3",
    );
    let gcloud = "/opt/homebrew/share/google-cloud-sdk/lib/gcloud.py";
    let gcloud = w.spawn(1.0, &shell, python, &["python3", gcloud, "compute", "instances", "list"]);
    w.open(1.1, &gcloud, keys[1]);
    w.upload(2.0, &gcloud, "compute.googleapis.com", 9_000);
    w.upload(3.0, &gcloud, "storage.googleapis.com", 9_000);
    w.tell().none();
}

/// Layers go to a bucket by presigned URL; the machine that reads them is another one.
#[test]
fn b21_docker_push() {
    let docker = vendor(
        "/Applications/Docker.app/Contents/MacOS/com.docker.backend",
        "com.docker.docker",
        "9BNSXJN65R",
    );
    let bucket = "prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com";
    reads_and_sends(docker, &["backend"], &["/Users/alice/.docker/config.json"], bucket, 2_000_000).none();
}

/// A picture of the screen, dragged into a channel; a key would be another thing.
#[test]
fn b22_slack() {
    let slack =
        vendor("/Applications/Slack.app/Contents/MacOS/Slack", "com.tinyspeck.slackmacgap", "BQR82RBBHL");
    let send = |path| reads_and_sends(slack, &["Slack"], &[path], "files.slack.com", 900_000);
    send("/Users/alice/Pictures/Screenshot.png").none();
    send("/Users/alice/Desktop/Screenshot 2026-01-01.png").none();
    send("/Users/alice/.ssh/id_rsa").alert();
    send(PLAN).alert();
}

/// Reports of crashes, from an app's own container.
#[test]
fn b23_crash_reports() {
    let teams = vendor(
        "/Applications/Microsoft Teams.app/Contents/MacOS/MSTeams",
        "com.microsoft.teams2",
        "UBF8T346G9",
    );
    let log = "/Users/alice/Library/Containers/com.microsoft.teams2/Data/Library/Logs/crash.dmp";
    reads_and_sends(teams, &["MSTeams"], &[log], "teamslogs.blob.core.windows.net", 900_000).none();
}

/// Everything is copied to the new Mac.
#[test]
fn b28_migration() {
    let migration = apple(
        "/System/Library/PrivateFrameworks/SystemMigration.framework/Resources/systemmigrationd",
        "com.apple.systemmigrationd",
    );
    let files = ["/Users/alice/Library/Keychains/login.keychain-db", "/Users/alice/.ssh/id_rsa", PLAN];
    reads_and_sends(migration, &["systemmigrationd"], &files, "new-mac.local", 2_000_000).none();
}

/// Much, but nothing that a set names.
#[test]
fn b30_photos() {
    let photos = apple(
        "/System/Library/PrivateFrameworks/PhotoLibraryServices.framework/photolibraryd",
        "com.apple.photolibraryd",
    );
    let picture = "/Users/alice/Pictures/Photos Library.photoslibrary/originals/1/1.heic";
    reads_and_sends(photos, &["photolibraryd"], &[picture], "p42-content.icloud.com", 3_000_000).none();
}

/// Mail is not storage.
#[test]
fn b31_mail() {
    let mail = apple("/System/Applications/Mail.app/Contents/MacOS/Mail", "com.apple.mail");
    let told = reads_and_sends(mail, &["Mail"], &[DOCUMENT], "outlook.office365.com", 900_000);
    assert_eq!(told.note().iter().filter(|note| note.kind == CoverageKind::Mail).count(), 1);
    let calm = reads_and_sends(mail, &["Mail"], &["/etc/hosts"], "outlook.office365.com", 900_000);
    assert!(calm.coverage().iter().all(|note| note.kind != CoverageKind::Mail));
}

/// Logs, packed by root, sent by the user's browser.
#[test]
fn b32_sysdiagnose() {
    let mut w = World::new();
    let root =
        w.launch_as(0.0, 0, apple("/usr/libexec/sysdiagnosed", "com.apple.sysdiagnosed"), &["sysdiagnosed"]);
    w.open(1.0, &root, "/private/var/log/system.log");
    w.write(2.0, &root, "/private/var/tmp/sysdiagnose.tar.gz");
    let safari = apple("/Applications/Safari.app/Contents/MacOS/Safari", "com.apple.Safari");
    let safari = w.launch(3.0, safari, &["Safari"]);
    w.open(4.0, &safari, "/private/var/tmp/sysdiagnose.tar.gz");
    w.upload(5.0, &safari, "feedbackassistant.apple.com", 900_000);
    w.tell().none();
}

/// A build machine: the runner's node sends what was built, allowed by its path, its script and its parent.
#[test]
fn b34_build_runner() {
    let mut w = World::new();
    w.policy = format!(
        "{CORP}\n[[allow]]\nname = \"runner\"\nprocess = {{ path = \"/Users/ci/runner/externals/node20/bin/node\", unsigned = true }}\nscript = \"/Users/ci/runner/**\"\nparent = {{ team_id = \"VEKTX9H2N7\" }}\nsensitive = [\"source-secrets\"]\nservices = [\"azure-blob\"]\ntenants = \"*\"\nusers = \"*\"\nreason = \"artifacts\"\n"
    );
    let runner = vendor("/Users/ci/runner/bin/Runner.Worker", "Runner.Worker", "VEKTX9H2N7");
    let node = adhoc("/Users/ci/runner/externals/node20/bin/node", "node");
    let runner = w.launch(0.0, runner, &["Runner.Worker"]);
    let upload = "/Users/ci/runner/_work/_actions/upload-artifact/dist/index.js";
    let node = w.spawn(1.0, &runner, node, &["node", upload]);
    w.open(1.1, &node, "/Users/ci/runner/_work/app/.env");
    w.upload(2.0, &node, "productionresults.blob.core.windows.net", 900_000);
    w.tell().none();
    w.policy = w.policy.replace("VEKTX9H2N7", "OTHER00000");
    w.tell().alert();
}

/// Root packs logs and sends them to the company's bucket.
#[test]
fn b40_logs_to_the_corporate_bucket() {
    let mut w = World::new();
    let shell = w.launch_as(0.0, 0, ZSH, &["zsh", "/opt/corp/logs.sh"]);
    let tar = w.spawn(
        1.0,
        &shell,
        apple("/usr/bin/tar", "com.apple.tar"),
        &["tar", "czf", "/tmp/l.tgz", "/var/log"],
    );
    w.open(1.1, &tar, "/private/var/log/system.log");
    w.write(1.5, &tar, "/private/tmp/l.tgz");
    let aws = vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L");
    let aws = w.spawn(2.0, &shell, aws, &["aws", "s3", "cp", "/tmp/l.tgz", "s3://corp-backup/"]);
    w.open(2.1, &aws, "/var/root/.aws/credentials");
    w.open(2.2, &aws, "/private/tmp/l.tgz");
    w.upload(3.0, &aws, "corp-backup.s3.eu-central-1.amazonaws.com", 900_000);
    w.tell().none();
}

/// The disk of a virtual machine grows, and the allowed backup copies it.
#[test]
fn b44_virtual_machine() {
    let arq = vendor(
        "/Applications/Arq.app/Contents/MacOS/ArqAgent",
        "com.haystacksoftware.arqagent",
        "48ZCSDVL96",
    );
    let disk = ["/Users/alice/Parallels/win.pvm/harddisk.hdd", "/Users/alice/Documents/vm/disk.vmdk"];
    let bucket = "corp-backup.s3.eu-central-1.amazonaws.com";
    reads_and_sends(arq, &["ArqAgent"], &disk, bucket, 3_000_000).none();
}

/// After login the system opens every file of the company's root.
#[test]
fn b47_open_storm() {
    let mut w = World::new();
    let provider = apple(
        "/System/Library/Frameworks/FileProvider.framework/Support/fileproviderd",
        "com.apple.FileProvider",
    );
    let p = w.launch(0.0, provider, &["fileproviderd"]);
    let root = "/Users/alice/Library/CloudStorage/OneDrive-Corp/Documents";
    for n in 0..2_000 {
        w.open(1.0 + f64::from(n) * 0.001, &p, &format!("{root}/{n}.docx"));
    }
    w.write(4.0, &p, &format!("{root}/1.docx"));
    w.upload(5.0, &p, "corp.sharepoint.com", 90_000);
    w.tell().none();
}

/// The place stands in rclone's configuration, not on its command line; the host may be any of many.
#[test]
fn m03_rclone_to_mega() {
    let rclone = adhoc("/opt/homebrew/bin/rclone", "rclone-55554944");
    let told = reads_and_sends(
        rclone,
        &["rclone", "copy", "/Users/alice/Documents", "mega:"],
        &[PLAN],
        "gfs270n112.userstorage.mega.co.nz",
        90_000,
    );
    assert_eq!(told.alert().service.as_deref(), Some("mega"));
}
