//! Which name is which service, and whose.

use std::sync::Arc;

use cloudward::config::{self, Level, Origin, Source};
use cloudward::model::{CodeSigning, ExecFacts, FilePath, Program, Timestamp};
use cloudward::sensor::exec_limits::env_kept;
use cloudward::sensor::gate::PolicyGate;

use super::DEFAULT;

fn lookup(name: &str) -> Option<(&'static str, Option<String>)> {
    let services = &DEFAULT.policy.services;
    let found = services.lookup(name)?;
    Some((&*services.get(found.service).name, found.tenant.map(|tenant| tenant.to_string())))
}

#[test]
fn names() {
    for (name, service, tenant) in [
        ("content.dropboxapi.com", "dropbox", None),
        ("WWW.Dropbox.COM.", "dropbox", None),
        ("www.googleapis.com", "google-drive", None),
        ("s3.amazonaws.com", "s3", None),
        ("s3.eu-west-1.amazonaws.com", "s3", None),
        ("bucket.s3.amazonaws.com", "s3", Some("bucket")),
        ("my.dotted.bucket.s3.amazonaws.com", "s3", Some("my.dotted.bucket")),
        ("bucket.s3.eu-west-1.amazonaws.com", "s3", Some("bucket")),
        ("bucket.s3-eu-west-1.amazonaws.com", "s3", Some("bucket")),
        ("bucket.s3.dualstack.eu-west-1.amazonaws.com", "s3", Some("bucket")),
        ("bucket.s3-accelerate.amazonaws.com", "s3", Some("bucket")),
        ("ap-123456789012.s3-accesspoint.eu-west-1.amazonaws.com", "s3", None),
        ("vault.bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com", "s3", Some("vault")),
        ("bucket.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com", "s3", None),
        ("ap-123456789012.accesspoint.vpce-0a1b.s3.eu-west-1.vpce.amazonaws.com", "s3", None),
        ("s3.eusc-de-east-1.amazonaws.eu", "s3", None),
        ("bucket.s3.eusc-de-east-1.amazonaws.eu", "s3", Some("bucket")),
        ("bucket.s3.dualstack.eusc-de-east-1.amazonaws.eu", "s3", Some("bucket")),
        ("ap-abc-s3alias.s3.eu-west-1.amazonaws.com", "s3", None),
        ("bucket.vpce-0a1b.s3.eusc-de-east-1.vpce.amazonaws.eu", "s3", None),
        ("bucket.s3-fips.eusc-de-east-1.amazonaws.eu", "s3", Some("bucket")),
        ("s-01.server.transfer.eu-west-1.amazonaws.com", "aws-transfer", Some("s-01")),
        ("vpce-0a1b.server.transfer.eu-west-1.vpce.amazonaws.com", "aws-transfer", None),
        ("site.s3-website-us-east-1.amazonaws.com", "s3-website", None),
        ("github-cloud.s3.amazonaws.com", "github", None),
        ("gist.github.com", "github-gist", None),
        ("corp.sharepoint.com", "sharepoint", Some("corp")),
        ("corp-my.sharepoint.com", "sharepoint", Some("corp")),
        ("acct.blob.core.windows.net", "azure-blob", Some("acct")),
        ("b.storage.googleapis.com", "gcs", Some("b")),
        ("storage.googleapis.com", "gcs", None),
        ("discord-attachments-uploads-prd.storage.googleapis.com", "discord", None),
        ("g.api.mega.co.nz", "mega", None),
        ("gfs1.userstorage.mega.co.nz", "mega", None),
        ("p12-content.icloud.com", "icloud", None),
        ("zrh-storage.proton.me", "proton-drive", None),
        ("a.trycloudflare.com", "cloudflare-tunnel", None),
    ] {
        assert_eq!(lookup(name), Some((service, tenant.map(str::to_owned))), "{name}");
    }
}

#[test]
fn look_alikes_are_nobody() {
    for name in [
        "dropbox.com.evil.test",
        "xdropbox.com",
        "dropbox.co",
        "com",
        "",
        ".",
        "sts.amazonaws.com",
        "ec2.eu-west-1.amazonaws.com",
        "123.dkr.ecr.eu-west-1.amazonaws.com",
        "amazonaws.com",
        "mask.icloud.com",
        "mask-h2.icloud.com",
        "container.googleapis.com",
        "ark.cn-beijing.volces.com",
        "iam.myhuaweicloud.com",
        "mainnet.infura.io",
        "oauth2.googleapis.com",
        "xs3.amazonaws.com.evil.test",
        "-my.sharepoint.com.example",
    ] {
        assert_eq!(lookup(name), None, "{name}");
    }
}

/// Every shipped pattern, filled in, is found as its own service; with a letter put before it, it is not that pattern.
#[test]
fn no_pattern_is_shadowed() {
    let texts = [
        include_str!("../../config/services.toml"),
        include_str!("../../config/services-more.toml"),
        include_str!("../../config/services-extra.toml"),
    ];
    let mut wrong = Vec::new();
    for text in texts {
        let file: toml::Table = text.parse().unwrap();
        for service in file["service"].as_array().unwrap() {
            let name = service["name"].as_str().unwrap();
            for key in ["domains", "tenants"] {
                let patterns = service.get(key).and_then(|list| list.as_array()).into_iter().flatten();
                for pattern in patterns.map(|pattern| pattern.as_str().unwrap()) {
                    let sample = fill(pattern);
                    if lookup(&sample).is_none_or(|(found, _)| found != name) {
                        wrong.push(format!("{pattern} of {name}: {:?}", lookup(&sample)));
                    }
                    if lookup(&format!("{sample}.evil.test")).is_some() {
                        wrong.push(format!("{pattern} matches inside another name"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn fill(pattern: &str) -> String {
    let mut text = String::new();
    for (index, part) in pattern.split('{').enumerate() {
        let rest = if index == 0 { part } else { part.split_once('}').unwrap().1 };
        text.push_str(if index == 0 { "" } else { "x7" });
        text.push_str(rest);
    }
    text
}

/// Each of the names that were considered is the service that the table says, or none with a reason.
#[test]
fn every_considered_name_is_judged() {
    let lines = include_str!("cloud_domains.tsv").lines().filter(|line| !line.starts_with('#'));
    let (mut known, mut wrong) = (0, Vec::new());
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let found = lookup(&fill(columns[0])).map(|(service, _)| service);
        match columns[..] {
            [_, "-", reason] if !reason.is_empty() && found.is_none() => {}
            [_, service] if found == Some(service) => known += 1,
            _ => wrong.push(format!("{line}: {found:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(known >= 1000, "{known}");
}

/// The name of a region by itself hides no account that stands before it.
#[test]
fn accounts_stand_before_every_region() {
    for (host, service) in [
        ("corp.s3.fr-par.scw.cloud", "scaleway"),
        ("corp.fsn1.your-objectstorage.com", "hetzner-objects"),
        ("corp.s3.gra.io.cloud.ovh.net", "ovh"),
        ("corp.oss-cn-hangzhou.aliyuncs.com", "alibaba-oss"),
        ("corp.oss-accelerate.aliyuncs.com", "alibaba-oss"),
        ("corp.cos.ap-guangzhou.myqcloud.com", "tencent-cos"),
    ] {
        assert_eq!(lookup(host), Some((service, Some("corp".to_owned()))), "{host}");
    }
}

#[test]
fn the_catalogue_is_large() {
    let services = DEFAULT.policy.services.iter().count();
    assert!(services >= 340, "{services}");
    let commanded = DEFAULT.policy.tools.iter().filter(|tool| tool.service.is_some()).count();
    assert!(commanded >= 25, "{commanded}");
}

/// What a grammar asks of the environment, the sensors keep: those of an administrator's own tools as well. Nothing else is.
#[test]
fn variables_that_tools_name_are_kept() {
    let own = "[[tool]]\nname = \"vault\"\nnames = [\"vault\"]\ntenant_env = [\"VAULT_SPACE\"]\n\
               [[tool.command]]\ndoes = \"transfer\"\n";
    let (settings, diagnostics) = config::load(&[Source::new(Origin::File, "own.toml", own)]);
    assert!(diagnostics.iter().all(|found| found.level != Level::Error), "{diagnostics:#?}");
    let tools = settings.policy.tools.iter();
    let named = tools.flat_map(|tool| {
        let places = [&tool.endpoint_env, &tool.tenant_env, &tool.to_env, &tool.from_env];
        places.into_iter().chain([&tool.profile_env, &tool.home_env]).flatten()
    });
    let gate = PolicyGate::new(Arc::clone(&settings.policy));
    let mut names: Vec<&str> = named.map(|name| &**name).collect();
    names.iter().for_each(|name| assert!(env_kept(name.as_bytes(), &gate), "{name}"));
    names.sort_unstable();
    assert!(names.len() >= 20 && names.contains(&"VAULT_SPACE"), "{names:?}");
    let gate = PolicyGate::new(Arc::clone(&DEFAULT.policy));
    for name in ["VAULT_SPACE", "GITHUB_TOKEN", "PATH", "", "\u{FFFD}"] {
        assert!(!env_kept(name.as_bytes(), &gate), "{name}");
    }
}

/// Tools that send to many clouds: the variable that names an account of one says nothing of a place in another.
#[test]
fn a_variable_names_accounts_of_one_cloud() {
    const OWN: [&str; 4] = [
        "AZURE_ACCOUNT_NAME=corp",
        "AZURE_STORAGE_ACCOUNT=corp",
        "AZURE_CONNECTION_STRING=AccountName=corp",
        "RCLONE_AZUREBLOB_ACCOUNT=corp",
    ];
    let policy = &DEFAULT.policy;
    let aimed = |line: &str| {
        let args: Vec<Box<str>> = line.split(' ').map(Box::from).collect();
        let program = Program {
            path: FilePath::from(format!("/opt/homebrew/bin/{}", args[0]).as_str()),
            path_truncated: false,
            signing_id: None,
            team_id: None,
            cdhash: None,
            platform: false,
            flags: CodeSigning(CodeSigning::VALID | CodeSigning::ADHOC),
        };
        let env = OWN
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.into(), value.into()));
        let facts = ExecFacts { args, env: env.collect(), ..ExecFacts::default() };
        let readings = policy.tools.read(&program, &facts, &policy.services, Timestamp::from_nanos(0));
        let aim = readings.iter().flat_map(|reading| &reading.aims).next()?;
        let service = aim.service.map_or("", |service| &policy.services.get(service).name);
        Some((service.to_owned(), aim.tenant.as_deref().map(str::to_owned)))
    };
    for (line, service, tenant) in [
        ("kopia repository connect azure --container x", "azure-blob", Some("corp")),
        ("kopia repository connect azure --container x --storage-account evil", "azure-blob", Some("evil")),
        ("kopia repository connect gdrive --folder-id x", "google-drive", None),
        ("kopia repository connect b2 --bucket evil", "backblaze-b2", Some("evil")),
        ("restic -r azure:box:/ backup x", "azure-blob", Some("corp")),
        ("restic -r b2:evil:/ backup x", "backblaze-b2", Some("evil")),
        ("restic -r gs:evil:/ backup x", "gcs", Some("evil")),
        ("restic -r s3:s3.amazonaws.com/evil backup x", "s3", Some("evil")),
        ("duplicity full x azure://box", "azure-blob", Some("corp")),
        ("duplicity full x b2://id:key@evil/y", "backblaze-b2", Some("evil")),
        ("rclone copy x :azureblob:box", "azure-blob", Some("corp")),
        ("rclone copy x :azureblob,account=evil:box", "azure-blob", Some("evil")),
        ("rclone copy x :drive:box", "google-drive", None),
        ("rclone copy x :b2:evil/y", "backblaze-b2", Some("evil")),
    ] {
        assert_eq!(aimed(line), Some((service.to_owned(), tenant.map(str::to_owned))), "{line}");
    }
    // Where it goes stands in a file: whoever holds that holds the account too.
    for line in ["restic --repository-file r backup x", "kopia snapshot create x", "duplicity full x y"] {
        assert_eq!(aimed(line), None, "{line}");
    }
}

#[test]
fn every_backend_of_rclone_is_known() {
    let rclone = DEFAULT.policy.tools.iter().find(|tool| &*tool.name == "rclone").unwrap();
    let mut wrong = Vec::new();
    for line in include_str!("rclone_backends.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [backend, verdict] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let service = rclone.schemes.iter().find(|(name, _)| **name == *backend).map(|(_, service)| *service);
        let service = service.map(|id| &*DEFAULT.policy.services.get(id).name);
        let fits = if verdict.starts_with("- ") { service.is_none() } else { service == Some(verdict) };
        if !fits {
            wrong.push(format!("{line}: {service:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Servers that take mail are data too: by name, by the habits of names, by port.
#[test]
fn servers_that_take_mail() {
    let own = super::policy("[[mail]]\nname='ours'\nhosts=['mail.corp.example']\nports=[2525]\n");
    for (name, known, with_own) in [
        ("smtp.gmail.com", true, true),
        ("SMTP.Example.COM.", true, true),
        ("relay-smtp.example.com", true, true),
        ("outlook.office365.com", true, true),
        ("eu.outlook.office365.com", true, true),
        ("gmail.googleapis.com", true, true),
        ("mail.google.com", false, false),
        ("smtp-relay.example.com", false, false),
        ("www.outlook.com", false, false),
        ("mail.corp.example", false, true),
        ("xmail.corp.example", false, false),
    ] {
        assert_eq!(DEFAULT.policy.mail.takes(name), known, "{name}");
        assert_eq!(own.mail.takes(name), with_own, "{name}");
    }
    let ports = [25, 465, 587, 2525, 443];
    assert_eq!(ports.map(|port| DEFAULT.policy.mail.takes_at(port)), [true, true, true, false, false]);
    assert!(own.mail.takes_at(2525));
    let none = super::policy("[builtin]\ndisable=['customary', 'outlook']\n");
    assert!(!none.mail.takes("smtp.gmail.com") && !none.mail.takes_at(25));
}
