//! Whether it has restarted.

use super::reading::Reading;
use crate::check::{Check, Findings, Look};
use crate::facts::ServerFacts;
use crate::words::span;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-restarted",
        title: "it does not restart",
        meaning: "A server that restarts loses all connections, what it had not saved, and what was \
            set by CONFIG SET. An empty cache sends everything to the database. One that restarts \
            again and again is killed by somebody: the kernel for want of memory, an orchestrator \
            for a failed health check, or itself after a crash.",
        rule: "Warning if it restarted between the samples; a note if it runs for less than 10 \
            minutes and had at least 100 lookups between the samples.",
        source: "INFO: run_id, uptime_in_seconds, keyspace_hits, keyspace_misses.",
        look: Look::Server(restarted),
    },
    Check {
        id: "redis-gone",
        title: "it stays while we look",
        meaning: "The server talked with us and then closed our connection, and takes no other: it \
            ended or crashed a moment ago, or something before it has lost it.",
        rule: "Critical if our connection was lost and no other could be had within a second.",
        source: "Our connections.",
        look: Look::Server(gone),
    },
];

fn restarted(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let info = &reading.redis.info;
    let Some(uptime) = info.number("uptime_in_seconds") else { return };
    let ids = info.first.word("run_id").zip(info.word("run_id"));
    let fell = info.first.number("uptime_in_seconds").is_some_and(|before| before > uptime);
    let lookups = [reading.growth("keyspace_hits"), reading.growth("keyspace_misses")];
    let lookups: f64 = lookups.into_iter().flatten().sum();
    let finding = if ids.is_some_and(|(before, now)| before != now) || fell {
        findings.warning("it restarted while we looked")
    } else if uptime < YOUNG_SECONDS && lookups >= LOOKUPS_MIN {
        findings.note(format!("it was started {} ago", span(uptime)))
    } else {
        return;
    };
    finding
        .evidence("up for", span(uptime), "INFO: uptime_in_seconds")
        .evidence("keys in it", format!("{:.0}", reading.keys().all), "INFO: db0…")
        .remedy(
            "on its machine: see why it ended (out of memory, a crash, a deployment)",
            &[
                "journalctl -u redis-server -n 50",
                "journalctl -k | grep -i 'out of memory'",
                "systemctl status redis-server",
            ],
        );
}

fn gone(facts: &ServerFacts, findings: &mut Findings) {
    let Some(why) = facts.redis().and_then(|it| it.gone.as_deref()) else { return };
    findings
        .critical("it closed our connection and takes no other")
        .evidence("another connection", why, "our connections")
        .remedy(
            "on its machine: see whether it runs, and why it ended",
            &[
                "systemctl status redis-server",
                "journalctl -u redis-server -n 50",
                "journalctl -k | grep -i 'out of memory'",
            ],
        );
}

const YOUNG_SECONDS: f64 = 600.0;
const LOOKUPS_MIN: f64 = 100.0;

#[cfg(test)]
mod tests;
