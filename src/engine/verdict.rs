//! How grave, and how sure: two small functions of what the evidence says.
//!
//! **Severity** begins with the most sensitive set that was read (for commands that move what lies in the cloud already,
//! with the leading rule; with the graver where one command does both). Aggravations raise it by one step for every two of
//! them, to critical at most:
//!
//! | what | counts |
//! |---|---|
//! | the program is unsigned, ad-hoc signed, or runs code that is not its own | 1 |
//! | its signature no longer holds | 2 |
//! | the account is foreign: known, and named by no allow entry although some name accounts there | 1 |
//! | the place is open to everybody: paste site, file drop, tunnel | 1 |
//! | 100 MiB or more were sent | 1 |
//! | both this Mac and an audit log of the cloud saw it | 2 |
//!
//! A rule with `raises = true` sets a floor. Nothing lowers it: what an administrator called critical stays critical.
//!
//! **Confidence** is the least that any of the reasons allows; each reason's cap stands with its code
//! ([`ReasonCode::cap`](crate::model::ReasonCode::cap)).

use crate::model::{Confidence, Reason, Severity};
use crate::policy::Category;

/// So many bytes are much.
pub const MUCH: u64 = 100 << 20;

/// How far the sending program can be believed to be itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Signed by somebody, and running its own code.
    Vouched,
    /// Unsigned or ad-hoc signed, or running a script or other foreign code.
    Unvouched,
    /// Its signature no longer holds.
    Broken,
}

/// What severity is made of.
#[derive(Clone, Copy, Debug)]
pub struct Gravity {
    pub sensitivity: Severity,
    pub standing: Standing,
    pub foreign_tenant: bool,
    pub category: Option<Category>,
    pub bytes_out: u64,
    /// Both this Mac and the cloud's audit log saw it.
    pub seen_twice: bool,
    /// At least this, says a rule.
    pub floor: Option<Severity>,
}

pub fn severity(gravity: &Gravity) -> Severity {
    let open = matches!(gravity.category, Some(Category::Paste | Category::FileTransfer | Category::Tunnel));
    let standing = match gravity.standing {
        Standing::Vouched => 0,
        Standing::Unvouched => 1,
        Standing::Broken => 2,
    };
    let others = [gravity.foreign_tenant, open, gravity.bytes_out >= MUCH];
    let points = standing + others.into_iter().filter(|is| *is).count() + 2 * usize::from(gravity.seen_twice);
    let raised = (0..points / 2).fold(gravity.sensitivity, |severity, _| next(severity));
    raised.max(gravity.floor.unwrap_or(Severity::Low))
}

pub fn confidence(reasons: &[Reason]) -> Confidence {
    reasons.iter().map(|reason| reason.code.cap()).min().unwrap_or(Confidence::High)
}

const fn next(severity: Severity) -> Severity {
    match severity {
        Severity::Low => Severity::Medium,
        Severity::Medium => Severity::High,
        Severity::High | Severity::Critical => Severity::Critical,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReasonCode;

    #[test]
    fn severity_by_the_table() {
        use Severity::{Critical, High, Low, Medium};
        use Standing::{Broken, Unvouched, Vouched};
        let object = Some(Category::ObjectStore);
        let paste = Some(Category::Paste);
        let table = [
            (Low, Vouched, false, object, 4096, None, Low),
            (Low, Unvouched, false, object, 4096, None, Low),
            (Low, Unvouched, true, object, 4096, None, Medium),
            (Low, Broken, false, object, 4096, None, Medium),
            (Low, Broken, true, paste, 4096, None, High),
            (Low, Broken, true, paste, MUCH, None, High),
            (Medium, Vouched, true, object, MUCH, None, High),
            (Medium, Vouched, true, object, MUCH - 1, None, Medium),
            (High, Unvouched, false, object, 4096, None, High),
            (High, Unvouched, false, paste, 4096, None, Critical),
            (High, Vouched, false, None, 4096, None, High),
            (Critical, Vouched, false, object, 0, None, Critical),
            (Critical, Broken, true, paste, MUCH, None, Critical),
            (Low, Vouched, false, object, 4096, Some(High), High),
            (High, Vouched, false, object, 4096, Some(Medium), High),
        ];
        for (sensitivity, standing, foreign_tenant, category, bytes_out, floor, wanted) in table {
            let seen_twice = false;
            let gravity =
                Gravity { sensitivity, standing, foreign_tenant, category, bytes_out, seen_twice, floor };
            assert_eq!(severity(&gravity), wanted, "{gravity:?}");
            let twice = severity(&Gravity { seen_twice: true, ..gravity });
            assert_eq!(twice, next(severity(&Gravity { floor: None, ..gravity })).max(wanted), "{gravity:?}");
        }
    }

    #[test]
    fn confidence_is_that_of_the_weakest_reason() {
        let reason = |code| Reason { code, text: String::new() };
        let table: [(&[ReasonCode], Confidence); 4] = [
            (&[], Confidence::High),
            (&[ReasonCode::SensitiveRead, ReasonCode::Uploaded], Confidence::High),
            (&[ReasonCode::Uploaded, ReasonCode::NameHostWide], Confidence::Medium),
            (&[ReasonCode::NameHostWide, ReasonCode::Tunnel, ReasonCode::Uploaded], Confidence::Low),
        ];
        for (codes, wanted) in table {
            let reasons: Vec<Reason> = codes.iter().map(|code| reason(*code)).collect();
            assert_eq!(confidence(&reasons), wanted, "{codes:?}");
        }
    }
}
