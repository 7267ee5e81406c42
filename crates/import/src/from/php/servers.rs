//! The connection strings of PHP's clients.

use std::time::Duration;

use super::super::{Work, seconds};
use crate::plan::{MOVED, PoolPlan, ServerPlan, Timeout};
use crate::server::{is_socket, read_server_with_port, read_weight};
use crate::value::{Value, shorten};

/// `tcp://host:port?weight=1&timeout=1, …`.
pub(super) fn memcache_servers(
    work: &mut Work,
    pool: &mut PoolPlan,
    text: &str,
    line: usize,
    port: u16,
) {
    let mut timeouts: Vec<Duration> = Vec::new();
    for server in text.split([',', ' ', ';']).filter(|it| !it.is_empty()) {
        let (address, query) = server.split_once('?').unwrap_or((server, ""));
        let address = address.strip_prefix("tcp://").unwrap_or(address).trim_end_matches('/');
        let listed = if address.contains("://") || is_socket(address) {
            Err("only `tcp://` servers are supported yet".to_owned())
        } else {
            read_server_with_port(address, port)
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(why) => {
                let name = &pool.name;
                let server = shorten(server);
                let text = format!("server {server:?} is left out of pool {name}: {why}. {MOVED}");
                work.lost(line, text);
                continue;
            }
        };
        let origin = work.origin(line, server);
        let address = listed.address;
        let mut server = ServerPlan { address, name: None, weight: listed.weight, origin };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            timeouts.extend(server_parameter(work, &mut server, pair, line));
        }
        pool.push(server, work.plan);
    }
    let Some(&longest) = timeouts.iter().max() else { return };
    if timeouts.iter().any(|it| *it != longest) {
        let text = format!(
            "pool {}: its servers have different timeouts; here one is for all, the longest.",
            pool.name
        );
        work.differs(line, text);
    }
    let origin = work.origin(line, "timeout");
    pool.set_timeout(Timeout::Answer, longest, &origin, work.plan);
    pool.set_timeout(Timeout::Connect, longest, &origin, work.plan);
}

/// One `key=value` after a server; its timeout if it is that.
fn server_parameter(
    work: &mut Work,
    server: &mut ServerPlan,
    pair: &str,
    line: usize,
) -> Option<Duration> {
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let of = server.address.clone();
    match key {
        "weight" => match read_weight(value) {
            Ok(weight) => server.weight = weight,
            Err(why) => work.lost(line, format!("server {of}: {why}. It has 1. {MOVED}")),
        },
        "timeout" => {
            let time = seconds(&Value::text(line, value)).filter(|time| !time.is_zero());
            if time.is_none() {
                work.lost(line, format!("server {of}: the timeout {value:?} is not above 0."));
            }
            return time;
        }
        "retry_interval" if value.starts_with('-') => work.lost(
            line,
            format!(
                "server {of}: `retry_interval={value}` never tries a failed server again. Here \
                 canaries bring it back by themselves; `evenkeel server drain` keeps it out."
            ),
        ),
        "retry_interval" => {
            work.needless(line, "`retry_interval`: canaries find a server that is back.");
        }
        "persistent" => {
            work.needless(line, "`persistent`: connections to servers are kept anyway.");
        }
        "status" if value != "0" => {}
        "status" => work.lost(
            line,
            format!("server {of}: `status=0` keeps it out of use: `evenkeel server drain`."),
        ),
        "udp_port" if value == "0" => {}
        _ => {
            let key = shorten(key);
            work.lost(line, format!("server {of}: `{key}` is not known to `evenkeel import`."));
        }
    }
    None
}

/// `host:port:weight,…`, with `PERSISTENT=id` before it, or `--SERVER=host:port/?weight …`.
pub(super) fn memcached_servers(work: &mut Work, pool: &mut PoolPlan, text: &str, line: usize) {
    for part in text.split([',', ' ', ';']).filter(|part| !part.is_empty()) {
        let option = part.trim_start_matches('-');
        if option.starts_with("PERSISTENT=") {
            work.needless(line, "`PERSISTENT`: connections to servers are kept anyway.");
        } else if let Some(server) = option.strip_prefix("SERVER=") {
            let server = server.replace("/?", ":");
            work.add_server(pool, &server, line);
        } else if part.starts_with("--") {
            let name = shorten(option.split('=').next().unwrap_or_default());
            work.lost(line, format!("`--{name}` is not known to `evenkeel import`."));
        } else {
            work.add_server(pool, part, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::server::read_server;

    #[test]
    fn a_server_of_libmemcached_may_have_its_weight_after_a_slash() {
        let listed = read_server(&"10.0.0.1:11211/?5".replace("/?", ":")).unwrap();
        assert_eq!(listed.weight, 5);
    }
}
