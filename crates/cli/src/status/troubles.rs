//! What is not well, in sentences: the rule by which `evenkeel status` ends with 0 or 1.

use evenkeel_api::{ReloadOutcome, Server, Status};

use crate::figures;

/// Everything that is not well, the worst first; empty if all is.
///
/// A drained server is among it: somebody means it, and somebody else may have forgotten it.
pub(super) fn troubles(status: &Status) -> Vec<String> {
    let pools = status.pools.iter();
    let not_ready = pools.clone().filter(|pool| !pool.is_ready).map(|pool| {
        let reason = pool.reason.as_deref().unwrap_or("no server is usable");
        format!("pool {} serves nothing: {reason}", pool.name)
    });
    let servers = pools.flat_map(|pool| &pool.servers).filter(|server| !is_well(server));
    let servers = servers.map(of_server);
    let reload = status.last_reload.iter().filter(|it| it.outcome == ReloadOutcome::Refused);
    let reload = reload.map(|reload| {
        let at = figures::moment(&reload.at);
        // What is indented shows where a fault stands; that is for `evenkeel reload`.
        let faults = reload.faults.iter().filter(|line| !line.starts_with(' '));
        let faults = faults.map(String::as_str).collect::<Vec<_>>().join("; ");
        format!(
            "the reload at {at} was refused, and what was in effect before it still is: {faults}"
        )
    });
    not_ready.chain(servers).chain(reload).collect()
}

fn is_well(server: &Server) -> bool {
    server.state == "up" && server.takes_writes && !server.is_flush_required
}

fn of_server(server: &Server) -> String {
    let Server { pool, name, reason, .. } = server;
    let since = figures::moment(&server.since);
    format!("{pool}/{name}: {reason} (since {since})")
}
