//! One server: as it is configured, and where it is reached.
//!
//! A server's name is looked up once at the start, and again by each canary that needs a new
//! connection: so a server that has moved is found, by all workers at once.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use evenkeel_core::config::ServerConfig;
use evenkeel_core::failure::Failure;
use evenkeel_core::routing::PoolId;

/// One server, for the control plane and all workers.
#[derive(Debug)]
pub struct SharedServer {
    /// As configured.
    pub config: ServerConfig,
    /// Its pool.
    pub pool: PoolId,
    /// Where it is reached; `None` while its name cannot be resolved.
    pub addr: ArcSwapOption<SocketAddr>,
}

impl SharedServer {
    pub(crate) fn new(config: ServerConfig, pool: PoolId) -> Self {
        Self { config, pool, addr: ArcSwapOption::empty() }
    }

    /// Looks its name up, and waits for the answer. One that cannot be found is no error yet.
    pub(crate) fn resolve_blocking(&self) {
        let address = &self.config.address;
        let found = (address.host(), address.port()).to_socket_addrs();
        let addr: Option<SocketAddr> = found.ok().and_then(|mut all| all.next());
        self.addr.store(addr.map(Arc::new));
    }

    /// Looks its name up, and tells the workers if it is somewhere else now.
    pub(crate) async fn resolve(&self) -> Result<SocketAddr, Failure> {
        let address = &self.config.address;
        let mut all = tokio::net::lookup_host((address.host(), address.port()))
            .await
            .map_err(|_| Failure::Unreachable)?;
        let found = all.next().ok_or(Failure::Unreachable)?;
        if self.addr.load().as_deref() != Some(&found) {
            self.addr.store(Some(Arc::new(found)));
        }
        Ok(found)
    }
}
