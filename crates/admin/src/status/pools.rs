//! Pools, as they are described.

use std::collections::BTreeMap;

use evenkeel_api::{Pool, PoolTotals, Server};
use evenkeel_control::Handle;
use evenkeel_control::view::{PoolView, ServerView};
use evenkeel_core::config::{Failover, PoolName};
use evenkeel_core::recovery::RecoveryTally;

use super::servers;
use crate::subject::Subject;

/// The pools with their servers, in the order of the configuration.
pub(crate) fn all_pools(subject: &Subject) -> Vec<Pool> {
    let handle = &subject.handle;
    let mut by_pool: BTreeMap<PoolName, Vec<ServerView>> = BTreeMap::new();
    for server in handle.servers() {
        by_pool.entry(server.names.pool.clone()).or_default().push(server);
    }
    let pools = handle.pools().into_iter().map(|pool| {
        let views = by_pool.remove(&pool.config.name).unwrap_or_default();
        described(handle, &pool, &views)
    });
    pools.collect()
}

fn described(handle: &Handle, pool: &PoolView, views: &[ServerView]) -> Pool {
    let config = &pool.config;
    let servers: Vec<_> = views.iter().map(|view| servers::described(handle, view)).collect();
    let servers_usable = servers.iter().filter(|it| it.is_usable).count();
    let keys = |count: fn(&ServerView) -> u32| views.iter().map(|it| u64::from(count(it))).sum();
    Pool {
        name: config.name.to_string(),
        distribution: config.distribution.scheme().name().to_owned(),
        failover: config.failover.name().to_owned(),
        gutter: config
            .gutter
            .as_ref()
            .filter(|_| config.failover == Failover::Gutter)
            .map(PoolName::to_string),
        rejoin: config.rejoin.name().to_owned(),
        is_ready: servers_usable > 0,
        reason: reason(&servers),
        servers_usable,
        misplaced_keys: pool.misplaced_keys as u64,
        misplaced_bytes: pool.misplaced_bytes as u64,
        misplaced_bytes_max: config.misplaced_max.bytes(),
        hit_percent: hit_percent(keys(|it| it.recent.hits()), keys(|it| it.recent.misses())),
        totals: totals(pool.tally),
        servers,
    }
}

/// Which servers are not usable, and why; `None` if all are.
fn reason(servers: &[Server]) -> Option<String> {
    let out: Vec<_> = servers.iter().filter(|it| !it.is_usable).collect();
    let [first, ..] = out[..] else { return None };
    let (usable, len) = (servers.len() - out.len(), servers.len());
    let how_many = match usable {
        0 => "no server is usable".to_owned(),
        _ => format!("{usable} of {len} servers are usable"),
    };
    let more = match out.len() {
        1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    Some(format!("{how_many}: {} is {}{more}", first.name, first.reason))
}

/// The part of the keys read that were there, in per cent, to a tenth; `None` without any.
pub(crate) fn hit_percent(hits: u64, misses: u64) -> Option<f64> {
    let reads = hits + misses;
    if reads == 0 {
        return None;
    }
    let permille = u32::try_from(u128::from(hits) * 1000 / u128::from(reads));
    Some(f64::from(permille.expect("a part of the whole")) / 10.0)
}

fn totals(tally: RecoveryTally) -> PoolTotals {
    let RecoveryTally { marked, unknown, remembered, cleaned, overflowed } = tally;
    PoolTotals {
        writes_marked: marked,
        writes_unknown: unknown,
        deletes_remembered: remembered,
        keys_cleaned: cleaned,
        keys_given_up: overflowed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_a_part_of_all_reads() {
        assert_eq!(hit_percent(0, 0), None);
        assert_eq!(hit_percent(0, 7), Some(0.0));
        assert_eq!(hit_percent(7, 0), Some(100.0));
        assert_eq!(hit_percent(2, 1), Some(66.6));
        assert_eq!(hit_percent(u64::MAX / 2, u64::MAX / 2), Some(50.0));
    }
}
