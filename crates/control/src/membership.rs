//! What a configuration makes of who is there.
//!
//! A plan compares: who stays (the same address in a pool of the same name: the same process, with
//! what it holds), who joins and who leaves, and where keys belong from now on. It changes nothing;
//! the control plane carries it out. The first configuration of a process is a plan for nobody.
//!
//! Ids are places and are handed out again: that of a server that has left long ago to one that joins
//! ([`crate::control_plane`] says when), that of a pool to a pool of its name.

use std::collections::BTreeSet;
use std::sync::Arc;

use evenkeel_core::config::{PoolConfig, PoolName, ServerConfig};
use evenkeel_core::distribution::BuildError;
use evenkeel_core::routing::{
    ConnectionSettings, Former, Layout, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute,
    Usable,
};

use crate::directory::{Directory, SharedPool};
use crate::routes;
use crate::server::SharedServer;

/// Why a configuration cannot be carried out. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A pool's distribution cannot be built: [`PoolConfig::faults`] says why before.
    #[error("the distribution of pool {pool} cannot be built")]
    Distribution {
        /// The pool.
        pool: PoolName,
        /// Why.
        source: BuildError,
    },
    /// There have been too many pools since the process started.
    #[error("there have been {POOLS_MAX} pools since this process started; restart it")]
    TooManyPools,
    /// There are too many servers, with those that left a while ago.
    #[error("there are {SERVERS_MAX} servers, with those that left a while ago; try again later")]
    TooManyServers,
}

/// How many pools a process may have had.
pub const POOLS_MAX: usize = 1024;

/// How many servers a process may have, with those that left a while ago.
pub const SERVERS_MAX: usize = 65_535;

/// What a configuration makes of who is there.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Who is there then.
    pub(crate) directory: Directory,
    /// By [`PoolId`].
    routes: Vec<PoolRoutes>,
    /// By [`ServerId`]: how connections to it behave, unless it has left.
    settings: Vec<Option<ConnectionSettings>>,
    /// Servers that were not there, in the order of their pools.
    pub(crate) joined: Vec<ServerId>,
    /// Servers that were there.
    pub(crate) left: Vec<ServerId>,
    /// Pools that were there and whose keys belong elsewhere.
    pub(crate) moved: Vec<PoolId>,
    /// Pools that were not there.
    pub(crate) new_pools: Vec<PoolId>,
}

impl Plan {
    /// Compares. `spare` are ids of servers that nobody speaks of any more; those that are given to
    /// somebody are taken from it.
    pub(crate) fn new(
        directory: &Directory,
        table: &RoutingTable,
        pools: &[PoolConfig],
        mut spare: BTreeSet<ServerId>,
    ) -> Result<Self, PlanError> {
        let mut plan = Self {
            directory: directory.clone(),
            routes: table.pools.clone(),
            settings: table.servers.iter().map(|it| Some(it.settings)).collect(),
            joined: Vec::new(),
            left: Vec::new(),
            moved: Vec::new(),
            new_pools: Vec::new(),
        };
        // Whoever comes back has its id again, whichever server is placed first.
        spare.retain(|id| !is_named(directory.server(*id), directory, pools));
        for pool in pools {
            plan.place_pool(directory, pool, &mut spare)?;
        }
        plan.leave(directory, pools);
        for pool in pools {
            plan.route(table, pool)?;
        }
        Ok(plan)
    }

    /// The pool and its servers have ids.
    fn place_pool(
        &mut self,
        before: &Directory,
        pool: &PoolConfig,
        spare: &mut BTreeSet<ServerId>,
    ) -> Result<(), PlanError> {
        let known = before.pools.iter().position(|it| it.config.name == pool.name);
        let idx = known.unwrap_or(self.directory.pools.len());
        let id = PoolId(u16::try_from(idx).map_err(|_| PlanError::TooManyPools)?);
        if idx >= POOLS_MAX {
            return Err(PlanError::TooManyPools);
        }
        let mut servers = Vec::new();
        for server in &pool.servers {
            servers.push(self.place_server(before, (id, pool), server, spare)?);
        }
        let shared = Arc::new(SharedPool { config: pool.clone(), servers, has_left: false });
        if let Some(idx) = known {
            self.directory.pools[idx] = shared;
        } else {
            self.directory.pools.push(shared);
            self.new_pools.push(id);
        }
        Ok(())
    }

    fn place_server(
        &mut self,
        before: &Directory,
        (pool, pool_config): (PoolId, &PoolConfig),
        server: &ServerConfig,
        spare: &mut BTreeSet<ServerId>,
    ) -> Result<ServerId, PlanError> {
        let is_it = |it: &Arc<SharedServer>| it.pool == pool && it.config.address == server.address;
        let mut shared = SharedServer::new(server.clone(), &pool_config.name, pool);
        let known = before.servers.iter().position(is_it);
        let idx = match known {
            Some(idx) => {
                shared.facts = Arc::clone(&before.servers[idx].facts);
                idx
            }
            None => match spare.pop_first() {
                Some(id) => usize::from(id.0),
                None => self.directory.servers.len(),
            },
        };
        if idx >= SERVERS_MAX {
            return Err(PlanError::TooManyServers);
        }
        let (id, shared) = (server_id(idx), Arc::new(shared));
        if known.is_none_or(|idx| before.servers[idx].has_left) {
            self.joined.push(id);
        }
        let settings = Some(routes::connection_settings(pool_config));
        if idx < self.directory.servers.len() {
            self.directory.servers[idx] = shared;
            self.settings[idx] = settings;
        } else {
            self.directory.servers.push(shared);
            self.settings.push(settings);
        }
        Ok(id)
    }

    /// Whoever is not named has left.
    fn leave(&mut self, before: &Directory, pools: &[PoolConfig]) {
        for pool in &mut self.directory.pools {
            let is_named = pools.iter().any(|it| it.name == pool.config.name);
            if !is_named && !pool.has_left {
                let (config, servers) = (pool.config.clone(), Vec::new());
                *pool = Arc::new(SharedPool { config, servers, has_left: true });
            }
        }
        let present: BTreeSet<_> = self.directory.present_servers().map(|(id, _)| id).collect();
        for (id, server) in (0..).map(ServerId).zip(&mut self.directory.servers) {
            if present.contains(&id) {
                continue;
            }
            self.settings[usize::from(id.0)] = None;
            if !server.has_left {
                *server = Arc::new(server.as_left());
            }
            if before.servers.get(usize::from(id.0)).is_some_and(|it| !it.has_left) {
                self.left.push(id);
            }
        }
    }

    /// Where the keys of a pool belong.
    fn route(&mut self, table: &RoutingTable, pool: &PoolConfig) -> Result<(), PlanError> {
        let id = self.directory.pool_named(pool.name.as_str()).expect("it has been placed");
        let servers = self.directory.pool(id).servers.clone();
        let mut former = Arc::new(Former::default());
        let mut routes = routes::pool_routes(pool, servers, Arc::clone(&former), |name| {
            self.directory.pool_named(name.as_str())
        });
        if let (Some(before), Ok(routes)) = (table.pools.get(usize::from(id.0)), &mut routes) {
            former = Arc::clone(&before.former);
            let is_same =
                before.servers == routes.servers && before.distribution == routes.distribution;
            if is_same {
                routes.distribution = Arc::clone(&before.distribution);
            } else {
                let (distribution, servers) =
                    (Arc::clone(&before.distribution), before.servers.clone());
                former = Arc::new(former.with(Layout { distribution, servers }));
                self.moved.push(id);
            }
        }
        let error = |source| PlanError::Distribution { pool: pool.name.clone(), source };
        let routes = PoolRoutes { former, ..routes.map_err(error)? };
        match self.routes.get_mut(usize::from(id.0)) {
            Some(slot) => *slot = routes,
            None => self.routes.push(routes),
        }
        Ok(())
    }

    /// `table` with those who join in it, and how connections behave from now on. Keys of pools that
    /// were there belong where they did.
    pub(crate) fn prepared(&self, table: &RoutingTable) -> RoutingTable {
        let mut prepared = table.clone();
        for (id, server) in (0..).map(ServerId).zip(&self.directory.servers) {
            let Some(settings) = self.settings[usize::from(id.0)] else { continue };
            let pool = &self.directory.pool(server.pool).config;
            let route = routes::server_route(pool, &server.config);
            match prepared.servers.get_mut(usize::from(id.0)) {
                Some(slot) if slot.has_left => *slot = route,
                Some(slot) => *slot = ServerRoute { settings, ..*slot },
                None => prepared.servers.push(route),
            }
        }
        prepared.pools.extend_from_slice(&self.routes[prepared.pools.len()..]);
        prepared
    }

    /// `table`, which is prepared, with keys where they belong by the plan.
    pub(crate) fn completed(&self, table: &RoutingTable) -> RoutingTable {
        let mut completed = table.clone();
        completed.pools.clone_from(&self.routes);
        for (route, settings) in completed.servers.iter_mut().zip(&self.settings) {
            if settings.is_none() {
                (route.usable, route.has_left) = (Usable::No, true);
            }
        }
        completed
    }
}

/// Whether a server is in one of these pools.
fn is_named(server: &SharedServer, directory: &Directory, pools: &[PoolConfig]) -> bool {
    let name = &directory.pool(server.pool).config.name;
    let is_in =
        |pool: &PoolConfig| pool.servers.iter().any(|it| it.address == server.config.address);
    pools.iter().any(|pool| pool.name == *name && is_in(pool))
}

/// The id of the server at a place in the list of all.
pub(crate) fn server_id(idx: usize) -> ServerId {
    ServerId(u16::try_from(idx).expect("there are at most as many as ids"))
}

#[cfg(test)]
mod tests;
