//! Configuration into what routing tables are made of.

use std::sync::Arc;

use evenkeel_core::config::{Failover, PoolConfig, PoolName, ServerConfig};
use evenkeel_core::distribution::BuildError;
use evenkeel_core::recovery::RecoverySettings;
use evenkeel_core::routing::{
    ConnectionSettings, Former, PoolId, PoolRoutes, ServerId, ServerRoute, Substitute,
};

/// The part of a pool in a table. `id_of` says which id a pool has.
pub(crate) fn pool_routes(
    pool: &PoolConfig,
    servers: Vec<ServerId>,
    former: Arc<Former>,
    id_of: impl Fn(&PoolName) -> Option<PoolId>,
) -> Result<PoolRoutes, BuildError> {
    let gutter = pool.gutter.as_ref().and_then(id_of);
    let failover = match (pool.failover, gutter) {
        (Failover::Next, _) => Substitute::Next,
        (Failover::Gutter, Some(gutter)) => Substitute::Gutter(gutter),
        // A gutter that there is not is a fault of the configuration; nowhere is the safe place.
        (Failover::Gutter, None) | (Failover::None, _) => Substitute::None,
    };
    Ok(PoolRoutes {
        distribution: Arc::new(pool.build_distribution()?),
        servers,
        failover,
        on_unavailable: pool.on_unavailable,
        deadline: pool.deadline,
        failover_ttl: pool.failover_ttl,
        former,
    })
}

/// The part of a server in a table: usable.
pub(crate) fn server_route(pool: &PoolConfig, server: &ServerConfig) -> ServerRoute {
    ServerRoute::in_use(connection_settings(pool), disguise(&server.address.to_string()))
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

/// How connections to a pool's servers behave.
pub(crate) fn connection_settings(pool: &PoolConfig) -> ConnectionSettings {
    ConnectionSettings {
        timeout: pool.timeout,
        connect_timeout: pool.connect_timeout,
        attempts_in_flight_max: pool.attempts_in_flight_max,
    }
}
