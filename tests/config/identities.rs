//! Who may: signatures, helpers, scripts, near misses.

use std::sync::Arc;

use cloudward::model::{CodeSigning, ExecFacts, FilePath, Program, Timestamp, Uid};
use cloudward::policy::{Dimension, Homes, Identity, Policy, Scratch, Subject, Transfer};

use super::{DEFAULT, policy};

const TRUSTED: u32 = CodeSigning::VALID | CodeSigning::SIGNED;
const ADHOC: u32 = CodeSigning::VALID | CodeSigning::ADHOC;

fn program(path: &str, team: &str, id: &str, flags: u32) -> Identity {
    Identity::new(Arc::new(Program {
        path: FilePath::from(path),
        path_truncated: false,
        signing_id: Some(id.into()),
        team_id: Some(team.into()),
        cdhash: None,
        platform: team.is_empty() && flags == TRUSTED,
        flags: CodeSigning(flags),
    }))
}

fn subject<'a>(identity: &'a Identity, homes: &'a Homes) -> Subject<'a> {
    let time = Timestamp::from_nanos(0);
    Subject { identity, args: &[], parent: None, user: Uid(501), user_name: Some("a"), time, homes }
}

fn excused(policy: &Policy, identity: &Identity, path: &str) -> bool {
    let (homes, mut scratch) = (policy.paths.homes(), Scratch::new());
    let path = policy.paths.canonical(path.as_bytes(), &mut scratch);
    let sets = policy.paths.classify(&path, &homes).sets;
    assert!(!sets.is_empty());
    sets.iter().all(|set| policy.allow.excuses_read(&subject(identity, &homes), set, &path).is_some())
}

#[test]
fn built_in_reads() {
    let chrome = program("/Applications/x", "EQHXZ8M8AV", "com.google.Chrome.helper", TRUSTED);
    let login = "/Users/a/Library/Application Support/Google/Chrome/Default/Login Data";
    let key = "/Users/a/.ssh/id_ed25519";
    assert!(excused(&DEFAULT.policy, &chrome, login));
    assert!(!excused(&DEFAULT.policy, &chrome, key));
    let ssh = program("/usr/bin/ssh", "", "com.apple.ssh", TRUSTED);
    assert!(excused(&DEFAULT.policy, &ssh, key));
    assert!(!excused(&DEFAULT.policy, &ssh, "/Users/a/.aws/credentials"));
    let backup = program("/System/x/backupd", "", "com.apple.backupd", TRUSTED);
    assert!(excused(&DEFAULT.policy, &backup, "/Users/a/Library/Keychains/login.keychain-db"));
    let mut fake = chrome.clone();
    fake.invalidated = true;
    assert!(!excused(&DEFAULT.policy, &fake, login));
    let mut node = chrome.clone();
    node.runs_other_code = true;
    assert!(!excused(&DEFAULT.policy, &node, login));
    assert!(!excused(&DEFAULT.policy, &program("/x", "EQHXZ8M8AV", "com.google.Chrome", ADHOC), login));
    assert!(!excused(&DEFAULT.policy, &program("/x", "EQHXZ8M8AV", "com.google.Chromeling", TRUSTED), login));
    let own = policy("[[sensitive]]\nname='corp'\npaths=['~/.ssh/id_*']\n[builtin]\ndisable=['ssh-keys']\n");
    assert!(
        !excused(&own, &ssh, key) && !excused(&own, &backup, key),
        "an administrator's set is covered by none"
    );
}

/// Forks of browsers, wallets and vaults read their own, and nobody reads another's.
#[test]
fn owners_of_profiles_wallets_and_vaults() {
    let owned = [
        (
            "MADPSAYN6T",
            "org.torproject.torbrowser",
            "Library/Application Support/TorBrowser-Data/Browser/x/key4.db",
        ),
        ("9V5K9TP787", "app.zen-browser.zen", "Library/Application Support/zen/Profiles/x/logins.json"),
        (
            "CKG9MXH72F",
            "net.mullvad.browser",
            "Library/Application Support/MullvadBrowser/Profiles/x/cookies.sqlite",
        ),
        ("N975558CUS", "com.pushplaylabs.sidekick", "Library/Application Support/Sidekick/Default/Cookies"),
        ("G2S7P7J672", "org.keepassxc.keepassxc", "Documents/team.kdbx"),
        ("7ADB8CC6TF", "in.sinew.Enpass-Desktop", "Documents/Enpass/Vaults/primary/vault.enpassdb"),
        (
            "5P72E3GC48",
            "com.dashlane.Dashlane",
            "Library/Group Containers/5P72E3GC48.com.dashlane/Dashlane/profiles/x",
        ),
        ("XSY9C6M6C5", "com.nordpass.macos.NordPass", "Library/Application Support/NordPass/vault.db"),
        ("2SB5Z68H26", "me.proton.pass.electron", "Library/Application Support/Proton Pass/IndexedDB/x"),
        ("234QNB7GCA", "com.keepersecurity.x", "Library/Application Support/Keeper Password Manager/x"),
        ("N24REP3BMN", "com.lastpass.LastPass", "Library/Application Support/LastPass/x"),
        ("X6LFS5BQKN", "com.ledger.live", "Library/Application Support/Ledger Live/app.json"),
        ("VK5Q293EVL", "com.electron.exodus", "Library/Application Support/Exodus/exodus.wallet/seed.seco"),
        ("L233B2JQ68", "zksnacks.wasabiwallet", ".walletwasabi/client/Wallets/w.json"),
        ("C3P22XVH2C", "io.trezor.TrezorSuite", "Library/Application Support/@trezor/suite-desktop/x"),
        ("L6P37P7P56", "org.electrum.electrum", ".electrum/wallets/default_wallet"),
    ];
    for (team, id, path) in owned {
        let path = format!("/Users/a/{path}");
        assert!(excused(&DEFAULT.policy, &program("/x", team, id, TRUSTED), &path), "{team} {path}");
        assert!(!excused(&DEFAULT.policy, &program("/x", team, id, ADHOC), &path), "{team} unsigned {path}");
        for (other, other_id, _) in owned.iter().filter(|(other, ..)| *other != team) {
            let stranger = program("/x", other, other_id, TRUSTED);
            let shared = path.contains("MullvadBrowser");
            assert!(shared || !excused(&DEFAULT.policy, &stranger, &path), "{other} {path}");
        }
        let key = "/Users/a/.ssh/id_ed25519";
        assert!(!excused(&DEFAULT.policy, &program("/x", team, id, TRUSTED), key), "{team}");
    }
    let importer = program("/System/x", "", "com.apple.Safari.BrowserDataImportingService", TRUSTED);
    let login = "/Users/a/Library/Application Support/Google/Chrome/Default/Login Data";
    assert!(excused(&DEFAULT.policy, &importer, login));
}

/// A tool reads what it logs in with, wherever its vendor installs it; it reads nobody else's, and nothing by its name alone.
#[test]
fn tools_read_what_they_log_in_with() {
    const BREW: &str = "/opt/homebrew/Cellar";
    const NODE: &str = "/opt/homebrew/Cellar/node/23.3.0/bin/node";
    const NVM: &str = "/Users/a/.nvm/versions/node/v22.11.0";
    const PYTHON: &str =
        "/opt/homebrew/Cellar/python@3.13/3.13.1/Frameworks/Python.framework/Versions/3.13/bin/python3.13";
    let brewed = |name: &str| program(&format!("{BREW}/{name}/1.2.3/bin/{name}"), "", "a.out", ADHOC);
    let at = |path: &str| program(path, "", "a.out", ADHOC);
    let runs = |mut runtime: Identity, script: &str| {
        runtime.script = Some(FilePath::from(script));
        runtime
    };
    let claude = |path: &str| program(path, "Q6L2SF6YDW", "com.anthropic.claude-code", TRUSTED);
    let codex = |path: &str| program(path, "2DC432GLL2", "codex", TRUSTED);
    let official = || program(&format!("{NVM}/bin/node"), "HX7739G8FX", "node", TRUSTED);
    let global = |package: &str| format!("{NVM}/lib/node_modules/{package}");
    let cask = |package: &str| format!("/opt/homebrew/lib/node_modules/{package}");
    let own = [
        (brewed("pulumi"), ".pulumi/credentials.json"),
        (at("/Users/a/.pulumi/bin/pulumi"), ".pulumi/credentials.json"),
        (at("/Users/a/.fly/bin/flyctl"), ".fly/config.yml"),
        (
            program("/opt/homebrew/Caskroom/ngrok/3.1,a/ngrok", "TEX8MHRDQ9", "ngrok", TRUSTED),
            ".config/ngrok/ngrok.yml",
        ),
        (brewed("stripe"), ".config/stripe/config.toml"),
        (brewed("glab"), "Library/Application Support/glab-cli/config.yml"),
        (brewed("terraform"), ".terraformrc"),
        (brewed("opentofu"), ".tofurc"),
        (brewed("hub"), ".config/hub"),
        (brewed("databricks"), ".databrickscfg"),
        (
            program("/Applications/SnowflakeCLI.app/Contents/MacOS/snow", "W4NT6CRQ7U", "snow", TRUSTED),
            "Library/Application Support/snowflake/config.toml",
        ),
        (runs(at(PYTHON), "/opt/homebrew/bin/snow"), ".snowflake/connections.toml"),
        (runs(at(NODE), &cask("vercel/dist/vc.js")), "Library/Application Support/com.vercel.cli/auth.json"),
        (runs(at(NODE), &cask("netlify-cli/bin/run.js")), "Library/Preferences/netlify/config.json"),
        (runs(at(NODE), &cask("wrangler/bin/wrangler.js")), ".wrangler/config/default.toml"),
        (runs(official(), &global("wrangler/bin/wrangler.js")), ".wrangler/config/default.toml"),
        (runs(at(NODE), "/opt/homebrew/bin/npm"), ".npmrc"),
        (runs(at(NODE), &cask("npm/bin/npx-cli.js")), "src/site/.npmrc"),
        (runs(at(NODE), "/opt/homebrew/Cellar/pnpm/9.15.0/libexec/bin/pnpm.cjs"), ".npmrc"),
        (runs(official(), &format!("{NVM}/bin/npm")), ".npmrc"),
        (runs(official(), &global("corepack/dist/yarn.js")), ".yarnrc.yml"),
        (runs(official(), "/Users/a/.cache/node/corepack/v1/pnpm/9.15.0/bin/pnpm.cjs"), ".npmrc"),
        (at("/Users/a/.rustup/toolchains/stable-aarch64-apple-darwin/bin/cargo"), ".cargo/credentials.toml"),
        (claude("/Users/a/.local/share/claude/versions/2.0.14"), ".claude.json"),
        (claude("/Users/a/.local/share/claude/versions/2.0.14"), ".claude/.credentials.json"),
        (runs(official(), &global("@anthropic-ai/claude-code/cli.js")), ".claude.json"),
        (runs(at(NODE), &cask("@anthropic-ai/claude-code/cli.js")), ".claude.json"),
        (codex("/opt/homebrew/Caskroom/codex/0.46.0/codex-aarch64-apple-darwin"), ".codex/auth.json"),
        (
            runs(
                at(NODE),
                "/opt/homebrew/Cellar/gemini-cli/0.9.0/libexec/lib/node_modules/@google/gemini-cli/dist/index.js",
            ),
            ".gemini/oauth_creds.json",
        ),
        (runs(at(PYTHON), "/opt/homebrew/bin/kaggle"), ".kaggle/kaggle.json"),
        (runs(at(PYTHON), "/Users/a/.local/bin/hf"), ".cache/huggingface/token"),
        (at("/opt/homebrew/Cellar/libpq/17.2/bin/psql"), ".pgpass"),
        (at("/opt/homebrew/Cellar/mysql-client/9.1.0/bin/mysqldump"), ".mylogin.cnf"),
    ];
    for (identity, path) in &own {
        let path = format!("/Users/a/{path}");
        assert!(excused(&DEFAULT.policy, identity, &path), "{:?} {path}", identity.program.path);
        assert!(!excused(&DEFAULT.policy, identity, "/Users/a/.ssh/id_ed25519"), "{path}");
        assert!(!excused(&DEFAULT.policy, identity, "/Users/a/.netrc"), "{path}");
        let strangers = [
            program("/usr/bin/curl", "", "com.apple.curl", TRUSTED),
            at("/Users/a/Downloads/pulumi"),
            runs(at(NODE), "/Users/a/Downloads/node_modules/@anthropic-ai/claude-code/cli.js"),
            runs(at(PYTHON), "/Users/a/Downloads/kaggle"),
            program("/Users/a/x", "", "com.anthropic.claude-code", ADHOC),
        ];
        for stranger in strangers {
            assert!(!excused(&DEFAULT.policy, &stranger, &path), "{:?} {path}", stranger.program.path);
        }
    }
    let homely = policy("[builtin]\ndisable=['tools-in-homes']\n");
    let installed = at("/Users/a/.pulumi/bin/pulumi");
    assert!(!excused(&homely, &installed, "/Users/a/.pulumi/credentials.json"));
}

#[test]
fn corporate_policy() {
    let policy = policy(include_str!("good/corp.toml"));
    let set = policy.set_named("corp-docs").unwrap();
    let s3 = policy.services.by_name("s3").unwrap();
    let homes = policy.paths.homes();
    let permits = |identity: &Identity, tenant| {
        policy.allow.permits(&subject(identity, &homes), Transfer { set, service: s3, tenant }).is_ok()
    };
    let arq = program("/x", "48ZCSDVL96", "com.haystacksoftware.arqagent", TRUSTED);
    assert!(permits(&arq, Some("corp-backup")));
    assert!(!permits(&arq, Some("evil")) && !permits(&arq, None));
    let miss = policy
        .allow
        .permits(&subject(&arq, &homes), Transfer { set, service: s3, tenant: Some("evil") })
        .unwrap_err();
    assert_eq!(
        (miss.entry.as_deref(), &miss.failed[..]),
        (Some("Arq backs up homes"), &[Dimension::Tenant][..])
    );
    assert!(permits(&program("/opt/homebrew/bin/rclone", "", "a.out", ADHOC), Some("corp-backup")));
    assert!(permits(
        &program("/opt/homebrew/Cellar/rclone/1.68/bin/rclone", "", "a.out", ADHOC),
        Some("corp-backup")
    ));
    assert!(!permits(&program("/tmp/rclone", "", "a.out", ADHOC), Some("corp-backup")));
    let mut python = program("/x/python3", "", "com.apple.python3", TRUSTED);
    assert!(!permits(&python, Some("corp-backup")));
    python.script = Some(FilePath::from("/opt/corp/backup.py"));
    assert!(permits(&python, Some("corp-backup")));
    python.script = Some(FilePath::from("/tmp/backup.py"));
    assert!(!permits(&python, Some("corp-backup")));
    let mut arq_script = arq.clone();
    arq_script.script = Some(FilePath::from("/opt/corp/backup.py"));
    assert!(!permits(&arq_script, Some("corp-backup")), "an entry without `script` never admits one");
    assert!(
        policy.allow.names_tenants_of(s3, Timestamp::from_nanos(0))
            && policy.allow.knows_tenant(s3, "Corp-Backup", Timestamp::from_nanos(0))
    );
    let drive = policy.services.by_name("google-drive").unwrap();
    assert!(
        policy.allow.knows_tenant(drive, "me@corp.com", Timestamp::from_nanos(0))
            && !policy.allow.knows_tenant(drive, "me@gmail.com", Timestamp::from_nanos(0))
    );
}

/// Files are opened for those entries alone that ask what they hold.
#[test]
fn contents_that_are_asked_for() {
    let entry = |script: &str, content: &str| {
        format!(
            "[[allow]]\nname = \"x\"\nprocess = {{ platform = true, signing_id = \"com.apple.python3\" }}\n{script}\n\
             {content}\nsensitive = \"*\"\nservices = \"*\"\ntenants = \"*\"\nusers = \"*\"\nreason = \"x\"\n"
        )
    };
    let content = format!("script_sha256 = \"{}\"", "07".repeat(32));
    let asked = |policy: &Policy, args: &[&str], cwd: &str| {
        let args = args.iter().map(|arg| Box::from(*arg)).collect();
        let facts = ExecFacts { args, cwd: Some(cwd.into()), ..ExecFacts::default() };
        let program = program("/usr/bin/python3", "", "com.apple.python3", TRUSTED).program;
        policy.allow.script_to_read(&program, &facts).map(|path| path.to_string())
    };
    let plain = policy(&entry("script = \"/opt/corp/*.py\"", ""));
    assert_eq!(asked(&plain, &["python3", "/opt/corp/a.py"], "/"), None, "nobody asks");

    let named = policy(&entry("script = \"/opt/corp/*.py\"", &content));
    for (args, cwd, wanted) in [
        (&["python3", "/opt/corp/a.py", "-x"][..], "/", Some("/opt/corp/a.py")),
        (&["python3", "a.py"], "/opt/corp", Some("/opt/corp/a.py")),
        (&["python3", "/opt/other/a.py"], "/", None),
        (&["python3", "-c", "x", "/opt/corp/a.py"], "/", None),
        (&["python3", "-m", "corp"], "/opt/corp", None),
        (&["python3"], "/", None),
    ] {
        assert_eq!(asked(&named, args, cwd).as_deref(), wanted, "{args:?}");
    }
    // The exec that tells of a new home is asked about before it has told.
    let home = policy(&entry("script = \"~/bin/a.py\"", &content));
    let there = "/opt/people/bob/bin/a.py";
    assert_eq!(asked(&home, &["python3", there], "/").as_deref(), Some(there));
    assert_eq!(asked(&home, &["python3", "/opt/people/bob/a.py"], "/"), None);
    // Wherever it lies.
    let any = policy(&entry("", &content));
    assert_eq!(asked(&any, &["python3", "/x/y"], "/").as_deref(), Some("/x/y"));
}

/// `~` is every home, for programs and scripts as for files.
#[test]
fn programs_in_homes() {
    let policy = policy(
        "[[allow]]\nname = \"own\"\nprocess = { path = \"~/bin/backup\", unsigned = true }\nsensitive = \"*\"\n\
         services = [\"s3\"]\ntenants = \"*\"\nusers = \"*\"\nreason = \"x\"\n\
         [[allow]]\nname = \"script\"\nprocess = { platform = true, signing_id = \"com.apple.python3\" }\n\
         script = \"~/bin/backup.py\"\nsensitive = \"*\"\nservices = [\"s3\"]\ntenants = \"*\"\nusers = \"*\"\nreason = \"x\"\n",
    );
    let (set, s3) = (policy.set_named("ssh-keys").unwrap(), policy.services.by_name("s3").unwrap());
    let mut homes = policy.paths.homes();
    let permits = |identity: &Identity, homes: &Homes| {
        policy
            .allow
            .permits(&subject(identity, homes), Transfer { set, service: s3, tenant: Some("any") })
            .is_ok()
    };
    let at = |path: &str| program(path, "", "a.out", ADHOC);
    assert!(permits(&at("/Users/a/bin/backup"), &homes) && permits(&at("/users/B/bin/BACKUP"), &homes));
    assert!(!permits(&at("/tmp/bin/backup"), &homes) && !permits(&at("/Users/bin/backup"), &homes));
    assert!(!permits(&at("/Volumes/Ext/c/bin/backup"), &homes));
    homes.learn(b"/Volumes/Ext/c");
    assert!(permits(&at("/Volumes/Ext/c/bin/backup"), &homes));
    let mut python = program("/usr/bin/python3", "", "com.apple.python3", TRUSTED);
    for (script, admitted) in [("/Users/a/bin/backup.py", true), ("/tmp/bin/backup.py", false)] {
        python.script = Some(FilePath::from(script));
        assert_eq!(permits(&python, &homes), admitted, "{script}");
    }
}

#[test]
fn empty_identifiers_equal_nothing() {
    let nobody = program("/x", "", "", TRUSTED);
    let signing = nobody.signing().unwrap();
    assert_eq!((signing.team_id, signing.signing_id), (None, None));
}

/// What a pattern with one group of braces spells out.
fn spelled(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let (group, after) = rest.split_once('}').unwrap();
    group.split(',').map(|one| format!("{before}{one}{after}")).collect()
}

/// Browsers stand in three lists, and whose cookies are watched stands in one of them.
#[test]
fn lists_of_browsers_are_in_step() {
    let read = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name);
        std::fs::read_to_string(path).unwrap().parse::<toml::Table>().unwrap()
    };
    let each = |value: &toml::Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let entry = |list: &toml::Value, name: &str| {
        each(list).into_iter().find(|one| one["name"].as_str() == Some(name)).unwrap()
    };
    // By its team, or by where it lies if that is all that is asked.
    let who = |process: &toml::Value| -> Vec<String> {
        let of = |one: &toml::Value| {
            let key = one.get("team_id").or_else(|| one.get("signed").and_then(|_| one.get("path")));
            key.map_or_else(Vec::new, |key| spelled(key.as_str().unwrap()))
        };
        each(process).iter().flat_map(of).collect()
    };
    let folders = |paths: &toml::Value| -> Vec<String> {
        let paths = each(paths);
        let below = |path: &toml::Value| {
            let rest = path.as_str().unwrap().strip_prefix("~/Library/Application Support/")?;
            rest.split_once("/**").map(|(folder, _)| folder.to_owned())
        };
        paths.iter().filter_map(below).flat_map(|folder| spelled(&folder)).collect()
    };
    let (allow, sensitive) = (&read("allow.toml")["allow"], &read("sensitive.toml")["sensitive"]);
    let documents = who(&entry(allow, "browsers-documents")["process"]);
    let imports = who(&entry(allow, "browser-imports")["owners"][0]["process"]);
    let mut unowned = folders(&entry(sensitive, "browser-credentials")["paths"]);
    let watched = unowned.clone();
    for owner in each(&entry(allow, "own-data")["owners"]) {
        let own = folders(&owner["paths"]);
        let owns = |folder: &String| {
            own.iter().any(|own| match own.strip_suffix('*') {
                Some(start) => folder.starts_with(start),
                None => folder == own || folder.starts_with(&format!("{own}/")),
            })
        };
        unowned.retain(|folder| !owns(folder));
        for name in who(&owner["process"]).iter().filter(|_| watched.iter().any(owns)) {
            assert!(documents.contains(name), "{name} in browsers-documents");
            // These take nothing over; and a name in /Applications is too little for the passwords of others.
            let apart = name.starts_with('/') || ["MADPSAYN6T", "CKG9MXH72F"].contains(&name.as_str());
            assert_eq!(imports.contains(name), !apart, "{name} in browser-imports");
        }
    }
    unowned.sort();
    unowned.dedup();
    assert_eq!(unowned, ["Chromium", "Floorp", "LibreWolf", "SeaMonkey", "Thorium", "Waterfox"]);
}
