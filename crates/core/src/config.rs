//! The configuration's types: what can be set, in which unit and range, and its default.
//!
//! They are plain values. A file is one way to make them (`evenkeel-config-file` reads TOML); code is another:
//! start from [`PoolConfig::new`], [`ListenerConfig::new`] or [`Default`] and change fields. What a
//! type can rule out, a type does ([`PoolName`], [`ServerAddress`], [`Setting`] ranges cannot be
//! types, because they are read by people); the rest is found by [`Config::faults`] and
//! [`PoolConfig::faults`], which give all faults, not the first. Nothing here reads a file, resolves
//! a name or opens a socket.
//!
//! | part | what it is |
//! |---|---|
//! | [`Config`], [`ProxyConfig`] | the whole, and what concerns the process |
//! | [`ListenerConfig`] | where applications connect |
//! | [`RouteConfig`] | which keys go to another pool than their listener's |
//! | [`AdminConfig`] | where operators ask |
//! | [`PoolConfig`], [`ServerConfig`], [`HealthConfig`] | the servers, and how they are judged |
//! | [`HookConfig`], [`LogConfig`] | whom to tell what happens, and what is logged |
//! | [`Setting`] | the name, range and default of one setting |
//! | [`Fault`] | what is wrong, and where |
//! | [`Comparison`] | what another configuration changes |
//! | [`nearest`] | what a misspelt name probably stands for |
//!
//! ```
//! use evenkeel_core::config::{PoolConfig, ServerConfig};
//! use std::time::Duration;
//!
//! let server = ServerConfig::new("10.0.0.1:11211".parse()?);
//! let pool = PoolConfig {
//!     timeout: Duration::from_millis(100),
//!     ..PoolConfig::new("main".parse()?, vec![server])
//! };
//! assert!(pool.faults().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fault;

mod listener;
mod route;

mod admin;

mod health;
mod pool;
mod server;

mod hook;
mod log;

mod address;
mod choice;
mod name;
mod quantity;
mod setting;

mod comparison;
mod rerouting;

pub mod nearest;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use self::address::{
    ListenAddress, ListenAddressError, SERVER_PORT_DEFAULT, ServerAddress, ServerAddressError,
    UNIX_PATH_LEN_MAX,
};
pub use self::admin::AdminConfig;
pub use self::choice::{
    Failover, HookTrigger, Io, LogFormat, LogLevel, OnUnavailable, Operation, Rejoin,
    SlowRequestKeys, UnknownChoice,
};
pub use self::comparison::Comparison;
pub use self::fault::{Current, Fault, KeyPath, Problem, Step};
pub use self::health::HealthConfig;
pub use self::hook::{HookAction, HookConfig, WebhookAddress, WebhookAddressError};
pub use self::listener::{ListenerConfig, SocketMode, SocketModeError};
pub use self::log::LogConfig;
pub use self::name::{
    BrowserName, HookName, ListenerName, NAME_LEN_MAX, NameError, PoolName, SERVER_NAME_LEN_MAX,
    ServerName,
};
pub use self::pool::PoolConfig;
pub use self::quantity::{
    ByteSize, DURATION_UNITS, QuantityError, SIZE_UNITS, Written, parse_duration,
};
pub use self::route::{KEY_PREFIX_LEN_MAX, KeyPrefix, KeyPrefixError, RouteConfig};
pub use self::server::ServerConfig;
pub use self::setting::{Setting, SettingValue};

/// Everything the proxy can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The table `[proxy]`.
    pub proxy: ProxyConfig,
    /// The table `[log]`.
    pub log: LogConfig,
    /// The tables `[listener.NAME]`, at least one, in the order they were written.
    pub listeners: Vec<ListenerConfig>,
    /// The tables `[[route]]`, in the order they were written.
    pub routes: Vec<RouteConfig>,
    /// The tables `[pool.NAME]`, at least one, in the order they were written.
    pub pools: Vec<PoolConfig>,
    /// The table `[admin]`; without it there is no admin server.
    pub admin: Option<AdminConfig>,
    /// The tables `[hook.NAME]`, in the order they were written.
    pub hooks: Vec<HookConfig>,
}

impl Config {
    /// Everything that is wrong. Nothing wrong is the condition to start with it.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.proxy.check(&mut faults);
        self.check_listeners(&mut faults);
        self.check_routes(&mut faults);
        self.check_pools(&mut faults);
        self.check_admin(&mut faults);
        self.log.check(&mut faults);
        self.check_hooks(&mut faults);
        faults
    }

    /// The pool of this name.
    pub fn pool(&self, name: &PoolName) -> Option<&PoolConfig> {
        self.pools.iter().find(|pool| pool.name == *name)
    }

    /// The route that counts for a request of a listener's session; `None` if its keys go to the
    /// listener's own pool. Looks at every route.
    pub fn route_of(
        &self,
        listener: &ListenerName,
        operation: Operation,
        key: &[u8],
    ) -> Option<&RouteConfig> {
        let fits = |it: &&RouteConfig| {
            it.is_for(listener)
                && it.operations.contains(&operation)
                && key.starts_with(it.prefix.as_bytes())
        };
        let rank = |it: &&RouteConfig| (it.prefix.as_bytes().len(), it.listener.is_some());
        self.routes.iter().filter(fits).max_by_key(rank)
    }

    /// The operations on `key` that go where `operation` goes: to the same pool, as the same key.
    pub fn operations_with(
        &self,
        listener: &ListenerConfig,
        operation: Operation,
        key: &[u8],
    ) -> Vec<Operation> {
        let goes_to = |operation| {
            let route = self.route_of(&listener.name, operation, key);
            let stripped = route.filter(|it| it.strip_prefix).map(|it| &it.prefix);
            (route.map_or(&listener.pool, |it| &it.pool), stripped)
        };
        let all = Operation::ALL.into_iter();
        all.filter(|it| goes_to(*it) == goes_to(operation)).collect()
    }

    fn check_listeners(&self, faults: &mut Vec<Fault>) {
        if self.listeners.is_empty() {
            faults.push(Fault::new(KeyPath::ROOT.key("listener"), Problem::NoListeners));
        }
        let (mut by_name, mut by_address) = (BTreeMap::new(), BTreeMap::new());
        for listener in &self.listeners {
            listener.check(faults);
            self.check_pool_of(listener, faults);
            if by_name.insert(&listener.name, listener).is_some() {
                let problem = Problem::ListenerNameTaken(listener.name.clone());
                faults.push(Fault::new(listener.path(), problem));
            }
            let first = by_address.entry(&listener.address).or_insert(listener);
            if first.name != listener.name {
                check_apart(listener, first, faults);
            }
        }
    }

    fn check_admin(&self, faults: &mut Vec<Fault>) {
        let Some(admin) = &self.admin else { return };
        admin.check(faults);
        let address = ListenAddress::Tcp(admin.address);
        let taken_by = self.listeners.iter().find(|it| it.address.is_same_place(&address));
        if let Some(listener) = taken_by {
            faults.push(Fault::between(
                AdminConfig::path().key("address"),
                listener.path().key("address"),
                Problem::AdminAddressTaken { address: admin.address, first: listener.name.clone() },
            ));
        }
    }

    fn check_pool_of(&self, listener: &ListenerConfig, faults: &mut Vec<Fault>) {
        self.check_pool_name(&listener.pool, listener.path().key("pool"), faults);
    }

    fn check_routes(&self, faults: &mut Vec<Fault>) {
        if self.routes.len() > RouteConfig::ROUTES_MAX {
            let problem = Problem::TooManyRoutes(self.routes.len());
            faults.push(Fault::new(KeyPath::ROOT.key("route"), problem));
            return;
        }
        let mut by_prefix = BTreeMap::<_, Vec<usize>>::new();
        for (idx, route) in self.routes.iter().enumerate() {
            route.check(idx, faults);
            let at = RouteConfig::path(idx);
            self.check_pool_name(&route.pool, at.key("pool"), faults);
            self.check_listener_of(route, at.key("listener"), faults);
            let alike = by_prefix.entry((&route.prefix, &route.listener)).or_default();
            let first = alike.iter().find_map(|first| {
                route.overlap(&self.routes[*first]).map(|operation| (*first, operation))
            });
            alike.push(idx);
            if let Some((first, operation)) = first {
                let (prefix, operation) = (route.prefix.clone(), operation.name());
                let problem = Problem::RouteTwice { prefix, operation };
                faults.push(Fault::between(at, RouteConfig::path(first), problem));
            }
        }
    }

    fn check_listener_of(&self, route: &RouteConfig, at: KeyPath, faults: &mut Vec<Fault>) {
        let Some(name) = &route.listener else { return };
        if !self.listeners.iter().any(|it| it.name == *name) {
            let listeners = self.listeners.iter().map(|it| it.name.clone()).collect();
            let problem = Problem::UnknownListener { name: name.to_string(), listeners };
            faults.push(Fault::between(at, KeyPath::ROOT.key("listener"), problem));
        }
    }

    fn check_gutter_of(&self, pool: &PoolConfig, faults: &mut Vec<Fault>) {
        let Some(name) = pool.gutter.as_ref().filter(|name| **name != pool.name) else { return };
        let at = pool.path().key("gutter");
        self.check_pool_name(name, at.clone(), faults);
        let is_shared =
            self.pools.iter().any(|it| it.name != pool.name && it.gutter == pool.gutter)
                || self.listeners.iter().any(|it| it.pool == *name)
                || self.routes.iter().any(|it| it.pool == *name);
        if is_shared {
            faults.push(Fault::new(at.clone(), Problem::GutterShared(name.clone())));
        }
        let spare = self.pool(name).map_or(&[][..], |gutter| &gutter.servers);
        for server in &pool.servers {
            if spare.iter().any(|it| it.address == server.address) {
                let problem = Problem::ServerInGutter(server.address.to_string());
                faults.push(Fault::new(at.clone(), problem));
            }
        }
    }

    fn check_pool_name(&self, name: &PoolName, at: KeyPath, faults: &mut Vec<Fault>) {
        if self.pool(name).is_none() {
            let pools_there = self.pools.iter().map(|pool| pool.name.clone()).collect();
            let problem = Problem::UnknownPool { name: name.to_string(), pools: pools_there };
            faults.push(Fault::between(at, pools(), problem));
        }
    }

    fn check_pools(&self, faults: &mut Vec<Fault>) {
        if self.pools.is_empty() {
            faults.push(Fault::new(pools(), Problem::NoPools));
        }
        let mut names = BTreeSet::new();
        for pool in &self.pools {
            pool.check(faults);
            self.check_gutter_of(pool, faults);
            if !names.insert(&pool.name) {
                let problem = Problem::PoolNameTaken(pool.name.clone());
                faults.push(Fault::new(pool.path(), problem));
            }
        }
    }

    fn check_hooks(&self, faults: &mut Vec<Fault>) {
        let mut names = BTreeSet::new();
        for hook in &self.hooks {
            hook.check(faults);
            if !names.insert(&hook.name) {
                let problem = Problem::HookNameTaken(hook.name.clone());
                faults.push(Fault::new(hook.path(), problem));
            }
        }
    }
}

/// Where the pools stand.
fn pools() -> KeyPath {
    KeyPath::ROOT.key("pool")
}

fn check_apart(listener: &ListenerConfig, first: &ListenerConfig, faults: &mut Vec<Fault>) {
    if listener.address.is_same_place(&first.address) {
        faults.push(Fault::between(
            listener.path().key("address"),
            first.path().key("address"),
            Problem::AddressTaken {
                address: listener.address.to_string(),
                first: first.name.clone(),
            },
        ));
    }
}

/// The table `[proxy]`: what concerns the process as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyConfig {
    /// How many data-plane threads serve sessions.
    ///
    /// From 0 to 256; 0, the default, means one per core. Each has its own connections to every
    /// server: servers see this many connections from this process. Set it when the proxy shares
    /// its machine with the application.
    pub workers: usize,

    /// How workers read from and write to their sockets.
    ///
    /// [`Io::Auto`] by default. Waiting is done by epoll in every case. With [`Io::IoUring`] a proxy
    /// that is not allowed to use `io_uring` does not start: choose it to be sure.
    pub io: Io,

    /// How long a graceful stop may take.
    ///
    /// A duration from 0 s to 1 h; 5 s by default. From the signal on nothing new is accepted;
    /// requests in flight, and those that had been sent before it, are answered within their
    /// deadlines, and what is open after this time is closed. 0 closes everything at once. Keep it above the longest `deadline` of a pool, and
    /// below what your service manager waits before it kills (systemd: 90 s, Kubernetes: 30 s).
    pub shutdown_timeout: Duration,
}

impl ProxyConfig {
    /// See [`ProxyConfig::workers`].
    pub const WORKERS: Setting<usize> = Setting { key: "workers", min: 0, max: 256, default: 0 };

    /// See [`ProxyConfig::shutdown_timeout`].
    pub const SHUTDOWN_TIMEOUT: Setting<Duration> = Setting {
        key: "shutdown_timeout",
        min: Duration::ZERO,
        max: Duration::from_hours(1),
        default: Duration::from_secs(5),
    };

    fn check(&self, faults: &mut Vec<Fault>) {
        let table = &KeyPath::ROOT.key("proxy");
        Self::WORKERS.check(self.workers, table, faults);
        Self::SHUTDOWN_TIMEOUT.check(self.shutdown_timeout, table, faults);
    }
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self {
            workers: Self::WORKERS.default,
            io: Io::default(),
            shutdown_timeout: Self::SHUTDOWN_TIMEOUT.default,
        }
    }
}

#[cfg(test)]
mod tests;
