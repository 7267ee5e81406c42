//! What has changed between two reports: what is new, gone, worse or better.
//!
//! A finding is known again by its check and its server; the numbers in its sentence may change
//! without anything having turned.

use std::collections::BTreeMap;

use crate::check::{Finding, Severity};
use crate::report::Report;

/// One thing that has changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn<'r> {
    /// In which way.
    pub kind: TurnKind,
    /// The finding as it is; as it was, if it is gone.
    pub finding: &'r Finding,
}

/// In which way something has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TurnKind {
    /// It was not there.
    New,
    /// It was there, and not as bad.
    Worse,
    /// It was there, and worse.
    Better,
    /// It is not there any more.
    Gone,
}

impl TurnKind {
    /// The word for it.
    pub fn label(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Gone => "gone",
        }
    }
}

impl<'r> Turn<'r> {
    /// What has changed from one report to the next: what is there now, worst first, then what is
    /// gone. Notes that come and go are nothing that has changed.
    pub fn between(before: &'r Report, now: &'r Report) -> Vec<Self> {
        let (was, is) = (worst(before), worst(now));
        let there = is.iter().filter_map(|(key, finding)| {
            let kind = match was.get(key) {
                None => TurnKind::New,
                Some(it) if it.severity < finding.severity => TurnKind::Worse,
                Some(it) if it.severity > finding.severity => TurnKind::Better,
                Some(_) => return None,
            };
            Some(Self { kind, finding })
        });
        let mut turns: Vec<_> = there.collect();
        turns.sort_by_key(|it| std::cmp::Reverse(it.finding.severity));
        let gone = was.iter().filter(|(key, _)| !is.contains_key(*key));
        turns.extend(gone.map(|(_, finding)| Self { kind: TurnKind::Gone, finding }));
        turns
    }
}

/// The check and the server.
type Key<'r> = (&'static str, Option<&'r str>);

/// The worst finding of each check about each server.
fn worst(report: &Report) -> BTreeMap<Key<'_>, &Finding> {
    let mut worst: BTreeMap<Key<'_>, &Finding> = BTreeMap::new();
    for finding in report.findings.iter().filter(|it| it.severity > Severity::Note) {
        let known = worst.entry((finding.check, finding.server.as_deref())).or_insert(finding);
        if known.severity < finding.severity {
            *known = finding;
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict;

    fn report(findings: &[(&'static str, &str, Severity)]) -> Report {
        let finding = |&(check, summary, severity): &(&'static str, &str, Severity)| Finding {
            check,
            server: Some("a".to_owned()),
            severity,
            summary: summary.to_owned(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            change: None,
        };
        Report {
            at: String::new(),
            took_ms: 0,
            verdict: Verdict::Healthy,
            servers: Vec::new(),
            proxies: Vec::new(),
            findings: findings.iter().map(finding).collect(),
        }
    }

    #[track_caller]
    fn check(
        before: &[(&'static str, &str, Severity)],
        now: &[(&'static str, &str, Severity)],
        expected: &[(TurnKind, &str)],
    ) {
        let (before, now) = (report(before), report(now));
        let turns = Turn::between(&before, &now);
        let turns: Vec<_> = turns.iter().map(|it| (it.kind, it.finding.summary.as_str())).collect();
        assert_eq!(turns, expected);
    }

    #[test]
    fn each_way_in_which_something_turns_is_told() {
        check(
            &[
                ("a", "a was bad", Severity::Critical),
                ("b", "b was good", Severity::Warning),
                ("c", "c was there", Severity::Warning),
            ],
            &[
                ("a", "a is better", Severity::Warning),
                ("b", "b is worse", Severity::Critical),
                ("d", "d is new", Severity::Warning),
            ],
            &[
                (TurnKind::Worse, "b is worse"),
                (TurnKind::Better, "a is better"),
                (TurnKind::New, "d is new"),
                (TurnKind::Gone, "c was there"),
            ],
        );
    }

    #[test]
    fn other_numbers_and_notes_are_nothing_new() {
        check(
            &[("a", "3 are late", Severity::Warning), ("b", "it is so", Severity::Note)],
            &[("a", "4 are late", Severity::Warning), ("c", "it is so", Severity::Note)],
            &[],
        );
    }

    #[test]
    fn the_worst_of_a_check_counts() {
        let both = [("a", "low", Severity::Warning), ("a", "high", Severity::Critical)];
        check(&both, &both[..1], &[(TurnKind::Better, "low")]);
        check(&both, &both[1..], &[]);
    }
}
