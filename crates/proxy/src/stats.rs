//! The words of `stats`.
//!
//! What memcached calls by a name is called so here, as seen by this proxy: a hit is a key that
//! some server had. What memcached has no name for begins with `evenkeel_`.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use evenkeel_core::recovery::RecoveryTally;

use crate::shared::Shared;

/// All of it, with its end.
pub fn words(shared: &Shared) -> Vec<u8> {
    let control = &*shared.control;
    let counters = control.counters();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let uptime = control.now().as_nanos() / 1_000_000_000;
    let reports_dropped = control.reports_dropped.load(Ordering::Relaxed);
    let mut words = Vec::new();
    let mut stat = |name: &str, value: u64| {
        write!(words, "STAT {name} {value}\r\n").expect("writing to memory does not fail");
    };
    stat("pid", u64::from(std::process::id()));
    stat("uptime", uptime);
    stat("time", time);
    stat("pointer_size", u64::from(usize::BITS));
    stat("curr_connections", shared.sessions_open() as u64);
    stat("total_connections", counters.sessions);
    stat("rejected_connections", shared.sessions_refused.times());
    stat("threads", shared.workers.len() as u64);
    stat("cmd_get", counters.reads);
    stat("cmd_set", counters.writes);
    stat("get_hits", counters.hits);
    stat("get_misses", counters.reads.saturating_sub(counters.hits));
    stat("bytes_read", counters.bytes_read);
    stat("bytes_written", counters.bytes_written);
    stat("evenkeel_workers_io_uring", shared.workers_on_io_uring() as u64);
    stat("evenkeel_servers", control.directory.load().present_servers().count() as u64);
    stat("evenkeel_servers_usable", servers_usable(control));
    stat("evenkeel_requests", counters.requests);
    stat("evenkeel_requests_refused", counters.refused);
    stat("evenkeel_deletes", counters.deletes);
    stat("evenkeel_failed", counters.failed);
    stat("evenkeel_diverted", counters.diverted);
    stat("evenkeel_retried", counters.retried);
    let (misplaced_keys, tally) = misplaced(control);
    stat("evenkeel_misplaced_keys", misplaced_keys);
    stat("evenkeel_writes_marked", tally.marked);
    stat("evenkeel_writes_unknown", tally.unknown);
    stat("evenkeel_deletes_remembered", tally.remembered);
    stat("evenkeel_keys_cleaned", tally.cleaned);
    stat("evenkeel_keys_given_up", tally.overflowed);
    stat("evenkeel_values_dropped", counters.values_dropped);
    stat("evenkeel_late_responses", counters.late_responses);
    stat("evenkeel_reports_dropped", reports_dropped);
    let version = concat!("STAT version evenkeel-", env!("CARGO_PKG_VERSION"), "\r\nEND\r\n");
    words.extend_from_slice(version.as_bytes());
    words
}

/// How many keys are misplaced, and how much there has been, over all pools.
fn misplaced(control: &evenkeel_control::Shared) -> (u64, RecoveryTally) {
    let misplaced = &control.misplaced;
    let of_pool = |pool| misplaced.with(pool, |it| (it.entries_len() as u64, it.tally()));
    let sum = |(keys, tally), (more, of_pool)| (keys + more, tally + of_pool);
    misplaced.pools().map(of_pool).fold((0, RecoveryTally::default()), sum)
}

fn servers_usable(control: &evenkeel_control::Shared) -> u64 {
    control.table.load().servers.iter().filter(|server| server.is_wanted()).count() as u64
}
