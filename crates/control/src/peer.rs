//! What the socket of a connection to a server says about the server, and how soon it says so.
//!
//! Drivers open and own these sockets; what their errors mean, and how long the kernel may go on
//! hoping, is the same for all.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use evenkeel_core::failure::Failure;
use socket2::{SockRef, TcpKeepalive};

/// How long nothing need be heard from a server before it is asked whether it is there.
const KEEPALIVE_TIME: Duration = Duration::from_secs(5);
/// How often it is asked again, and how many times, before it is taken to be gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 5;
/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(10);

/// Has the kernel give up on a server that is gone within seconds. A connection that nothing is
/// heard from keeps recovery from bringing keys home.
pub fn watch(socket: &impl AsFd) {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_TIME)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_RETRIES);
    // A kernel that refuses gives up later; the worker's own bound holds then.
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_TIMEOUT));
}

/// Has closing the socket be a reset: what the server's kernel has not been given yet, it will never
/// get. Without it a write that was given up could still be delivered.
pub fn reset_when_closed(socket: &impl AsFd) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// What went wrong with a connection that had been made.
pub fn failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::TimedOut => Failure::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Failure::Unreachable,
        _ => Failure::Reset,
    }
}

/// What went wrong with a connect.
pub fn connect_failure(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::TimedOut => Failure::ConnectTimeout,
        io::ErrorKind::ConnectionReset => Failure::Reset,
        _ => Failure::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connect_that_is_refused_says_so() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let error = TcpStream::connect(addr).unwrap_err();
        assert_eq!(connect_failure(&error), Failure::Refused);
    }

    #[test]
    fn closing_is_a_reset_where_it_was_asked_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        watch(&stream);
        reset_when_closed(&stream);
        drop(stream);
        let error = io::Read::read(&mut accepted, &mut [0]).unwrap_err();
        assert_eq!(failure(&error), Failure::Reset);
    }
}
