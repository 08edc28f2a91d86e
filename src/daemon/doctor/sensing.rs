//! Whether events and packets can be seen.

use std::os::unix::fs::FileTypeExt;

use crate::config::Capture;
use crate::daemon::eslogger;
use crate::sensor::endpoint_security;
use crate::sensor::pktap::Pktap;
use crate::sensor::trouble::{TapTrouble, Trouble};

use super::Finding;

const ENTITLEMENT: &str = "entitlement";
const ACCESS: &str = "full-disk-access";
const CLIENT: &str = "endpoint-security";
const ESLOGGER: &str = "eslogger";

/// macOS gives one answer to all of these questions at once: that to a new client.
pub(super) fn events() -> Vec<Finding> {
    let eslogger = eslogger::find("eslogger");
    let answer = endpoint_security::probe();
    let instead = eslogger.is_some() && another_may_see(&answer);
    let mut found = answers(&answer, instead);
    found.push(match (&eslogger, &answer) {
        (Some(program), _) => Finding::ok(ESLOGGER, format!("{} is there", program.display())),
        (None, Ok(())) => Finding::ok(ESLOGGER, "not in PATH, and not needed: Endpoint Security answers"),
        (None, Err(_)) => Finding::warning(
            ESLOGGER,
            "there is no `eslogger` in PATH",
            "it is part of macOS 13 and later, /usr/bin/eslogger; elsewhere `cloudward replay` reads recordings",
        ),
    });
    found
}

fn another_may_see(answer: &Result<(), Trouble>) -> bool {
    matches!(answer, Err(Trouble::NotEntitled | Trouble::NotThisSystem))
}

/// `instead`: the system's `eslogger` can see in our place.
fn answers(answer: &Result<(), Trouble>, instead: bool) -> Vec<Finding> {
    let trouble = match answer {
        Ok(()) => {
            return vec![
                Finding::ok(ENTITLEMENT, "this program may use Endpoint Security"),
                Finding::ok(ACCESS, "granted"),
                Finding::ok(CLIENT, "a client was made and let go"),
            ];
        }
        Err(trouble) => trouble,
    };
    let (text, mend) = (trouble.to_string(), trouble.remedy());
    let untold = |check| Finding::warning(check, format!("cannot be told: {text}"), mend);
    let no_client = || Finding::error(CLIENT, format!("no client: {text}"), mend);
    match trouble {
        Trouble::NotEntitled if instead => vec![
            Finding::warning(ENTITLEMENT, format!("{text}; the system's `eslogger` stands in"), mend),
            untold(ACCESS),
        ],
        Trouble::NotEntitled => vec![Finding::error(ENTITLEMENT, text.as_str(), mend), untold(ACCESS)],
        Trouble::NotPermitted => vec![
            Finding::ok(ENTITLEMENT, "this program may use Endpoint Security"),
            Finding::error(ACCESS, text.as_str(), mend),
        ],
        Trouble::TooManyClients => vec![
            Finding::ok(ENTITLEMENT, "this program may use Endpoint Security"),
            Finding::ok(ACCESS, "granted"),
            no_client(),
        ],
        Trouble::NotPrivileged => vec![untold(ENTITLEMENT), untold(ACCESS)],
        Trouble::NotThisSystem => {
            let absent = |check| Finding::warning(check, format!("does not apply: {text}"), mend);
            vec![absent(ENTITLEMENT), absent(ACCESS)]
        }
        Trouble::Internal | Trouble::Ended | Trouble::Refused(_) => {
            vec![untold(ENTITLEMENT), untold(ACCESS), no_client()]
        }
    }
}

pub(super) fn packets(capture: &Capture) -> Finding {
    const CHECK: &str = "capture";
    match capture {
        Capture::Off => Finding::warning(
            CHECK,
            "`[sensor] capture` is off: uploads are not seen, commands and sync folders are",
            "take the setting away, or write \"pktap\"",
        ),
        Capture::Stream(path) => match path.metadata() {
            Ok(found) if found.is_file() || found.file_type().is_fifo() => {
                Finding::ok(CHECK, format!("packets are read from {}", path.display()))
            }
            Ok(_) => Finding::error(
                CHECK,
                format!("{} is neither a file nor a FIFO", path.display()),
                "name what `tcpdump -U -w` writes in `[sensor] capture`",
            ),
            Err(error) => Finding::error(
                CHECK,
                format!("{}: {error}", path.display()),
                format!("`mkfifo '{0}'`, then `tcpdump -U -w '{0}'`", path.display()),
            ),
        },
        Capture::Pktap => match Pktap::open() {
            Ok(_) => Finding::ok(CHECK, "the packet tap was opened and closed"),
            Err(trouble @ TapTrouble::NotThisSystem) => {
                Finding::warning(CHECK, format!("does not apply: {trouble}"), trouble.remedy())
            }
            Err(trouble) => Finding::error(CHECK, trouble.to_string(), trouble.remedy()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::doctor::Verdict;

    /// Every answer names the entitlement and the access, and whatever is not well comes with its mend.
    #[test]
    fn each_answer_has_its_findings() {
        let refused = Trouble::Refused("x".to_owned());
        for (answer, instead, worst) in [
            (Ok(()), false, Verdict::Ok),
            (Err(Trouble::NotEntitled), true, Verdict::Warning),
            (Err(Trouble::NotEntitled), false, Verdict::Error),
            (Err(Trouble::NotPermitted), false, Verdict::Error),
            (Err(Trouble::NotPrivileged), false, Verdict::Warning),
            (Err(Trouble::TooManyClients), false, Verdict::Error),
            (Err(Trouble::Internal), false, Verdict::Error),
            (Err(refused), false, Verdict::Error),
            (Err(Trouble::NotThisSystem), false, Verdict::Warning),
        ] {
            let found = answers(&answer, instead);
            assert!(found.iter().any(|one| one.check == ENTITLEMENT), "{answer:?}");
            assert!(found.iter().any(|one| one.check == ACCESS), "{answer:?}");
            assert!(found.iter().all(|one| one.mend.is_some() == (one.verdict != Verdict::Ok)), "{found:?}");
            assert_eq!(found.iter().map(|one| one.verdict).max(), Some(worst), "{answer:?}");
        }
    }

    #[test]
    fn a_stream_must_be_there() {
        let missing = packets(&Capture::Stream("/nowhere/packets".into()));
        assert_eq!(missing.verdict, Verdict::Error);
        assert!(missing.mend.is_some_and(|mend| mend.contains("mkfifo '/nowhere/packets'")));
        assert_eq!(packets(&Capture::Off).verdict, Verdict::Warning);
        assert_eq!(packets(&Capture::Stream(std::env::temp_dir())).verdict, Verdict::Error);
    }
}
