//! Which rules can fire with what is watched, in words.

use crate::policy::{Chance, Leaving, Policy, Rule, Sense, UnknownUpload};

/// As the command line writes it.
pub fn parse_sense(text: &str) -> Result<Sense, String> {
    Sense::ALL
        .into_iter()
        .find(|sense| sense.as_str() == text)
        .ok_or_else(|| format!("known: {}", Sense::ALL.map(Sense::as_str).join(", ")))
}

/// As sentences name it.
pub const fn called(sense: Sense) -> &'static str {
    match sense {
        Sense::Exec => "exec events",
        Sense::Files => "file events",
        Sense::Packets => "packets",
        Sense::Audit => "audit logs",
    }
}

/// `can`, `degraded` or `never`, and why.
pub fn chance(policy: &Policy, rule: &Rule, watched: &[Sense]) -> (&'static str, Option<String>) {
    let unknown = policy.options.unknown;
    match rule.chance(watched, unknown == UnknownUpload::Alert) {
        Chance::Can => ("can", None),
        Chance::Degraded(sense) => {
            let less = match sense {
                Sense::Exec => "scripts and arguments are not known",
                Sense::Files => "only what command lines name is seen",
                Sense::Packets => "nothing that is sent over the network is seen",
                Sense::Audit => "nothing that the cloud did by itself is seen",
            };
            ("degraded", Some(format!("no {}: {less}", called(sense))))
        }
        Chance::Blind(sense) => ("never", Some(format!("no {}", called(sense)))),
        Chance::Silenced => ("never", Some(format!("[upload] unknown = \"{}\"", unknown.as_str()))),
    }
}

/// Is it about uploads to this service, as far as it says where to?
pub fn speaks_of_uploads_to(rule: &Rule, policy: &Policy, service: &str) -> bool {
    let Some(id) = policy.services.by_name(service) else { return false };
    let leave = &rule.last.leave;
    let category = policy.services.get(id).category;
    leave.ways.contains(&Leaving::Upload)
        && (leave.categories.is_empty() || leave.categories.contains(&category))
        && leave.services.as_ref().is_none_or(|services| services.contains(&id))
}

#[cfg(test)]
mod tests {
    use crate::config::{self, Origin, Source};

    use super::*;

    const RULES: &str = r#"
[builtin]
disable = ["*"]
[[rule]]
id = "t.upload"
name = "u"
severity = "high"
step = [{ on = "read" }, { on = "upload" }]
[[rule]]
id = "t.argv"
name = "a"
severity = "high"
step = [{ on = "read", evidence = ["argv"] }, { on = "upload" }]
[[rule]]
id = "t.staged"
name = "s"
severity = "high"
step = [{ on = "read" }, { on = "stage" }, { on = ["upload", "sync-drop"] }]
[[rule]]
id = "t.command"
name = "c"
severity = "high"
step = [{ on = "command" }]
[[rule]]
id = "t.nameless"
name = "n"
severity = "low"
step = [{ on = "read" }, { on = "upload", nameless = true }]
"#;

    #[test]
    fn rules_need_what_shows_their_steps() {
        let (settings, wrong) = config::load(&[Source::new(Origin::File, "rules.toml", RULES)]);
        assert!(wrong.iter().all(|found| found.level == config::Level::Warning), "{wrong:?}");
        let told = |watched: &[Sense]| -> String {
            let own = settings.policy.rules.iter().filter(|rule| rule.id.starts_with("t."));
            own.map(|rule| format!("{} ", chance(&settings.policy, rule, watched).0)).collect()
        };
        assert_eq!(told(&Sense::ALL), "can can can can never ");
        assert_eq!(told(&[Sense::Exec, Sense::Packets]), "degraded can never can never ");
        assert_eq!(told(&[Sense::Files, Sense::Packets]), "degraded never degraded never never ");
        assert_eq!(told(&[Sense::Exec, Sense::Files]), "never never degraded can never ");
        assert_eq!(told(&[]), "never never never never never ");
    }
}
