//! Servers, as they are described.

use std::time::Duration;

use evenkeel_api::{
    Connections, Latencies, LatencyPercentiles, Rates, Server, ServerReport, ServerTotals,
};
use evenkeel_control::Handle;
use evenkeel_control::figures::{RECENT, Totals};
use evenkeel_control::says::ServerSays;
use evenkeel_control::view::ServerView;
use evenkeel_core::Instant;
use evenkeel_core::event::{Order, Rule, StateName};
use evenkeel_core::protocol::request::Class;
use evenkeel_core::routing::Usable;
use evenkeel_core::window::{self, Tally};

use crate::time::written;

/// A server, and what it says of itself.
pub(super) fn described(handle: &Handle, view: &ServerView) -> Server {
    let standing = &view.standing;
    let last = standing.last.as_ref();
    let (now, recent) = (handle.now(), &view.recent);
    let known_for = now.saturating_since(Instant::ZERO).min(RECENT);
    Server {
        pool: view.names.pool.to_string(),
        name: view.names.server.clone(),
        address: view.config.address.to_string(),
        resolved: view.addr.map(|addr| addr.to_string()),
        weight: view.config.weight.as_u32(),
        state: standing.state.label().to_owned(),
        since: written(handle.wall_time(standing.since)),
        for_seconds: now.saturating_since(standing.since).as_secs_f64(),
        rule: last.map(|it| it.rule.label().to_owned()),
        evidence: last.map(|it| it.evidence.to_string()),
        reason: reason(view),
        is_usable: is_usable(view),
        takes_writes: standing.takes_writes,
        is_flush_required: view.is_flush_required,
        share_percent: share_percent(view.usable),
        misplaced_keys: view.misplaced_keys as u64,
        connections: Connections { open: view.connections_open, wanted: view.connections_wanted },
        rates: rates(recent, known_for),
        totals: totals(&view.totals),
        latencies: latencies(recent),
        report: view.says.as_deref().map(|says| report(handle, says)),
    }
}

/// What it says of itself.
fn report(handle: &Handle, says: &ServerSays) -> ServerReport {
    ServerReport {
        at: written(handle.wall_time(says.at)),
        version: says.version.clone(),
        uptime_seconds: says.uptime_seconds,
        memory_bytes: says.memory_bytes,
        memory_bytes_max: says.memory_bytes_max,
        connections: says.connections,
        connections_max: says.connections_max,
        evictions: says.evictions,
        items: says.items,
    }
}

/// Whether requests are sent to it, be it for some of its keys.
pub(crate) fn is_usable(view: &ServerView) -> bool {
    view.usable != Usable::No && !view.is_flush_required
}

/// The part of its keys that it serves.
pub(crate) fn share_percent(usable: Usable) -> u32 {
    match usable {
        Usable::No => 0,
        Usable::Share(share) => share.as_percent(),
        Usable::Yes => 100,
    }
}

/// State, rule and evidence, and what it waits for.
fn reason(view: &ServerView) -> String {
    let standing = &view.standing;
    let state = standing.state.label();
    let mut reason = match &standing.last {
        None => format!("{state} since the start"),
        Some(last) => format!("{state} ({}: {})", last.rule.label(), last.evidence),
    };
    if view.is_flush_required {
        reason.push_str("; it is flushed before it is used");
    }
    if !standing.takes_writes {
        reason.push_str("; it refuses writes and is sent none");
    }
    if let Some(waits_for) = waits_for(view) {
        reason.push_str("; ");
        reason.push_str(&waits_for);
    }
    reason
}

fn waits_for(view: &ServerView) -> Option<String> {
    let standing = &view.standing;
    let is_ordered = standing.last.is_some_and(|it| matches!(it.rule, Rule::Drain | Rule::Eject));
    match standing.state {
        StateName::Suspect => Some("a canary decides".to_owned()),
        StateName::Down | StateName::Drained if is_ordered => {
            Some(format!("it stays so until somebody orders: {}", Order::Readmit.label()))
        }
        StateName::Up | StateName::Drained => None,
        StateName::Down => Some("it is used again when its canaries are good".to_owned()),
        StateName::Returning => {
            Some(format!("it has {} % of its keys back", share_percent(view.usable)))
        }
    }
}

fn rates(recent: &Tally, over: Duration) -> Rates {
    let seconds = over.as_secs_f64().max(1.0);
    // To a tenth: more is noise.
    let rate = |count: u32| (f64::from(count) / seconds * 10.0).round() / 10.0;
    Rates {
        requests: rate(recent.attempts()),
        hits: rate(recent.hits()),
        misses: rate(recent.misses()),
        errors: rate(recent.failed()),
    }
}

fn totals(totals: &Totals) -> ServerTotals {
    ServerTotals {
        requests: totals.attempts(),
        hits: totals.hits,
        misses: totals.misses,
        errors: totals.failed(),
    }
}

fn latencies(recent: &Tally) -> Latencies {
    let of_class = |class| percentiles(recent.latencies_of(class));
    Latencies {
        all: percentiles(&recent.latencies()),
        read: of_class(Class::Read),
        write: of_class(Class::Write),
        delete: of_class(Class::Delete),
    }
}

fn percentiles(latencies: &window::Latencies) -> Option<LatencyPercentiles> {
    let percentile = |percent| {
        let took = latencies.percentile(percent)?;
        u64::try_from(took.as_micros()).ok()
    };
    Some(LatencyPercentiles {
        p50_us: percentile(50)?,
        p95_us: percentile(95)?,
        p99_us: percentile(99)?,
    })
}
