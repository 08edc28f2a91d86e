//! The LaunchDaemon file: well-formed, and starting what the package installs.

use std::fs;
use std::path::Path;

fn plist() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("launchd/com.cloudward.daemon.plist");
    fs::read_to_string(path).unwrap()
}

/// The text of each element under `<plist><dict>`, comments left out, as (name of element, text) in order.
fn elements(text: &str) -> Vec<(String, String)> {
    let mut open: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, inside) = piece.split_once('>').expect("a tag ends with >");
        if tag.starts_with(['?', '!']) {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "elements close in the order they opened");
        } else if let Some(name) = tag.strip_suffix('/') {
            found.push((name.to_owned(), String::new()));
        } else {
            let name = tag.split(' ').next().unwrap().to_owned();
            found.push((name.clone(), inside.to_owned()));
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    found
}

#[test]
fn starts_the_installed_program_with_run() {
    let elements = elements(&plist());
    let strings: Vec<&str> =
        elements.iter().filter(|(name, _)| name == "string").map(|(_, text)| text.as_str()).collect();
    assert_eq!(strings[0], "com.cloudward.daemon");
    assert_eq!(strings[1], "/Library/Application Support/cloudward/Cloudward.app/Contents/MacOS/cloudward");
    assert_eq!(strings[2], "run");
}

#[test]
fn holds_each_key_once() {
    let elements = elements(&plist());
    let mut keys: Vec<&str> = elements.iter().filter(|(n, _)| n == "key").map(|(_, t)| t.as_str()).collect();
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
    for wanted in ["RunAtLoad", "KeepAlive", "ExitTimeOut", "ProcessType", "ThrottleInterval"] {
        assert!(keys.contains(&wanted), "{wanted}");
    }
}
