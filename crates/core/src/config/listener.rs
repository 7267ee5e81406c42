//! Where applications connect, and what one application may ask for.

use super::address::ListenAddress;
use super::fault::{Fault, KeyPath};
use super::name::{ListenerName, PoolName};
use super::quantity::ByteSize;
use super::setting::{Setting, check_at_least};

/// The table `[listener.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The NAME of the table: what logs, metrics and faults call it.
    pub name: ListenerName,

    /// Where to listen: `127.0.0.1:11311`, `[::1]:11311` or `unix:/run/evenkeel.sock`.
    ///
    /// No default. No two listeners share one. Port 0 lets the system pick. memcached's protocol
    /// knows no password: listen on loopback or a Unix socket unless the network is trusted.
    pub address: ListenAddress,

    /// The pool that serves this listener's requests: the NAME of a `[pool.NAME]` table.
    ///
    /// No default. Several listeners may name one pool.
    pub pool: PoolName,

    /// How many sessions may be open at once, over all workers; more are refused at once.
    ///
    /// From 1 to 1,000,000; 10,000 by default. Each session holds a file descriptor: keep the sum
    /// over all listeners below the process's limit, with room for the connections to servers
    /// (workers × servers). Set it to the sum of your applications' connection pools, doubled.
    pub sessions_max: usize,

    /// How many requests of one session may be waiting for servers at once.
    ///
    /// From 1 to 65,536; 1024 by default. Past it the session's further requests stay unread
    /// until earlier ones are answered. It bounds what one pipelining application can take from
    /// the others; a client that waits for each answer never has more than one.
    pub requests_in_flight_max: usize,

    /// How many keys one `get` may name; one with more is refused.
    ///
    /// From 1 to 1,000,000; 10,000 by default. Raise it if your application asks for more at
    /// once, and think of `session_output_max`, which the answers must fit.
    pub keys_per_get_max: usize,

    /// The largest value that may be stored; a larger one is refused as memcached refuses it.
    ///
    /// A size from 1 KiB to 1 GiB, the range of memcached's `-I`; 1 MiB by default, as
    /// memcached's. Set it to the servers' `-I`: if it is lower, items are refused that the
    /// servers would take; if it is higher, they are carried to a server and refused there.
    pub item_size_max: ByteSize,

    /// How many bytes of responses are kept for a session that does not read them.
    ///
    /// A size from 64 KiB to 64 GiB; 64 MiB by default. At least `item_size_max`. Past it,
    /// further values are dropped and are misses to the application. It must hold the answer to
    /// the largest `get` of the application; times `sessions_max` it is the most that
    /// applications which do not read can take of memory.
    pub session_output_max: ByteSize,
}

impl ListenerConfig {
    /// See [`ListenerConfig::sessions_max`].
    pub const SESSIONS_MAX: Setting<usize> =
        Setting { key: "sessions_max", min: 1, max: 1_000_000, default: 10_000 };

    /// See [`ListenerConfig::requests_in_flight_max`].
    pub const REQUESTS_IN_FLIGHT_MAX: Setting<usize> =
        Setting { key: "requests_in_flight_max", min: 1, max: 65_536, default: 1024 };

    /// See [`ListenerConfig::keys_per_get_max`].
    pub const KEYS_PER_GET_MAX: Setting<usize> =
        Setting { key: "keys_per_get_max", min: 1, max: 1_000_000, default: 10_000 };

    /// See [`ListenerConfig::item_size_max`].
    pub const ITEM_SIZE_MAX: Setting<ByteSize> = Setting {
        key: "item_size_max",
        min: ByteSize::from_kib(1),
        max: ByteSize::from_gib(1),
        default: ByteSize::from_mib(1),
    };

    /// See [`ListenerConfig::session_output_max`].
    pub const SESSION_OUTPUT_MAX: Setting<ByteSize> = Setting {
        key: "session_output_max",
        min: ByteSize::from_kib(64),
        max: ByteSize::from_gib(64),
        default: ByteSize::from_mib(64),
    };

    /// A listener with every other setting at its default.
    pub fn new(name: ListenerName, address: ListenAddress, pool: PoolName) -> Self {
        Self {
            name,
            address,
            pool,
            sessions_max: Self::SESSIONS_MAX.default,
            requests_in_flight_max: Self::REQUESTS_IN_FLIGHT_MAX.default,
            keys_per_get_max: Self::KEYS_PER_GET_MAX.default,
            item_size_max: Self::ITEM_SIZE_MAX.default,
            session_output_max: Self::SESSION_OUTPUT_MAX.default,
        }
    }

    /// Where the settings of this listener stand.
    pub fn path(&self) -> KeyPath {
        KeyPath::ROOT.key("listener").key(self.name.as_str())
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let table = &self.path();
        Self::SESSIONS_MAX.check(self.sessions_max, table, faults);
        Self::REQUESTS_IN_FLIGHT_MAX.check(self.requests_in_flight_max, table, faults);
        Self::KEYS_PER_GET_MAX.check(self.keys_per_get_max, table, faults);
        Self::ITEM_SIZE_MAX.check(self.item_size_max, table, faults);
        Self::SESSION_OUTPUT_MAX.check(self.session_output_max, table, faults);
        check_at_least(
            (Self::SESSION_OUTPUT_MAX, self.session_output_max),
            (Self::ITEM_SIZE_MAX, self.item_size_max),
            table,
            faults,
        );
    }
}
