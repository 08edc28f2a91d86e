//! Look-alikes: what must stay quiet.

use super::world::*;

const SAFARI: Program = apple("/Applications/Safari.app/Contents/MacOS/Safari", "com.apple.Safari");
const ARQ: Program = vendor(
    "/Applications/Arq.app/Contents/Resources/ArqAgent.app/Contents/MacOS/ArqAgent",
    "com.haystacksoftware.arqagent",
    "48ZCSDVL96",
);

/// Time Machine reads everything, keychains too, and writes to a server in the house.
#[test]
fn b01_time_machine_reads_everything() {
    let mut w = World::new();
    let backupd =
        apple("/System/Library/CoreServices/backupd.bundle/Contents/Resources/backupd", "com.apple.backupd");
    let p = w.launch(0.0, backupd, &["backupd"]);
    for (i, path) in
        ["Library/Keychains/login.keychain-db", ".ssh/id_rsa", "Documents/corp/plan.docx"].iter().enumerate()
    {
        w.open(1.0 + i as f64, &p, &format!("/Users/alice/{path}"));
    }
    w.upload(5.0, &p, "nas.local", 4_000_000);
    w.tell().none();
}

/// A backup agent with an allow entry for exactly this uploads to its own bucket.
#[test]
fn b02_allowed_backup_to_its_own_bucket() {
    let mut w = World::new();
    let p = w.launch(0.0, ARQ, &["ArqAgent"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.open(1.1, &p, "/Users/alice/.ssh/id_rsa");
    w.upload(2.0, &p, "corp-backup.s3.eu-central-1.amazonaws.com", 2_000_000);
    w.tell().none();
}

/// The twin of B02: the same agent, somebody else's bucket.
#[test]
fn b02_twin_the_same_agent_to_a_foreign_bucket() {
    let mut w = World::new();
    let p = w.launch(0.0, ARQ, &["ArqAgent"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "not-corp.s3.eu-central-1.amazonaws.com", 2_000_000);
    let told = w.tell();
    assert_eq!(told.alert().tenant.as_deref(), Some("not-corp"));
    assert_eq!(told.alert().tenant_verdict.as_str(), "foreign");
}

/// What runs in the agent is another's from then on. Threads of its own tell nothing.
#[test]
fn b02_twin_another_process_started_a_thread_in_the_agent() {
    for injected in [true, false] {
        let mut w = World::new();
        let agent = w.launch(0.0, ARQ, &["ArqAgent"]);
        let other = w.launch(0.5, adhoc("/Users/alice/tool", "tool"), &["tool"]);
        w.injects(1.0, if injected { &other } else { &agent }, &agent);
        w.open(1.5, &agent, "/Users/alice/.ssh/id_rsa");
        w.upload(2.0, &agent, "corp-backup.s3.eu-central-1.amazonaws.com", 2_000_000);
        let told = w.tell();
        if injected {
            let reasons = &told.alert().reasons;
            assert!(reasons.iter().any(|reason| reason.code.as_str() == "runs-other-code"), "{reasons:?}");
        } else {
            told.none();
        }
    }
}

/// Safari: the user attaches a PDF from Documents to a mail in the browser.
#[test]
fn b07_browser_attaches_a_document() {
    let mut w = World::new();
    let p = w.launch(0.0, SAFARI, &["Safari"]);
    w.open(1.0, &p, "/Users/alice/Documents/offer.pdf");
    w.upload(3.0, &p, "www.googleapis.com", 900_000);
    w.tell().none();
}

/// The twin of B07: the browser's allowance is for documents, not for keys.
#[test]
fn b07_twin_browser_sends_a_private_key() {
    let mut w = World::new();
    let p = w.launch(0.0, SAFARI, &["Safari"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_ed25519");
    w.upload(3.0, &p, "www.googleapis.com", 9_000);
    w.tell().one_of_any_confidence();
}

/// Chrome reads its own password store and syncs.
#[test]
fn b08_browser_reads_its_own_profile() {
    let mut w = World::new();
    let chrome = vendor(
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        "com.google.Chrome",
        "EQHXZ8M8AV",
    );
    let p = w.launch(0.0, chrome, &["Google Chrome"]);
    w.open(1.0, &p, "/Users/alice/Library/Application Support/Google/Chrome/Default/Login Data");
    w.upload(3.0, &p, "www.googleapis.com", 90_000);
    w.tell().none();
}

/// Reads a profile, then downloads far more than it sends.
#[test]
fn b09_updater_downloads() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/Users/alice/updater", "updater"), &["updater"]);
    w.open(1.0, &p, "/Users/alice/Library/Application Support/Firefox/Profiles/x.default/key4.db");
    let mut conn = w.connect(2.0, &p, "content.dropboxapi.com", true);
    let mut at = 2.1;
    for _ in 0..30 {
        at = w.send(at, &mut conn, 300);
        at = w.receive(at + 0.001, &mut conn, 100_000) + 0.001;
    }
    w.close(at + 0.1, &mut conn);
    w.tell().none();
}

/// `git push` over ssh: the key is read to be used.
#[test]
fn b11_git_push_over_ssh() {
    let mut w = World::new();
    let git = w.launch(0.0, apple("/usr/bin/git", "com.apple.git"), &["git", "push"]);
    let ssh = w.spawn(
        0.1,
        &git,
        apple("/usr/bin/ssh", "com.apple.ssh"),
        &["ssh", "git@github.com", "git-receive-pack 'a/b.git'"],
    );
    w.open(0.2, &ssh, "/Users/alice/.ssh/id_ed25519");
    w.upload(0.5, &ssh, "github.com", 5_000_000);
    w.tell().none();
}

/// Homebrew's rclone to the corporate bucket, allowed by path and for that bucket only.
#[test]
fn b15_rclone_to_the_corporate_bucket() {
    let mut w = World::new();
    let rclone = adhoc("/opt/homebrew/bin/rclone", "rclone-55554944");
    let p = w.launch(0.0, rclone, &["rclone", "sync", "/Users/alice/Documents", "corp-s3:corp-backup"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "corp-backup.s3.eu-central-1.amazonaws.com", 800_000);
    w.tell().none();
}

/// Reads credentials, sends two kilobytes to a host that is no storage.
#[test]
fn b17_asks_who_it_is() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/opt/homebrew/bin/aws", "aws"), &["aws", "sts", "get-caller-identity"]);
    w.open(1.0, &p, "/Users/alice/.aws/credentials");
    w.upload(2.0, &p, "sts.eu-west-1.amazonaws.com", 2_000);
    w.tell().none();
}

/// Two programs of launchd have nothing to do with each other.
#[test]
fn b37_siblings_under_launchd() {
    let mut w = World::new();
    let reader = w.launch(0.0, adhoc("/Users/alice/reader", "reader"), &["reader"]);
    w.open(1.0, &reader, "/Users/alice/Documents/corp/plan.docx");
    let other = w.launch(2.0, adhoc("/Users/alice/other", "other"), &["other"]);
    w.upload(3.0, &other, "content.dropboxapi.com", 900_000);
    w.tell().none();
}

/// The read was hours ago.
#[test]
fn b42_long_lived_editor() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/Applications/Ide.app/Contents/MacOS/ide", "ide"), &["ide"]);
    w.open(1.0, &p, "/Users/alice/src/app/.env");
    w.upload(8.0 * 3600.0, &p, "content.dropboxapi.com", 900_000);
    w.tell().none();
}

/// Holiday photos are nobody's business.
#[test]
fn b46_own_photos() {
    let mut w = World::new();
    let p = w.launch(0.0, adhoc("/usr/local/bin/up", "up"), &["up"]);
    w.open(1.0, &p, "/Users/alice/Pictures/holiday.jpg");
    w.upload(2.0, &p, "content.dropboxapi.com", 9_000_000);
    w.tell().none();
}

/// The company's OneDrive client keeps the company's root in step.
#[test]
fn b04_onedrive_syncs_its_own_root() {
    let mut w = World::new();
    let onedrive =
        vendor("/Applications/OneDrive.app/Contents/MacOS/OneDrive", "com.microsoft.OneDrive", "UBF8T346G9");
    let p = w.launch(0.0, onedrive, &["OneDrive"]);
    w.open(1.0, &p, "/Users/alice/Library/CloudStorage/OneDrive-Corp/Documents/plan.docx");
    w.open(1.1, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "corp-my.sharepoint.com", 900_000);
    w.tell().none();
}

/// A password manager syncs its own vault.
#[test]
fn b24_password_manager_syncs_its_vault() {
    let mut w = World::new();
    let app = vendor(
        "/Applications/1Password.app/Contents/MacOS/1Password",
        "com.1password.1password",
        "2BUA8C4S2C",
    );
    let p = w.launch(0.0, app, &["1Password"]);
    w.open(1.0, &p, "/Users/alice/Library/Group Containers/2BUA8C4S2C.com.1password/Library/Application Support/1Password/Data/1password.sqlite");
    w.upload(2.0, &p, "my.1password.com", 90_000);
    w.tell().none();
}

/// An agent that scans everything, allowed by signer for its vendor's bucket.
#[test]
fn b26_allowed_scanner() {
    let mut w = World::new();
    w.policy = format!(
        "{CORP}\n[[allow]]\nname = \"scanner\"\nprocess = {{ team_id = \"X9E956P446\", signing_id = \"com.crowdstrike.falcon.Agent\" }}\nsensitive = \"*\"\nservices = [\"s3\"]\ntenants = [\"falcon-telemetry\"]\nusers = \"*\"\nreason = \"endpoint protection\"\n"
    );
    let p = w.launch(
        0.0,
        vendor("/Library/Falcon/agent", "com.crowdstrike.falcon.Agent", "X9E956P446"),
        &["agent"],
    );
    w.open(1.0, &p, "/Users/alice/Library/Keychains/login.keychain-db");
    w.open(1.1, &p, "/Users/alice/Documents/corp/plan.docx");
    w.upload(2.0, &p, "falcon-telemetry.s3.us-west-1.amazonaws.com", 90_000);
    w.tell().none();
}

/// Apple's daemons upload Documents to iCloud.
#[test]
fn b29_icloud_uploads_documents() {
    let mut w = World::new();
    let bird = apple(
        "/System/Library/PrivateFrameworks/CloudDocsDaemon.framework/Versions/A/Support/bird",
        "com.apple.bird",
    );
    let p = w.launch(0.0, bird, &["bird"]);
    w.open(1.0, &p, "/Users/alice/Documents/report.docx");
    w.upload(2.0, &p, "p42-content.icloud.com", 900_000);
    w.tell().none();
}

/// Agents read keys and send nothing.
#[test]
fn b35_agents_read_keys() {
    let mut w = World::new();
    let p = w.launch(0.0, apple("/usr/bin/ssh-agent", "com.apple.ssh-agent"), &["ssh-agent", "-l"]);
    w.open(1.0, &p, "/Users/alice/.ssh/id_ed25519");
    w.tell().none();
}

/// Updated in place: team and identifier stay, the hash does not.
#[test]
fn b39_allowed_agent_after_an_update() {
    let mut w = World::new();
    let p = w.launch(0.0, ARQ, &["ArqAgent"]);
    w.open(1.0, &p, "/Users/alice/Documents/corp/plan.docx");
    let new = w.exec(2.0, &p, ARQ, &["ArqAgent", "--updated"]);
    w.upload(3.0, &new, "corp-backup.s3.eu-central-1.amazonaws.com", 900_000);
    w.tell().none();
}

/// Its twin: an entry that pins the hash lets the new program through no more, and the alert says why. Where an entry for the
/// very program fails on something else, that one is nearest.
#[test]
fn b39_twin_the_alert_says_what_the_nearest_entry_fails_on() {
    let told = |process: &str, program: Program, host: &str| {
        let mut w = World::new();
        w.policy = format!(
            "{CORP}\n[[allow]]\nname = \"pinned\"\nprocess = {{ {process} }}\nsensitive = [\"documents\"]\n\
             services = [\"box\"]\ntenants = \"*\"\nusers = \"*\"\nreason = \"CHG-1\"\n"
        );
        let p = w.launch(0.0, program, &["agent"]);
        w.open(1.0, &p, "/Users/alice/Documents/plan.docx");
        w.upload(2.0, &p, host, 90_000);
        let alert = w.tell().alert().clone();
        let reason = alert.reasons.iter().find(|reason| reason.code.as_str() == "not-allowed");
        reason.map(|reason| reason.text.clone()).unwrap_or_default()
    };
    let agent = vendor("/usr/local/bin/agent", "com.acme.agent", "AB12CD34EF");
    let other = "00".repeat(20);
    for pin in [format!("cdhash = \"{other}\""), format!("cdhash = \"{other}\", team_id = \"AB12CD34EF\"")] {
        let text = told(&pin, agent, "upload.box.com");
        assert!(
            text.contains("nearest is \"pinned\", but for its cdhash") && text.contains("hash changed"),
            "{text}"
        );
    }
    let elsewhere = format!("cdhash = \"{other}\", team_id = \"ZZ12CD34EF\"");
    assert!(!told(&elsewhere, agent, "upload.box.com").contains("cdhash"));
    let text = told(&elsewhere, ARQ, "evil.s3.amazonaws.com");
    assert!(text.contains("nearest is \"Arq backs up homes\", but for its tenants"), "{text}");
}

/// terraform keeps its state in the company's bucket.
#[test]
fn b18_terraform_state_in_the_corporate_bucket() {
    let mut w = World::new();
    let terraform = vendor("/opt/homebrew/bin/terraform", "terraform", "D38WU7D763");
    let p = w.launch(0.0, terraform, &["terraform", "apply", "-auto-approve"]);
    w.open(1.0, &p, "/Users/alice/.aws/credentials");
    w.open(1.1, &p, "/Users/alice/.aws/config");
    w.upload(2.0, &p, "corp-backup.s3.eu-west-1.amazonaws.com", 200_000);
    w.tell().none();
}

/// gcloud and kubectl use the keys that are there to be used; their hosts end as those of storage do.
#[test]
fn b19_gcloud_and_kubectl() {
    let mut w = World::new();
    let python = adhoc(
        "/opt/homebrew/Cellar/python@3.12/3.12.8/Frameworks/Python.framework/Versions/3.12/Resources/Python.app/Contents/MacOS/Python",
        "python3",
    );
    let script = "/opt/homebrew/share/google-cloud-sdk/lib/gcloud.py";
    let gcloud = w.launch(0.0, python, &["python3.12", "-S", script, "container", "clusters", "list"]);
    w.open(1.0, &gcloud, "/Users/alice/.config/gcloud/access_tokens.db");
    w.upload(2.0, &gcloud, "container.googleapis.com", 20_000);
    w.upload(4.0, &gcloud, "www.googleapis.com", 20_000);
    let kubectl =
        w.launch(5.0, vendor("/usr/local/bin/kubectl", "kubectl", "EQHXZ8M8AV"), &["kubectl", "get", "pods"]);
    w.open(6.0, &kubectl, "/Users/alice/.kube/config");
    w.upload(7.0, &kubectl, "oauth2.googleapis.com", 20_000);
    w.tell().none();
}

/// Command-line clients of a cloud that are Python, as Homebrew installs them, read their own keys; other Python does not.
#[test]
fn b19_clients_that_are_scripts() {
    const PYTHON: &str = "/opt/homebrew/Cellar/python@3.13/3.13.1/Frameworks/Python.framework/Versions/3.13/Resources/Python.app/Contents/MacOS/Python";
    let aws = "python3.13 /opt/homebrew/Cellar/awscli/2.22.4/libexec/bin/aws s3 sync dist s3://site";
    let fake = "python3.13 /tmp/aws s3 sync dist s3://site";
    let az = "/opt/homebrew/Cellar/azure-cli/2.67.0/libexec/bin/python -Im azure.cli storage blob upload";
    let from_anywhere = az.replace("-Im", "-m");
    let cdk = "node /opt/homebrew/lib/node_modules/aws-cdk/bin/cdk deploy";
    let (aws_keys, az_keys) = (".aws/credentials", ".azure/msal_token_cache.json");
    for (line, keys, own) in [
        (aws, aws_keys, true),
        (fake, aws_keys, false),
        (az, az_keys, true),
        // Whose module that is, a virtual environment decides, and anybody can make one.
        ("/tmp/venv/bin/python -Im azure.cli storage blob upload", az_keys, false),
        (az, aws_keys, false),
        (&from_anywhere, az_keys, false),
        (cdk, aws_keys, true),
        (cdk, az_keys, false),
    ] {
        let mut w = World::new();
        let program = if line.starts_with("node") { "/opt/homebrew/bin/node" } else { PYTHON };
        let p = w.launch(0.0, adhoc(program, "client"), &line.split(' ').collect::<Vec<_>>());
        w.open(1.0, &p, &format!("/Users/alice/{keys}"));
        w.upload(2.0, &p, "corp.blob.core.windows.net", 300_000);
        assert_eq!(w.tell().alerts().is_empty(), own, "{line} {keys}");
    }
}

/// A build runner sends artifacts to the store of its service; the same program sends them nowhere else.
#[test]
fn b34_build_runner_uploads_artifacts() {
    let policy = format!(
        "{CORP}\n[[allow]]\nname = \"build runner\"\nprocess = {{ path = \"/Users/*/actions-runner/externals/**\", unsigned = true }}\n\
         script = \"/Users/*/actions-runner/_work/_actions/**\"\n\
         parent = {{ path = \"/Users/*/actions-runner/bin/Runner.Worker\", unsigned = true }}\nsensitive = [\"source-secrets\"]\n\
         services = [\"azure-blob\"]\ntenants = [\"productionresultssa*\"]\nusers = \"*\"\nreason = \"builds\"\n"
    );
    for (host, foreign) in
        [("productionresultssa7.blob.core.windows.net", false), ("evil.blob.core.windows.net", true)]
    {
        let mut w = World::new();
        w.policy.clone_from(&policy);
        let worker = adhoc("/Users/alice/actions-runner/bin/Runner.Worker", "Runner.Worker");
        let worker = w.launch(0.0, worker, &["Runner.Worker"]);
        let node = adhoc("/Users/alice/actions-runner/externals/node20/bin/node", "node");
        let action =
            "/Users/alice/actions-runner/_work/_actions/actions/upload-artifact/v4/dist/upload/index.js";
        let node = w.spawn(1.0, &worker, node, &["node", action]);
        w.open(2.0, &node, "/Users/alice/actions-runner/_work/app/app/.env");
        w.upload(3.0, &node, host, 900_000);
        let told = w.tell();
        if foreign { assert_eq!(told.alert().tenant.as_deref(), Some("evil")) } else { told.none() }
    }
}
