//! Whether a memcached version has known trouble.

use crate::check::{Check, Finding, Findings, Look};
use crate::facts::{MemcachedFacts, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[Check {
    id: "memcached-version",
    title: "the version has no known trouble",
    meaning: "The version is known for a fault that has been mended since. Distributions mend \
        faults in older versions without changing the number: see whether the package's changelog \
        names the fault.",
    rule: "A note for faults by which anybody who can connect ends the process or worse, and for \
        those that hang or corrupt it by themselves: before 1.4.33, 1.4.37 and 1.4.39, 1.5.0 to \
        1.5.4, 1.5.15, 1.6.0 to 1.6.2; to 1.6.7 with UDP. Before 1.6.0 otherwise: no meta \
        commands.",
    source: "`stats`: version; memcached's release notes and the CVE list.",
    look: Look::Server(version),
}];

/// A fault, and in which versions it was.
struct Fault {
    from: [u32; 3],
    mended_in: [u32; 3],
    words: &'static str,
    source: &'static str,
}

/// Worst first.
const FAULTS: &[Fault] = &[
    Fault {
        from: [0, 0, 0],
        mended_in: [1, 4, 33],
        words: "whoever can connect may run programs by it, through its binary protocol",
        source: "CVE-2016-8704, CVE-2016-8705, CVE-2016-8706",
    },
    Fault {
        from: [1, 4, 18],
        mended_in: [1, 4, 20],
        words: "its threads can lock up and spin",
        source: "release notes 1.4.20",
    },
    Fault {
        from: [0, 0, 0],
        mended_in: [1, 4, 37],
        words: "data may be corrupted and threads lock each other out",
        source: "CVE-2018-1000127",
    },
    Fault {
        from: [0, 0, 0],
        mended_in: [1, 4, 39],
        words: "whoever can connect may crash it",
        source: "CVE-2017-9951",
    },
    Fault {
        from: [1, 5, 0],
        mended_in: [1, 5, 5],
        words: "its threads can lock each other out while pages are moved",
        source: "release notes 1.5.5",
    },
    Fault {
        from: [1, 5, 15],
        mended_in: [1, 5, 16],
        words: "it may crash or corrupt memory when items without flags are stored",
        source: "release notes 1.5.16",
    },
    Fault {
        from: [1, 6, 0],
        mended_in: [1, 6, 2],
        words: "whoever can connect may crash it by a binary request",
        source: "CVE-2020-10931",
    },
    Fault {
        from: [1, 6, 0],
        mended_in: [1, 6, 3],
        words: "whoever can connect may crash it by a meta request",
        source: "CVE-2020-22570",
    },
];

/// Only where UDP is open.
const FAULT_OF_UDP: Fault = Fault {
    from: [1, 6, 0],
    mended_in: [1, 6, 8],
    words: "whoever can send it a datagram may crash it",
    source: "release notes 1.6.8",
};

fn version(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(version) = memcached.version() else { return };
    let faults: Vec<_> = faults_of(memcached, version).collect();
    let [major, minor, patch] = version;
    let words = format!("memcached {major}.{minor}.{patch}");
    if let Some(worst) = faults.first() {
        let finding = findings.note(format!(
            "{words} has a known fault, unless your distribution has mended it: {}",
            worst.words
        ));
        for fault in &faults {
            let [major, minor, patch] = fault.mended_in;
            let value = format!("{}; mended in {major}.{minor}.{patch}", fault.words);
            finding.evidence("fault", value, fault.source);
        }
        tell_upgrade(finding, memcached);
    } else if version < META {
        let finding = findings.note(format!("{words} knows no meta commands"));
        tell_upgrade(finding, memcached);
    }
}

fn faults_of(
    memcached: &MemcachedFacts,
    version: [u32; 3],
) -> impl Iterator<Item = &'static Fault> {
    let has_udp = memcached.settings.number("udpport").is_some_and(|it| it != 0.0);
    let of_udp = has_udp.then_some(&FAULT_OF_UDP);
    let faults = FAULTS.iter().chain(of_udp);
    faults.filter(move |it| (it.from..it.mended_in).contains(&version))
}

fn tell_upgrade(finding: &mut Finding, memcached: &MemcachedFacts) {
    finding
        .evidence("version", memcached.stats.word("version").unwrap_or("?"), "stats: version")
        .remedy(
            "see whether the package has it mended under the same number",
            &["apt changelog memcached | head -50"],
        )
        .remedy("upgrade, one server at a time: each is empty when it comes back", &[]);
}

/// The first version with meta commands that are kept.
const META: [u32; 3] = [1, 6, 0];

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::CHECKS;
    use crate::Severity::{self, Note};

    #[track_caller]
    fn check_version(version: &str, expected: Option<(Severity, &str)>) {
        let by_hand = ByHand::default().word("version", version);
        let found = by_hand.found(CHECKS);
        let found = found.first().map(|it| (it.severity, it.summary.as_str()));
        assert_eq!(found.map(|it| it.0), expected.map(|it| it.0), "{version}");
        let (Some((_, summary)), Some((_, word))) = (found, expected) else { return };
        assert!(summary.contains(word), "{version}: {summary}");
    }

    #[test]
    fn versions_with_known_trouble_are_found() {
        check_version("1.4.15", Some((Note, "run programs")));
        check_version("1.4.32", Some((Note, "run programs")));
        check_version("1.4.33", Some((Note, "corrupted")));
        check_version("1.4.37", Some((Note, "crash")));
        check_version("1.4.39", Some((Note, "meta commands")));
        check_version("1.5.4", Some((Note, "lock each other")));
        check_version("1.5.5", Some((Note, "meta commands")));
        check_version("1.5.15", Some((Note, "flags")));
        check_version("1.5.22", Some((Note, "meta commands")));
        check_version("1.6.1", Some((Note, "binary request")));
        check_version("1.6.2", Some((Note, "meta request")));
        check_version("1.6.3", None);
        check_version("1.6.18", None);
        check_version("2.0.0", None);
        check_version("unknown", None);
    }

    #[test]
    fn a_fault_of_udp_is_one_only_where_udp_is_open() {
        let udp =
            |version, port| ByHand::default().word("version", version).setting("udpport", port);
        check(&udp("1.6.7", "11211"), CHECKS, &[("memcached-version", Note)]);
        check(&udp("1.6.7", "0"), CHECKS, &[]);
        check(&udp("1.6.8", "11211"), CHECKS, &[]);
    }
}
