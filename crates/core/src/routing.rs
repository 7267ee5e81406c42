//! States into servers: which server a request goes to.
//!
//! A [`RoutingTable`] is made by the control plane from configuration and health, published
//! whole, and never changed. A request sees one table from start to finish. Routing knows nothing
//! of encodings: it is given a key.
//!
//! # What it decides
//! The first server in the key's order that is usable by the table and can be sent to at this
//! moment by the caller's own connection. With `failover = "none"` that is home or nothing.
//!
//! # What it never does
//! Judge a server: a table says who is usable, and only [`crate::health`] says so to the table.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Failover, OnUnavailable};
use crate::distribution::{Distribution, MemberIdx};

/// A server by its place in [`RoutingTable::servers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u16);

/// A pool by its place in [`RoutingTable::pools`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolId(pub u16);

/// Everything that a request needs to know, as of one moment.
#[derive(Clone, Debug)]
pub struct RoutingTable {
    /// The pools.
    pub pools: Vec<PoolRoutes>,
    /// The servers of all pools.
    pub servers: Vec<ServerRoute>,
}

/// One pool's part of a table.
#[derive(Clone, Debug)]
pub struct PoolRoutes {
    /// Key → members in order.
    pub distribution: Arc<Distribution>,
    /// Member → server.
    pub servers: Vec<ServerId>,
    /// Where keys go whose home cannot be used.
    pub failover: Failover,
    /// What a read that cannot be served is answered.
    pub on_unavailable: OnUnavailable,
    /// The bound on a request's life.
    pub deadline: Duration,
}

/// One server's part of a table.
#[derive(Clone, Copy, Debug)]
pub struct ServerRoute {
    /// Requests may be sent to it.
    pub is_usable: bool,
    /// How its connections behave.
    pub settings: ConnectionSettings,
}

/// How a connection to a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// An attempt without a response for this long has failed.
    pub timeout: Duration,
    /// A connect that has not succeeded for this long has failed.
    pub connect_timeout: Duration,
    /// How many attempts may wait for their response at once.
    pub attempts_in_flight_max: usize,
}

impl RoutingTable {
    /// A pool's part.
    pub fn pool(&self, pool: PoolId) -> &PoolRoutes {
        &self.pools[usize::from(pool.0)]
    }

    /// A server's part.
    pub fn server(&self, server: ServerId) -> &ServerRoute {
        &self.servers[usize::from(server.0)]
    }

    /// Where to send a request for `key`; `None` if it can go nowhere at this moment.
    ///
    /// `can_send` says whether the caller can send to a server it asks about.
    pub fn plan(
        &self,
        pool: PoolId,
        key: &[u8],
        mut can_send: impl FnMut(ServerId) -> bool,
    ) -> Option<Planned> {
        let pool = self.pool(pool);
        let server_of = |member: MemberIdx| pool.servers[member.as_usize()];
        let mut is_one_passed_over = false;
        let mut usable = |member| {
            let server = server_of(member);
            let is_usable = self.server(server).is_usable && can_send(server);
            is_one_passed_over |= !is_usable;
            is_usable
        };
        let member = match pool.failover {
            Failover::Next => pool.distribution.pick(key, usable)?,
            Failover::None => Some(pool.distribution.home(key)).filter(|home| usable(*home))?,
        };
        // With all fit, the first in order is home; asking would be hashing the key twice.
        let is_home = !is_one_passed_over || member == pool.distribution.home(key);
        Some(Planned { server: server_of(member), is_home })
    }
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The server.
    pub server: ServerId,
    /// It is the key's home.
    pub is_home: bool,
}

#[cfg(test)]
mod tests;
