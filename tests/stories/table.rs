//! No case is forgotten: each id of the list has a story that is named after it, or the list says why not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all tests below a folder.
fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let named = |line: &str| Some(line.strip_prefix("fn ")?.split('(').next()?.to_owned());
            names.extend(text.lines().filter_map(named));
        }
    }
}

#[test]
fn every_case_is_told() {
    let mut names = BTreeSet::new();
    tests_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut names);
    let cases = include_str!("cases.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut ids = BTreeSet::new();
    for case in cases {
        let (id, verdict) = case.split_once(' ').unwrap();
        assert!(ids.insert(id), "{id} stands twice in the list");
        let prefix = format!("{}_", id.to_lowercase());
        let told = names.iter().any(|name| name.starts_with(&prefix));
        assert!(told || verdict.contains(" -- "), "no story is named after {id}, and no reason is given");
    }
    assert_eq!(ids.len(), 115);
}
