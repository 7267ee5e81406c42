//! Servers as lists write them: `host:port`, `host:port:weight`, `[ipv6]:port`, `/a/socket`.

use evenkeel_core::config::{SERVER_PORT_DEFAULT, ServerAddress};

/// A server's address as read, and its weight if there is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) address: ServerAddress,
    pub(crate) weight: u32,
}

/// Reads `host`, `host:port` or `host:port:weight`; an IPv6 address in brackets.
pub(crate) fn read_server(text: &str) -> Result<Listed, String> {
    read_server_with_port(text, SERVER_PORT_DEFAULT)
}

/// The same, with another port where none is written.
pub(crate) fn read_server_with_port(text: &str, port: u16) -> Result<Listed, String> {
    if is_socket(text) {
        return Err("a server behind a Unix socket is not supported yet".to_owned());
    }
    if text.contains('@') {
        // What is wrong with the rest would be quoted, and it may be a password.
        return Err("Evenkeel has no user and no password for servers".to_owned());
    }
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or("the bracket is not closed")?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.split_once(':') {
            Some((host, rest)) => (host, Some(rest)),
            None => (text, None),
        },
    };
    let mut parts = rest.into_iter().flat_map(|rest| rest.split(':'));
    let port = match parts.next() {
        None => port,
        Some(text) => {
            text.parse().map_err(|_| format!("the port {text:?} is not from 1 to 65535"))?
        }
    };
    let weight = parts.next().map_or(Ok(1), read_weight)?;
    if parts.next().is_some() {
        return Err("it has too many colons; an IPv6 address stands in brackets".to_owned());
    }
    let address = ServerAddress::new(host, port).map_err(|error| error.to_string())?;
    Ok(Listed { address, weight })
}

/// A weight that a server can have here.
pub(crate) fn read_weight(text: &str) -> Result<u32, String> {
    let weight = text.trim().parse().ok().filter(|weight| (1..=1_000_000).contains(weight));
    weight.ok_or_else(|| format!("the weight {text:?} is not from 1 to 1000000"))
}

/// Whether a text names a Unix socket.
pub(crate) fn is_socket(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("unix:")
}
