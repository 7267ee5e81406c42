//! Where the target listens: an address on the network, or a unix socket.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

/// What a load is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A unix socket, by its path.
    Unix(PathBuf),
}

/// Why a text names no endpoint.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The text has neither a port nor a path.
    #[error("{0:?} is no endpoint; write NAME:PORT, as in localhost:11211, or unix:/PATH")]
    Form(String),
    /// The name has no address.
    #[error("cannot find the address of {name:?}: {source}; check the name, or give an address")]
    Unknown {
        /// What was looked up, with its port.
        name: String,
        /// What the resolver said.
        source: io::Error,
    },
}

impl Endpoint {
    /// Reads `NAME:PORT`, `ADDRESS:PORT`, `[ADDRESS]:PORT` (IPv6) or `unix:/PATH`.
    ///
    /// A name is looked up. If it has several addresses, each is connected to in turn, and the
    /// first that accepts is the endpoint; if none does, the first is.
    ///
    /// # Errors
    /// When the text has another form, or the name has no address.
    pub fn resolve(text: &str) -> Result<Self, EndpointError> {
        if let Some(path) = text.strip_prefix(UNIX) {
            if path.is_empty() {
                return Err(EndpointError::Form(text.to_owned()));
            }
            return Ok(Self::Unix(path.into()));
        }
        let has_port = text.rsplit_once(':').is_some_and(|(name, port)| {
            !name.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !has_port {
            return Err(EndpointError::Form(text.to_owned()));
        }
        let unknown = |source| EndpointError::Unknown { name: text.to_owned(), source };
        let addrs: Vec<_> = text.to_socket_addrs().map_err(unknown)?.collect();
        match addrs.as_slice() {
            [] => Err(unknown(io::ErrorKind::NotFound.into())),
            [only] => Ok(Self::Tcp(*only)),
            [first, ..] => {
                let accepts =
                    |addr: &&SocketAddr| TcpStream::connect_timeout(addr, TRY_TIMEOUT).is_ok();
                Ok(Self::Tcp(*addrs.iter().find(accepts).unwrap_or(first)))
            }
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Self {
        Self::Tcp(addr)
    }
}

/// As it is written: `127.0.0.1:11211`, `unix:/run/memcached.sock`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

const UNIX: &str = "unix:";
/// How long one of several addresses of a name is given to accept.
const TRY_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn endpoints_are_printed_as_they_are_written() {
        for text in ["127.0.0.1:11211", "[::1]:11211", "unix:/run/memcached.sock"] {
            assert_eq!(Endpoint::resolve(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn of_several_addresses_the_one_that_accepts_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let endpoint = Endpoint::resolve(&format!("localhost:{}", addr.port())).unwrap();
        assert_eq!(endpoint, Endpoint::Tcp(addr));
    }

    #[test]
    fn a_text_without_port_or_path_is_no_endpoint() {
        for text in ["", "localhost", "localhost:", ":11211", "localhost:0", "a:65536", "unix:"] {
            let error = Endpoint::resolve(text).unwrap_err();
            assert!(matches!(error, EndpointError::Form(_)), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_name_without_an_address_is_named() {
        let error = Endpoint::resolve("a..b:11211").unwrap_err();
        assert!(matches!(error, EndpointError::Unknown { .. }));
        assert!(error.to_string().contains("a..b"));
    }
}
