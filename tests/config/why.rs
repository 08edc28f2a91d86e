//! What explains a decision is the decision: the "why" of each part agrees with its answer.

use cloudward::model::{CodeSigning, Program, Timestamp, Uid};
use cloudward::policy::{Effect, Identity, NameList, Scratch, Subject, Transfer};

use super::DEFAULT;

const PATHS: [&str; 7] = [
    "/Users/alice/.ssh/id_rsa",
    "/Users/alice/.ssh/id_rsa.pub",
    "/private/var/root/.SSH/ID_RSA",
    "/Users/alice/Documents/plan.pages",
    "/Users/alice/Library/Keychains/login.keychain-db",
    "/System/Volumes/Data/Users/bob/.aws/credentials",
    "/tmp/nothing",
];

#[test]
fn hits_of_patterns_agree_with_the_class() {
    let paths = &DEFAULT.policy.paths;
    let (homes, mut scratch) = (paths.homes(), Scratch::new());
    for path in PATHS {
        let canonical = paths.canonical(path.as_bytes(), &mut scratch);
        let class = paths.classify(&canonical, &homes);
        let hits = paths.hits(&canonical, &homes);
        let in_set = |set| {
            let of_set = || hits.iter().filter(|hit| hit.set == set);
            of_set().any(|hit| !hit.excludes) && !of_set().any(|hit| hit.excludes)
        };
        for (index, set) in DEFAULT.policy.sets.iter().enumerate() {
            let id = DEFAULT.policy.set_named(&set.name).unwrap();
            assert_eq!(in_set(id), class.sets.contains(id), "{path} {} {index}", set.name);
        }
        for hit in hits {
            let name = &DEFAULT.policy.set(hit.set).name;
            let key = if hit.excludes { "exclude" } else { "paths" };
            let items = DEFAULT.items_of("sensitive", name, key);
            let item = &items[hit.index as usize];
            assert!(item.at.cite().starts_with("config/sensitive.toml:"), "{}", item.at.cite());
        }
    }
}

#[test]
fn the_pattern_that_wins_is_the_one_that_is_cited() {
    let services = &DEFAULT.policy.services;
    for (host, service, list, text, tenant) in [
        ("content.dropboxapi.com", "dropbox", NameList::Domains, "dropboxapi.com", None),
        ("corp.s3.amazonaws.com", "s3", NameList::Tenants, "{tenant}.s3.amazonaws.com", Some("corp")),
    ] {
        let hit = services.hit(host).unwrap();
        assert_eq!(&*services.get(hit.service).name, service);
        assert_eq!((hit.list, hit.tenant.as_deref()), (list, tenant));
        let written = &DEFAULT.items_of("service", service, list.as_str())[hit.index as usize];
        assert_eq!(written.text, text);
        assert_eq!(services.lookup(host).unwrap().tenant, hit.tenant);
    }
    assert_eq!(services.hit("sts.amazonaws.com").map(|hit| hit.list), None);
}

#[test]
fn entries_considered_agree_with_what_is_permitted_and_excused() {
    let policy = &DEFAULT.policy;
    let program = |path: &str, id: &str, team: Option<&str>| {
        Identity::new(std::sync::Arc::new(Program {
            path: path.into(),
            path_truncated: false,
            signing_id: Some(id.into()),
            team_id: team.map(Box::from),
            cdhash: None,
            platform: team.is_none(),
            flags: CodeSigning(CodeSigning::VALID | CodeSigning::SIGNED),
        }))
    };
    let identities = [
        program("/usr/bin/ssh", "com.apple.ssh", None),
        program("/usr/bin/curl", "com.apple.curl", None),
        program("/Applications/Google Chrome.app/x", "com.google.Chrome", Some("EQHXZ8M8AV")),
    ];
    let (homes, mut scratch) = (policy.paths.homes(), Scratch::new());
    let (mut excused, mut permitted) = (0, 0);
    for (identity, path) in identities.iter().flat_map(|identity| PATHS.map(|path| (identity, path))) {
        let (user, user_name) = (Uid(501), Some("alice"));
        let time = Timestamp::from_nanos(0);
        let subject = Subject { identity, args: &[], parent: None, user, user_name, time, homes: &homes };
        let canonical = policy.paths.canonical(path.as_bytes(), &mut scratch);
        for set in policy.paths.classify(&canonical, &homes).sets.iter() {
            let reads = policy.allow.consider_read(Effect::Read, &subject, set, &canonical);
            let first = reads.iter().find(|one| one.failed.is_empty()).map(|one| &one.entry.name);
            let answer = policy.allow.excuses_read(&subject, set, &canonical);
            assert_eq!(first, answer.map(|entry| &entry.name), "{path}");
            excused += usize::from(first.is_some());
            let service = policy.services.by_name("dropbox").unwrap();
            let transfer = Transfer { set, service, tenant: None };
            let uploads = policy.allow.consider(&subject, transfer);
            let first = uploads.iter().find(|one| one.failed.is_empty()).map(|one| &one.entry.name);
            let answer = policy.allow.permits(&subject, transfer).ok();
            assert_eq!(first, answer.map(|entry| &entry.name), "{path}");
            permitted += usize::from(first.is_some());
            let keeps = policy.allow.entries().iter().filter(|entry| entry.effect == Effect::Keep);
            assert_eq!(reads.len() + uploads.len() + keeps.count(), policy.allow.entries().len());
            assert!(uploads.iter().all(|one| one.entry.effect == Effect::Upload));
        }
    }
    assert!(excused > 0 && permitted > 0, "{excused} {permitted}");
}
