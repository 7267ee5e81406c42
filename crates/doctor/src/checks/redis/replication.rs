//! Whether a copy keeps up with what it copies, and whether writes are taken.

use super::reading::{Reading, part, refusal, text_part};
use crate::check::{Check, Findings, Look};
use crate::facts::ServerFacts;
use crate::words::{bytes, percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-replica-link",
        title: "a replica is connected to its primary",
        meaning: "The replica has lost its primary. By default it goes on serving what it had, \
            which grows old; with `replica-serve-stale-data no` it answers MASTERDOWN. When the \
            link is back it may copy everything anew, which loads both.",
        rule: "Critical if the link is down in both samples; warning if it is down in one of them, \
            or everything is being copied anew. Nothing on a primary.",
        source: "INFO: role, master_link_status, master_link_down_since_seconds, \
            master_sync_in_progress.",
        look: Look::Server(link),
    },
    Check {
        id: "redis-replica-read-only",
        title: "writes go to the primary",
        meaning: "The server is a replica and takes no writes: who addresses it as a cache is \
            answered READONLY. That happens after a failover, when an application keeps the old \
            primary's address.",
        rule: "Warning if a write was refused with READONLY between the samples; a note on every \
            replica that takes no writes, for who did not know.",
        source: "INFO: role, errorstat_READONLY; CONFIG: replica-read-only; the probe.",
        look: Look::Server(read_only),
    },
    Check {
        id: "redis-replication-lag",
        title: "copies keep up",
        meaning: "A replica that is behind serves old values, and what it has not got yet is lost \
            if it becomes the primary. One that is too far behind is disconnected and copies \
            everything anew.",
        rule: "Warning if a replica is not online, has confirmed nothing for more than 10 s, or is \
            more than 64 MiB behind; on a replica, if nothing has come from its primary for more \
            than 30 s although the link is up.",
        source: "INFO: slave0… (state, lag, offset), master_repl_offset; on a replica \
            master_last_io_seconds_ago.",
        look: Look::Server(lag),
    },
    Check {
        id: "redis-replica-chain",
        title: "replicas copy the primary itself",
        meaning: "A replica of a replica is behind by both ways, and goes on copying a server that \
            was left behind when another becomes the primary.",
        rule: "A note if a replica has replicas of its own.",
        source: "INFO: role, connected_slaves.",
        look: Look::Server(chain),
    },
    Check {
        id: "redis-min-replicas",
        title: "enough replicas for writes to be taken",
        meaning: "The server takes writes only while so many replicas keep up \
            (`min-replicas-to-write`), and fewer do: every write is answered NOREPLICAS.",
        rule: "Critical if fewer replicas are good than writes need, or a write was refused so.",
        source: "INFO: min_slaves_good_slaves; CONFIG: min-replicas-to-write; the probe.",
        look: Look::Server(min_replicas),
    },
    Check {
        id: "redis-failover",
        title: "no failover is under way",
        meaning: "Somebody has begun a failover by hand: the server holds writes back until the \
            replica that takes over has caught up.",
        rule: "Warning while the state is another than no-failover.",
        source: "INFO: master_failover_state.",
        look: Look::Server(failover),
    },
    Check {
        id: "redis-cluster",
        title: "the cluster serves all keys",
        meaning: "A part of the cluster's slots is served by nobody. With \
            `cluster-require-full-coverage yes`, the default, every server then answers \
            CLUSTERDOWN to every key; with `no`, only keys of those slots fail.",
        rule: "Critical if the cluster's state is not ok, or slots are failing or nobody's; warning if \
            only doubts are told (pfail).",
        source: "CLUSTER INFO: cluster_state, cluster_slots_assigned, cluster_slots_fail, \
            cluster_slots_pfail; the probe.",
        look: Look::Server(cluster),
    },
    Check {
        id: "redis-sentinel",
        title: "it is a server for data",
        meaning: "This is a Sentinel: it watches other servers and stores nothing. Applications ask \
            it where the primary is; requests for keys are refused.",
        rule: "Warning if it runs as a Sentinel.",
        source: "INFO: redis_mode; of Valkey server_mode.",
        look: Look::Server(sentinel),
    },
];

fn link(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts).filter(Reading::is_replica) else { return };
    if !reading.says("master_link_status", "down") {
        return;
    }
    let syncs = reading.says("master_sync_in_progress", "1");
    let finding = if syncs {
        findings.warning("it copies everything from its primary and is not up to date")
    } else if reading.keeps_saying("master_link_status", "down") {
        findings.critical("it has lost its primary: what it serves grows old")
    } else {
        findings.warning("it lost its primary while we looked")
    };
    let primary = format!(
        "{}:{}",
        reading.word("master_host").unwrap_or("?"),
        reading.word("master_port").unwrap_or("?")
    );
    finding.evidence("primary", primary.as_str(), "INFO: master_host, master_port");
    let down = reading.number("master_link_down_since_seconds");
    let down = match down.filter(|it| *it >= 0.0) {
        Some(seconds) => format!("for {}", span(seconds)),
        None => "since its start".to_owned(),
    };
    finding.evidence("link down", down, "INFO: master_link_down_since_seconds");
    if syncs {
        if let (Some(done), Some(all)) =
            (reading.number("master_sync_read_bytes"), reading.number("master_sync_total_bytes"))
        {
            let value = format!("{} of {}", bytes(done), bytes(all));
            finding.evidence(
                "copied",
                value,
                "INFO: master_sync_read_bytes, master_sync_total_bytes",
            );
        }
        finding.remedy("wait until it has copied everything", &[&reading.cli("INFO replication")]);
        return;
    }
    if reading.setting("replica-serve-stale-data") == Some("no") {
        finding.evidence("reads", "refused with MASTERDOWN", "CONFIG: replica-serve-stale-data");
    }
    finding
        .remedy(
            "see whether the primary runs and is reached from the replica's machine, and what the \
             replica's log says (a wrong masterauth, a refused connection)",
            &[&format!("evenkeel doctor redis://{primary}"), "journalctl -u redis-server -n 50"],
        )
        .remedy(
            "if the primary is lost for good: make this one the primary, and send applications here",
            &[&reading.cli("REPLICAOF NO ONE"), &reading.cli("CONFIG REWRITE")],
        );
}

fn read_only(facts: &ServerFacts, findings: &mut Findings) {
    let told = refusal(facts, "READONLY");
    let Some(reading) = Reading::of(facts).filter(Reading::is_replica) else { return };
    let is_read_only =
        told.is_some() || setting_yes(&reading, "slave_read_only", "replica-read-only");
    let recent = reading.recent_errors("READONLY");
    if !is_read_only {
        return;
    }
    let primary = format!(
        "{}:{}",
        reading.word("master_host").unwrap_or("?"),
        reading.word("master_port").unwrap_or("?")
    );
    let finding = if recent > 0.0 {
        findings.warning(format!("it is a replica, and somebody's writes are refused: {recent:.0}"))
    } else {
        findings.note("it is a replica and takes no writes")
    };
    finding.evidence("role", "replica", "INFO: role").evidence(
        "its primary",
        primary.as_str(),
        "INFO: master_host, master_port",
    );
    if recent > 0.0 {
        finding.evidence(
            "refused",
            format!("{recent:.0} while we looked"),
            "INFO: errorstat_READONLY",
        );
    }
    finding.remedy(
        "send writes to the primary: have applications ask Sentinel or the cluster for it, and look \
         again after a failover",
        &[&format!("evenkeel doctor redis://{primary}")],
    );
}

fn lag(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let own = reading.number("master_repl_offset").unwrap_or(0.0);
    for (_, line) in reading.redis.info.last.beginning_with("slave").filter(is_replica_line) {
        let state = text_part(line, "state").unwrap_or("online");
        let seconds = part(line, "lag").unwrap_or(0.0);
        let behind = part(line, "offset").map_or(0.0, |offset| (own - offset).max(0.0));
        let what = if state != "online" {
            format!("is not in step (state {state})")
        } else if seconds > LAG_SECONDS_MAX {
            format!("has confirmed nothing for {}", span(seconds))
        } else if behind > LAG_BYTES_MAX {
            format!("is {} behind", bytes(behind))
        } else {
            continue;
        };
        let (ip, port) =
            (text_part(line, "ip").unwrap_or("?"), text_part(line, "port").unwrap_or("?"));
        let finding = findings.warning(format!("its replica {ip}:{port} {what}"));
        finding.evidence("state", state, "INFO: slave0…: state");
        // One that is copying everything has confirmed nothing yet.
        if state == "online" {
            let confirmed = format!("{} ago", span(seconds));
            finding.evidence("last confirmed", confirmed, "INFO: slave0…: lag").evidence(
                "behind",
                bytes(behind),
                "INFO: slave0…: offset, master_repl_offset",
            );
        }
        finding.remedy(
            "see how the replica is, and whether the network between them keeps up",
            &[&format!("evenkeel doctor redis://{ip}:{port}"), &reading.cli("INFO replication")],
        );
    }
    let silence = reading.number("master_last_io_seconds_ago").unwrap_or(0.0);
    if reading.is_replica()
        && reading.says("master_link_status", "up")
        && silence > SILENCE_SECONDS_MAX
    {
        findings
            .warning(format!("nothing has come from its primary for {}", span(silence)))
            .evidence(
                "last heard",
                format!("{} ago", span(silence)),
                "INFO: master_last_io_seconds_ago",
            )
            .remedy(
                "see whether the primary hangs; the link is given up after repl-timeout",
                &[&reading.cli("INFO replication")],
            );
    }
}

/// `slave0`, and not `slave_priority`.
fn is_replica_line(pair: &(&str, &str)) -> bool {
    pair.0.parse::<u32>().is_ok()
}

fn chain(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts).filter(Reading::is_replica) else { return };
    let below = reading.number("connected_slaves").unwrap_or(0.0);
    if below > 0.0 {
        findings
            .note("it is a replica and has replicas of its own")
            .evidence("its replicas", format!("{below:.0}"), "INFO: connected_slaves")
            .remedy(
                "let them copy the primary, unless this is meant",
                &[&reading.cli("INFO replication")],
            );
    }
}

fn min_replicas(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let told = refusal(facts, "NOREPLICAS");
    let wanted = reading
        .setting_number("min-replicas-to-write")
        .filter(|it| *it > 0.0 && !reading.is_replica());
    let good = reading.number("min_slaves_good_slaves");
    let lacks = wanted.zip(good).is_some_and(|(wanted, good)| good < wanted);
    if told.is_none() && !lacks {
        return;
    }
    let finding = findings.critical("writes are refused: too few of its replicas keep up");
    if let Some(words) = told {
        finding.evidence("our set", words, "the probe");
    }
    if let Some((wanted, good)) = wanted.zip(good) {
        let value = format!("{good:.0}, and {wanted:.0} are wanted");
        let source = "INFO: min_slaves_good_slaves; CONFIG: min-replicas-to-write";
        finding.evidence("good replicas", value, source);
    }
    finding.remedy("bring the replicas back", &[&reading.cli("INFO replication")]).remedy(
        "or take writes without them: what is written is lost if this server is lost",
        &[&reading.cli("CONFIG SET min-replicas-to-write 0")],
    );
    if let Some(change) = reading.set("min-replicas-to-write", "0") {
        finding.change(change);
    }
}

/// Whether a failover by hand is under way.
pub(super) fn is_failing_over(reading: &Reading<'_>) -> bool {
    reading.word("master_failover_state").is_some_and(|it| it != NO_FAILOVER)
}

fn failover(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    if let Some(state) = reading.word("master_failover_state").filter(|_| is_failing_over(&reading))
    {
        findings
            .warning(format!("a failover is under way ({state})"))
            .evidence("state", state, "INFO: master_failover_state")
            .remedy("wait for its end, or call it off", &[&reading.cli("FAILOVER ABORT")]);
    }
}

fn cluster(facts: &ServerFacts, findings: &mut Findings) {
    let told = refusal(facts, "CLUSTERDOWN");
    let Some(reading) = Reading::of(facts) else { return };
    let cluster = &reading.redis.cluster;
    let slots = |name| cluster.number(name).unwrap_or(0.0);
    let (failing, doubted) = (slots("cluster_slots_fail"), slots("cluster_slots_pfail"));
    let state = cluster.word("cluster_state");
    let lacks = cluster.number("cluster_slots_assigned").is_some_and(|it| it < SLOTS);
    let is_down = told.is_some() || state.is_some_and(|it| it != "ok") || failing > 0.0 || lacks;
    let finding = if is_down {
        findings.critical("the cluster does not serve all keys")
    } else if doubted > 0.0 {
        findings.warning("the cluster may soon not serve all keys")
    } else {
        return;
    };
    if let Some(words) = told {
        finding.evidence("its answer", words, "the probe");
    }
    if let Some(state) = state {
        finding.evidence("state", state, "CLUSTER INFO: cluster_state");
    }
    if let Some(assigned) = cluster.number("cluster_slots_assigned") {
        let share = percent(assigned / SLOTS);
        let value =
            format!("{assigned:.0} of {SLOTS:.0} ({share}), {failing:.0} fail, {doubted:.0} may");
        finding.evidence(
            "slots with a server",
            value,
            "CLUSTER INFO: cluster_slots_assigned, …_fail",
        );
    }
    finding.remedy(
        "see whose slots they are, and start that server or let a replica take over (not \
         `--cluster fix`, which gives its slots to others, without their keys)",
        &[
            &reading.cli("CLUSTER SLOTS"),
            &reading.cli(&format!("--cluster check {}", facts.target.address)),
        ],
    );
}

fn sentinel(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    // Valkey calls it by the other name.
    if reading.says("redis_mode", "sentinel") || reading.says("server_mode", "sentinel") {
        findings
            .warning("it is a Sentinel, which stores nothing")
            .evidence("mode", "sentinel", "INFO: redis_mode, server_mode")
            .remedy(
                "ask it which servers it watches, and examine those",
                &[&reading.cli("SENTINEL MASTERS")],
            );
    }
}

/// Whether something is on by `INFO`, else by `CONFIG`; on by default.
fn setting_yes(reading: &Reading<'_>, in_info: &str, in_config: &str) -> bool {
    match (reading.word(in_info), reading.setting(in_config)) {
        (Some(word), _) => word == "1",
        (None, Some(word)) => word == "yes",
        (None, None) => true,
    }
}

const NO_FAILOVER: &str = "no-failover";
const LAG_SECONDS_MAX: f64 = 10.0;
/// From here on a replica's output buffer comes near its limit.
const LAG_BYTES_MAX: f64 = 64.0 * 1_048_576.0;
/// A primary says something at least every 10 s (`repl-ping-replica-period`).
const SILENCE_SECONDS_MAX: f64 = 30.0;
/// The slots of a cluster.
const SLOTS: f64 = 16_384.0;

#[cfg(test)]
mod tests;
