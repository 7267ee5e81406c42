//! `stats` and what may follow it.

use std::fmt::Display;
use std::io::Write as _;
use std::time::Duration;

use crate::answer::MEMCACHED_VERSION;
use crate::store::Store;

/// What `stats` says about the server around the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// A number that no other start of a server in this process has; the first one has the
    /// process id. A client that sees it change knows that the items are gone.
    pub pid: u32,
    /// How long the server has been running.
    pub uptime: Duration,
    /// Open connections.
    pub connections: usize,
    /// Connections accepted since the start.
    pub connections_total: u64,
    /// The most connections open at a time.
    pub connections_max: usize,
}

/// Appends the answer to `stats` with `arg` behind it.
pub(super) fn answer(store: &mut Store, facts: &ServerFacts, arg: &[u8], output: &mut Vec<u8>) {
    match arg.split(|byte| *byte == b' ').next().unwrap_or_default() {
        b"" => general(store, facts, output),
        b"settings" => settings(store, facts, output),
        b"reset" => {
            store.reset_counters();
            return output.extend_from_slice(b"RESET\r\n");
        }
        b"items" | b"slabs" | b"sizes" | b"conns" => {}
        _ => return output.extend_from_slice(b"ERROR\r\n"),
    }
    output.extend_from_slice(b"END\r\n");
}

fn general(store: &Store, facts: &ServerFacts, output: &mut Vec<u8>) {
    stat("pid", facts.pid, output);
    stat("uptime", facts.uptime.as_secs(), output);
    stat("time", store.now(), output);
    stat("version", MEMCACHED_VERSION, output);
    stat("implementation", "evenkeel-lab", output);
    stat("pointer_size", usize::BITS, output);
    stat("max_connections", facts.connections_max, output);
    stat("curr_connections", facts.connections, output);
    stat("total_connections", facts.connections_total, output);
    let counters = store.counters();
    for (name, count) in [
        ("cmd_get", counters.get_cmds),
        ("cmd_set", counters.set_cmds),
        ("cmd_flush", counters.flush_cmds),
        ("cmd_touch", counters.touch_cmds),
        ("get_hits", counters.get_hits),
        ("get_misses", counters.get_misses),
        ("get_expired", counters.get_expired),
        ("delete_misses", counters.delete_misses),
        ("delete_hits", counters.delete_hits),
        ("incr_misses", counters.incr_misses),
        ("incr_hits", counters.incr_hits),
        ("decr_misses", counters.decr_misses),
        ("decr_hits", counters.decr_hits),
        ("cas_misses", counters.cas_misses),
        ("cas_hits", counters.cas_hits),
        ("cas_badval", counters.cas_badval),
        ("touch_hits", counters.touch_hits),
        ("touch_misses", counters.touch_misses),
        ("store_too_large", counters.too_large),
        ("evictions", counters.evictions),
        ("total_items", counters.total_items),
    ] {
        stat(name, count, output);
    }
    stat("threads", 1, output);
    stat("limit_maxbytes", store.limits().memory_max, output);
    stat("bytes", store.memory_used(), output);
    stat("curr_items", store.len(), output);
}

fn settings(store: &Store, facts: &ServerFacts, output: &mut Vec<u8>) {
    stat("maxbytes", store.limits().memory_max, output);
    stat("maxconns", facts.connections_max, output);
    stat("evictions", "on", output);
    stat("cas_enabled", "yes", output);
    stat("item_size_max", store.limits().item_size_max, output);
    stat("flush_enabled", "yes", output);
}

fn stat(name: &str, value: impl Display, output: &mut Vec<u8>) {
    write!(output, "STAT {name} {value}\r\n").expect("writing to memory does not fail");
}
