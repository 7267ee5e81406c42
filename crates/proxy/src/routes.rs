//! Configuration and health into routing tables.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use evenkeel_core::config::{Config, ListenerConfig, PoolConfig};
use evenkeel_core::distribution::BuildError;
use evenkeel_core::protocol::ParseLimits;
use evenkeel_core::routing::{
    ConnectionSettings, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute, Usable,
};
use evenkeel_core::session::SessionLimits;

use crate::shared::SharedServer;

/// The table in which every server is usable, and the servers it is about.
pub fn first_table(config: &Config) -> Result<(RoutingTable, Vec<SharedServer>), BuildError> {
    let mut table = RoutingTable { pools: Vec::new(), servers: Vec::new() };
    let mut servers = Vec::new();
    for (id, pool) in (0..).map(PoolId).zip(&config.pools) {
        let first = servers.len();
        for server in &pool.servers {
            table.servers.push(ServerRoute {
                usable: Usable::Yes,
                takes_writes: true,
                suspect_after: pool.timeout,
                settings: settings(pool),
            });
            let (config, addr) = (server.clone(), ArcSwapOption::empty());
            servers.push(SharedServer { config, pool: id, addr });
        }
        table.pools.push(PoolRoutes {
            distribution: Arc::new(pool.build_distribution()?),
            servers: (first..servers.len()).map(server_id).collect(),
            failover: pool.failover,
            on_unavailable: pool.on_unavailable,
            deadline: pool.deadline,
        });
    }
    Ok((table, servers))
}

/// The id of the server at a place in the list of all.
pub fn server_id(idx: usize) -> ServerId {
    ServerId(u16::try_from(idx).expect("a configuration has at most 65,536 servers"))
}

fn settings(pool: &PoolConfig) -> ConnectionSettings {
    ConnectionSettings {
        timeout: pool.timeout,
        connect_timeout: pool.connect_timeout,
        attempts_in_flight_max: pool.attempts_in_flight_max,
    }
}

/// What each session of a listener may do.
pub fn session_limits(listener: &ListenerConfig) -> SessionLimits {
    SessionLimits {
        parse: ParseLimits {
            item_size_max: listener.item_size_max.as_len(),
            keys_per_get_max: listener.keys_per_get_max,
        },
        requests_in_flight_max: listener.requests_in_flight_max,
        output_max: listener.session_output_max.as_len(),
    }
}
