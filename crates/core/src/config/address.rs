//! Where servers are reached and where listeners listen.
//!
//! A server's host is kept as written and never resolved here: some distributions hash the text.
//! A listener's address is a socket address or a path, because there is nothing to look up.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The port of a server whose address names none: memcached's own.
pub const SERVER_PORT_DEFAULT: u16 = 11211;

/// The longest host name, in bytes (DNS).
const HOST_LEN_MAX: usize = 253;

/// The longest path of a Unix socket, in bytes, without the closing NUL (Linux).
pub const UNIX_PATH_LEN_MAX: usize = 107;

/// A server's host and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerAddress {
    host: String,
    port: u16,
}

impl ServerAddress {
    /// From a host (a name, an IPv4 address, or an IPv6 address without brackets) and a port.
    pub fn new(host: &str, port: u16) -> Result<Self, ServerAddressError> {
        check_host(host)?;
        if port == 0 {
            return Err(ServerAddressError::Port("0".to_owned()));
        }
        Ok(Self { host: host.to_owned(), port })
    }

    /// The host as it was written, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ServerAddress {
    type Err = ServerAddressError;

    /// Reads `host`, `host:port`, `[ipv6]` or `[ipv6]:port`.
    fn from_str(text: &str) -> Result<Self, ServerAddressError> {
        let (host, port) = split_server_address(text)?;
        match port {
            None => Self::new(host, SERVER_PORT_DEFAULT),
            Some(port) => Self::new(host, parse_port(port)?),
        }
    }
}

impl fmt::Display for ServerAddress {
    /// `host:port`, with brackets around an IPv6 address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is no server address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerAddressError {
    /// There is no host before the port. No address was made.
    #[error("the host is missing")]
    NoHost,
    /// A host can have letters, digits, `.`, `-` and `_` only. No address was made.
    #[error("a host cannot have {0:?} in it")]
    HostCharacter(char),
    /// Longer than a host name can be. No address was made.
    #[error("the host has {0} bytes, more than the {HOST_LEN_MAX} a host name can have")]
    HostTooLong(usize),
    /// Several colons and no brackets: an IPv6 address and its port cannot be told apart, or
    /// something follows the port, as in twemproxy's `host:port:weight`. No address was made.
    #[error("it has more than one colon")]
    Colons,
    /// What stands in brackets is no IPv6 address. No address was made.
    #[error("{0:?} in brackets is no IPv6 address")]
    Ipv6(String),
    /// The port is no number from 1 to 65535. No address was made.
    #[error("the port {0:?} is not from 1 to 65535")]
    Port(String),
    /// A Unix socket, which servers cannot have yet. No address was made.
    #[error("a server behind a Unix socket is not supported yet")]
    Unix,
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenAddress {
    /// An IP address and port. Port 0 lets the system pick one.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether a second listener here would take the first one's sessions.
    ///
    /// Port 0 is another port each time.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match self {
            Self::Tcp(address) => address.port() != 0 && self == other,
            Self::Unix(_) => self == other,
        }
    }
}

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    /// Reads `127.0.0.1:11311`, `[::1]:11311` or `unix:/run/evenkeel.sock`.
    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix_path(path).map(Self::Unix);
        }
        text.parse().map(Self::Tcp).map_err(|_| ListenAddressError::NoSocketAddress)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why a text is no listener address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenAddressError {
    /// Neither `unix:PATH` nor an IP address with a port. No address was made.
    #[error("it is neither an IP address with a port nor unix:PATH")]
    NoSocketAddress,
    /// The path after `unix:` does not begin with `/`. No address was made.
    #[error("the path of a Unix socket must begin with /")]
    RelativePath,
    /// The path has a NUL in it. No address was made.
    #[error("the path of a Unix socket cannot have a NUL in it")]
    NulInPath,
    /// The path is longer than the system takes. No address was made.
    #[error("the path has {0} bytes, more than the {UNIX_PATH_LEN_MAX} a Unix socket can have")]
    PathTooLong(usize),
}

fn split_server_address(text: &str) -> Result<(&str, Option<&str>), ServerAddressError> {
    if text.starts_with("unix:") || text.starts_with('/') {
        return Err(ServerAddressError::Unix);
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        return split_ipv6(bracketed);
    }
    match text.split_once(':') {
        None => Ok((text, None)),
        Some((_, port)) if port.contains(':') => Err(ServerAddressError::Colons),
        Some((host, port)) => Ok((host, Some(port))),
    }
}

/// Splits what follows the opening bracket.
fn split_ipv6(bracketed: &str) -> Result<(&str, Option<&str>), ServerAddressError> {
    let no_ipv6 = |text: &str| ServerAddressError::Ipv6(text.to_owned());
    let (host, after) = bracketed.split_once(']').ok_or_else(|| no_ipv6(bracketed))?;
    if host.parse::<Ipv6Addr>().is_err() {
        return Err(no_ipv6(host));
    }
    match after.strip_prefix(':') {
        None if after.is_empty() => Ok((host, None)),
        None => Err(ServerAddressError::Port(after.to_owned())),
        Some(port) => Ok((host, Some(port))),
    }
}

fn check_host(host: &str) -> Result<(), ServerAddressError> {
    if host.is_empty() {
        return Err(ServerAddressError::NoHost);
    }
    if host.len() > HOST_LEN_MAX {
        return Err(ServerAddressError::HostTooLong(host.len()));
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    let is_host_char = |char: char| char.is_ascii_alphanumeric() || ".-_".contains(char);
    match host.chars().find(|&char| !is_host_char(char)) {
        Some(char) => Err(ServerAddressError::HostCharacter(char)),
        None => Ok(()),
    }
}

fn parse_port(text: &str) -> Result<u16, ServerAddressError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = if is_plain { text.parse().ok() } else { None };
    port.ok_or_else(|| ServerAddressError::Port(text.to_owned()))
}

fn unix_path(path: &str) -> Result<PathBuf, ListenAddressError> {
    if !path.starts_with('/') {
        return Err(ListenAddressError::RelativePath);
    }
    if path.contains('\0') {
        return Err(ListenAddressError::NulInPath);
    }
    if path.len() > UNIX_PATH_LEN_MAX {
        return Err(ListenAddressError::PathTooLong(path.len()));
    }
    Ok(Path::new(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_server(text: &str, host: &str, port: u16, written: &str) {
        let address: ServerAddress = text.parse().unwrap();
        assert_eq!((address.host(), address.port()), (host, port));
        assert_eq!(address.to_string(), written);
        assert_eq!(written.parse(), Ok(address));
    }

    #[test]
    fn a_server_address_is_a_host_and_a_port() {
        check_server("10.0.0.1:11212", "10.0.0.1", 11212, "10.0.0.1:11212");
        check_server("cache_a.Example-1:1", "cache_a.Example-1", 1, "cache_a.Example-1:1");
        check_server("[::1]:65535", "::1", 65535, "[::1]:65535");
    }

    #[test]
    fn a_server_without_a_port_has_memcacheds() {
        check_server("10.0.0.1", "10.0.0.1", 11211, "10.0.0.1:11211");
        check_server("[2001:db8::7]", "2001:db8::7", 11211, "[2001:db8::7]:11211");
    }

    #[track_caller]
    fn check_server_fault(text: &str, expected: &ServerAddressError) {
        assert_eq!(text.parse::<ServerAddress>().as_ref(), Err(expected), "{text:?}");
    }

    #[test]
    fn a_server_address_that_cannot_be_read_says_what_is_wrong() {
        use ServerAddressError as Error;
        check_server_fault("", &Error::NoHost);
        check_server_fault(":11211", &Error::NoHost);
        check_server_fault("a b:1", &Error::HostCharacter(' '));
        check_server_fault("http//x:1", &Error::HostCharacter('/'));
        check_server_fault("::1", &Error::Colons);
        check_server_fault("10.0.0.1:11211:1 name", &Error::Colons);
        check_server_fault("[::1", &Error::Ipv6("::1".into()));
        check_server_fault("[10.0.0.1]:1", &Error::Ipv6("10.0.0.1".into()));
        check_server_fault("[::1]11211", &Error::Port("11211".into()));
        check_server_fault("unix:/run/x.sock", &Error::Unix);
        check_server_fault("/run/x.sock", &Error::Unix);
        check_server_fault(&"x".repeat(254), &Error::HostTooLong(254));
        assert!("x".repeat(253).parse::<ServerAddress>().is_ok());
    }

    #[test]
    fn a_port_is_from_1_to_65535() {
        for port in ["", "0", "65536", "-1", "+1", "x", "1 "] {
            check_server_fault(&format!("h:{port}"), &ServerAddressError::Port(port.into()));
        }
        assert_eq!("h:1".parse::<ServerAddress>().unwrap().port(), 1);
        assert_eq!("h:65535".parse::<ServerAddress>().unwrap().port(), 65535);
    }

    #[test]
    fn a_listener_address_is_a_socket_address_or_a_path() {
        for text in ["127.0.0.1:11311", "[::1]:11311", "0.0.0.0:0", "unix:/run/evenkeel.sock"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_listener_address_that_cannot_be_read_says_what_is_wrong() {
        use ListenAddressError as Error;
        let parse = |text: &str| text.parse::<ListenAddress>();
        for text in ["", "localhost:11311", ":11311", "127.0.0.1", "::1:11311", "1.2.3.4:65536"] {
            assert_eq!(parse(text), Err(Error::NoSocketAddress), "{text:?}");
        }
        assert_eq!(parse("unix:"), Err(Error::RelativePath));
        assert_eq!(parse("unix:run/x"), Err(Error::RelativePath));
        assert_eq!(parse("unix:/a\0b"), Err(Error::NulInPath));
        let path = |len: usize| format!("unix:/{}", "x".repeat(len - 1));
        assert!(parse(&path(107)).is_ok());
        assert_eq!(parse(&path(108)), Err(Error::PathTooLong(108)));
    }

    #[test]
    fn port_0_is_never_the_same_place() {
        let at = |text: &str| text.parse::<ListenAddress>().unwrap();
        assert!(at("127.0.0.1:1").is_same_place(&at("127.0.0.1:1")));
        assert!(!at("127.0.0.1:1").is_same_place(&at("127.0.0.1:2")));
        assert!(!at("127.0.0.1:0").is_same_place(&at("127.0.0.1:0")));
        assert!(at("unix:/a").is_same_place(&at("unix:/a")));
        assert!(!at("unix:/a").is_same_place(&at("unix:/b")));
    }
}
