//! Whether there is room for clients, and who takes it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reading::Reading;
use crate::check::{Check, Finding, Findings, Look, Severity};
use crate::facts::{RedisClient, ServerFacts};
use crate::words::{count, percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-connections",
        title: "there is room for more clients",
        meaning: "At `maxclients` the server turns every new connection away with `max number of \
            clients reached`: applications that start, or reconnect, have no cache. The usual \
            reasons are pools that are too large for the number of application processes, and \
            connections that nobody closes.",
        rule: "Warning above 80 % of maxclients, critical above 95 %. Links of a cluster count.",
        source: "INFO: connected_clients, cluster_connections, maxclients; CLIENT LIST.",
        look: Look::Server(clients),
    },
    Check {
        id: "redis-connections-rejected",
        title: "nobody is turned away",
        meaning: "New connections were refused, at the limit of clients or for want of files.",
        rule: "Critical if any was refused between the samples; a note if any was since the start.",
        source: "INFO: rejected_connections.",
        look: Look::Server(rejected),
    },
    Check {
        id: "redis-connections-idle",
        title: "connections are used",
        meaning: "Connections that nobody uses take memory and count towards the limit. With \
            `timeout 0`, the default, the server never closes one: a pool that leaks, or an \
            application that went away without a word, keeps them (the latter until \
            `tcp-keepalive` finds out). Subscribers, replicas and clients in blocking commands \
            are meant to wait and are not counted.",
        rule: "If connections that were idle for 5 minutes are more than half of maxclients: \
            warning if more than 80 % of maxclients are taken, else a note, since pools rest at \
            night. A note if there are at least 100 that were idle for an hour, and timeout is 0.",
        source: "CLIENT LIST: addr, idle, flags; CONFIG: timeout.",
        look: Look::Server(idle),
    },
];

fn clients(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Some(taken), Some(max)) = (taken(&reading), limit(&reading)) else { return };
    let share = taken / max;
    let severity = if share > FULL {
        Severity::Critical
    } else if share > NEAR_FULL {
        Severity::Warning
    } else {
        return;
    };
    let taken = format!("{taken:.0} of {max:.0} ({})", percent(share));
    let finding = findings
        .add(severity, format!("{} of its connections are taken", percent(share)))
        .evidence("connections", taken, "INFO: connected_clients, cluster_connections, maxclients");
    if let Some(clients) = &reading.redis.clients {
        tell_holders(finding, clients.iter());
        let idle: Vec<_> = clients.iter().filter(|it| is_idle(it, A_WHILE)).collect();
        if let Some(longest) = idle.iter().map(|it| it.idle).max() {
            let value = format!("{}, the longest for {}", idle.len(), span(longest.as_secs_f64()));
            finding.evidence("idle for a minute or more", value, CLIENT_LIST);
        }
    }
    let more = format!("{:.0}", max * 2.0);
    finding.remedy(
        "see who holds them, and make their pools smaller (processes × pool size must fit), or \
             put a proxy before it so that applications share connections",
        &[&reading.cli("CLIENT LIST")],
    );
    let words = "raise the limit: it takes effect at once, and fails if the process may not have \
        so many files (ulimit -n, LimitNOFILE)";
    reading.advise(finding, words, &[("maxclients", &more)]);
    if let Some(change) = reading.set("maxclients", &more) {
        finding.change(change);
    }
}

fn rejected(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(since_start) = reading.number("rejected_connections").filter(|it| *it > 0.0) else {
        return;
    };
    let recent = reading.growth("rejected_connections").unwrap_or(0.0);
    let finding = if recent > 0.0 {
        let words = format!("it turned {} away while we looked", count(recent, "connection"));
        findings.critical(words)
    } else {
        let words =
            format!("it has turned {} away since its start", count(since_start, "connection"));
        findings.note(words)
    };
    finding.evidence(
        "refused",
        format!("{recent:.0} between the samples, {since_start:.0} since its start"),
        "INFO: rejected_connections",
    );
    if let (Some(connected), Some(max)) = (reading.number("connected_clients"), limit(&reading)) {
        let value = format!("{connected:.0} of {max:.0}");
        finding.evidence("connections", value, "INFO: connected_clients, maxclients");
    }
    finding.remedy(
        "see who holds the connections, and whether its log tells of too many files",
        &[&reading.cli("CLIENT LIST"), "journalctl -u redis-server -n 50"],
    );
}

fn idle(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(clients) = &reading.redis.clients else { return };
    let hanging = |least| clients.iter().filter(move |it| is_idle(it, least));
    let (minutes, hour) = (hanging(MINUTES_5).count(), hanging(HOUR).count());
    let never_closes = reading.setting("timeout") == Some("0");
    #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
    let is_half = limit(&reading).is_some_and(|max| minutes as f64 * 2.0 > max);
    let (finding, least) = if is_half {
        let words = format!("{minutes} connections have been idle for 5 minutes and more");
        let is_near =
            taken(&reading).zip(limit(&reading)).is_some_and(|(it, max)| it > max * NEAR_FULL);
        (if is_near { findings.warning(words) } else { findings.note(words) }, MINUTES_5)
    } else if never_closes && hour >= IDLE_MANY {
        let words = format!("{hour} connections have been idle for an hour and more");
        (findings.note(words), HOUR)
    } else {
        return;
    };
    if let Some(max) = limit(&reading) {
        let value = format!("{} connections, {max:.0} at most", clients.len());
        finding.evidence("all", value, "CLIENT LIST; INFO: maxclients");
    }
    tell_holders(finding, hanging(least));
    if let Some(timeout) = reading.setting("timeout") {
        finding.evidence("timeout", timeout, "CONFIG: timeout (0: never closed)");
    }
    let mut longest: Vec<_> = hanging(least).collect();
    longest.sort_by_key(|it| std::cmp::Reverse(it.idle));
    let kill = |it: &RedisClient| reading.cli(&format!("CLIENT KILL ID {}", it.id));
    let kills: Vec<String> = longest.into_iter().take(HOLDERS_TOLD).map(kill).collect();
    let words = "have it close what is idle for 10 minutes; pools reconnect when they need it";
    reading.advise(finding, words, &[("timeout", "600")]);
    finding.remedy(
        "or close single ones, the longest idle first; CLIENT KILL TYPE normal would close \
             those in use as well",
        &kills.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    if never_closes && let Some(change) = reading.set("timeout", "600") {
        finding.change(change);
    }
}

/// Tells who holds the most connections, by address.
fn tell_holders<'a>(finding: &mut Finding, clients: impl Iterator<Item = &'a RedisClient>) {
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    for client in clients {
        *holders.entry(&client.address).or_default() += 1;
    }
    let mut holders: Vec<_> = holders.into_iter().collect();
    holders.sort_by_key(|(_, connections)| std::cmp::Reverse(*connections));
    for (address, connections) in holders.into_iter().take(HOLDERS_TOLD) {
        finding.evidence(format!("held by {address}"), connections.to_string(), CLIENT_LIST);
    }
}

/// Whether nothing has come from a client for so long, though nothing keeps it from asking.
fn is_idle(client: &RedisClient, least: Duration) -> bool {
    client.is_ordinary() && client.idle >= least
}

/// The connections that count towards the limit.
fn taken(reading: &Reading<'_>) -> Option<f64> {
    let links = reading.number("cluster_connections").unwrap_or(0.0);
    Some(reading.number("connected_clients")? + links)
}

fn limit(reading: &Reading<'_>) -> Option<f64> {
    let max = reading.number("maxclients").or_else(|| reading.setting_number("maxclients"));
    max.filter(|it| *it > 0.0)
}

const CLIENT_LIST: &str = "CLIENT LIST";
/// Shares of the limit.
const NEAR_FULL: f64 = 0.8;
const FULL: f64 = 0.95;
const A_WHILE: Duration = Duration::from_mins(1);
const MINUTES_5: Duration = Duration::from_mins(5);
const HOUR: Duration = Duration::from_hours(1);
const IDLE_MANY: usize = 100;
const HOLDERS_TOLD: usize = 3;

#[cfg(test)]
mod tests;
