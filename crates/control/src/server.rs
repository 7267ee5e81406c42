//! One server: as it is configured, where it is reached, and what it has done.
//!
//! A server's name is looked up once at the start, and again by each canary that needs a new
//! connection: so a server that has moved is found, by all workers at once.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use evenkeel_core::config::{PoolName, ServerConfig};
use evenkeel_core::failure::Failure;
use evenkeel_core::routing::PoolId;

use crate::directory::ServerNames;
use crate::figures::Figures;
use crate::says::ServerSays;

/// One server, for the control plane and all workers.
#[derive(Debug)]
pub struct SharedServer {
    /// What it is called.
    pub names: Arc<ServerNames>,
    /// As configured.
    pub config: ServerConfig,
    /// Its pool.
    pub pool: PoolId,
    /// It is not in the configuration any more.
    pub has_left: bool,
    /// What changes while it is configured so.
    pub facts: Arc<ServerFacts>,
}

/// What is known of a server beside its configuration; it outlives a new one.
#[derive(Debug, Default)]
pub struct ServerFacts {
    /// Where it is reached; `None` while its name cannot be resolved.
    pub addr: ArcSwapOption<SocketAddr>,
    /// What it says of itself; `None` while that is not known.
    pub says: ArcSwapOption<ServerSays>,
    connections_open: AtomicUsize,
    figures: Mutex<Figures>,
}

/// A connection of a worker's that is ready for requests; counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Arc<ServerFacts>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ServerFacts {
    /// A worker has connected. To be kept for as long as the connection is there.
    pub fn count_connection(self: &Arc<Self>) -> OpenConnection {
        self.connections_open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Connections of workers that are ready for requests.
    pub fn connections_open(&self) -> usize {
        self.connections_open.load(Ordering::Relaxed)
    }

    /// What it has done.
    pub fn figures(&self) -> MutexGuard<'_, Figures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedServer {
    /// A server of a pool, of which nothing is known.
    pub(crate) fn new(config: ServerConfig, pool_name: &PoolName, pool: PoolId) -> Self {
        let names = ServerNames { pool: pool_name.clone(), server: config.to_string() };
        Self {
            names: Arc::new(names),
            config,
            pool,
            has_left: false,
            facts: Arc::new(ServerFacts::default()),
        }
    }

    /// The same, no longer configured.
    pub(crate) fn as_left(&self) -> Self {
        Self {
            names: Arc::clone(&self.names),
            config: self.config.clone(),
            pool: self.pool,
            has_left: true,
            facts: Arc::clone(&self.facts),
        }
    }

    /// Looks its name up, and waits for the answer. One that cannot be found is no error yet.
    pub(crate) fn resolve_blocking(&self) {
        let address = &self.config.address;
        let found = (address.host(), address.port()).to_socket_addrs();
        let addr: Option<SocketAddr> = found.ok().and_then(|mut all| all.next());
        self.facts.addr.store(addr.map(Arc::new));
    }

    /// Looks its name up, and tells the workers if it is somewhere else now.
    pub(crate) async fn resolve(&self) -> Result<SocketAddr, Failure> {
        let address = &self.config.address;
        let mut all = tokio::net::lookup_host((address.host(), address.port()))
            .await
            .map_err(|_| Failure::Unreachable)?;
        let found = all.next().ok_or(Failure::Unreachable)?;
        if self.facts.addr.load().as_deref() != Some(&found) {
            self.facts.addr.store(Some(Arc::new(found)));
        }
        Ok(found)
    }
}
