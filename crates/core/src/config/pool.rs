//! The servers that share one distribution, and how requests to them are bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::distribution::{BuildError, Distribution, Scheme, Settings, Weight};

use super::choice::{Failover, OnUnavailable, Rejoin};
use super::fault::{Fault, KeyPath, Problem};
use super::health::HealthConfig;
use super::name::PoolName;
use super::quantity::ByteSize;
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

    /// How keys are placed on the servers: `distribution` or `compatible_with`, `hash`,
    /// `point_hash`, `name_format`, `salt`, `hash_tag`, `hash_stop`, `unhashed_prefix`.
    ///
    /// `ketama` by default, with the key hash that the scheme has by itself, of whole keys. To
    /// take the place of another client over a full cache, choose what that client uses; changing
    /// it later moves most keys.
    pub distribution: Settings,

    /// Where a key's requests go while its server cannot be used: `next`, `gutter` or `none`.
    ///
    /// `next` by default. `next` keeps the hit rate up while a server is away, at the price of
    /// load on the others; `gutter` has spare servers for that, which are idle otherwise; `none`
    /// leaves the others alone and lets the database take the misses.
    pub failover: Failover,

    /// The pool of spare servers, for `failover = "gutter"`.
    ///
    /// The NAME of another pool; none by default. Its own `failover` is not followed: where its
    /// servers fail too, keys are misses. Size it for the load of a server or two.
    pub gutter: Option<PoolName>,

    /// What a server that returns may serve of what it still holds: `clean`, `flush` or `trust`.
    ///
    /// `clean` by default: everything but the keys that were written meanwhile, which are deleted
    /// there first. `flush` empties it: for servers that others write to while this process cannot
    /// reach them. `trust` serves everything and is unsafe: reads may be stale.
    pub rejoin: Rejoin,

    /// How long a value lives at most that is stored elsewhere than at its key's own server.
    ///
    /// A duration from 1 s to 1 h; 60 s by default, rounded down to seconds. It bounds how old a
    /// value can be that another process left behind there. Longer keeps more hits through a long
    /// outage: what is read often must be stored again this often.
    pub failover_ttl: Duration,

    /// How long a server must have served again before a write that it was sent and never answered
    /// is taken to have no effect any more.
    ///
    /// A duration from 0 s to 1 m; 1 s by default. Until then the keys concerned stay away from
    /// it. It need only be longer than a server takes to read what lies in its sockets.
    pub late_write_grace: Duration,

    /// How much memory the keys may take that are not where they belong, in the whole process.
    ///
    /// A size from 64 KiB to 64 GiB; 64 MiB by default, which is some 400,000 keys. Past it
    /// servers that are away are flushed before they are used again: nothing stale is read, and
    /// what they held is lost. Raise it if a server may be away for long under many writes.
    pub misplaced_max: ByteSize,

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

    /// How often a server that is used is asked what it says of itself (`stats`).
    ///
    /// A duration from 0 s to 1 h; 10 s by default, and not more often than once a second. 0 never
    /// asks. Metrics, page and alerts show it: memory, connections, evictions. Each time is a
    /// connection of its own for a moment; nothing that is decided depends on it.
    pub stats_interval: Duration,

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

    /// See [`PoolConfig::stats_interval`].
    pub const STATS_INTERVAL: Setting<Duration> = Setting {
        key: "stats_interval",
        min: Duration::ZERO,
        max: Duration::from_hours(1),
        default: Duration::from_secs(10),
    };

    /// See [`PoolConfig::attempts_in_flight_max`].
    pub const ATTEMPTS_IN_FLIGHT_MAX: Setting<usize> =
        Setting { key: "attempts_in_flight_max", min: 1, max: 1 << 20, default: 16_384 };

    /// See [`PoolConfig::failover_ttl`].
    pub const FAILOVER_TTL: Setting<Duration> = Setting {
        key: "failover_ttl",
        min: Duration::from_secs(1),
        max: Duration::from_hours(1),
        default: Duration::from_mins(1),
    };

    /// See [`PoolConfig::late_write_grace`].
    pub const LATE_WRITE_GRACE: Setting<Duration> = Setting {
        key: "late_write_grace",
        min: Duration::ZERO,
        max: Duration::from_mins(1),
        default: Duration::from_secs(1),
    };

    /// See [`PoolConfig::misplaced_max`].
    pub const MISPLACED_MAX: Setting<ByteSize> = Setting {
        key: "misplaced_max",
        min: ByteSize::from_kib(64),
        max: ByteSize::from_gib(64),
        default: ByteSize::from_mib(64),
    };

    /// A pool with every other setting at its default.
    pub fn new(name: PoolName, servers: Vec<ServerConfig>) -> Self {
        Self {
            name,
            servers,
            distribution: Self::DISTRIBUTION_DEFAULT,
            failover: Failover::default(),
            gutter: None,
            rejoin: Rejoin::default(),
            failover_ttl: Self::FAILOVER_TTL.default,
            late_write_grace: Self::LATE_WRITE_GRACE.default,
            misplaced_max: Self::MISPLACED_MAX.default,
            on_unavailable: OnUnavailable::default(),
            timeout: Self::TIMEOUT.default,
            deadline: Self::DEADLINE.default,
            connect_timeout: Self::CONNECT_TIMEOUT.default,
            attempts_in_flight_max: Self::ATTEMPTS_IN_FLIGHT_MAX.default,
            stats_interval: Self::STATS_INTERVAL.default,
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
        Distribution::new(&self.distribution, &members)
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
        Self::STATS_INTERVAL.check(self.stats_interval, table, faults);
        check_at_least(
            (Self::DEADLINE, self.deadline),
            (Self::TIMEOUT, self.timeout),
            table,
            faults,
        );
        Self::FAILOVER_TTL.check(self.failover_ttl, table, faults);
        Self::LATE_WRITE_GRACE.check(self.late_write_grace, table, faults);
        Self::MISPLACED_MAX.check(self.misplaced_max, table, faults);
        self.check_gutter(&table.key("gutter"), faults);
        self.health.check(&table.key("health"), faults);
    }

    fn check_gutter(&self, at: &KeyPath, faults: &mut Vec<Fault>) {
        let problem = match (&self.gutter, self.failover) {
            (None, Failover::Gutter) => Problem::GutterMissing,
            (Some(gutter), Failover::Gutter) if *gutter == self.name => Problem::OwnGutter,
            (Some(_), Failover::Next | Failover::None) => Problem::GutterUnused,
            (None, Failover::Next | Failover::None) | (Some(_), Failover::Gutter) => return,
        };
        faults.push(Fault::new(at.clone(), problem));
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
