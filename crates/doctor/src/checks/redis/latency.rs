//! Whether one slow command, or the machine, holds everybody up: one thread serves all clients.

mod fork;

use std::time::Duration;

use super::memory::MEMKEYS;
use super::reading::{Cost, Reading, part, refusal, text_part};
use super::replication::is_failing_over;
use crate::check::{Check, Findings, Look, Severity};
use crate::facts::{ServerFacts, SlowCommand};
use crate::words::{count, millis, percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-busy",
        title: "no script holds everybody up",
        meaning: "A script or function has been running for longer than `busy-reply-threshold` \
            (5 s by default), and the server answers BUSY to everything else until it ends. \
            Before that threshold it answers nothing at all.",
        rule: "Critical if the server answers BUSY.",
        source: "The server's answers to the probe and to INFO: BUSY.",
        look: Look::Server(busy),
    },
    Check {
        id: "redis-paused",
        title: "clients are not paused",
        meaning: "Somebody sent CLIENT PAUSE, or a failover is under way: the server holds clients' \
            requests back and answers later. Applications see timeouts.",
        rule: "Critical if all requests are held back in both samples, warning if only writes are. \
            Valkey tells it from 8.1 on, Redis 7 does not. A failover has its own check.",
        source: "INFO: paused_actions, paused_reason, paused_timeout_milliseconds.",
        look: Look::Server(paused),
    },
    Check {
        id: "redis-slow-log",
        title: "no command takes long",
        meaning: "While a command runs, nobody else is served. The slow log has the commands that \
            took longer than `slowlog-log-slower-than` in the server itself, the network not \
            counted.",
        rule: "Of commands that took at least 10 ms: warning if one of the last hour took at least \
            100 ms, or at least 10 of the last 5 minutes are there; a note if there are any of the \
            last hour.",
        source: "SLOWLOG GET 32.",
        look: Look::Server(slow_log),
    },
    Check {
        id: "redis-blocking-commands",
        title: "no command that goes through everything is in use",
        meaning: "KEYS, FLUSHALL, SORT, SMEMBERS, HGETALL, LRANGE, scripts and their like take time \
            with the size of what they go through. On small data nobody notices; when it has \
            grown, each call stops the server.",
        rule: "Between the samples: warning if such a command takes 10 ms a call in the mean and \
            100 ms in all, or KEYS is called on more than 10,000 keys. A note if it took so long in \
            the mean only, or has since the start.",
        source: "INFO commandstats: calls, usec.",
        look: Look::Server(blocking),
    },
    Check {
        id: "redis-latency-events",
        title: "nothing stops the server now and then",
        meaning: "The latency monitor has seen what stopped the server: forks to save, a disk that \
            is slow to sync, the removal of expired keys, evictions.",
        rule: "Warning if an event of the last hour took at least 100 ms. Commands are left to the \
            slow log. Forks are left to redis-fork where INFO tells of them.",
        source: "LATENCY LATEST (only with latency-monitor-threshold above 0).",
        look: Look::Server(events),
    },
    Check {
        id: "redis-latency-percentiles",
        title: "simple commands are quick",
        meaning: "GET, SET and their like take microseconds. If one in a hundred takes 10 ms within \
            the server, the machine takes the processor away (a noisy neighbour, a CPU limit, \
            swapping), or values are huge.",
        rule: "A note if the 99th percentile of a simple command with at least 10,000 calls is 10 \
            ms or more, since the start.",
        source: "INFO latencystats: p99 (Redis 7 and later).",
        look: Look::Server(percentiles),
    },
    Check {
        id: "redis-cpu",
        title: "its main thread has time left",
        meaning: "One thread executes all commands. When it is busy all the time, requests queue: \
            more clients only make each of them wait longer.",
        rule: "Warning if the main thread was busy for at least 90 % of an interval of at least \
            half a second.",
        source: "INFO: used_cpu_user_main_thread, used_cpu_sys_main_thread between the samples \
            (Redis 6.2 and later).",
        look: Look::Server(processor),
    },
    Check {
        id: "redis-fork",
        title: "forking to save is quick",
        meaning: "To save, the server makes a copy of its process, and serves nobody until the \
            memory's page table is copied: some 10 ms for each GiB, far more on some virtual \
            machines and with transparent huge pages.",
        rule: "If the last fork took at least 100 ms: warning if it was within the last hour, as far \
            as is told, and the server saves by itself; else a note.",
        source: "INFO: latest_fork_usec, rdb_last_save_time, aof_enabled, aof_rewrite_in_progress; \
            LATENCY LATEST: fork; CONFIG: save.",
        look: Look::Server(fork::fork),
    },
    Check {
        id: "redis-blocked-clients",
        title: "few clients wait in blocking commands",
        meaning: "Clients wait in BLPOP, XREAD BLOCK, WAIT or the like. That is how queues work; in \
            a cache it is a surprise, and each of them holds a connection.",
        rule: "A note if at least 100 clients and more than half of all wait.",
        source: "INFO: blocked_clients, connected_clients.",
        look: Look::Server(blocked),
    },
];

fn busy(facts: &ServerFacts, findings: &mut Findings) {
    let Some(words) = refusal(facts, "BUSY") else { return };
    let cli = |command| super::reading::cli(facts, command);
    findings
        .critical("a script runs and nobody else is served")
        .evidence("its answer", words, "the probe, INFO")
        .remedy(
            "end the script, which works as long as it has written nothing (FUNCTION KILL if it is \
             a function)",
            &[&cli("SCRIPT KILL"), &cli("FUNCTION KILL")],
        )
        .remedy(
            "if it has written (UNKILLABLE): wait for its end, or stop the server and lose what was \
             not saved",
            &[&cli("SHUTDOWN NOSAVE")],
        )
        .remedy("then see which script it was, and have it do less at a time", &[
            &cli("SLOWLOG GET 5"),
        ]);
}

fn paused(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    if is_failing_over(&reading) {
        return;
    }
    let severity = if reading.keeps_saying("paused_actions", "all") {
        Severity::Critical
    } else if reading.keeps_saying("paused_actions", "write") {
        Severity::Warning
    } else {
        return;
    };
    let what = if severity == Severity::Critical { "all requests" } else { "writes" };
    let left = reading.number("paused_timeout_milliseconds").unwrap_or(0.0);
    let why = reading.word("paused_reason").unwrap_or("not told").to_owned();
    findings
        .add(severity, format!("clients are paused: it holds {what} back"))
        .evidence("paused", what, "INFO: paused_actions")
        .evidence("why", why, "INFO: paused_reason")
        .evidence("for another", millis(left * 1e3), "INFO: paused_timeout_milliseconds")
        .remedy("let them go on, unless a failover is meant", &[&reading.cli("CLIENT UNPAUSE")]);
}

fn slow_log(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let log = &reading.redis.slow_log;
    // Some have the log begin at a millisecond, or at nothing.
    let is_slow = |it: &&SlowCommand| it.ago_seconds <= HOUR && it.took >= SLOW_LOGGED;
    let recent: Vec<&SlowCommand> = log.iter().filter(is_slow).collect();
    let Some(worst) = recent.iter().max_by_key(|it| it.took) else { return };
    let just_now = recent.iter().filter(|it| it.ago_seconds <= MINUTES_5).count();
    let took = millis_of(worst.took);
    // What is older than what was asked for may be of the last hour, too.
    let is_cut = reading.redis.slow_log_len.is_some_and(|it| it > log.len() as u64)
        && log.last().is_some_and(|it| it.ago_seconds <= HOUR);
    let many = format!("{}{}", if is_cut { "at least " } else { "" }, count_of(recent.len()));
    let severity = if worst.took >= SLOW || just_now >= SLOW_COMMANDS_MANY {
        Severity::Warning
    } else {
        Severity::Note
    };
    let finding = findings
        .add(severity, format!("{many} in the last hour, the slowest {took}"))
        .evidence("slowest", format!("{took}: {}", worst.command), SLOW_LOG)
        .evidence("how long ago", ago(worst.ago_seconds), SLOW_LOG)
        .evidence("in the last 5 minutes", just_now.to_string(), SLOW_LOG);
    if let Some(client) = &worst.client {
        finding.evidence("who asked", client.clone(), SLOW_LOG);
    }
    for (name, times, total) in by_command(&recent).into_iter().take(COMMANDS_TOLD) {
        let value = format!("{times} of them, {} in all", millis_of(total));
        finding.evidence(name, value, SLOW_LOG);
    }
    let has_script = recent.iter().any(|it| is_script(&name_of(it)));
    finding.remedy(
        "have the one who asks do less at a time: SCAN for KEYS, HSCAN and SSCAN for HGETALL and \
         SMEMBERS, shorter ranges, UNLINK for DEL of what is large",
        &[&reading.cli("SLOWLOG GET 32")],
    );
    if has_script {
        finding.remedy("a script holds everybody up while it runs: split it", &[]);
    }
}

fn blocking(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let keys = reading.keys().all;
    for (name, cost) in reading.recent_costs() {
        if !goes_through_everything(name) {
            continue;
        }
        let each = cost.micros / cost.calls;
        if each >= SLOW_CALL_MICROS || (name == "keys" && keys > KEYS_MANY) {
            let called = count(cost.calls, "call");
            let words = format!("{} is in use: {} a call", name.to_uppercase(), millis(each));
            let is_much = cost.micros >= SLOW_IN_ALL_MICROS || name == "keys";
            let finding = if is_much { findings.warning(words) } else { findings.note(words) };
            let apart = reading.apart().map_or_else(String::new, |it| format!(" in {}", span(it)));
            finding
                .evidence("between the samples", format!("{called}{apart}"), commandstats(name))
                .evidence("keys in it", format!("{keys:.0}"), "INFO: db0…")
                .remedy(instead_of(name), &[&reading.cli("SLOWLOG GET 32")]);
        }
    }
    // What is told of now is not told again of the past.
    let now: Vec<&str> = reading.recent_costs().into_iter().map(|(name, _)| name).collect();
    for name in THROUGH_EVERYTHING.iter().filter(|it| !now.contains(it)) {
        let Some(cost) = reading.cost(name).filter(|it| it.calls > 0.0) else { continue };
        if cost.micros / cost.calls >= SLOW_CALL_MICROS {
            note_of_past(findings, &reading, name, cost);
        }
    }
}

fn note_of_past(findings: &mut Findings, reading: &Reading<'_>, name: &str, cost: Cost) {
    let each = millis(cost.micros / cost.calls);
    findings
        .note(format!("{} has taken {each} a call since its start", name.to_uppercase()))
        .evidence("calls", format!("{:.0}, none while we looked", cost.calls), commandstats(name))
        .remedy(instead_of(name), &[&reading.cli("INFO commandstats")]);
}

fn events(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let told_by_fork = reading.number("latest_fork_usec").is_some_and(|it| it >= SLOW_FORK_MICROS);
    for event in &reading.redis.latency_events {
        let is_told_elsewhere = match &*event.name {
            "command" => true,
            "fork" => told_by_fork,
            _ => false,
        };
        if event.ago_seconds > HOUR || event.last < SLOW || is_told_elsewhere {
            continue;
        }
        let words = format!("{} stopped it for {}", event.name, millis_of(event.last));
        findings
            .warning(words)
            .evidence("the last time", ago(event.ago_seconds), LATENCY_LATEST)
            .evidence("the longest ever", millis_of(event.max), LATENCY_LATEST)
            .remedy(
                cause_of(&event.name),
                &[
                    &reading.cli(&format!("LATENCY HISTORY {}", event.name)),
                    &reading.cli("LATENCY DOCTOR"),
                ],
            );
    }
}

fn percentiles(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    for name in SIMPLE {
        let Some(line) = reading.word(&format!("latency_percentiles_usec_{name}")) else {
            continue;
        };
        let calls = reading.cost(name).map_or(0.0, |it| it.calls);
        let Some(p99) = text_part(line, "p99").and_then(|_| part(line, "p99")) else { continue };
        if p99 < SLOW_CALL_MICROS || calls < CALLS_MIN {
            continue;
        }
        let words =
            format!("one {} in a hundred took {} or more", name.to_uppercase(), millis(p99));
        findings
            .note(words)
            .evidence("since its start", line.replace(',', ", "), "INFO latencystats, in µs")
            .evidence("calls", format!("{calls:.0}"), commandstats(name))
            .remedy(
                "on its machine: see whether it waits for a processor or for swapped memory (the second \
                 takes a processor for 10 s)",
                &["vmstat 1 5", "redis-cli --intrinsic-latency 10"],
            )
            .remedy("look for huge values: this asks about every key, with pauses", &[&reading.cli(MEMKEYS)]);
    }
}

fn processor(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(apart) = reading.apart().filter(|it| *it >= INTERVAL_SECONDS_MIN) else { return };
    let (Some(user), Some(system)) =
        (reading.growth("used_cpu_user_main_thread"), reading.growth("used_cpu_sys_main_thread"))
    else {
        return;
    };
    let share = (user + system) / apart;
    if share < BUSY_SHARE {
        return;
    }
    let mut costs = reading.recent_costs();
    costs.sort_by(|a, b| b.1.micros.total_cmp(&a.1.micros));
    let finding = findings
        .warning(format!("its main thread is busy {} of the time", percent(share.min(1.0))))
        .evidence(
            "processor time",
            format!("{:.2} s of {:.2} s", user + system, apart),
            "INFO: used_cpu_user_main_thread, used_cpu_sys_main_thread",
        );
    for (name, cost) in costs.into_iter().take(COMMANDS_TOLD) {
        let value = format!("{}, {} in all", count(cost.calls, "call"), millis(cost.micros));
        finding.evidence(name.to_uppercase(), value, commandstats(name));
    }
    finding
        .remedy(
            "see which commands cost most, and who sends them",
            &[&reading.cli("INFO commandstats"), &reading.cli("CLIENT LIST")],
        )
        .remedy("spread the keys over more servers; io-threads help only with large answers", &[]);
}

fn blocked(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Some(blocked), Some(all)) =
        (reading.number("blocked_clients"), reading.number("connected_clients"))
    else {
        return;
    };
    if blocked >= BLOCKED_MIN && blocked * 2.0 > all {
        findings
            .note(format!("{blocked:.0} clients wait in blocking commands"))
            .evidence(
                "waiting",
                format!("{blocked:.0} of {all:.0} clients"),
                "INFO: blocked_clients",
            )
            .remedy("see what they wait for", &[&reading.cli("CLIENT LIST")]);
    }
}

/// The slow commands by name, those that took longest in all first.
fn by_command(log: &[&SlowCommand]) -> Vec<(String, usize, Duration)> {
    let mut commands: Vec<(String, usize, Duration)> = Vec::new();
    for entry in log {
        let name = name_of(entry);
        match commands.iter_mut().find(|it| it.0 == name) {
            Some((_, times, total)) => {
                *times += 1;
                *total += entry.took;
            }
            None => commands.push((name, 1, entry.took)),
        }
    }
    commands.sort_by_key(|it| std::cmp::Reverse(it.2));
    commands
}

fn name_of(entry: &SlowCommand) -> String {
    entry.command.split_whitespace().next().unwrap_or("?").to_uppercase()
}

fn is_script(name: &str) -> bool {
    ["EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"].contains(&name)
}

fn goes_through_everything(name: &str) -> bool {
    THROUGH_EVERYTHING.contains(&name)
}

fn instead_of(name: &str) -> &'static str {
    match name {
        "keys" => "find who calls KEYS, and have it use SCAN, or keep an index of its own",
        "flushall" | "flushdb" => {
            "find who empties it; FLUSHALL ASYNC frees the memory in the background"
        }
        "del" => "delete what is large by UNLINK, which frees the memory in the background",
        "eval" | "evalsha" | "fcall" => {
            "have the script do less at a time: nobody is served meanwhile"
        }
        "hgetall" | "hkeys" | "hvals" => "ask for the fields that are needed (HMGET), or by HSCAN",
        "smembers" => "go through it by SSCAN",
        _ => "have the one who calls it ask for less at a time",
    }
}

fn cause_of(event: &str) -> &'static str {
    match event {
        "fork" => {
            "it forks to save: save less often, or on a replica; turn transparent huge pages off"
        }
        "expire-cycle" | "expire-del" => {
            "many keys expire at one moment: add some chance to their expiry"
        }
        "eviction-cycle" | "eviction-del" => {
            "it is full and evicts: more memory, or smaller values; lazyfree-lazy-eviction yes"
        }
        "rdb-unlink-temp-file" => {
            "removing the file of an old snapshot takes long: look at the disk"
        }
        name if name.starts_with("aof") => {
            "the disk is slow: appendfsync everysec, no-appendfsync-on-rewrite yes, or no append-only \
             file for a cache"
        }
        _ => "see how often it happens, and what the server itself makes of it",
    }
}

fn commandstats(name: &str) -> String {
    format!("INFO: cmdstat_{name}")
}

fn count_of(number: usize) -> String {
    if number == 1 { "1 slow command".to_owned() } else { format!("{number} slow commands") }
}

fn millis_of(duration: Duration) -> String {
    millis(duration.as_secs_f64() * 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "told in hours")]
fn ago(seconds: u64) -> String {
    format!("{} ago", span(seconds as f64))
}

/// Commands whose cost grows with what they go through.
const THROUGH_EVERYTHING: [&str; 26] = [
    "keys",
    "flushall",
    "flushdb",
    "sort",
    "sort_ro",
    "smembers",
    "sunion",
    "sinter",
    "sdiff",
    "sunionstore",
    "sinterstore",
    "sdiffstore",
    "hgetall",
    "hkeys",
    "hvals",
    "lrange",
    "zrange",
    "zrangebyscore",
    "zunionstore",
    "zinterstore",
    "del",
    "eval",
    "evalsha",
    "fcall",
    "save",
    "debug",
];
/// Commands that take microseconds.
const SIMPLE: [&str; 9] =
    ["get", "set", "setex", "hget", "hset", "incr", "exists", "expire", "touch"];
const SLOW_LOG: &str = "SLOWLOG GET";
const LATENCY_LATEST: &str = "LATENCY LATEST";
const HOUR: u64 = 3_600;
const MINUTES_5: u64 = 300;
/// What is slow for anybody.
const SLOW: Duration = Duration::from_millis(100);
/// What a command may take.
const SLOW_LOGGED: Duration = Duration::from_millis(10);
const SLOW_COMMANDS_MANY: usize = 10;
/// What a call may take in the mean.
const SLOW_CALL_MICROS: f64 = 10_000.0;
/// What all calls of the interval may take together: one call is no load.
const SLOW_IN_ALL_MICROS: f64 = 100_000.0;
const SLOW_FORK_MICROS: f64 = 100_000.0;
/// So many keys take KEYS some milliseconds.
const KEYS_MANY: f64 = 10_000.0;
/// Fewer calls tell nothing of one in a hundred.
const CALLS_MIN: f64 = 10_000.0;
const BUSY_SHARE: f64 = 0.9;
/// Processor time is counted in steps.
const INTERVAL_SECONDS_MIN: f64 = 0.5;
const BLOCKED_MIN: f64 = 100.0;
const COMMANDS_TOLD: usize = 3;

#[cfg(test)]
mod tests;
