//! A TCP port that stays ours while nobody listens on it.
//!
//! What crashes and comes back must come back on the same port, and connects in between must be
//! refused. A socket that is bound and does not listen does both: the system gives the port to
//! nobody else, and refuses connects to it. One that listens and has no room left does not even
//! refuse them: the system drops them, as a network does that is cut.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Holds a port until dropped.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    _holder: Socket,
    addr: SocketAddr,
}

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Ample for a connect within the machine.
const OCCUPY_TIMEOUT: Duration = Duration::from_millis(20);

impl ReservedPort {
    /// Takes `addr`; port 0 takes any free one.
    ///
    /// # Errors
    /// Somebody listens there, or the address is none of this machine. Nothing is held.
    pub(crate) fn new(addr: SocketAddr) -> io::Result<Self> {
        let holder = bound(addr)?;
        let addr = holder
            .local_addr()?
            .as_socket()
            .ok_or_else(|| io::Error::other("a TCP socket without an internet address"))?;
        Ok(Self { _holder: holder, addr })
    }

    /// The address with its real port.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Begins to listen. Connects are refused again once the listener is dropped.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        let socket = bound(self.addr)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// Has connects wait in vain until what it returns is dropped.
    pub(crate) fn listen_in_vain(&self) -> io::Result<FullListener> {
        let socket = bound(self.addr)?;
        socket.listen(0)?;
        // The queue of a listener has room for one more than it was given. If another connects first,
        // it is full by that, and this one must not wait.
        let occupant = Socket::new(Domain::for_address(self.addr), Type::STREAM, None)?;
        match occupant.connect_timeout(&self.addr.into(), OCCUPY_TIMEOUT) {
            Err(error) if error.kind() != io::ErrorKind::TimedOut => return Err(error),
            Ok(()) | Err(_) => {}
        }
        Ok(FullListener { _occupant: occupant, _socket: socket })
    }
}

/// A listener that accepts nobody, and whose queue is full.
#[derive(Debug)]
pub(crate) struct FullListener {
    _occupant: Socket,
    _socket: Socket,
}

fn bound(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    #[test]
    fn a_reserved_port_refuses_until_it_listens_and_after() {
        let port = ReservedPort::new((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        for _ in 0..2 {
            let refused = TcpStream::connect(port.addr()).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            let listener = port.listen().unwrap();
            TcpStream::connect(port.addr()).unwrap();
            drop(listener);
        }
    }

    #[test]
    fn connects_wait_while_a_port_listens_in_vain() {
        let port = ReservedPort::new((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let full = port.listen_in_vain().unwrap();
        for _ in 0..2 {
            let wait = Duration::from_millis(50);
            let unanswered = TcpStream::connect_timeout(&port.addr(), wait).unwrap_err();
            assert_eq!(unanswered.kind(), io::ErrorKind::TimedOut);
        }
        drop(full);
        let _listener = port.listen().unwrap();
        TcpStream::connect(port.addr()).unwrap();
    }

    #[test]
    fn a_port_that_listens_cannot_be_reserved_again() {
        let port = ReservedPort::new((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let _listener = port.listen().unwrap();
        let taken = ReservedPort::new(port.addr()).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }
}
