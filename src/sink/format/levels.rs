//! One severity, as each receiver numbers it. The only place where such numbers stand.

use crate::model::{Confidence, Severity};

/// Severity of a record. Below `Low` stands what merely informs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scale {
    /// Ours, and Splunk's CIM.
    pub name: &'static str,
    /// RFC 5424, 6.2.1: 2 critical, 3 error, 4 warning, 5 notice, 6 informational.
    pub syslog: u8,
    /// CEF: 0-3 low, 4-6 medium, 7-8 high, 9-10 very high.
    pub cef: u8,
    /// LEEF `sev`: 1-10.
    pub leef: u8,
    /// OCSF `severity_id` and its caption.
    pub ocsf: (u8, &'static str),
    /// ECS `event.severity` and `event.risk_score`: the scores of Elastic's own rules for these words.
    pub ecs: u8,
}

impl Level {
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// A blind spot is worth a look, whatever its kind.
    pub const COVERAGE: Self = Self::Low;

    #[rustfmt::skip]
    pub const fn scale(self) -> Scale {
        match self {
            Self::Info     => Scale { name: "informational", syslog: 6, cef: 1,  leef: 1,  ocsf: (1, "Informational"), ecs: 1 },
            Self::Low      => Scale { name: "low",           syslog: 5, cef: 3,  leef: 3,  ocsf: (2, "Low"),           ecs: 21 },
            Self::Medium   => Scale { name: "medium",        syslog: 4, cef: 5,  leef: 5,  ocsf: (3, "Medium"),        ecs: 47 },
            Self::High     => Scale { name: "high",          syslog: 3, cef: 8,  leef: 8,  ocsf: (4, "High"),          ecs: 73 },
            Self::Critical => Scale { name: "critical",      syslog: 2, cef: 10, leef: 10, ocsf: (5, "Critical"),      ecs: 99 },
        }
    }
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => Self::Low,
            Severity::Medium => Self::Medium,
            Severity::High => Self::High,
            Severity::Critical => Self::Critical,
        }
    }
}

/// OCSF `confidence_id` and its caption.
pub const fn confidence(confidence: Confidence) -> (u8, &'static str) {
    match confidence {
        Confidence::Low => (1, "Low"),
        Confidence::Medium => (2, "Medium"),
        Confidence::High => (3, "High"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scale_rises_with_the_level_and_stays_in_its_range() {
        let scales = Level::ALL.map(Level::scale);
        for pair in scales.windows(2) {
            assert!(pair[0].syslog > pair[1].syslog, "syslog counts downwards");
            assert!(pair[0].cef < pair[1].cef && pair[0].leef < pair[1].leef);
            assert!(pair[0].ocsf.0 < pair[1].ocsf.0 && pair[0].ecs < pair[1].ecs);
        }
        for scale in scales {
            assert!(
                scale.syslog <= 7 && scale.cef <= 10 && (1..=10).contains(&scale.leef) && scale.ecs <= 100
            );
        }
    }

    #[test]
    fn the_words_agree() {
        for severity in [Severity::Low, Severity::Medium, Severity::High, Severity::Critical] {
            let scale = Level::from(severity).scale();
            assert_eq!(scale.name, severity.as_str());
            assert_eq!(scale.ocsf.1.to_ascii_lowercase(), severity.as_str());
        }
    }

    /// What CEF's and Elastic's own words for the numbers are.
    #[test]
    fn numbers_mean_the_same_word_to_the_receiver() {
        let cef = |number| match number {
            0..=3 => "low",
            4..=6 => "medium",
            7..=8 => "high",
            _ => "critical",
        };
        let elastic = |score| match score {
            0..=21 => "low",
            22..=47 => "medium",
            48..=73 => "high",
            _ => "critical",
        };
        for level in Level::ALL.into_iter().skip(1) {
            let scale = level.scale();
            assert_eq!([cef(scale.cef), elastic(scale.ecs)], [scale.name; 2]);
        }
    }
}
