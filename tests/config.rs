//! The configuration: what ships, what is good, what is bad and what is said about it.

#[path = "config/domains.rs"]
mod domains;
#[path = "config/hostile.rs"]
mod hostile;
#[path = "config/identities.rs"]
mod identities;
#[path = "config/paths.rs"]
mod paths;
#[path = "config/why.rs"]
mod why;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cloudward::config::{self, Diagnostic, Level, Origin, Settings, Source};
use cloudward::policy::{Policy, UnknownUpload};

/// The built-in default, compiled once for all tests.
static DEFAULT: LazyLock<Settings> = LazyLock::new(config::default_settings);

fn load(text: &str) -> (Settings, Vec<Diagnostic>) {
    config::load(&[Source::new(Origin::File, "test.toml", text)])
}

/// The policy of a text without errors.
fn policy(text: &str) -> Policy {
    let (settings, diagnostics) = load(text);
    let errors: Vec<String> =
        diagnostics.iter().filter(|found| found.level == Level::Error).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Policy::clone(&settings.policy)
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

#[test]
fn the_built_in_default_is_without_complaint() {
    let (settings, diagnostics) = config::load(&[]);
    assert_eq!(diagnostics, [], "{diagnostics:#?}");
    let names: Vec<&str> = settings.policy.sets.iter().map(|set| &*set.name).collect();
    assert_eq!(
        names,
        [
            "keychains",
            "browser-credentials",
            "ssh-keys",
            "cloud-keys",
            "password-vaults",
            "wallets",
            "messages",
            "mail",
            "documents",
            "source-secrets"
        ]
    );
    assert_eq!(settings.policy.hash.len(), 16);
    assert_eq!(settings.policy.options.unknown, UnknownUpload::Record);
    for name in [
        "own-data",
        "auth-readers",
        "system-readers",
        "browsers-documents",
        "icloud-daemons",
        "sync-clients-own-roots",
    ] {
        assert!(settings.policy.allow.entries().iter().any(|entry| &*entry.name == name), "{name}");
    }
}

#[test]
fn the_shipped_file_equals_the_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/cloudward.toml");
    let (settings, diagnostics) = config::load_file(&path);
    assert_eq!(diagnostics, []);
    assert_eq!(settings.policy.hash, DEFAULT.policy.hash);
    assert_eq!(settings.policy.options, DEFAULT.policy.options);
    assert_eq!((settings.spool, settings.heartbeats), (DEFAULT.spool.clone(), DEFAULT.heartbeats));
}

#[test]
fn the_examples_of_the_shipped_file_are_good() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/cloudward.toml");
    let text = std::fs::read_to_string(path).unwrap().replace("\n#| ", "\n");
    let (settings, diagnostics) = load(&text);
    let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(settings.outputs.len(), 7);
    assert!(settings.policy.set_named("designs").is_some());
}

#[test]
fn good_files_load() {
    for entry in std::fs::read_dir(directory().join("good")).unwrap() {
        let path = entry.unwrap().path();
        let (_, diagnostics) = config::load_file(&path);
        let errors: Vec<_> = diagnostics.iter().filter(|found| found.level == Level::Error).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
}

/// Each bad file stands beside exactly what is said about it; `CLOUDWARD_BLESS=1` writes that anew.
#[test]
fn bad_files_are_told_exactly() {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory().join("bad")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path).unwrap();
        let (_, diagnostics) = config::load(&[Source::new(Origin::File, &name, text)]);
        let unhelpful: Vec<_> = diagnostics.iter().filter(|found| found.hint.is_none()).collect();
        assert!(unhelpful.is_empty(), "{name}: {unhelpful:#?}");
        let told: String = diagnostics.iter().map(|found| format!("{found}\n")).collect();
        let expected = path.with_extension("txt");
        if std::env::var_os("CLOUDWARD_BLESS").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        assert_eq!(told, std::fs::read_to_string(&expected).unwrap_or_default(), "{name}");
    }
}

#[test]
fn entries_replace_extend_and_are_switched_off() {
    let replaced = policy("[[sensitive]]\nname = \"ssh-keys\"\npaths = [\"~/keys/**\"]\n");
    let set = replaced.set(replaced.set_named("ssh-keys").unwrap());
    assert_eq!((set.min_bytes, set.builtin), (4096, true));
    let extended = policy("[[sensitive]]\nname = \"ssh-keys\"\nextend = true\npaths = [\"~/keys/**\"]\n");
    let set = extended.set(extended.set_named("ssh-keys").unwrap());
    assert_eq!(set.min_bytes, 256);
    let off = policy("[builtin]\ndisable = [\"browsers-documents\", \"dropbox\", \"wallets\"]\n");
    assert!(off.services.by_name("dropbox").is_none() && off.set_named("wallets").is_none());
    assert_eq!(off.allow.entries().len(), DEFAULT.policy.allow.entries().len() - 1);
    let bare = policy("[builtin]\ndisable = [\"*\"]\n");
    assert!(bare.sets.is_empty() && bare.allow.entries().is_empty() && !bare.rules.is_empty());
}

#[test]
fn the_hash_is_over_the_meaning() {
    let hash = |text| policy(text).hash;
    assert_eq!(hash("# a comment\n[window]\nfile_taint = '24h'\ndefault = \"15m\"\n"), DEFAULT.policy.hash);
    assert_ne!(hash("[window]\ndefault = \"16m\"\n"), DEFAULT.policy.hash);
}

#[test]
fn a_managed_value_beats_the_file_and_falls_back_to_it() {
    let file = Source::new(Origin::File, "file.toml", "[window]\ndefault = \"20m\"\n");
    let managed = Source::new(Origin::Managed, "managed", "[window]\ndefault = \"30m\"\n");
    let (settings, _) = config::load(&[file.clone(), managed]);
    assert_eq!(settings.policy.options.window_default.to_string(), "30m");
    let wrong = Source::new(Origin::Managed, "managed", "[window]\ndefault = 30\n");
    let (settings, diagnostics) = config::load(&[file, wrong]);
    assert_eq!(settings.policy.options.window_default.to_string(), "20m");
    assert_eq!(diagnostics.len(), 1);
}

#[test]
fn what_is_no_file_is_said() {
    let whole = |path: &Path| config::load_file(path).1.remove(0).message;
    assert!(whole(Path::new("/no/such/file.toml")).contains("cannot be read"));
    assert!(whole(&directory()).contains("is a directory"));
}
