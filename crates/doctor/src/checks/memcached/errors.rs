//! What has gone wrong within a memcached server.

use super::{growth, over, rate, span};
use crate::check::{Check, Findings, Look};
use crate::facts::ServerFacts;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "memcached-buffers",
        title: "the process gets the memory it asks for",
        meaning: "The process asked for memory besides that of items, for connections, requests or \
            answers, and was given none. It closes the connections concerned: clients see resets \
            on requests that were fine.",
        rule: "Critical if it happened between the samples; a note if it ever did.",
        source: "`stats`: malloc_fails, response_obj_oom, read_buf_oom.",
        look: Look::Server(buffers),
    },
    Check {
        id: "memcached-authentication",
        title: "clients know the password",
        meaning: "Clients log in with a wrong user or password, and are served nothing. It is an \
            application that was forgotten when the password changed, or somebody who guesses.",
        rule: "Warning if a login failed between the samples; a note if one ever did.",
        source: "`stats`: auth_errors, auth_cmds.",
        look: Look::Server(authentication),
    },
    Check {
        id: "memcached-lru",
        title: "the server notes what is read",
        meaning: "Some reads are not noted in the lists by which the server decides what to evict \
            (`lru_bumps_dropped`): a few keys are read so often that noting it does not keep up. \
            Nothing is wrong for clients, but keys that are hot may be evicted as if they were not.",
        rule: "A note if at least 100 were dropped between the samples.",
        source: "`stats`: lru_bumps_dropped.",
        look: Look::Server(lru),
    },
    Check {
        id: "memcached-threads-uneven",
        title: "connections are spread over threads as asked",
        meaning: "The server was told to choose threads by network queue (`-N`), and could not for \
            some connections: it gave them to threads in turn. The order of those connections is \
            as without the option.",
        rule: "A note if it happened between the samples.",
        source: "`stats`: round_robin_fallback.",
        look: Look::Server(threads_uneven),
    },
];

fn buffers(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let counted = NO_MEMORY.map(|name| {
        let now = growth(memcached, name).unwrap_or(0.0);
        (name, now, memcached.stats.number(name).unwrap_or(0.0))
    });
    let finding = if counted.iter().any(|(_, now, _)| *now > 0.0) {
        findings.critical("it is denied memory, and closes connections for it")
    } else if counted.iter().any(|(_, _, ever)| *ever > 0.0) {
        findings.note("it has been denied memory since its start")
    } else {
        return;
    };
    for (name, now, ever) in counted {
        let value = format!("{now} now, {ever} since its start");
        finding.evidence(name, value, over(memcached, name));
    }
    if let Some(uptime) = memcached.stats.number("uptime") {
        finding.evidence("its start", format!("{} ago", span(uptime)), "stats: uptime");
    }
    finding.remedy(
        "see what limits the process: its machine's memory, its service's or container's limit",
        &["free -m", "systemctl show memcached -p MemoryMax -p LimitAS"],
    );
}

fn authentication(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let now = growth(memcached, "auth_errors").unwrap_or(0.0);
    let ever = memcached.stats.number("auth_errors").unwrap_or(0.0);
    let finding = if now > 0.0 {
        findings.warning(format!("{now} logins failed while we looked"))
    } else if ever > 0.0 {
        findings.note(format!("{ever} logins have failed since its start"))
    } else {
        return;
    };
    finding
        .evidence(
            "failed logins",
            format!("{now} now, {ever} since its start"),
            over(memcached, "auth_errors"),
        )
        .remedy("see which clients connect, and which credentials they have", &[]);
}

fn lru(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(rate) = rate(memcached, "lru_bumps_dropped", BUMPS_MIN) else { return };
    findings
        .note(format!("{rate:.0} reads a second are not noted in its lists"))
        .evidence("dropped", format!("{rate:.0} a second"), over(memcached, "lru_bumps_dropped"))
        .remedy("keep the few hottest keys in the applications for a second or so", &[]);
}

fn threads_uneven(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(grown) = growth(memcached, FALLBACK).filter(|it| *it > 0.0) else { return };
    findings
        .note(format!("{grown} connections were given to threads in turn, in spite of -N"))
        .evidence("in turn", grown.to_string(), over(memcached, FALLBACK))
        .remedy("see doc/napi_ids.txt of memcached's; leave -N out if connections are local", &[]);
}

const NO_MEMORY: [&str; 3] = ["malloc_fails", "response_obj_oom", "read_buf_oom"];
const FALLBACK: &str = "round_robin_fallback";
const BUMPS_MIN: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::CHECKS;
    use crate::Severity::{self, Critical, Note, Warning};

    #[track_caller]
    fn check_counter(name: &str, first: u64, last: u64, expected: &[(&str, Severity)]) {
        check(&ByHand::default().stats(name, first, last), CHECKS, expected);
    }

    #[test]
    fn want_of_memory_is_found() {
        for name in ["malloc_fails", "response_obj_oom", "read_buf_oom"] {
            check_counter(name, 0, 0, &[]);
            check_counter(name, 1, 1, &[("memcached-buffers", Note)]);
            check_counter(name, 0, 1, &[("memcached-buffers", Critical)]);
        }
    }

    #[test]
    fn failed_logins_are_found() {
        check_counter("auth_errors", 0, 0, &[]);
        check_counter("auth_errors", 1, 1, &[("memcached-authentication", Note)]);
        check_counter("auth_errors", 1, 2, &[("memcached-authentication", Warning)]);
    }

    #[test]
    fn what_is_worth_knowing_of_threads_and_lists_is_noted() {
        check_counter("lru_bumps_dropped", 0, 99, &[]);
        check_counter("lru_bumps_dropped", 0, 100, &[("memcached-lru", Note)]);
        check_counter("round_robin_fallback", 7, 7, &[]);
        check_counter("round_robin_fallback", 7, 8, &[("memcached-threads-uneven", Note)]);
    }
}
