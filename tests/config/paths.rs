//! Which spelling of which path belongs to which set.

use cloudward::policy::{Homes, Paths, Policy, Scratch};
use proptest::prelude::*;

use super::{DEFAULT, policy};

fn names(policy: &Policy, homes: &Homes, path: &[u8]) -> Vec<String> {
    let mut scratch = Scratch::new();
    let canonical = policy.paths.canonical(path, &mut scratch);
    let class = policy.paths.classify(&canonical, homes);
    if !class.sets.is_empty() || class.root.is_some() {
        assert!(policy.paths.may_matter(&canonical), "gate shut for {}", String::from_utf8_lossy(path));
    }
    class.sets.iter().map(|set| policy.set(set).name.to_string()).collect()
}

fn canonical(paths: &Paths, raw: &[u8]) -> Vec<u8> {
    paths.canonical(raw, &mut Scratch::new()).bytes().to_vec()
}

#[test]
fn one_spelling() {
    let paths = &DEFAULT.policy.paths;
    for (raw, one) in [
        ("/private/var/folders/xx/T/a", "/var/folders/xx/t/a"),
        ("/private/tmp/x", "/tmp/x"),
        ("/System/Volumes/Data/Users/A/x", "/users/a/x"),
        ("/System/Volumes/Data/private/etc/hosts", "/etc/hosts"),
        ("/System/Volumes/Database/x", "/system/volumes/database/x"),
        ("/privatevar/x", "/privatevar/x"),
        ("/Users//a/./b/../c/", "/users/a/c"),
        ("/", "/"),
        ("/System/Volumes/Data", "/"),
        ("/Users/a/f/..namedfork/rsrc", "/users/a/f"),
        ("/Users/a/\u{00C4}rger", "/users/a/\u{00E4}rger"),
        ("/Users/a/A\u{0308}rger", "/users/a/\u{00E4}rger"),
        ("/Users/a/STRASSE", "/users/a/strasse"),
        ("/Users/a/stra\u{00DF}e", "/users/a/strasse"),
        (
            "/Volumes/com.apple.TimeMachine.localsnapshots/Backups.backupdb/mac/2026-01-01-101010/Data/Users/a/x",
            "/users/a/x",
        ),
        (
            "/Volumes/.timemachine/0F0F/2026-01-01-101010.backup/2026-01-01-101010.backup/Macintosh HD - Data/Users/a/x",
            "/users/a/x",
        ),
        ("/Volumes/.timemachine/0F0F/1.backup/1.backup/Photos/2024/x", "/volumes/photos/2024/x"),
        ("/Volumes/TM/2026-01-01-101010.backup/Data/Users/a/x", "/users/a/x"),
        ("/volumes/tm/2026-01-01-101010.Previous/Mac - Data/private/var/root/x", "/var/root/x"),
        ("/Volumes/TM/Backups.backupdb/mac/2026-01-01-101010/Macintosh HD/Users/a/x", "/users/a/x"),
        ("/Volumes/TM/Backups.backupdb/mac/Latest/Photos/2024/x", "/volumes/photos/2024/x"),
        ("/Volumes/TM/2026-01-01.backup/Data/Users/a/x", "/volumes/tm/2026-01-01.backup/data/users/a/x"),
        ("/Volumes/TM/2026-01-01-101010.backup", "/volumes/tm/2026-01-01-101010.backup"),
        ("/Volumes/TM/2026-01-01-101010/Data/x", "/volumes/tm/2026-01-01-101010/data/x"),
    ] {
        assert_eq!(String::from_utf8(canonical(paths, raw.as_bytes())).unwrap(), one, "{raw}");
    }
    assert!(paths.canonical(b"/a/b/..namedfork/rsrc", &mut Scratch::new()).named_fork());
}

#[test]
fn built_in_sets() {
    let policy = &DEFAULT.policy;
    let homes = policy.paths.homes();
    for (path, sets) in [
        ("/Users/a/.ssh/id_rsa", &["ssh-keys"][..]),
        ("/Users/a/.SSH/ID_RSA", &["ssh-keys"]),
        ("/Users/a/.ssh/id_rsa.pub", &[]),
        ("/Users/a/.ssh/known_hosts", &[]),
        ("/Users/a/.ssh/github_rsa", &["ssh-keys"]),
        ("/Users/a/.ssh/deploy_key", &["ssh-keys"]),
        ("/Users/a/.ssh/deploy_key.pub", &[]),
        ("/Users/a/.ssh/work-ed25519", &["ssh-keys"]),
        ("/Users/a/.ssh/authorized_keys", &[]),
        ("/Users/a/.ssh/known_hosts.old", &[]),
        ("/Users/a/.ssh/config", &[]),
        ("/Users/a/.ssh/allowed_signers", &[]),
        ("/Users/a/.kube/config", &["cloud-keys"]),
        ("/Users/a/.kube/prod.yaml", &["cloud-keys"]),
        ("/Users/a/.kube/config-prod", &["cloud-keys"]),
        ("/Users/a/.kube/cache/discovery/x/serverresources.json", &[]),
        ("/Users/a/.sparrow/wallets/savings.mv.db", &["wallets"]),
        ("/Users/a/Monero/wallets/w/w.keys", &["wallets"]),
        ("/var/root/.ssh/id_ed25519", &["ssh-keys"]),
        ("/private/var/root/.ssh/id_ed25519", &["ssh-keys"]),
        ("/Users/a/x/.ssh/id_rsa", &[]),
        ("/tmp/.ssh/id_rsa", &[]),
        ("/Users/a/.aws/credentials", &["cloud-keys"]),
        ("/Users/a/Library/Keychains/login.keychain-db", &["keychains"]),
        ("/Users/a/Library/Application Support/Google/Chrome/Default/Login Data", &["browser-credentials"]),
        (
            "/Users/a/Library/Application Support/Google/Chrome/Profile 1/Network/Cookies",
            &["browser-credentials"],
        ),
        ("/Users/a/Library/Application Support/Firefox/Profiles/x.default/key4.db", &["browser-credentials"]),
        ("/Users/a/Documents/x/y.pdf", &["documents"]),
        ("/Users/a/Documents", &[]),
        ("/Users/a/Documents/.DS_Store", &[]),
        ("/Users/a/code/app/.env", &["source-secrets"]),
        ("/Users/a/code/app/.envrc", &["source-secrets"]),
        ("/Users/a/code/app/.env.example", &[]),
        ("/Users/a/.npmrc", &["source-secrets"]),
        ("/Users/a/x/vault.kdbx", &["password-vaults"]),
        ("/Users/a/Library/Messages/chat.db", &["messages"]),
        ("/usr/bin/true", &[]),
    ] {
        assert_eq!(names(policy, &homes, path.as_bytes()), sets, "{path}");
    }
}

/// Where the tools of developers keep what they log in with.
#[test]
fn credentials_of_tools() {
    let policy = &DEFAULT.policy;
    let homes = policy.paths.homes();
    for (set, paths) in [
        (
            "cloud-keys",
            &[
                ".pulumi/credentials.json",
                ".ngrok2/ngrok.yml",
                ".config/ngrok/ngrok.yml",
                "Library/Application Support/ngrok/ngrok.yml",
                ".config/stripe/config.toml",
                "Library/Application Support/com.vercel.cli/auth.json",
                ".local/share/com.vercel.cli/auth.json",
                "Library/Preferences/netlify/config.json",
                ".config/netlify/config.json",
                ".netlify/config.json",
                ".fly/config.yml",
                ".config/doctl/config.yaml",
                ".wrangler/config/default.toml",
                "Library/Preferences/.wrangler/config/default.toml",
                ".cloudflared/cert.pem",
                ".vault-token",
                ".config/gh/hosts.yml",
                ".config/glab-cli/config.yml",
                "Library/Application Support/glab-cli/config.yml",
                ".terraformrc",
                ".tofurc",
                ".terraform.d/credentials.tfrc.json",
                ".config/hub",
                ".snowflake/connections.toml",
                "Library/Application Support/snowflake/config.toml",
                ".config/snowflake/connections.toml",
                ".databrickscfg",
            ][..],
        ),
        (
            "source-secrets",
            &[
                ".claude.json",
                ".claude/.credentials.json",
                ".codex/auth.json",
                ".gemini/oauth_creds.json",
                ".netrc",
                ".pypirc",
                ".npmrc",
                ".cargo/credentials.toml",
                ".composer/auth.json",
                ".gem/credentials",
                ".local/share/gem/credentials",
                ".gradle/gradle.properties",
                ".m2/settings.xml",
                ".pgpass",
                ".my.cnf",
                ".mylogin.cnf",
                ".kaggle/kaggle.json",
                ".kaggle/access_token",
                ".config/kaggle/kaggle.json",
                ".cache/huggingface/token",
                ".cache/huggingface/stored_tokens",
            ],
        ),
    ] {
        for path in paths {
            assert_eq!(names(policy, &homes, format!("/Users/a/{path}").as_bytes()), [set], "{path}");
        }
    }
    // What lies beside them and is no secret.
    for path in [
        ".pulumi/plugins/resource-aws-v6/x",
        ".pulumi/workspaces/x.json",
        ".claude/settings.json",
        ".claude/projects/x.jsonl",
        ".codex/config.toml",
        ".gemini/settings.json",
        "Library/Application Support/com.vercel.cli/config.json",
        ".kaggle/x",
        ".cache/huggingface/hub/x",
    ] {
        assert_eq!(names(policy, &homes, format!("/Users/a/{path}").as_bytes()), [""; 0], "{path}");
    }
}

/// A folder by its name with the slash is all that it holds; a sync root with `/**` is the folder.
#[test]
fn folders_as_people_write_them() {
    let policy = policy(
        "[[sensitive]]\nname='t'\npaths=['~/Secret/']\nexclude=['~/Secret/public/']\n\
         [[sync_root]]\nname='r'\nservice='dropbox'\npath='~/Shared/{tenant}/**'\n",
    );
    let homes = policy.paths.homes();
    for (path, sets) in [
        ("/Users/a/Secret/x", &["t"][..]),
        ("/Users/a/Secret/x/y", &["t"]),
        ("/Users/a/Secret", &[]),
        ("/Users/a/Secrets/x", &[]),
        ("/Users/a/Secret/public/x", &[]),
    ] {
        assert_eq!(names(&policy, &homes, path.as_bytes()), sets, "{path}");
    }
    let mut scratch = Scratch::new();
    let canonical = policy.paths.canonical(b"/Users/a/Shared/team/x/y", &mut scratch);
    let (_, tenant) = policy.paths.classify(&canonical, &homes).root.unwrap();
    assert_eq!(tenant.as_deref(), Some("team"));
}

#[test]
fn folders_that_are_whole_in_a_set() {
    let policy = policy(
        "[[sensitive]]\nname='t'\npaths=['/a/b/**', '**/v/**', '~/k/*']\nexclude=['/a/b/v/**', '/a/b/x']\n",
    );
    let homes = policy.paths.homes();
    for (folder, sets) in [
        ("/Users/a/Documents", &["documents"][..]),
        ("/Users/a/Documents/", &["documents"]),
        ("/Users/a/.ssh", &[]),
        ("/Users/a/.ssh/keys", &["ssh-keys"]),
        ("/Users/a", &[]),
        ("/A/B", &["t"]),
        ("/a", &[]),
        ("/a/bb", &[]),
        ("/x/v", &["t"]),
        ("/a/b/v", &[]),
        ("/Users/a/k", &[]),
        ("/", &[]),
    ] {
        let mut scratch = Scratch::new();
        let canonical = policy.paths.canonical(folder.as_bytes(), &mut scratch);
        let found: Vec<&str> =
            policy.paths.whole(&canonical, &homes).iter().map(|set| &*policy.set(set).name).collect();
        assert_eq!(found, sets, "{folder}");
    }
}

#[test]
fn globs() {
    for (pattern, path, matches) in [
        ("~/Documents/corp/**", "/Users/a/Documents/corp/x/y", true),
        ("~/Documents/corp/**", "/Users/a/Documents/corporate/x", false),
        ("/a/**/z", "/a/z", true),
        ("/a/**/z", "/a/b/c/z", true),
        ("/a/*/z", "/a/b/c/z", false),
        ("/a/?.txt", "/a/\u{00E4}.txt", true),
        ("/a/?.txt", "/a/bb.txt", false),
        ("/a/[a-c]x", "/a/Bx", true),
        ("/a/[!a-c]x", "/a/bx", false),
        ("/a/{b,c{d,e}}/f", "/a/ce/f", true),
        ("/a/\\*", "/a/*", true),
        ("/a/\\*", "/a/b", false),
        ("**/*.pem", "/x/y/k.pem", true),
        ("/private/var/x/**", "/var/x/y", true),
        ("/a/\u{00C4}", "/a/a\u{0308}", true),
    ] {
        let text = format!("[builtin]\ndisable=['*']\n[[sensitive]]\nname='t'\npaths=['{pattern}']\n");
        let policy = policy(&text);
        let found = !names(&policy, &policy.paths.homes(), path.as_bytes()).is_empty();
        assert_eq!(found, matches, "{pattern} {path}");
    }
}

#[test]
fn a_case_sensitive_volume_tells_case() {
    let policy =
        policy("[paths]\ncase_sensitive = ['/Volumes/X']\nhomes = ['/Volumes/X/me', '/Volumes/Y/me']\n");
    let homes = policy.paths.homes();
    for (path, sets) in [
        ("/Volumes/X/me/.ssh/id_rsa", &["ssh-keys"][..]),
        ("/volumes/x/me/.ssh/id_rsa", &["ssh-keys"]),
        ("/Volumes/X/me/.SSH/id_rsa", &[]),
        ("/Volumes/X/ME/.ssh/id_rsa", &[]),
        ("/Volumes/Y/ME/.ssh/ID_RSA", &["ssh-keys"]),
        ("/Users/a/.ssh/ID_RSA", &["ssh-keys"]),
    ] {
        assert_eq!(names(&policy, &homes, path.as_bytes()), sets, "{path}");
    }
}

#[test]
fn homes_are_learned() {
    let policy = &DEFAULT.policy;
    let mut homes = policy.paths.homes();
    assert!(names(policy, &homes, b"/Volumes/Ext/a/.ssh/id_rsa").is_empty());
    for useless in ["", "/", "relative", "/Users/a", "/Users/a/Library/Containers/com.x/Data"] {
        assert_eq!(homes.learn(useless.as_bytes()), cloudward::policy::Learned::Nothing, "{useless}");
    }
    assert_eq!(homes.learn(b"/Volumes/Ext/a/"), cloudward::policy::Learned::New);
    assert_eq!(names(policy, &homes, b"/Volumes/Ext/a/.ssh/id_rsa"), ["ssh-keys"]);
    // A home inside another hides nothing of the outer one.
    homes.learn(b"/Users/a/Documents");
    assert_eq!(names(policy, &homes, b"/Users/a/Documents/x"), ["documents"]);
}

#[test]
fn sync_roots_tell_their_tenant() {
    let policy = &DEFAULT.policy;
    let homes = policy.paths.homes();
    for (path, root) in [
        (
            "/Users/a/Library/CloudStorage/GoogleDrive-Me@gmail.com/My Drive/x",
            Some(("google-drive", Some("me@gmail.com"))),
        ),
        ("/Users/a/Library/CloudStorage/OneDrive-Corp/x", Some(("onedrive", Some("corp")))),
        ("/Users/a/Library/Mobile Documents/com~apple~CloudDocs/x", Some(("icloud", None))),
        ("/Users/a/Library/CloudStorage/Dropbox/x", Some(("dropbox", None))),
        ("/Users/a/Dropbox/x", Some(("dropbox", None))),
        ("/Users/a/Dropboxes/x", None),
        ("/Users/a/Library/CloudStorage/GoogleDrive-me@gmail.com", None),
    ] {
        let mut scratch = Scratch::new();
        let canonical = policy.paths.canonical(path.as_bytes(), &mut scratch);
        let class = policy.paths.classify(&canonical, &homes);
        let found = class.root.as_ref().map(|(id, tenant)| {
            (&*policy.services.get(policy.sync_root(*id).service).name, tenant.as_deref())
        });
        assert_eq!(found, root, "{path}");
    }
}

proptest! {
    #[test]
    fn canonical_is_idempotent(path in "(/(Users|private|var|System|Volumes|Data|a|.{0,3}|\\.\\.|\\.|\\.\\.namedfork|rsrc)){0,8}/?") {
        let paths = &DEFAULT.policy.paths;
        let once = canonical(paths, path.as_bytes());
        prop_assert_eq!(canonical(paths, &once), once);
    }

    #[test]
    fn canonical_takes_any_bytes(path in proptest::collection::vec(any::<u8>(), 0..64)) {
        let once = canonical(&DEFAULT.policy.paths, &path);
        prop_assert_eq!(canonical(&DEFAULT.policy.paths, &once), once);
    }

    #[test]
    fn the_gate_lets_through_what_matters(path in "(/(Users|a|Library|Application Support|\\.ssh|id_rsa|Google|Chrome|Documents|\\.env|x\\.kdbx|Dropbox|Messages|\\.aws|credentials|var|root)){1,7}") {
        let policy = &DEFAULT.policy;
        names(policy, &policy.paths.homes(), path.as_bytes());
    }
}
