//! Looks a server's name up and connects to it, so that each way in which that fails is told apart.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_core::config::ServerAddress;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

use crate::facts::{Unreachable, UnreachableKind};

/// The addresses of a name, and how long it took to find them.
pub(super) async fn look_up(
    address: &ServerAddress,
    deadline: Instant,
) -> Result<(Vec<SocketAddr>, Duration), Unreachable> {
    let begun_at = Instant::now();
    let fail = |words: String| Unreachable {
        kind: UnreachableKind::Name,
        words,
        addr: None,
        after: begun_at.elapsed(),
    };
    let found = timeout_at(deadline, lookup_host((address.host(), address.port()))).await;
    let addrs: Vec<_> = match found {
        Ok(Ok(addrs)) => addrs.take(ADDRS_MAX).collect(),
        Ok(Err(error)) => return Err(fail(error.to_string())),
        Err(_) => return Err(fail("no answer to the lookup in time".to_owned())),
    };
    if addrs.is_empty() {
        return Err(fail("the name has no address".to_owned()));
    }
    Ok((addrs, begun_at.elapsed()))
}

/// A connection, and how long it took.
pub(super) async fn connect(
    addr: SocketAddr,
    deadline: Instant,
) -> Result<(TcpStream, Duration), Unreachable> {
    let begun_at = Instant::now();
    let fail = |kind, words: String| Unreachable {
        kind,
        words,
        addr: Some(addr),
        after: begun_at.elapsed(),
    };
    match timeout_at(deadline, TcpStream::connect(addr)).await {
        Ok(Ok(stream)) => {
            // A small request must not wait for a larger packet. Without it, it is only slower.
            let _ = stream.set_nodelay(true);
            Ok((stream, begun_at.elapsed()))
        }
        Ok(Err(error)) => Err(fail(kind_of(&error), error.to_string())),
        Err(_) => Err(fail(UnreachableKind::ConnectTimedOut, "no answer in time".to_owned())),
    }
}

fn kind_of(error: &io::Error) -> UnreachableKind {
    match error.kind() {
        ErrorKind::ConnectionRefused => UnreachableKind::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => UnreachableKind::Reset,
        ErrorKind::TimedOut => UnreachableKind::ConnectTimedOut,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            UnreachableKind::NoRoute
        }
        _ => UnreachableKind::Ourselves,
    }
}

/// How many of a name's addresses are tried.
const ADDRS_MAX: usize = 4;
