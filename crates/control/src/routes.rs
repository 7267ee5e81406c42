//! Configuration into the first routing table.

use std::sync::Arc;

use evenkeel_core::config::{Failover, PoolConfig, PoolName};
use evenkeel_core::distribution::BuildError;
use evenkeel_core::recovery::RecoverySettings;
use evenkeel_core::routing::{
    ConnectionSettings, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute, Substitute,
};

use crate::directory::{Directory, SharedPool};
use crate::server::SharedServer;

/// The table in which every server is usable, and the servers it is about.
pub(crate) fn first_table(pools: &[PoolConfig]) -> Result<(RoutingTable, Directory), BuildError> {
    let mut table = RoutingTable { pools: Vec::new(), servers: Vec::new() };
    let mut directory = Directory::default();
    for (id, pool) in (0..).map(PoolId).zip(pools) {
        let first = table.servers.len();
        for server in &pool.servers {
            table
                .servers
                .push(ServerRoute::in_use(settings(pool), disguise(&server.address.to_string())));
            directory.servers.push(Arc::new(SharedServer::new(server.clone(), &pool.name, id)));
        }
        let servers: Vec<_> = (first..table.servers.len()).map(server_id).collect();
        table.pools.push(PoolRoutes {
            distribution: Arc::new(pool.build_distribution()?),
            servers: servers.clone(),
            failover: substitute(pools, pool),
            on_unavailable: pool.on_unavailable,
            deadline: pool.deadline,
            failover_ttl: pool.failover_ttl,
            former: Arc::default(),
        });
        directory.pools.push(Arc::new(SharedPool {
            config: pool.clone(),
            servers,
            has_left: false,
        }));
    }
    Ok((table, directory))
}

/// Where keys of a pool go whose home cannot be used.
fn substitute(pools: &[PoolConfig], pool: &PoolConfig) -> Substitute {
    let gutter = pool.gutter.as_ref().and_then(|name| pool_id(pools, name));
    match (pool.failover, gutter) {
        (Failover::Next, _) => Substitute::Next,
        (Failover::Gutter, Some(gutter)) => Substitute::Gutter(gutter),
        // A gutter that there is not is a fault of the configuration; nowhere is the safe place.
        (Failover::Gutter, None) | (Failover::None, _) => Substitute::None,
    }
}

/// The id of the pool of this name.
pub fn pool_id(pools: &[PoolConfig], name: &PoolName) -> Option<PoolId> {
    let idx = pools.iter().position(|pool| pool.name == *name)?;
    Some(PoolId(u16::try_from(idx).expect("a configuration has at most 65,536 pools")))
}

/// The number that CAS tokens are disguised by at the server of this address: the same in every
/// process, and above all that a server counts to.
fn disguise(address: &str) -> u64 {
    let fnv = address.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fnv | 1 << 63
}

/// What can be set about a pool's recovery.
pub(crate) fn recovery_settings(pool: &PoolConfig) -> RecoverySettings {
    RecoverySettings {
        rejoin: pool.rejoin,
        settle_interval: pool.deadline,
        late_write_grace: pool.late_write_grace,
        failover_ttl: pool.failover_ttl,
        misplaced_bytes_max: pool.misplaced_max.as_len(),
    }
}

/// The id of the server at a place in the list of all.
pub(crate) fn server_id(idx: usize) -> ServerId {
    ServerId(u16::try_from(idx).expect("a configuration has at most 65,536 servers"))
}

fn settings(pool: &PoolConfig) -> ConnectionSettings {
    ConnectionSettings {
        timeout: pool.timeout,
        connect_timeout: pool.connect_timeout,
        attempts_in_flight_max: pool.attempts_in_flight_max,
    }
}
