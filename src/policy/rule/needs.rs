//! What must be watched for a rule to fire.

use crate::model::Evidence;

use super::{Deed, Leaving, ReadStep, Rule};

/// Something that sensors watch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Sense {
    /// Which programs run, with their arguments.
    Exec,
    /// Which files are read, written, moved.
    Files,
    /// What is sent, and to whom.
    Packets,
    /// What audit logs of clouds say.
    Audit,
}

impl Sense {
    pub const ALL: [Self; 4] = [Self::Exec, Self::Files, Self::Packets, Self::Audit];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Files => "files",
            Self::Packets => "packets",
            Self::Audit => "audit",
        }
    }
}

/// What becomes of a rule when only some of it is watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chance {
    Can,
    /// It can fire, but sees less for want of this.
    Degraded(Sense),
    /// It can never fire for want of this.
    Blind(Sense),
    /// It is about destinations without a name, and `[upload] unknown` does not make them alerts.
    Silenced,
}

impl Rule {
    /// Whether the rule can fire when this is watched; `nameless`: uploads without a name may alert.
    pub fn chance(&self, watched: &[Sense], nameless: bool) -> Chance {
        let mut less = None;
        let mut open = 0;
        let mut closed = Chance::Silenced;
        for way in &self.last.leave.ways {
            let needed = sense_of(*way);
            if *way == Leaving::Nameless && !nameless {
                continue;
            }
            if watched.contains(&needed) {
                open += 1;
            } else {
                less = Some(needed);
                closed = Chance::Blind(needed);
            }
        }
        if open == 0 {
            return closed;
        }
        for step in &self.before {
            match wanting(&step.deed, watched) {
                Some(Chance::Degraded(sense)) => less = Some(sense),
                Some(never) => return never,
                None => {}
            }
        }
        // Without exec events neither scripts nor arguments are known.
        let less = less.or_else(|| (!watched.contains(&Sense::Exec)).then_some(Sense::Exec));
        less.map_or(Chance::Can, Chance::Degraded)
    }
}

/// What shows that data leaves in this way.
const fn sense_of(way: Leaving) -> Sense {
    match way {
        Leaving::Upload | Leaving::Nameless => Sense::Packets,
        Leaving::SyncDrop => Sense::Files,
        Leaving::Command(_) => Sense::Exec,
        Leaving::Audit(_) => Sense::Audit,
    }
}

/// What a step misses; `None`: nothing.
fn wanting(deed: &Deed, watched: &[Sense]) -> Option<Chance> {
    let (exec, files) = (watched.contains(&Sense::Exec), watched.contains(&Sense::Files));
    match deed {
        Deed::Read(ReadStep { evidence, .. }) => {
            let by = |one: Evidence| evidence.is_empty() || evidence.contains(&one);
            match (files && by(Evidence::Open), exec && by(Evidence::Argv)) {
                (true, _) => None,
                // Only reads that a command line names.
                (false, true) if by(Evidence::Open) => Some(Chance::Degraded(Sense::Files)),
                (false, true) => None,
                (false, false) if by(Evidence::Open) => Some(Chance::Blind(Sense::Files)),
                (false, false) => Some(Chance::Blind(Sense::Exec)),
            }
        }
        Deed::Stage { .. } => (!files).then_some(Chance::Blind(Sense::Files)),
        Deed::Exec => (!exec).then_some(Chance::Degraded(Sense::Exec)),
    }
}
