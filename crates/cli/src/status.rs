//! `evenkeel status`: how a running proxy and its servers are.
//!
//! What is not well comes first: whoever was woken by it reads no further.

mod troubles;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::iter;
use std::time::Duration;

use evenkeel_api::{LatencyPercentiles, Listener, Pool, ReloadOutcome, Server, Status};

use crate::admin::Admin;
use crate::args::StatusArgs;
use crate::failure::{Failure, count};
use crate::figures;
use crate::keys;
use crate::paper::{Cell, Paper, Side, Table, Tone};
use crate::text::json_line;

/// Prints all of it; fails if something is not well.
pub(crate) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let admin = Admin::find(&args.proxy)?;
    let status = admin.status()?;
    let troubles = troubles::troubles(&status);
    let text = if args.json {
        json_line(&status) + "\n"
    } else {
        sheet(&status, &troubles, admin.address(), Paper::of_stdout())
    };
    io::stdout().write_all(text.as_bytes())?;
    if troubles.is_empty() { Ok(()) } else { Err(Failure::Unwell) }
}

/// Everything, for people: lines, each with its end.
fn sheet(status: &Status, troubles: &[String], address: &str, paper: Paper) -> String {
    let mut lines = heading(status, address, paper);
    lines.push(String::new());
    lines.extend(verdict(troubles, paper));
    for pool in &status.pools {
        lines.push(String::new());
        lines.extend(of_pool(pool, &status.listeners, paper));
    }
    let routes = keys::table(&status.listeners, paper);
    if !routes.is_empty() {
        lines.push(String::new());
        lines.extend(routes);
    }
    lines.join("\n") + "\n"
}

fn verdict(troubles: &[String], paper: Paper) -> Vec<String> {
    if troubles.is_empty() {
        return vec![paper.paint("all is well", Tone::Good)];
    }
    let verb = if troubles.len() == 1 { "is" } else { "are" };
    let number = format!("{} {verb} not well:", count(troubles.len(), "thing"));
    let lines = troubles.iter().map(|trouble| format!("  {}", paper.wrap(trouble, 2)));
    iter::once(paper.paint(&number, Tone::Bad)).chain(lines).collect()
}

fn heading(status: &Status, address: &str, paper: Paper) -> Vec<String> {
    let uptime = figures::lasting(Duration::from_secs(status.uptime_seconds));
    let sessions = status.sessions_open.map(|open| format!("; {}", count(open, "session")));
    let sessions = sessions.unwrap_or_default();
    let name = paper.paint(&format!("evenkeel {}", status.version), Tone::Strong);
    let lab = if status.is_lab { "; a lab" } else { "" };
    let pid = status.pid;
    let process =
        format!("{name} at {address}: process {pid}, running for {uptime}{sessions}{lab}");
    let listeners = status.listeners.iter().map(|Listener { name, address, pool, routes }| {
        let pools: BTreeSet<_> = routes.iter().map(|it| it.pool.as_str()).collect();
        let pools: Vec<_> = pools.into_iter().collect();
        let routed = match routes.len() {
            0 => String::new(),
            len => format!("; {} for {}", count(len, "route"), pools.join(", ")),
        };
        format!("listener {name} on {address} for pool {pool}{routed}")
    });
    let reload = status.last_reload.iter().map(|reload| {
        let outcome = match reload.outcome {
            ReloadOutcome::Applied => "applied",
            ReloadOutcome::Unchanged => "found nothing changed",
            ReloadOutcome::Refused => "refused",
        };
        format!("last reload at {}: {outcome}", figures::moment(&reload.at))
    });
    iter::once(process).chain(listeners).chain(reload).collect()
}

fn of_pool(pool: &Pool, listeners: &[Listener], paper: Paper) -> Vec<String> {
    let len = pool.servers.len();
    let usable = format!("{} of {} usable", pool.servers_usable, count(len, "server"));
    let failover = match &pool.gutter {
        Some(gutter) => format!("{} {gutter}", pool.failover),
        None => pool.failover.clone(),
    };
    let text = format!(
        "{}; failover {failover}; rejoin {}; hits {}; {}",
        pool.distribution,
        pool.rejoin,
        figures::known_percent(pool.hit_percent),
        misplaced(pool),
    );
    let name = paper.paint(&format!("pool {}", pool.name), Tone::Strong);
    let mut table = Table::new(&COLUMNS);
    for server in &pool.servers {
        table.push(row(server));
    }
    let usable = paper.paint(&usable, tone_of_pool(pool));
    let heading = [format!("{name}: {usable}"), paper.wrap(&text, 0)];
    let keys = keys::of_pool(listeners, &pool.name).map(|keys| paper.wrap(&keys, 0));
    let heading = heading.into_iter().chain(keys).chain([String::new()]);
    heading.chain(table.lines(paper)).collect()
}

/// How it stands with a pool.
pub(crate) fn tone_of_pool(pool: &Pool) -> Tone {
    match pool.servers_usable {
        0 => Tone::Bad,
        usable if usable < pool.servers.len() => Tone::Doubtful,
        _ => Tone::Good,
    }
}

/// `no misplaced keys`, or how many and what they take.
pub(crate) fn misplaced(pool: &Pool) -> String {
    match pool.misplaced_keys {
        0 => "no misplaced keys".to_owned(),
        keys => format!(
            "{} misplaced {} ({} of {})",
            figures::count(keys),
            if keys == 1 { "key" } else { "keys" },
            figures::bytes(pool.misplaced_bytes),
            figures::bytes(pool.misplaced_bytes_max),
        ),
    }
}

fn row(server: &Server) -> Vec<Cell> {
    let latency = |pick: fn(&LatencyPercentiles) -> u64| {
        figures::micros(server.latencies.all.as_ref().map(pick))
    };
    vec![
        server.name.clone().into(),
        Cell::of(&state(server), Tone::of_state(&server.state)),
        figures::lasting(figures::seconds(server.for_seconds)).into(),
        figures::rate(server.rates.requests).into(),
        figures::known_percent(hit_percent(server)).into(),
        match figures::rate(server.rates.errors) {
            none if server.rates.errors <= 0.0 => none.into(),
            some => Cell::of(&some, Tone::Bad),
        },
        latency(|it| it.p50_us).into(),
        latency(|it| it.p99_us).into(),
        figures::count(server.misplaced_keys).into(),
    ]
}

/// The state, and what of its keys a server serves if that is not told by the state.
pub(crate) fn state(server: &Server) -> String {
    match server.state.as_str() {
        "returning" => format!("returning {} %", server.share_percent),
        state if server.is_flush_required => format!("{state}, to flush"),
        state if server.is_usable && !server.takes_writes => format!("{state}, no writes"),
        state => state.to_owned(),
    }
}

/// Keys read in the last ten seconds that it had.
pub(crate) fn hit_percent(server: &Server) -> Option<f64> {
    let read = server.rates.hits + server.rates.misses;
    (read > 0.0).then(|| server.rates.hits / read * 100.0)
}

const COLUMNS: [(&str, Side); 9] = [
    ("server", Side::Left),
    ("state", Side::Left),
    ("for", Side::Right),
    ("req/s", Side::Right),
    ("hits", Side::Right),
    ("err/s", Side::Right),
    ("p50", Side::Right),
    ("p99", Side::Right),
    ("mispl.", Side::Right),
];

#[cfg(test)]
mod tests;
