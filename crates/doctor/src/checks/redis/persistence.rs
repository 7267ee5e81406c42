//! Whether saving works, and whether it is in the way.

use super::reading::{Reading, cli, refusal};
use crate::check::{Check, Finding, Findings, Look};
use crate::facts::ServerFacts;
use crate::words::{bytes, percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-loading",
        title: "it has loaded what it had saved",
        meaning: "After a start the server reads what it had saved, and answers LOADING to \
            everything else meanwhile. Health checks that take any answer for a good one call it \
            healthy.",
        rule: "Critical while it loads.",
        source: "INFO: loading, loading_loaded_perc, loading_eta_seconds; the probe: LOADING.",
        look: Look::Server(loading),
    },
    Check {
        id: "redis-writes-stopped",
        title: "saving works, so that writes are taken",
        meaning: "The last save failed, or the append-only file cannot be written: to keep data \
            from being lost the server answers MISCONF to every write. The disk is full, its folder \
            is gone or not writable, or there is no memory to fork.",
        rule: "Critical if a write is refused with MISCONF; if the last save failed, save points \
            are set and stop-writes-on-bgsave-error is yes; or if the append-only file could not \
            be written.",
        source: "The probe; INFO: rdb_last_bgsave_status, aof_last_write_status; CONFIG: save, \
            stop-writes-on-bgsave-error.",
        look: Look::Server(writes_stopped),
    },
    Check {
        id: "redis-save-failed",
        title: "the last save worked",
        meaning: "The last snapshot or rewrite of the append-only file failed. Writes are taken all \
            the same; a restart would bring back an older state, or nothing.",
        rule: "Warning if the last save or rewrite failed while writes are taken; a note if the server \
            saves nothing by itself, so that it was by hand and may be long ago.",
        source: "INFO: rdb_last_bgsave_status, aof_last_bgrewrite_status; CONFIG: save.",
        look: Look::Server(save_failed),
    },
    Check {
        id: "redis-disk-slow",
        title: "the disk keeps up",
        meaning: "The server wanted to write its append-only file while the disk was still busy \
            with the last sync: it waits, and everybody with it.",
        rule: "Warning if it had to wait between the samples; a note if it has had to at least 100 \
            times since the start.",
        source: "INFO: aof_delayed_fsync.",
        look: Look::Server(disk_slow),
    },
    Check {
        id: "redis-cache-saves",
        title: "a cache does not save",
        meaning: "The server may evict any key, as a cache does, and saves to disk nevertheless: \
            each save forks the process, takes up to twice the memory and loads the disk, and \
            after a restart it serves LOADING for a while and then old values.",
        rule: "A note if the policy is allkeys-… with a limit, and save points are set or the \
            append-only file is on.",
        source: "CONFIG: save, appendonly; INFO: maxmemory, maxmemory_policy.",
        look: Look::Server(cache_saves),
    },
];

fn loading(facts: &ServerFacts, findings: &mut Findings) {
    let told = refusal(facts, "LOADING");
    let reading = Reading::of(facts);
    let says = reading.filter(|it| it.says("loading", "1"));
    if says.is_none() && (told.is_none() || reading.is_some_and(|it| it.says("loading", "0"))) {
        return;
    }
    let number = |name| says.and_then(|it| it.number(name));
    let done = number("loading_loaded_perc");
    let summary = match done {
        Some(done) => {
            format!("it loads what it had saved and serves nobody: {}", percent(done / 100.0))
        }
        None => "it loads what it had saved and serves nobody".to_owned(),
    };
    let finding = findings.critical(summary);
    if let Some(words) = told {
        finding.evidence("its answer", words, "the probe");
    }
    if let (Some(loaded), Some(all)) =
        (number("loading_loaded_bytes"), number("loading_total_bytes").filter(|it| *it > 0.0))
    {
        let value = format!("{} of {}", bytes(loaded), bytes(all));
        finding.evidence("loaded", value, "INFO: loading_loaded_bytes, loading_total_bytes");
    }
    if let Some(eta) = number("loading_eta_seconds").filter(|it| *it >= 0.0) {
        finding.evidence("left, as it reckons", span(eta), "INFO: loading_eta_seconds");
    }
    finding
        .remedy("wait, and keep applications away meanwhile", &[&cli(facts, "INFO persistence")])
        .remedy(
            "if it is a cache whose content can be lost: stop it, put the file aside, start it empty",
            &[&cli(facts, "SHUTDOWN NOSAVE"), "mv dump.rdb dump.rdb.aside"],
        );
}

fn writes_stopped(facts: &ServerFacts, findings: &mut Findings) {
    let told = refusal(facts, "MISCONF");
    let reading = Reading::of(facts);
    let by_save = reading.is_some_and(|it| stops_by_save(&it));
    let by_file = reading.is_some_and(|it| file_failed(&it));
    if told.is_none() && !by_save && !by_file {
        return;
    }
    let finding = findings.critical("writes are refused: what it should save cannot be saved");
    if let Some(words) = told {
        finding.evidence("our set", words, "the probe");
    }
    let Some(reading) = reading else { return };
    tell_status(finding, &reading);
    finding.remedy(
        "on its machine: look at its log, the space and rights of its folder, and at memory (\"Can't \
         save in background: fork\" wants vm.overcommit_memory 1); then have it save again",
        &[
            "journalctl -u redis-server -n 50",
            &format!("df -h {0}; ls -ld {0}", folder(&reading)),
            &reading.cli("BGSAVE"),
        ],
    );
    if by_save {
        finding.remedy(
            "until then, take writes although they are not saved",
            &[&reading.cli("CONFIG SET stop-writes-on-bgsave-error no")],
        );
        if let Some(change) = reading.set("stop-writes-on-bgsave-error", "no") {
            finding.change(change);
        }
    }
}

fn save_failed(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    if stops_by_save(&reading) || file_failed(&reading) || refusal(facts, "MISCONF").is_some() {
        return;
    }
    let snapshot = reading.says("rdb_last_bgsave_status", "err");
    let rewrite = reading.says("aof_last_bgrewrite_status", "err");
    if !snapshot && !rewrite {
        return;
    }
    let what = if snapshot { "save" } else { "rewrite of its append-only file" };
    let words = format!("the last {what} failed");
    let is_by_hand = !rewrite && reading.setting("save") == Some("");
    let finding = if is_by_hand { findings.note(words) } else { findings.warning(words) };
    tell_status(finding, &reading);
    finding.remedy(
        "on its machine: look at its log and at the space and rights of its folder; then try again",
        &[
            "journalctl -u redis-server -n 50",
            &format!("df -h {}", folder(&reading)),
            &reading.cli(if snapshot { "BGSAVE" } else { "BGREWRITEAOF" }),
        ],
    );
}

fn disk_slow(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let recent = reading.growth("aof_delayed_fsync").unwrap_or(0.0);
    let since_start = reading.number("aof_delayed_fsync").unwrap_or(0.0);
    let finding = if recent > 0.0 {
        findings.warning("it waits for its disk, and everybody with it")
    } else if since_start >= DELAYED_MANY {
        findings.note("it has often had to wait for its disk")
    } else {
        return;
    };
    let value = format!("{recent:.0} while we looked, {since_start:.0} since its start");
    finding.evidence("waits", value, "INFO: aof_delayed_fsync");
    if let Some(policy) = reading.setting("appendfsync") {
        finding.evidence("appendfsync", policy, "CONFIG: appendfsync");
    }
    finding.remedy("on its machine: see what else writes to the disk", &["iostat -x 1 5"]);
    let words = "do not sync while the file is rewritten (a crash then may lose up to 30 s)";
    reading.advise(finding, words, &[("no-appendfsync-on-rewrite", "yes")]);
    reading.advise(finding, "or, for a cache, no append-only file", &[("appendonly", "no")]);
}

fn cache_saves(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let is_cache = reading.number("maxmemory").is_some_and(|it| it > 0.0)
        && reading.word("maxmemory_policy").is_some_and(|it| it.starts_with("allkeys-"));
    let points = reading.setting("save").filter(|it| !it.is_empty());
    let appends = reading.setting("appendonly") == Some("yes");
    if !is_cache || (points.is_none() && !appends) {
        return;
    }
    let finding = findings.note("it evicts like a cache and saves like a database");
    if let Some(points) = points {
        finding.evidence("save points", points, "CONFIG: save");
    }
    if appends {
        finding.evidence("append-only file", "on", "CONFIG: appendonly");
    }
    let words = "if its content can be lost, let it not save";
    reading.advise(finding, words, &[("save", ""), ("appendonly", "no")]);
    if points.is_some()
        && let Some(change) = reading.set("save", "")
    {
        finding.change(change);
    }
}

fn tell_status(finding: &mut Finding, reading: &Reading<'_>) {
    for name in ["rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"] {
        if reading.says(name, "err") {
            finding.evidence(name, "err", format!("INFO: {name}"));
        }
    }
    for name in ["save", "stop-writes-on-bgsave-error", "dir"] {
        if let Some(value) = reading.setting(name).filter(|it| !it.is_empty()) {
            finding.evidence(name, value, format!("CONFIG: {name}"));
        }
    }
}

/// Where it saves; a server whose folder is gone does not know.
fn folder<'a>(reading: &Reading<'a>) -> &'a str {
    reading.setting("dir").filter(|it| !it.is_empty()).unwrap_or("/var/lib/redis")
}

/// Whether the server refuses writes since its last save failed.
fn stops_by_save(reading: &Reading<'_>) -> bool {
    reading.says("rdb_last_bgsave_status", "err")
        && !reading.is_replica()
        && reading.setting("stop-writes-on-bgsave-error") == Some("yes")
        && reading.setting("save").is_some_and(|it| !it.is_empty())
}

/// Whether the server refuses writes since its append-only file fails.
fn file_failed(reading: &Reading<'_>) -> bool {
    reading.says("aof_enabled", "1") && reading.says("aof_last_write_status", "err")
}

const DELAYED_MANY: f64 = 100.0;

#[cfg(test)]
mod tests;
