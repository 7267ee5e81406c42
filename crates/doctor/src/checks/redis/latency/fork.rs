//! Whether forking to save held everybody up, and lately.

use std::time::UNIX_EPOCH;

use super::super::reading::Reading;
use super::{HOUR, SLOW_FORK_MICROS};
use crate::check::{Findings, Severity};
use crate::facts::ServerFacts;
use crate::words::millis;

pub(super) fn fork(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let Some(took) = reading.number("latest_fork_usec").filter(|it| *it >= SLOW_FORK_MICROS) else {
        return;
    };
    let saves = reading.setting("save").is_some_and(|it| !it.is_empty())
        || reading.says("aof_enabled", "1");
    let is_recent = is_fork_recent(&reading);
    let severity = if saves && is_recent { Severity::Warning } else { Severity::Note };
    let finding = findings
        .add(severity, format!("nobody was served for {} while it forked to save", millis(took)))
        .evidence("the last fork", millis(took), "INFO: latest_fork_usec");
    if let Some(save) = reading.setting("save") {
        finding.evidence("saves by itself", if saves { save } else { "no" }, "CONFIG: save");
    }
    finding.remedy(
        "on its machine: transparent huge pages make it worse, turn them off",
        &["cat /sys/kernel/mm/transparent_hugepage/enabled"],
    );
    let words = "a cache that may be lost need not save; a replica can save in its place";
    reading.advise(finding, words, &[("save", "")]);
}

/// Whether the last fork was within an hour. It is not told when it was; but when a snapshot was
/// made last (or the server started, if none was), and when the monitor saw a fork take long.
fn is_fork_recent(reading: &Reading<'_>) -> bool {
    let now = reading.facts.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let now = now + reading.redis.clock_ahead_seconds.unwrap_or(0.0);
    let saved_ago = reading.number("rdb_last_save_time").map(|it| now - it);
    let mut events = reading.redis.latency_events.iter();
    events.any(|it| it.name == "fork" && it.ago_seconds <= HOUR)
        || reading.says("aof_rewrite_in_progress", "1")
        || saved_ago.is_some_and(|it| it <= HOUR_SECONDS)
}

const HOUR_SECONDS: f64 = 3_600.0;
