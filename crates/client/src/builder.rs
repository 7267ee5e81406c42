//! From a description to a client.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_control::setup::{Driver, Parts, set_up};
use evenkeel_control::worker::SharedWorker;
use evenkeel_core::config::{
    ByteSize, Failover, Fault, HealthConfig, ListenerConfig, OnUnavailable, PoolConfig, PoolName,
    Rejoin, ServerAddress, ServerAddressError, ServerConfig,
};
use evenkeel_core::distribution::Settings;
use tokio::sync::Notify;

use crate::client::{Client, Inner};
use crate::engine::Engine;
use crate::loading::{LOADS_MAX, LOADS_UNAVAILABLE_MAX, Limits, MetaSupport};
#[cfg(feature = "near")]
use crate::near::{Near, NearConfig};
use crate::register::Register;

/// Describes a client.
///
/// Everything but the servers has a default. The settings are those of a proxy's pool, with the same
/// meaning, units and ranges: docs/configuration.md, `[pool.NAME]`.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is built"]
pub struct ClientBuilder {
    pool: PoolConfig,
    gutter: Option<PoolConfig>,
    item_size_max: ByteSize,
    loads_max: usize,
    loads_unavailable_max: usize,
    #[cfg(feature = "near")]
    near: Option<NearConfig>,
    /// What was no address, and why.
    misnamed: Vec<(String, ServerAddressError)>,
}

/// Why a client could not be built. Nothing is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A server's address is none.
    #[error("the server {address:?}: {source}")]
    Address {
        /// As it was given.
        address: String,
        /// What is wrong with it.
        source: ServerAddressError,
    },
    /// The configuration has faults.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Faults(Vec<Fault>),
    /// `failover = "gutter"`, and no gutter pool has been given.
    #[error("the pool {0} fails over to a gutter pool that is not there; give it by gutter()")]
    NoGutter(PoolName),
    /// The distribution cannot be built.
    #[error(transparent)]
    Distribution(#[from] evenkeel_control::membership::PlanError),
    /// A client needs a tokio runtime to live on, with its timers and its sockets enabled.
    #[error("there is no tokio runtime here; build the client inside of one")]
    NoRuntime,
    /// There can be no thread for a client whose operations wait, or no runtime on it.
    #[cfg(feature = "blocking")]
    #[error("there can be no thread with a runtime for the client")]
    Thread(#[source] std::io::Error),
}

impl Default for ClientBuilder {
    fn default() -> Self {
        let name = "main".parse().expect("a valid name");
        Self {
            pool: PoolConfig::new(name, Vec::new()),
            gutter: None,
            item_size_max: ListenerConfig::ITEM_SIZE_MAX.default,
            loads_max: LOADS_MAX,
            loads_unavailable_max: LOADS_UNAVAILABLE_MAX,
            #[cfg(feature = "near")]
            near: None,
            misnamed: Vec::new(),
        }
    }
}

impl ClientBuilder {
    /// Adds a server: `name:port` or `address:port`, where the port may be left out (11211).
    ///
    /// The order of the servers matters to some distributions: all processes that share the servers
    /// must name them in the same one.
    pub fn server(mut self, address: impl AsRef<str>) -> Self {
        match address.as_ref().parse::<ServerAddress>() {
            Ok(address) => self.pool.servers.push(ServerConfig::new(address)),
            Err(error) => self.misnamed.push((address.as_ref().to_owned(), error)),
        }
        self
    }

    /// Adds several servers: [`ClientBuilder::server`].
    pub fn servers<S: AsRef<str>>(self, addresses: impl IntoIterator<Item = S>) -> Self {
        addresses.into_iter().fold(self, Self::server)
    }

    /// Takes the whole pool as it is described, in place of all that was said of it before.
    pub fn pool(mut self, pool: PoolConfig) -> Self {
        self.pool = pool;
        self
    }

    /// Takes the pool of a configuration file: the text of the file, its name for error messages,
    /// and the pool's name if there are several.
    ///
    /// # Errors
    /// All that is wrong with the file.
    #[cfg(feature = "toml")]
    pub fn toml(
        self,
        file: &str,
        text: &str,
        pool: Option<&str>,
    ) -> Result<Self, evenkeel_config_file::FaultyFile> {
        Ok(self.pool(evenkeel_config_file::parse_pool(file, text, pool)?))
    }

    /// The spare servers for [`Failover::Gutter`].
    pub fn gutter(mut self, pool: PoolConfig) -> Self {
        self.pool.gutter = Some(pool.name.clone());
        self.gutter = Some(pool);
        self
    }

    /// How keys are placed: [`PoolConfig::distribution`].
    pub fn distribution(mut self, distribution: Settings) -> Self {
        self.pool.distribution = distribution;
        self
    }

    /// Where requests go whose server cannot be used: [`PoolConfig::failover`].
    pub fn failover(mut self, failover: Failover) -> Self {
        self.pool.failover = failover;
        self
    }

    /// What a server that returns may serve: [`PoolConfig::rejoin`].
    pub fn rejoin(mut self, rejoin: Rejoin) -> Self {
        self.pool.rejoin = rejoin;
        self
    }

    /// Whether an unavailable cache is an error: [`Client`].
    pub fn on_unavailable(mut self, on_unavailable: OnUnavailable) -> Self {
        self.pool.on_unavailable = on_unavailable;
        self
    }

    /// How long one attempt may take: [`PoolConfig::timeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pool.timeout = timeout;
        self
    }

    /// How long one request may take, all attempts together: [`PoolConfig::deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.pool.deadline = deadline;
        self
    }

    /// How long a connection may take to be made: [`PoolConfig::connect_timeout`].
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.pool.connect_timeout = connect_timeout;
        self
    }

    /// When a server is suspected, ejected and readmitted: [`HealthConfig`].
    pub fn health(mut self, health: HealthConfig) -> Self {
        self.pool.health = health;
        self
    }

    /// The largest value that may be stored, in bytes; 1 MiB by default, as memcached's `-I`.
    pub fn item_size_max(mut self, item_size_max: ByteSize) -> Self {
        self.item_size_max = item_size_max;
        self
    }

    /// How many loads of [`Client::get_or_load`] may be in progress at a time; 64 by default, at
    /// least 1. Choose what the database stands from this process.
    pub fn loads_max(mut self, loads_max: usize) -> Self {
        self.loads_max = loads_max;
        self
    }

    /// How many of these may be such as were begun because the cache is unavailable; 16 by default,
    /// at least 1 and at most [`ClientBuilder::loads_max`]. All of a process's reads become loads
    /// then, so this is what keeps the database alive without its cache.
    pub fn loads_unavailable_max(mut self, loads_unavailable_max: usize) -> Self {
        self.loads_unavailable_max = loads_unavailable_max;
        self
    }

    /// Keeps copies of what [`Client::get`] and [`Client::get_or_load`] read in this process, for a
    /// short time: docs/client-loading.md says what that means for consistency.
    #[cfg(feature = "near")]
    pub fn near(mut self, near: NearConfig) -> Self {
        self.near = Some(near);
        self
    }

    /// Builds the client. It lives on the tokio runtime that this runs on, and ends with it.
    ///
    /// Names of servers are looked up here and again later. A server that cannot be reached is
    /// no error: requests fail over, and it is used when it is there.
    ///
    /// # Errors
    /// Something is wrong with the description.
    pub async fn build(self) -> Result<Client, BuildError> {
        tokio::runtime::Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        if let Some((address, source)) = self.misnamed.into_iter().next() {
            return Err(BuildError::Address { address, source });
        }
        let faults: Vec<_> =
            self.gutter.iter().chain([&self.pool]).flat_map(PoolConfig::faults).collect();
        if !faults.is_empty() {
            return Err(BuildError::Faults(faults));
        }
        if self.pool.failover == Failover::Gutter && self.gutter.is_none() {
            return Err(BuildError::NoGutter(self.pool.name));
        }
        let (on_unavailable, deadline) = (self.pool.on_unavailable, self.pool.deadline);
        let pools: Vec<_> = [self.pool].into_iter().chain(self.gutter).collect();
        let bell = Arc::new(Notify::new());
        let wake = {
            let bell = Arc::clone(&bell);
            move || bell.notify_one()
        };
        let driver = Driver { workers: vec![SharedWorker::new(wake)], losses: Vec::new() };
        let Parts { shared, handle, control_plane, stop, reconfigurer: _ } =
            set_up(&pools, driver)?;
        let resolving = Arc::clone(&shared);
        // It fails only if the runtime ends, and then there is nothing to build on.
        let _ = tokio::task::spawn_blocking(move || resolving.resolve_blocking()).await;
        tokio::spawn(control_plane.run());
        let engine = Engine::start(shared, bell);
        let item_size_max = self.item_size_max.as_len();
        let register = Register::new(
            #[cfg(feature = "near")]
            self.near.map(Near::new),
        );
        let limits = Limits::new(self.loads_max, self.loads_unavailable_max);
        let meta = MetaSupport::new();
        let inner =
            Inner { engine, handle, _stop: stop, item_size_max, deadline, register, limits, meta };
        Ok(Client::new(inner, on_unavailable))
    }
}
