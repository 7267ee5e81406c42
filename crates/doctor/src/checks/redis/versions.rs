//! Versions with known trouble.
//!
//! # Hard cases
//! Distributions mend old versions and keep their numbers: Debian's 7.0.15 has the fixes that the
//! project released as 7.2.11. A number is therefore never more than a hint, and a finding never
//! more than a note.

use super::reading::Reading;
use crate::check::{Check, Findings, Look};
use crate::facts::ServerFacts;

pub(crate) const CHECKS: &[Check] = &[Check {
    id: "redis-version",
    title: "its version has no known serious faults",
    meaning: "Versions before those that are named have faults by which whoever may run \
            scripts can run code in the server (CVE-2025-49844), and older ones a fault by which \
            whoever reaches it, with no password, can have it use up its memory (CVE-2025-21605). \
            Distributions mend versions and keep their numbers: see what yours says before you act.",
    rule: "A note for Redis before 6.2.20, 7.2.11, 7.4.6, 8.0.4, 8.2.2 and Valkey before \
            7.2.11, 8.0.6, 8.1.4, in the series named and in all that ended before them (Redis 7.0).",
    source: "INFO: redis_version, valkey_version; the projects' release notes.",
    look: Look::Server(version),
}];

fn version(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (name, word, series) = match (reading.word("valkey_version"), reading.word("redis_version"))
    {
        (Some(version), _) => ("Valkey", version, &VALKEY),
        (None, Some(version)) => ("Redis", version, &REDIS),
        (None, None) => return,
    };
    let Some(version) = parse(word) else { return };
    // Some forks and services tell a version of Redis that is not theirs.
    let server = reading.word("server_name").unwrap_or("redis");
    if name == "Redis" && server != "redis" {
        return;
    }
    if !is_before(version, &series.scripts) {
        return;
    }
    let faults = if is_before(version, &series.memory) {
        "CVE-2025-49844 (scripts), CVE-2025-21605 (memory, without a password)"
    } else {
        "CVE-2025-49844 (scripts)"
    };
    let fixed = fixed_in(version, &series.scripts);
    findings
        .note(format!("{name} {word} has known faults, unless your distribution has mended them"))
        .evidence("version", word, format!("INFO: {}_version", name.to_lowercase()))
        .evidence("faults", faults, "the project's release notes")
        .evidence("mended in", fixed, "the project's release notes")
        .remedy(
            "see whether the package has the fixes (the changelog names them); if not, upgrade, a \
             replica first. Until then take the right to run scripts from whoever needs none",
            &[
                "apt changelog redis-server | grep -m1 CVE-2025-49844",
                &reading.cli("ACL SETUSER default -@scripting"),
            ],
        );
}

type Version = (u32, u32, u32);

/// The first version of each series that has a fault no more; ascending.
struct Series {
    scripts: [Version; 5],
    memory: [Version; 5],
}

/// Releases of 2025-10-03 and of 2025-04-23. 8.0 came after the latter.
const REDIS: Series = Series {
    scripts: [(6, 2, 20), (7, 2, 11), (7, 4, 6), (8, 0, 4), (8, 2, 2)],
    memory: [(6, 2, 18), (7, 2, 8), (7, 4, 3), (8, 0, 0), (8, 2, 0)],
};
/// Valkey begins with 7.2; the last of them has had both from its start.
const VALKEY: Series = Series {
    scripts: [(7, 2, 11), (8, 0, 6), (8, 1, 4), (9, 0, 0), (9, 1, 0)],
    memory: [(7, 2, 9), (8, 0, 3), (8, 1, 1), (9, 0, 0), (9, 1, 0)],
};

/// Whether a version is before the one of its series that has the fix; one of a series without a
/// fix is, if a later series needed one.
fn is_before(version: Version, fixed: &[Version]) -> bool {
    let series = |it: Version| (it.0, it.1);
    match fixed.iter().find(|it| series(**it) == series(version)) {
        Some(fix) => version < *fix,
        None => fixed.iter().any(|it| it.2 > 0 && series(version) < series(*it)),
    }
}

/// The version of the same series that has the fix, or the next one, and the newest.
fn fixed_in(version: Version, fixed: &[Version]) -> String {
    let next = fixed.iter().find(|it| (it.0, it.1) >= (version.0, version.1) && it.2 > 0);
    next.map_or_else(String::new, |(major, minor, patch)| format!("{major}.{minor}.{patch}"))
}

/// `8.1.4`, `7.4.0-rc1`: what follows the numbers is no part of them.
fn parse(word: &str) -> Option<Version> {
    let mut numbers = word.split('.').map(|part| {
        let digits = part.find(|it: char| !it.is_ascii_digit()).map_or(part, |end| &part[..end]);
        digits.parse::<u32>().ok()
    });
    let mut next = || numbers.next().flatten();
    Some((next()?, next()?, next()?))
}

#[cfg(test)]
mod tests;
