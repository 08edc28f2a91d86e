use serde_json::Value;

use crate::config::schema::{Keys, Shape, TOP};
use crate::model::Property;

use super::payloads::{Part, Signer, profile};
use super::{ProfileArgs, ProfileError, Wanted, forms, plist, text};

fn args(wanted: Wanted, team_id: Option<&str>, config: Option<&str>) -> ProfileArgs {
    let owned = |text: &str| text.to_owned();
    ProfileArgs {
        wanted,
        team_id: team_id.map(owned),
        config: config.map(Into::into),
        organization: Some("R&D <Mac>".to_owned()),
    }
}

fn get<'p>(table: &'p Property, key: &str) -> &'p Property {
    let Property::Table(pairs) = table else { panic!("no table: {table:?}") };
    pairs.iter().find(|(name, _)| name == key).map_or_else(|| panic!("no {key}"), |(_, value)| value)
}

fn items(list: &Property) -> &[Property] {
    match list {
        Property::List(items) => items,
        other => panic!("no list: {other:?}"),
    }
}

fn shown(value: &Property) -> String {
    plist::document(value)
}

#[test]
fn access_is_given_to_what_the_team_signed() {
    let signer = Signer::new("ABCDE12345").unwrap();
    let made = profile(vec![Part::Access(signer.clone()), Part::LoginItems(signer)], "ABCDE12345", None);
    let [access, login] = items(get(&made, "PayloadContent")) else { panic!("{made:?}") };
    let [program] = items(get(get(access, "Services"), "SystemPolicyAllFiles")) else { panic!("{access:?}") };
    let Property::Text(requirement) = get(program, "CodeRequirement") else { panic!("{program:?}") };
    assert!(requirement.starts_with("identifier \"com.cloudward.daemon\" and anchor apple generic"));
    assert!(requirement.ends_with("certificate leaf[subject.OU] = \"ABCDE12345\""));
    for rule in items(get(login, "Rules")) {
        assert_eq!(get(rule, "TeamIdentifier"), &Property::text("ABCDE12345"));
    }
}

#[test]
fn written_again_it_is_the_same_profile() {
    let made = |value: &str, team: &str| {
        let policy = Property::table([("window", Property::table([("default", Property::text(value))]))]);
        profile(vec![Part::Preferences(policy)], team, None)
    };
    let (first, other) = (made("5m", "ABCDE12345"), made("9m", "ABCDE12345"));
    assert_eq!(get(&first, "PayloadUUID"), get(&other, "PayloadUUID"));
    assert_eq!(get(&first, "PayloadIdentifier"), get(&other, "PayloadIdentifier"));
    assert_ne!(first, other);
    assert_ne!(get(&first, "PayloadUUID"), get(&made("5m", "ZZZZZ12345"), "PayloadUUID"));
    let Property::Text(uuid) = get(&first, "PayloadUUID") else { panic!("{first:?}") };
    let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12]);
    assert!(uuid.as_bytes()[14] == b'8' && b"89AB".contains(&uuid.as_bytes()[19]), "{uuid}");
}

#[test]
fn what_is_missing_or_wrong_is_told() {
    let told = |args: &ProfileArgs| text(args).unwrap_err();
    assert!(matches!(told(&args(Wanted::All, None, None)), ProfileError::NoTeam));
    for team in ["abcde12345", "ABCDE1234", "ABCDE123456", "ABCDE\" or "] {
        assert!(matches!(told(&args(Wanted::Access, Some(team), None)), ProfileError::BadTeam(_)), "{team}");
    }
    assert!(matches!(told(&args(Wanted::Preferences, None, None)), ProfileError::NoConfig));
    let bad = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/bad/five-mistakes.toml");
    assert!(matches!(told(&args(Wanted::Preferences, None, Some(bad))), ProfileError::Config(_)));
}

#[test]
fn names_are_escaped() {
    let made = text(&args(Wanted::All, Some("ABCDE12345"), None)).unwrap();
    assert!(made.contains("<string>R&amp;D &lt;Mac&gt;</string>"), "{made}");
    assert!(shown(&Property::text("a\u{1}\u{FFFE}\r]]>")).contains(">a\u{FFFD}\u{FFFD}&#13;]]&gt;<"));
}

/// Every key that is read is offered, and nothing else.
#[test]
fn forms_hold_the_tables() {
    let schema: Value = serde_json::from_str(&forms::jamf()).unwrap();
    same_as_jamf(&schema["properties"], TOP);
    let manifest = forms::manifest();
    let subkeys = items(get(&manifest, "pfm_subkeys"));
    let own = |key: &&Property| !shown(get(key, "pfm_name")).contains(">Payload");
    same_as_manifest(&subkeys.iter().filter(own).collect::<Vec<_>>(), TOP);
}

fn same_as_jamf(properties: &Value, keys: Keys) {
    let properties = properties.as_object().unwrap();
    assert_eq!(properties.len(), keys.len());
    for key in keys {
        let property = &properties[key.name];
        assert!(property["type"].is_string() && property["description"] == key.says, "{property}");
        match key.shape {
            Shape::Table(inside) => same_as_jamf(&property["properties"], inside),
            Shape::Tables(inside) => same_as_jamf(&property["items"]["properties"], inside),
            Shape::Word(words) => assert_eq!(property["enum"].as_array().map(Vec::len), Some(words().len())),
            _ => {}
        }
    }
}

fn same_as_manifest(subkeys: &[&Property], keys: Keys) {
    assert_eq!(subkeys.len(), keys.len());
    for (subkey, key) in subkeys.iter().zip(keys) {
        assert_eq!(get(subkey, "pfm_name"), &Property::text(key.name));
        match key.shape {
            Shape::Table(inside) => {
                same_as_manifest(&items(get(subkey, "pfm_subkeys")).iter().collect::<Vec<_>>(), inside);
            }
            Shape::Tables(inside) => {
                let [entry] = items(get(subkey, "pfm_subkeys")) else { panic!("{subkey:?}") };
                same_as_manifest(&items(get(entry, "pfm_subkeys")).iter().collect::<Vec<_>>(), inside);
            }
            _ => {}
        }
    }
}
