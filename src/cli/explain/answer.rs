//! The answer, asked of the policy part by part, and of the engine for the verdict.

use std::sync::Arc;

use crate::cli::scenario::{self, Outcome};
use crate::config::{Place, Settings};
use crate::model::{Lossy, SigningState};
use crate::policy::{
    Canonical, Considered, Effect, Homes, Identity, NameList, PatternHit, Scratch, ServiceId, SetId,
    Spelling, Subject, SyncRootId, Transfer,
};

use super::parts::{
    Actor, Answer, Cited, Destination, Entry, FileAnswer, RuleAnswer, ServiceAnswer, SetAnswer, cited,
};
use super::rules;
use super::who::{self, Question};
use super::{decide, story};

/// Asks.
pub fn answer(settings: &Settings, question: &Question) -> Answer {
    let policy = &settings.policy;
    let (identity, parent) = (question.identity(), question.parent_identity());
    let mut homes = policy.paths.homes();
    homes.learn(scenario::home(&question.user).as_bytes());
    let args: Vec<Box<str>> = question.args.iter().map(|arg| arg.as_str().into()).collect();
    let subject = Subject {
        identity: &identity,
        args: &args,
        parent: parent.as_ref(),
        user: question.user_id(),
        user_name: Some(&question.user),
        time: question.on,
        homes: &homes,
    };
    let asked = Asked { settings, question, subject, homes: &homes };
    let mut scratch = Scratch::new();
    let canonical = policy.paths.canonical(question.path.as_bytes(), &mut scratch);
    let (destination, goes) = asked.destination();
    let sets = asked.sets(&canonical, &goes);
    let floors = sets.iter().filter(|set| set.holds()).map(|set| set.min_bytes);
    let played = story::play(policy, question, floors);
    let verdict = decide::verdict(settings, question, &sets, &destination, &played);
    Answer {
        process: actor(&identity, question.told_by),
        parent: parent.as_ref().map(|parent| actor(parent, "as given")),
        user: format!("{} ({})", question.user, question.uid),
        file: file(settings, question, &canonical),
        rules: asked.rules(&played.watched),
        sets,
        destination,
        verdict,
    }
}

struct Asked<'a> {
    settings: &'a Settings,
    question: &'a Question,
    subject: Subject<'a>,
    homes: &'a Homes,
}

/// Where it goes, as policy asks.
enum Goes {
    Nowhere,
    Anywhere,
    To(ServiceId, Option<Arc<str>>),
    Into(SyncRootId, ServiceId, Option<Arc<str>>),
}

impl Asked<'_> {
    fn sets(&self, path: &Canonical<'_>, goes: &Goes) -> Vec<SetAnswer> {
        let hits = self.settings.policy.paths.hits(path, self.homes);
        let mut sets: Vec<SetId> = hits.iter().filter(|hit| !hit.excludes).map(|hit| hit.set).collect();
        sets.dedup();
        sets.into_iter().map(|set| self.set(set, path, goes, &hits)).collect()
    }

    fn set(&self, id: SetId, path: &Canonical<'_>, goes: &Goes, hits: &[PatternHit]) -> SetAnswer {
        let policy = &self.settings.policy;
        let set = policy.set(id);
        let pattern = |excludes: bool| {
            let hit = hits.iter().find(|hit| hit.set == id && hit.excludes == excludes)?;
            let key = if excludes { "exclude" } else { "paths" };
            self.settings.items_of("sensitive", &set.name, key).into_iter().nth(hit.index as usize)
        };
        let excluded = pattern(true).map(Cited::from);
        let ask = excluded.is_none();
        let reading = policy.allow.consider_read(Effect::Read, &self.subject, id, path);
        let mut keeping = policy.allow.consider_read(Effect::Keep, &self.subject, id, path);
        keeping.retain(|entry| entry.failed.is_empty());
        let sending = match goes {
            Goes::To(service, tenant) => policy
                .allow
                .consider(&self.subject, Transfer { set: id, service: *service, tenant: tenant.as_deref() }),
            Goes::Into(root, service, tenant) => policy.allow.consider_drop(
                &self.subject,
                *root,
                Transfer { set: id, service: *service, tenant: tenant.as_deref() },
            ),
            Goes::Nowhere | Goes::Anywhere => Vec::new(),
        };
        let entries = |considered: Vec<Considered<'_>>| {
            considered.iter().filter(|_| ask).map(|one| self.entry(one)).collect()
        };
        SetAnswer {
            name: set.name.to_string(),
            severity: set.severity.as_str(),
            window: set.window.to_string(),
            min_bytes: set.min_bytes,
            pattern: pattern(false).map_or_else(|| cited(&*set.name, None), Cited::from),
            excluded,
            reading: entries(reading),
            keeping: entries(keeping),
            sending: entries(sending),
        }
    }

    fn entry(&self, considered: &Considered<'_>) -> Entry {
        let name = &considered.entry.name;
        let whole = self.settings.place_of("allow", name);
        let failed = considered.failed.iter().map(|dimension| {
            let key = self.settings.place_of_key("allow", name, dimension.as_str());
            cited(dimension.as_str(), key.or(whole))
        });
        Entry {
            name: name.to_string(),
            at: whole.map_or_else(String::new, Place::cite),
            applies: considered.failed.is_empty(),
            failed: failed.collect(),
        }
    }

    fn destination(&self) -> (Destination, Goes) {
        if self.question.is_drop() {
            return self.folder();
        }
        let to = &self.question.to;
        if to.parse::<std::net::IpAddr>().is_ok() {
            let unknown = self.settings.provenance.iter().find(|value| value.key == "upload.unknown");
            let text = format!("[upload] unknown = \"{}\"", self.settings.policy.options.unknown.as_str());
            let unknown = cited(text, unknown.map(|value| &value.at));
            return (Destination::Nameless { address: to.clone(), unknown }, Goes::Anywhere);
        }
        let services = &self.settings.policy.services;
        let Some(hit) = services.hit(to) else {
            return (Destination::Elsewhere { name: to.clone(), except: None }, Goes::Nowhere);
        };
        let service = services.get(hit.service);
        let written = self.settings.items_of("service", &service.name, hit.list.as_str());
        let pattern = written.into_iter().nth(hit.index as usize).map(Cited::from);
        let pattern = pattern.unwrap_or_else(|| cited(&*service.name, None));
        if hit.list == NameList::Except {
            return (Destination::Elsewhere { name: to.clone(), except: Some(pattern) }, Goes::Nowhere);
        }
        let goes = if service.upload { Goes::To(hit.service, hit.tenant.clone()) } else { Goes::Nowhere };
        (self.service(to, hit.service, hit.tenant, pattern, false), goes)
    }

    /// Into a folder: the sync root that it lies in.
    fn folder(&self) -> (Destination, Goes) {
        let policy = &self.settings.policy;
        let mut scratch = Scratch::new();
        let to = &self.question.to;
        let target = self.question.target();
        let canonical = policy.paths.canonical(target.as_bytes(), &mut scratch);
        let Some((id, tenant)) = policy.paths.classify(&canonical, self.homes).root else {
            return (Destination::Folder { path: to.clone() }, Goes::Nowhere);
        };
        let root = policy.sync_root(id);
        let at = self.settings.place_of_key("sync_root", &root.name, "path");
        let text = self.settings.items_of("sync_root", &root.name, "path").into_iter().next();
        let text = text.map_or_else(|| root.name.to_string(), |written| written.text);
        let own = policy.allow.is_client(self.subject.identity, id, self.homes);
        let destination = self.service(to, root.service, tenant.clone(), cited(text, at), own);
        (destination, if own { Goes::Nowhere } else { Goes::Into(id, root.service, tenant) })
    }

    fn service(
        &self,
        name: &str,
        id: ServiceId,
        tenant: Option<Arc<str>>,
        pattern: Cited,
        own_client: bool,
    ) -> Destination {
        let policy = &self.settings.policy;
        let service = policy.services.get(id);
        let tenant_verdict = match &tenant {
            Some(tenant) if policy.allow.knows_tenant(id, tenant, self.subject.time) => "allowed",
            Some(_) => "foreign",
            None => "unknown",
        };
        Destination::Service(ServiceAnswer {
            name: name.to_owned(),
            service: service.name.to_string(),
            category: service.category.as_str(),
            pattern,
            upload: service.upload,
            tenant: tenant.map(|tenant| tenant.to_string()),
            tenant_verdict,
            at: self.settings.place_of("service", &service.name).map_or_else(String::new, Place::cite),
            own_client,
        })
    }

    fn rules(&self, outcome: &Outcome) -> Vec<RuleAnswer> {
        let policy = &self.settings.policy;
        let fired =
            |id: &str| outcome.alerts.iter().flat_map(|alert| &alert.rules).any(|rule| &*rule.id == id);
        let answers = policy.rules.iter().map(|rule| {
            let (chance, why) = rules::chance(policy, rule, &self.question.sensors);
            RuleAnswer {
                id: rule.id.to_string(),
                chance,
                why,
                at: self.settings.place_of("rule", &rule.id).map_or_else(String::new, Place::cite),
                fires: fired(&rule.id),
            }
        });
        answers.collect()
    }
}

fn actor(identity: &Identity, told_by: &str) -> Actor {
    let program = &identity.program;
    let id = program.signing_id.as_deref().unwrap_or("no identifier");
    let signature = match program.flags.state() {
        SigningState::Trusted if program.platform => format!("macOS, {id}"),
        SigningState::Trusted => format!("{id}, team {}", program.team_id.as_deref().unwrap_or("none")),
        SigningState::AdHoc => format!("ad-hoc signed, {id}"),
        SigningState::Invalid => "invalid signature".to_owned(),
        SigningState::Unsigned => "unsigned".to_owned(),
    };
    Actor {
        path: program.path.to_string(),
        signature: format!("{signature} ({told_by})"),
        script: identity.script.as_ref().map(ToString::to_string),
        runs_other_code: identity.runs_other_code,
        unsaid: told_by == who::UNSAID,
    }
}

fn file(settings: &Settings, question: &Question, canonical: &Canonical<'_>) -> FileAnswer {
    let text = |bytes: &[u8]| Lossy(bytes).to_string();
    let step = |step: Spelling| match step {
        Spelling::Tidied => "empty, `.` and `..` components left out".to_owned(),
        Spelling::Composed => "letters composed (Unicode NFC)".to_owned(),
        Spelling::NamedFork => "a named fork of the file is the file".to_owned(),
        Spelling::Alias(prefix) => format!("{} is another way to the same place", text(&prefix)),
        Spelling::CaseFolded => "the volume does not tell case".to_owned(),
        Spelling::CaseKept(volume) if volume.is_empty() => "the start-up volume tells case".to_owned(),
        Spelling::CaseKept(volume) => format!("the volume {} tells case", text(&volume)),
    };
    let why = settings.policy.paths.volumes().why(question.path.as_bytes());
    FileAnswer {
        path: question.path.clone(),
        canonical: text(canonical.bytes()),
        why: why.into_iter().map(step).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::suite::ProgramSpec;
    use crate::config::{self, Origin, Source};
    use crate::model::Timestamp;
    use crate::policy::Sense;

    use super::*;

    const POLICY: &str = include_str!("../../../tests/cli/files/small.toml");

    fn question(program: &ProgramSpec, path: &str, to: &str) -> Question {
        Question {
            program: program.clone(),
            told_by: "as given",
            script: None,
            script_sha256: None,
            args: Vec::new(),
            parent: None,
            user: "alice".to_owned(),
            uid: 501,
            path: path.to_owned(),
            to: to.to_owned(),
            on: Timestamp::parse(b"2027-01-01T00:00:00Z").unwrap(),
            sensors: Sense::ALL.to_vec(),
        }
    }

    /// What the parts say one by one is what the engine says of the whole.
    #[test]
    fn the_parts_agree_with_the_engine() {
        let (settings, _) = config::load(&[Source::new(Origin::File, "small.toml", POLICY)]);
        let signed = |id: &str| ProgramSpec {
            path: format!("/Applications/{id}"),
            team_id: Some("ACMETEAM01".to_owned()),
            signing_id: Some(id.to_owned()),
            ..ProgramSpec::default()
        };
        let nobody = ProgramSpec { path: "/tmp/x".to_owned(), ..ProgramSpec::default() };
        let programs = [signed("com.acme.backup"), signed("com.acme.sync"), nobody];
        let paths = ["/Users/alice/Designs/a.key", "/Users/alice/Designs/README.md", "/Users/alice/other"];
        let places = [
            "corp.acme.example",
            "evil.acme.example",
            "acme.example",
            "elsewhere.example",
            "198.51.100.1",
            "/Users/alice/Acme-corp",
            "/Users/alice/Acme-evil/x",
            "/Users/alice/Elsewhere",
        ];
        let (mut alerts, mut quiet) = (0, 0);
        for (program, path) in programs.iter().flat_map(|program| paths.map(|path| (program, path))) {
            for to in places {
                let answer = answer(&settings, &question(program, path, to));
                let leaves =
                    matches!(&answer.destination, Destination::Service(to) if to.upload && !to.own_client);
                let denied = |set: &SetAnswer| {
                    set.holds() && set.excused_by().is_none() && set.permitted_by().is_none()
                };
                let loud = leaves && answer.sets.iter().any(denied);
                let told = answer.verdict.verdict;
                assert_eq!(loud, matches!(told, "ALERT" | "LOW"), "{program:?} {path} {to}: {told}");
                let cites = answer.verdict.decided_by.iter().all(|line| line.at.starts_with("small.toml:"));
                assert!(cites || to == "198.51.100.1", "{:?}", answer.verdict.decided_by);
                assert!(!loud || answer.verdict.decided_by.len() >= 2);
                if loud { alerts += 1 } else { quiet += 1 }
            }
        }
        assert_eq!((alerts, quiet), (11, 61));
    }
}
