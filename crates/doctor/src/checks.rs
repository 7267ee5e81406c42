//! The checks: pure functions of what was seen, and the list of all.
//!
//! A threshold is a named constant beside its check, and in the check's `rule` in words. A check
//! that lacks the numbers it needs finds nothing: the gap is told by itself.

pub(crate) mod compare;
pub(crate) mod memcached;
pub(crate) mod proxy;
pub(crate) mod reach;
pub(crate) mod redis;
pub(crate) mod serve;

use crate::check::{Check, Finding, Findings};
use crate::examine::Examination;

/// All checks, in the order in which findings of one severity are told: causes before what follows
/// from them.
pub const CHECKS: &[&[Check]] = &[
    reach::CHECKS,
    proxy::CHECKS,
    memcached::figures::CHECKS,
    memcached::connections::CHECKS,
    memcached::memory::CHECKS,
    memcached::slabs::CHECKS,
    memcached::hits::CHECKS,
    memcached::load::CHECKS,
    memcached::errors::CHECKS,
    memcached::clock::CHECKS,
    memcached::version::CHECKS,
    memcached::configuration::CHECKS,
    redis::persistence::CHECKS,
    redis::memory::CHECKS,
    redis::connections::CHECKS,
    redis::replication::CHECKS,
    redis::hits::CHECKS,
    redis::latency::CHECKS,
    redis::errors::CHECKS,
    redis::restarts::CHECKS,
    redis::clock::CHECKS,
    redis::versions::CHECKS,
    redis::configuration::CHECKS,
    serve::CHECKS,
    compare::CHECKS,
];

/// A check by its id.
pub fn check(id: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().flatten().find(|check| check.id == id)
}

impl Findings {
    /// Everything that the checks find in what was seen: worst first, then as checks are listed.
    pub fn of(examination: &Examination) -> Vec<Finding> {
        let mut findings = Self::new();
        for check in CHECKS.iter().copied().flatten() {
            findings.run(check, examination);
        }
        let mut found = findings.into_found();
        found.sort_by_key(|it| std::cmp::Reverse(it.severity));
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn checks_are_told_apart_and_explained() {
        let mut ids = BTreeSet::new();
        for check in CHECKS.iter().copied().flatten() {
            assert!(ids.insert(check.id), "{} twice", check.id);
            let is_word = |it: char| it.is_ascii_lowercase() || it == '-';
            assert!(check.id.chars().all(is_word), "{}", check.id);
            for text in [check.title, check.meaning, check.rule, check.source] {
                assert!(!text.trim().is_empty(), "{}", check.id);
            }
        }
    }
}
