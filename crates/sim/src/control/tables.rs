//! The routing tables that the control planes of all pools make together.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::config::OnUnavailable;
use evenkeel_core::routing::{
    ConnectionSettings, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute, Substitute, Usable,
};

use super::handover::config_of;
use crate::agenda::{Agenda, Event};
use crate::options::Options;
use crate::routes::FIRST;
use crate::sabotage::Sabotage;

/// Every table made so far.
#[derive(Debug)]
pub struct Tables {
    all: Vec<Arc<RoutingTable>>,
    /// When each worker has the last of them: tables do not overtake one another.
    published_at: Vec<Instant>,
}

impl Tables {
    /// The first, which every worker has from the start.
    pub fn new(options: &Options) -> Self {
        let first = Arc::new(first_table(options));
        Self { all: vec![first], published_at: vec![Instant::ZERO; options.workers_len] }
    }

    /// A table, by its number.
    pub fn table(&self, version: usize) -> Arc<RoutingTable> {
        self.all[version].clone()
    }

    /// The last.
    pub fn last(&self) -> &Arc<RoutingTable> {
        self.all.last().expect("there is a first table")
    }

    /// Has every worker have a table, each after its lag. Returns its number.
    pub(super) fn publish(
        &mut self,
        agenda: &mut Agenda,
        table: Arc<RoutingTable>,
        lags: impl Iterator<Item = Duration>,
    ) -> usize {
        self.all.push(table);
        let version = self.all.len() - 1;
        for (worker, (published_at, lag)) in self.published_at.iter_mut().zip(lags).enumerate() {
            *published_at = (*published_at).max(agenda.now() + lag);
            agenda.at(*published_at, Event::Publish { worker, version });
        }
        version
    }
}

fn first_table(options: &Options) -> RoutingTable {
    let servers = options.pools().iter().flat_map(|pool| {
        let (settings, first) = (connection_settings(options, *pool), options.first_server(*pool));
        // Those outside come when they join, unless another pool's stand behind them.
        let known = if options.second.is_some() {
            options.pool_of(*pool).servers.len()
        } else {
            options.members_len()
        };
        let members: Vec<_> = members(options, *pool).collect();
        server_ids(first, known).map(move |server| {
            let mut route = ServerRoute::in_use(settings, disguise(server));
            if !members.contains(&server) {
                (route.usable, route.has_left) = (Usable::No, true);
            }
            route
        })
    });
    RoutingTable {
        servers: servers.collect(),
        pools: options.pools().iter().map(|pool| pool_routes(options, *pool)).collect(),
    }
}

/// Who is in a pool at first.
fn members(options: &Options, pool: PoolId) -> impl Iterator<Item = ServerId> {
    let len =
        if pool == FIRST { options.members_len() } else { options.pool_of(pool).servers.len() };
    server_ids(options.first_server(pool), len)
}

fn pool_routes(options: &Options, pool: PoolId) -> PoolRoutes {
    let config = options.pool_of(pool);
    let on_unavailable = match options.sabotage {
        Some(Sabotage::FailReads) => OnUnavailable::Error,
        _ => config.on_unavailable,
    };
    let servers: Vec<_> = members(options, pool).collect();
    let with_members = config_of(options, pool, &servers);
    PoolRoutes {
        distribution: Arc::new(with_members.build_distribution().expect("the pool has servers")),
        servers,
        failover: Substitute::Next,
        on_unavailable,
        deadline: config.deadline,
        failover_ttl: options.recovery.failover_ttl,
        former: Arc::default(),
    }
}

pub(super) fn connection_settings(options: &Options, pool: PoolId) -> ConnectionSettings {
    let pool = options.pool_of(pool);
    ConnectionSettings {
        timeout: pool.timeout,
        connect_timeout: pool.connect_timeout,
        attempts_in_flight_max: pool.attempts_in_flight_max,
    }
}

/// A number of the server's own that is above all it counts to.
pub(super) fn disguise(server: ServerId) -> u64 {
    u64::from(server.0 + 1) << 32
}

pub(super) fn server_ids(first: usize, len: usize) -> impl Iterator<Item = ServerId> {
    (first..first + len).map(server_id)
}

pub(super) fn server_id(number: usize) -> ServerId {
    ServerId(u16::try_from(number).expect("there are few servers"))
}
