//! Which servers there are, and which of them is each key's home.
//!
//! It reads a configuration and asks core's distributions. It decides nothing itself.

use evenkeel_core::config::{PoolConfig, ServerAddress};
use evenkeel_core::distribution::Distribution;

/// The servers of what is verified, and where keys belong among them.
#[derive(Clone, Debug)]
pub struct Placement {
    servers: Vec<PlacedServer>,
    pool: PoolConfig,
    distribution: Distribution,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedServer {
    /// What the configuration calls it: its name, or its address.
    pub name: String,
    /// Where it is.
    pub address: ServerAddress,
}

impl Placement {
    /// The servers of one pool, whose keys are placed by its distribution alone.
    ///
    /// # Panics
    /// If the pool has faults.
    pub fn of_pool(pool: &PoolConfig) -> Self {
        let servers = pool.servers.iter().map(|server| PlacedServer {
            name: server.to_string(),
            address: server.address.clone(),
        });
        Self {
            servers: servers.collect(),
            pool: pool.clone(),
            distribution: pool.build_distribution().expect("the pool was found to have no faults"),
        }
    }

    /// The servers. Others name them by their places in this list.
    pub fn servers(&self) -> &[PlacedServer] {
        &self.servers
    }

    /// Which server has a key that an application asks for.
    pub(super) fn home(&self, key: &[u8]) -> usize {
        self.distribution.home(key).as_usize()
    }

    /// Which server would be asked for a key that was found on the server `_at`.
    pub(super) fn home_of_found(&self, key: &[u8], _at: usize) -> usize {
        self.home(key)
    }

    /// The pool.
    pub(super) fn pool(&self) -> &PoolConfig {
        &self.pool
    }
}
