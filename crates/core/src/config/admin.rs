//! Where operators ask, and who may.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::fault::{Fault, KeyPath, Problem};
use super::name::BrowserName;
use super::quantity::ByteSize;
use super::setting::Setting;

/// The table `[admin]`: without it there is no admin server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where the admin server listens: an IP address and a port.
    ///
    /// `127.0.0.1:9311` by default; port 0 lets the system pick. Whoever reaches it can read every
    /// figure and take servers out of use: any address but a loopback one needs a
    /// [`AdminConfig::token_file`].
    pub address: SocketAddr,

    /// A file with the token that requests must bring: `Authorization: Bearer TOKEN`.
    ///
    /// None by default. One line of 16 to 256 visible ASCII characters; blanks around it do not
    /// count. It is read at the start. `/health/…` and the page itself need no token; all that the
    /// page then asks for does.
    pub token_file: Option<PathBuf>,

    /// By which names browsers may reach the admin server, besides `localhost` and IP addresses.
    ///
    /// None by default. Where there is no token, a request that names another is refused, because
    /// a page from elsewhere could otherwise have its own name lead here (DNS rebinding). Name what
    /// stands in the address bar if a reverse proxy is between.
    pub names: Vec<BrowserName>,

    /// How many connections may be open at once; more are answered 503 and closed.
    ///
    /// From 4 to 10,000; 64 by default. A page or a stream of events holds one for as long as it
    /// is open; streams take at most half of them.
    pub connections_max: usize,

    /// How much one request may bring, its head and its body each.
    ///
    /// A size from 8 KiB to 1 MiB; 64 KiB by default.
    pub request_size_max: ByteSize,

    /// How long one step may take: a request to come, its answer to be found, a reader to take
    /// more of it.
    ///
    /// A duration from 1 s to 10 m; 10 s by default. A connection without a request is closed after
    /// this time, too.
    pub request_timeout: Duration,
}

impl AdminConfig {
    /// See [`AdminConfig::address`].
    pub const ADDRESS_DEFAULT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9311);

    /// See [`AdminConfig::connections_max`].
    pub const CONNECTIONS_MAX: Setting<usize> =
        Setting { key: "connections_max", min: 4, max: 10_000, default: 64 };

    /// See [`AdminConfig::request_size_max`].
    pub const REQUEST_SIZE_MAX: Setting<ByteSize> = Setting {
        key: "request_size_max",
        min: ByteSize::from_kib(8),
        max: ByteSize::from_mib(1),
        default: ByteSize::from_kib(64),
    };

    /// See [`AdminConfig::request_timeout`].
    pub const REQUEST_TIMEOUT: Setting<Duration> = Setting {
        key: "request_timeout",
        min: Duration::from_secs(1),
        max: Duration::from_mins(10),
        default: Duration::from_secs(10),
    };

    /// Where its settings stand.
    pub fn path() -> KeyPath {
        KeyPath::ROOT.key("admin")
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let table = &Self::path();
        if self.token_file.is_none() && !self.address.ip().is_loopback() {
            let problem = Problem::AdminOpen(self.address);
            faults.push(Fault::between(table.key("address"), table.key("token_file"), problem));
        }
        Self::CONNECTIONS_MAX.check(self.connections_max, table, faults);
        Self::REQUEST_SIZE_MAX.check(self.request_size_max, table, faults);
        Self::REQUEST_TIMEOUT.check(self.request_timeout, table, faults);
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            address: Self::ADDRESS_DEFAULT,
            token_file: None,
            names: Vec::new(),
            connections_max: Self::CONNECTIONS_MAX.default,
            request_size_max: Self::REQUEST_SIZE_MAX.default,
            request_timeout: Self::REQUEST_TIMEOUT.default,
        }
    }
}
