//! The servers that share one distribution, and how requests to them are bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::distribution::{BuildError, Distribution, Scheme, Settings, Weight};

use super::choice::{Failover, OnUnavailable};
use super::fault::{Fault, KeyPath, Problem};
use super::health::HealthConfig;
use super::name::PoolName;
use super::server::ServerConfig;
use super::setting::{Setting, check_at_least};

/// The table `[pool.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// The NAME of the table: what listeners, logs, metrics and faults call it.
    pub name: PoolName,

    /// The servers, at least one.
    ///
    /// No default. Their order matters to some distributions; every process that shares them
    /// must list them in the same order.
    pub servers: Vec<ServerConfig>,

    /// How keys are placed on the servers: `distribution`, `hash`, `point_hash`, `hash_tag`.
    ///
    /// `ketama` by default, with the key hash that the scheme has by itself and no hash tag. To
    /// take the place of another client over a full cache, choose what that client uses; changing
    /// it later moves most keys.
    pub distribution: Settings,

    /// Where a key's requests go while its server cannot be used: `next` or `none`.
    ///
    /// `next` by default. `next` keeps the hit rate up while a server is away, at the price of
    /// load on the others; `none` leaves the others alone and lets the database take the misses.
    pub failover: Failover,

    /// What an application is told when no server can serve a read: `miss` or `error`.
    ///
    /// `miss` by default: it loads from the database, as for any miss. Choose `error` for an
    /// application that treats an error better than a flood of misses. A write that cannot be
    /// stored is an error either way.
    pub on_unavailable: OnUnavailable,

    /// How long one attempt, one request sent to one server, may take.
    ///
    /// A duration from 1 ms to 1 m; 250 ms by default. At most `deadline`. A server that times
    /// out is suspected. Choose ten times the 99.9th percentile of a healthy server, and above
    /// the network's retransmission pause (Linux: 200 ms) if one lost packet should cost a wait
    /// rather than a miss.
    pub timeout: Duration,

    /// How long one request may take from its receipt to its answer, all attempts together.
    ///
    /// A duration from 1 ms to 1 m; 350 ms by default. At least `timeout`; what it is longer by
    /// is what a second attempt has. Keep it below the timeout of the application's own client,
    /// or that one gives up first and reports a broken cache.
    pub deadline: Duration,

    /// How long a connection to a server may take to be made.
    ///
    /// A duration from 1 ms to 1 m; 250 ms by default. It does not extend `deadline`. A few
    /// round trips are enough; longer only delays the finding that a server is unreachable.
    pub connect_timeout: Duration,

    /// How many attempts may wait for answers on one connection to a server.
    ///
    /// From 1 to 1,048,576; 16,384 by default. Past it an attempt fails at once, as if the server
    /// could not be used. It bounds the memory a hanging server can take; divide the requests a
    /// second to one server by the workers, times `timeout`, and leave room.
    pub attempts_in_flight_max: usize,

    /// When a server is suspected, ejected and readmitted.
    pub health: HealthConfig,
}

impl PoolConfig {
    /// How keys are placed if nothing is set.
    pub const DISTRIBUTION_DEFAULT: Settings = Settings::new(Scheme::Ketama);

    /// See [`PoolConfig::timeout`].
    pub const TIMEOUT: Setting<Duration> = Setting {
        key: "timeout",
        min: Duration::from_millis(1),
        max: Duration::from_mins(1),
        default: Duration::from_millis(250),
    };

    /// See [`PoolConfig::deadline`].
    pub const DEADLINE: Setting<Duration> = Setting {
        key: "deadline",
        min: Duration::from_millis(1),
        max: Duration::from_mins(1),
        default: Duration::from_millis(350),
    };

    /// See [`PoolConfig::connect_timeout`].
    pub const CONNECT_TIMEOUT: Setting<Duration> = Setting {
        key: "connect_timeout",
        min: Duration::from_millis(1),
        max: Duration::from_mins(1),
        default: Duration::from_millis(250),
    };

    /// See [`PoolConfig::attempts_in_flight_max`].
    pub const ATTEMPTS_IN_FLIGHT_MAX: Setting<usize> =
        Setting { key: "attempts_in_flight_max", min: 1, max: 1 << 20, default: 16_384 };

    /// A pool with every other setting at its default.
    pub fn new(name: PoolName, servers: Vec<ServerConfig>) -> Self {
        Self {
            name,
            servers,
            distribution: Self::DISTRIBUTION_DEFAULT,
            failover: Failover::default(),
            on_unavailable: OnUnavailable::default(),
            timeout: Self::TIMEOUT.default,
            deadline: Self::DEADLINE.default,
            connect_timeout: Self::CONNECT_TIMEOUT.default,
            attempts_in_flight_max: Self::ATTEMPTS_IN_FLIGHT_MAX.default,
            health: HealthConfig::default(),
        }
    }

    /// Where the settings of this pool stand.
    pub fn path(&self) -> KeyPath {
        KeyPath::ROOT.key("pool").key(self.name.as_str())
    }

    /// The distribution of keys over the servers, whose order decides their indices.
    ///
    /// # Errors
    /// None for a pool in which [`PoolConfig::faults`] finds nothing.
    pub fn build_distribution(&self) -> Result<Distribution, BuildError> {
        let members: Vec<_> = self.servers.iter().map(ServerConfig::member).collect();
        Distribution::new(self.distribution, &members)
    }

    /// Everything that is wrong with this pool.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check(&mut faults);
        faults
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let table = &self.path();
        self.check_servers(&table.key("servers"), faults);
        Self::TIMEOUT.check(self.timeout, table, faults);
        Self::DEADLINE.check(self.deadline, table, faults);
        Self::CONNECT_TIMEOUT.check(self.connect_timeout, table, faults);
        Self::ATTEMPTS_IN_FLIGHT_MAX.check(self.attempts_in_flight_max, table, faults);
        check_at_least(
            (Self::DEADLINE, self.deadline),
            (Self::TIMEOUT, self.timeout),
            table,
            faults,
        );
        self.health.check(&table.key("health"), faults);
    }

    fn check_servers(&self, servers: &KeyPath, faults: &mut Vec<Fault>) {
        let faults_before = faults.len();
        self.check_addresses(servers, faults);
        self.check_names(servers, faults);
        self.check_weights(servers, faults);
        if faults.len() == faults_before
            && let Err(error) = self.build_distribution()
        {
            faults.push(distribution_fault(servers, error));
        }
    }

    fn check_addresses(&self, servers: &KeyPath, faults: &mut Vec<Fault>) {
        let mut first_at = BTreeMap::new();
        for (idx, server) in self.servers.iter().enumerate() {
            if let Some(first) = first_at.insert(&server.address, idx) {
                faults.push(Fault::between(
                    servers.element(idx),
                    servers.element(first),
                    Problem::ServerTwice(server.address.to_string()),
                ));
            }
        }
    }

    /// Two servers of one address are [`PoolConfig::check_addresses`]'s to report.
    fn check_names(&self, servers: &KeyPath, faults: &mut Vec<Fault>) {
        let mut first_at = BTreeMap::<String, usize>::new();
        for (idx, server) in self.servers.iter().enumerate() {
            let known_as = server.to_string();
            match first_at.insert(known_as.clone(), idx) {
                Some(first) if self.servers[first].address != server.address => {
                    faults.push(Fault::between(
                        servers.element(idx),
                        servers.element(first),
                        Problem::ServerNameTaken(known_as),
                    ));
                }
                Some(_) | None => (),
            }
        }
    }

    fn check_weights(&self, servers: &KeyPath, faults: &mut Vec<Fault>) {
        let scheme = self.distribution.scheme();
        if scheme.is_weighted() {
            return;
        }
        for (idx, server) in self.servers.iter().enumerate() {
            if server.weight != Weight::ONE {
                faults.push(Fault::new(
                    servers.element(idx).key("weight"),
                    Problem::WeightUnused { weight: server.weight, scheme },
                ));
            }
        }
    }
}

fn distribution_fault(servers: &KeyPath, error: BuildError) -> Fault {
    match error {
        BuildError::NoMembers => Fault::new(servers.clone(), Problem::NoServers),
        BuildError::TooManyMembers { .. } | BuildError::TotalWeightTooLarge { .. } => {
            Fault::new(servers.clone(), Problem::Distribution(error))
        }
        BuildError::DuplicateText { first, second, text } => Fault::between(
            servers.element(second.as_usize()),
            servers.element(first.as_usize()),
            Problem::ServerNameTaken(text),
        ),
    }
}
