//! Where applications connect, and what one application may ask for.

use std::fmt;
use std::str::FromStr;

use super::address::ListenAddress;
use super::fault::{Fault, KeyPath, Problem};
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

    /// Who may connect to a Unix socket: the permissions of its file. To connect takes the
    /// permission to write.
    ///
    /// None by default: what the process's umask leaves, with the usual one only its own user.
    /// Only with an address that is a Unix socket.
    pub socket_mode: Option<SocketMode>,

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
            socket_mode: None,
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
        if self.socket_mode.is_some() && !matches!(self.address, ListenAddress::Unix(_)) {
            faults.push(Fault::new(table.key("socket_mode"), Problem::NoSocketFile));
        }
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

/// The permissions of a Unix socket's file, as chmod(1) takes them in octal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(u32);

/// Not three octal digits, or a 0 and three. No permissions were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("permissions are three octal digits, or a 0 and three")]
pub struct SocketModeError;

impl SocketMode {
    /// As a number: at most 0o777.
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl FromStr for SocketMode {
    type Err = SocketModeError;

    fn from_str(text: &str) -> Result<Self, SocketModeError> {
        let digits = if text.len() == 4 { text.strip_prefix('0') } else { Some(text) };
        let digits = digits.filter(|it| it.len() == 3 && it.bytes().all(|it| it.is_ascii_digit()));
        let bits = digits.and_then(|it| u32::from_str_radix(it, 8).ok());
        bits.map(Self).ok_or(SocketModeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_three_octal_digits() {
        for (text, bits) in [("0660", 0o660), ("666", 0o666), ("000", 0), ("0777", 0o777)] {
            assert_eq!(text.parse::<SocketMode>().map(SocketMode::bits), Ok(bits));
        }
        assert_eq!(SocketMode(0o660).to_string(), "0660");
        for text in ["", "0", "66", "0o660", "888", "1777", "00660", "+66", "rw-"] {
            assert_eq!(text.parse::<SocketMode>(), Err(SocketModeError), "{text}");
        }
    }

    #[test]
    fn permissions_of_a_port_are_a_fault() {
        let listener = |address: &str| {
            let (name, pool) = ("in".parse().unwrap(), "main".parse().unwrap());
            let mut listener = ListenerConfig::new(name, address.parse().unwrap(), pool);
            listener.socket_mode = Some(SocketMode(0o660));
            let mut faults = Vec::new();
            listener.check(&mut faults);
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(listener("unix:/run/evenkeel.sock"), Vec::<String>::new());
        assert_eq!(
            listener("127.0.0.1:11311"),
            ["listener.in.socket_mode: socket_mode has no effect on a port; \
              remove it, or listen at \"unix:PATH\""]
        );
    }
}
