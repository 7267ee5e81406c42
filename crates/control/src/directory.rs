//! Who is there: the pools and servers as they are configured at the moment.
//!
//! A directory never changes once it is published; a new configuration is a new directory. Ids are
//! places in it, and a pool or server keeps its place for as long as anything may speak of it:
//! whoever has left is still in the directory, and says so.

use std::fmt;
use std::sync::Arc;

use evenkeel_core::config::{PoolConfig, PoolName};
use evenkeel_core::routing::{PoolId, ServerId};

use crate::server::SharedServer;

/// Who is there.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// By [`PoolId`].
    pub pools: Vec<Arc<SharedPool>>,
    /// By [`ServerId`].
    pub servers: Vec<Arc<SharedServer>>,
}

/// One pool.
#[derive(Debug)]
pub struct SharedPool {
    /// As configured.
    pub config: PoolConfig,
    /// Its servers, in the order of the configuration.
    pub servers: Vec<ServerId>,
    /// It is not in the configuration any more.
    pub has_left: bool,
}

/// What a server is called, by people and in all that is written about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerNames {
    /// Its pool.
    pub pool: PoolName,
    /// What it is known by: its name, or else its address.
    pub server: String,
}

impl fmt::Display for ServerNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pool, self.server)
    }
}

impl Directory {
    /// A pool by its id.
    pub fn pool(&self, id: PoolId) -> &Arc<SharedPool> {
        &self.pools[usize::from(id.0)]
    }

    /// A server by its id.
    pub fn server(&self, id: ServerId) -> &Arc<SharedServer> {
        &self.servers[usize::from(id.0)]
    }

    /// The pool of this name, unless it has left.
    pub fn pool_named(&self, name: &str) -> Option<PoolId> {
        let mut pools = (0..).map(PoolId).zip(&self.pools);
        let (id, _) = pools.find(|(_, it)| !it.has_left && it.config.name.as_str() == name)?;
        Some(id)
    }

    /// The pools that are configured, in the order of their ids.
    pub fn present_pools(&self) -> impl Iterator<Item = (PoolId, &Arc<SharedPool>)> {
        (0..).map(PoolId).zip(&self.pools).filter(|(_, pool)| !pool.has_left)
    }

    /// The servers that are configured, pool by pool.
    pub fn present_servers(&self) -> impl Iterator<Item = (ServerId, &Arc<SharedServer>)> {
        let of_pool = |pool: &'_ Arc<SharedPool>| pool.servers.clone();
        let ids = self.present_pools().flat_map(move |(_, pool)| of_pool(pool));
        ids.map(|id| (id, self.server(id)))
    }
}
