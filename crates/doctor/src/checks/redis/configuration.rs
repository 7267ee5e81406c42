//! Settings that will make trouble some day.

use std::net::IpAddr;

use super::reading::Reading;
use crate::check::{Check, Finding, Findings, Look, Severity};
use crate::checks::memcached::configuration::is_public;
use crate::facts::ServerFacts;
use crate::target::Protocol;
use crate::words::millis;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-config-exposed",
        title: "not everybody may use it",
        meaning: "The server takes commands from other machines without a password: whoever \
            reaches it can read, change and delete everything, have it run scripts, and often \
            write files as its user. Servers that are open to the internet are found and abused \
            within hours.",
        rule: "If it served us without a password, with protected-mode off and not bound to \
            loopback alone: critical if we reached it at a public address, else a note: in a \
            network that is closed to others that is usual.",
        source: "Our own login; the address that answered; CONFIG: bind, protected-mode.",
        look: Look::Server(exposed),
    },
    Check {
        id: "redis-config-keepalive",
        title: "vanished clients are noticed",
        meaning: "With `tcp-keepalive 0` and `timeout 0` the server never learns that a client's \
            machine is gone: its connection stays, and counts towards the limit, until a restart.",
        rule: "A note if both are 0.",
        source: "CONFIG: tcp-keepalive, timeout.",
        look: Look::Server(keepalive),
    },
    Check {
        id: "redis-config-fsync",
        title: "it need not wait for the disk at each write",
        meaning: "With `appendfsync always` each write waits until the disk has it. That is right \
            for a database that may lose nothing, and very slow for a cache.",
        rule: "A note if the append-only file is on and appendfsync is always.",
        source: "CONFIG: appendonly, appendfsync.",
        look: Look::Server(fsync),
    },
    Check {
        id: "redis-config-hz",
        title: "background work is done at a sensible pace",
        meaning: "`hz` says how many times a second the server looks after clients and expired \
            keys. Below 10 that is too seldom; above 100 it takes processor time for nothing.",
        rule: "A note below 10 or above 100.",
        source: "CONFIG: hz.",
        look: Look::Server(hz),
    },
    Check {
        id: "redis-config-slow-log",
        title: "slow commands are logged",
        meaning: "The slow log is off, or keeps nothing: who has held everybody up cannot be told \
            afterwards.",
        rule: "A note if slowlog-log-slower-than is negative or more than a second, or \
            slowlog-max-len is 0.",
        source: "CONFIG: slowlog-log-slower-than, slowlog-max-len.",
        look: Look::Server(slow_log),
    },
    Check {
        id: "redis-config-latency-monitor",
        title: "what stops the server is recorded",
        meaning: "The latency monitor is off, which is the default: forks, slow disks and cycles of \
            expiry that stop the server leave no trace. It costs next to nothing.",
        rule: "A note if latency-monitor-threshold is 0.",
        source: "CONFIG: latency-monitor-threshold.",
        look: Look::Server(latency_monitor),
    },
    Check {
        id: "redis-config-maxclients",
        title: "it may have as many files as clients",
        meaning: "At its start the server lowers `maxclients` to what its process may open, less 32 \
            files that it keeps for itself, and says so in its log only.",
        rule: "A note if maxclients is 32 less than 1,024 or 4,096, which are usual limits of files.",
        source: "CONFIG: maxclients.",
        look: Look::Server(max_clients),
    },
    Check {
        id: "redis-config-backlog",
        title: "bursts of new connections are taken",
        meaning: "Connections that were established and not yet taken by the server wait in a queue \
            of the kernel. When it is full, new ones are dropped, and their clients wait a second \
            or more before they try again.",
        rule: "A note if tcp-backlog is less than 128. The kernel's own limit (net.core.somaxconn) \
            is not seen from here.",
        source: "CONFIG: tcp-backlog.",
        look: Look::Server(backlog),
    },
];

fn exposed(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let (Ok(reached), Protocol::Redis(login)) = (&facts.reach, &facts.target.protocol) else {
        return;
    };
    let is_open = reading.setting("protected-mode") == Some("no")
        && reading.setting("bind").is_some_and(|it| !is_loopback_only(it));
    if !is_open || login.password.is_some() {
        return;
    }
    let ip = reached.addr.ip();
    let is_public = is_public(ip.to_canonical());
    let severity = if is_public { Severity::Critical } else { Severity::Note };
    let finding = findings
        .add(severity, "it takes commands without a password from whoever reaches it")
        .evidence("our login", "none, and it served us", format!("our connection to {ip}"))
        .evidence("protected-mode", "no", "CONFIG: protected-mode");
    if let Some(bind) = reading.setting("bind") {
        let value = if bind.is_empty() { "all addresses" } else { bind };
        finding.evidence("bind", value, "CONFIG: bind");
    }
    finding.remedy("let only the machines that need it reach it: firewall, bind", &[]).remedy(
        "give it a password (applications need it first, or they are locked out), and set it in \
             its configuration file",
        &[&reading.cli("ACL SETUSER default on '>PASSWORD'"), "requirepass PASSWORD"],
    );
}

fn keepalive(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let is_off = |name| reading.setting(name) == Some("0");
    if is_off("tcp-keepalive") && is_off("timeout") {
        let finding = findings.note("it never notices that a client's machine is gone");
        tell_setting(finding, &reading, "tcp-keepalive");
        tell_setting(finding, &reading, "timeout");
        advise(finding, &reading, "have the kernel look after connections", "tcp-keepalive", "300");
    }
}

fn fsync(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let appends = reading.setting("appendonly") == Some("yes");
    if appends && reading.setting("appendfsync") == Some("always") {
        let finding = findings.note("each write waits for the disk");
        tell_setting(finding, &reading, "appendfsync");
        let words = "if a second of writes may be lost, sync once a second";
        advise(finding, &reading, words, "appendfsync", "everysec");
    }
}

fn hz(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(hz) = reading.setting_number("hz").filter(|it| !(10.0..=100.0).contains(it)) else {
        return;
    };
    let how = if hz < 10.0 { "seldom" } else { "very often" };
    let finding = findings.note(format!("it does its background work {how} (hz {hz:.0})"));
    tell_setting(finding, &reading, "hz");
    advise(finding, &reading, "use the default", "hz", "10");
}

fn slow_log(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let threshold = reading.setting_number("slowlog-log-slower-than");
    let is_off =
        threshold.is_some_and(|it| it < 0.0) || reading.setting("slowlog-max-len") == Some("0");
    let summary = if is_off {
        "slow commands are not logged".to_owned()
    } else if let Some(micros) = threshold.filter(|it| *it > SLOWER_THAN_MAX) {
        format!("only commands slower than {} are logged", millis(micros))
    } else {
        return;
    };
    let finding = findings.note(summary);
    tell_setting(finding, &reading, "slowlog-log-slower-than");
    tell_setting(finding, &reading, "slowlog-max-len");
    let words = "log what takes more than 10 ms (a setting in microseconds), 128 entries or more";
    if reading.setting("slowlog-max-len") == Some("0") {
        advise(finding, &reading, words, "slowlog-max-len", "128");
    } else {
        advise(finding, &reading, words, "slowlog-log-slower-than", "10000");
    }
}

fn latency_monitor(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    if reading.setting("latency-monitor-threshold") == Some("0") {
        let finding = findings.note("the latency monitor is off");
        tell_setting(finding, &reading, "latency-monitor-threshold");
        let words = "record what takes 100 ms or more";
        advise(finding, &reading, words, "latency-monitor-threshold", "100");
    }
}

fn max_clients(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(max) = reading.setting("maxclients") else { return };
    let Some((_, files)) = LOWERED.iter().find(|(lowered, _)| *lowered == max) else { return };
    let finding =
        findings.note(format!("maxclients is {max}: a limit of {files} files lowered it"));
    tell_setting(finding, &reading, "maxclients");
    finding.remedy(
        "let its process open more files, and restart it (LimitNOFILE=65536 in its unit)",
        &["grep 'open files' /proc/$(pidof redis-server)/limits", "systemctl edit redis-server"],
    );
}

fn backlog(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    if reading.setting_number("tcp-backlog").is_some_and(|it| it < BACKLOG_MIN) {
        let finding = findings.note("few new connections may wait to be taken");
        tell_setting(finding, &reading, "tcp-backlog");
        finding.remedy(
            "set tcp-backlog 511 in its configuration (it takes a restart), and the kernel's limit \
             no lower",
            &["sysctl net.core.somaxconn"],
        );
    }
}

fn tell_setting(finding: &mut Finding, reading: &Reading<'_>, name: &str) {
    if let Some(value) = reading.setting(name) {
        finding.evidence(name, value, format!("CONFIG: {name}"));
    }
}

/// Tells how to set it, and offers to.
fn advise(finding: &mut Finding, reading: &Reading<'_>, words: &str, name: &str, value: &str) {
    reading.advise(finding, words, &[(name, value)]);
    if let Some(change) = reading.set(name, value) {
        finding.change(change);
    }
}

/// `127.0.0.1 -::1`: a minus says that the address may be missing.
fn is_loopback_only(bind: &str) -> bool {
    let addresses: Vec<_> = bind.split_whitespace().map(|it| it.trim_start_matches('-')).collect();
    let is_loopback = |it: &&str| it.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    !addresses.is_empty() && addresses.iter().all(is_loopback)
}

/// A threshold beyond which the slow log misses what matters, in microseconds.
const SLOWER_THAN_MAX: f64 = 1_000_000.0;
const BACKLOG_MIN: f64 = 128.0;
/// What limits of files leave for clients.
const LOWERED: [(&str, &str); 2] = [("992", "1024"), ("4064", "4096")];

#[cfg(test)]
mod tests;
