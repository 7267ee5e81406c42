//! Binding, and how many sessions each listener may have.
//!
//! Every worker gets a socket of its own for each TCP listener (`SO_REUSEPORT`), so that the
//! kernel spreads the sessions and no worker wakes for another's. A unix socket cannot be bound
//! twice; its workers share one and race for each session.
//!
//! `SO_REUSEPORT` would let a second process bind the same port and silently take half of the
//! sessions, so the address is bound without it first.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use evenkeel_core::config::{ListenAddress, ListenerConfig, ListenerName, SocketMode};
use evenkeel_core::protocol::ParseLimits;
use evenkeel_core::routing::PrefixRoutes;
use evenkeel_core::session::SessionLimits;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Connections that the kernel keeps for us to accept.
const BACKLOG: i32 = 1024;

/// What all workers' sockets of one listener, and its sessions, have in common.
#[derive(Debug)]
pub struct ListenerShare {
    /// What it is called.
    pub name: ListenerName,
    /// Where its sessions' requests go.
    pub routes: Arc<PrefixRoutes>,
    /// What its sessions may do.
    pub limits: SessionLimits,
    sessions_max: usize,
    sessions_len: Arc<AtomicUsize>,
}

impl ListenerShare {
    /// A listener whose requests go by `routes`. If it is there already and only changed,
    /// `sessions_len` counts the sessions that it has.
    pub fn new(
        config: &ListenerConfig,
        routes: PrefixRoutes,
        sessions_len: Arc<AtomicUsize>,
    ) -> Self {
        let name = config.name.clone();
        Self {
            name,
            routes: Arc::new(routes),
            limits: session_limits(config),
            sessions_max: config.sessions_max,
            sessions_len,
        }
    }

    /// Takes one of the listener's sessions; false if there is none left.
    pub fn admit(&self) -> bool {
        let one_more = |len| (len < self.sessions_max).then_some(len + 1);
        self.sessions_len.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// Gives one back.
    pub fn release(&self) {
        self.sessions_len.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A unix socket's path, which is removed with this.
#[derive(Debug)]
pub struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        // It may have been removed or replaced by somebody else; that is no concern here.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// One worker's socket of one listener.
#[derive(Debug)]
pub struct Listener {
    /// What it shares with the other workers' sockets.
    pub share: Arc<ListenerShare>,
    /// The socket.
    pub socket: ListenerSocket,
    /// Its path, if it has one. All workers' sockets have the same.
    pub path: Option<Arc<SocketPath>>,
}

/// A listening socket.
#[derive(Debug)]
pub enum ListenerSocket {
    /// TCP.
    Tcp(mio::net::TcpListener),
    /// Unix.
    Unix(mio::net::UnixListener),
}

/// An address bound for every worker.
#[derive(Debug)]
pub struct Bound {
    /// One for each worker.
    pub sockets: Vec<ListenerSocket>,
    /// The path, if it is a unix socket.
    pub path: Option<Arc<SocketPath>>,
    /// Where it listens: as configured, with the port that was given for port 0.
    pub address: ListenAddress,
}

/// Binds a listener's address for `workers_len` workers.
pub fn bind(config: &ListenerConfig, workers_len: usize) -> io::Result<Bound> {
    match &config.address {
        ListenAddress::Tcp(addr) => {
            let (sockets, address) = bind_tcp(*addr, workers_len)?;
            Ok(Bound { sockets, path: None, address })
        }
        ListenAddress::Unix(path) => {
            let (sockets, path) = bind_unix(path, config.socket_mode, workers_len)?;
            Ok(Bound { sockets, path: Some(Arc::new(path)), address: config.address.clone() })
        }
    }
}

/// What each session of a listener may do.
fn session_limits(listener: &ListenerConfig) -> SessionLimits {
    SessionLimits {
        parse: ParseLimits {
            item_size_max: listener.item_size_max.as_len(),
            keys_per_get_max: listener.keys_per_get_max,
        },
        requests_in_flight_max: listener.requests_in_flight_max,
        output_max: listener.session_output_max.as_len(),
    }
}

fn bind_tcp(
    addr: SocketAddr,
    workers_len: usize,
) -> io::Result<(Vec<ListenerSocket>, ListenAddress)> {
    let alone = tcp_socket(addr)?;
    alone.bind(&addr.into())?;
    let unspecified = || io::Error::other("the kernel gave the socket no address");
    let addr = alone.local_addr()?.as_socket().ok_or_else(unspecified)?;
    drop(alone);
    let mut sockets = Vec::new();
    for _ in 0..workers_len {
        let socket = tcp_socket(addr)?;
        socket.set_reuse_port(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        sockets.push(ListenerSocket::Tcp(mio::net::TcpListener::from_std(socket.into())));
    }
    Ok((sockets, ListenAddress::Tcp(addr)))
}

fn tcp_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // So that a restart need not wait for old connections to be forgotten.
    socket.set_reuse_address(true)?;
    Ok(socket)
}

fn bind_unix(
    path: &Path,
    mode: Option<SocketMode>,
    workers_len: usize,
) -> io::Result<(Vec<ListenerSocket>, SocketPath)> {
    remove_stale(path)?;
    let first = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    first.set_nonblocking(true)?;
    first.bind(&SockAddr::unix(path)?)?;
    let bound = SocketPath(path.to_owned());
    // Nobody is let in before it says who may come.
    if let Some(mode) = mode {
        set_mode(path, mode)?;
    }
    first.listen(BACKLOG)?;
    let first = StdUnixListener::from(first);
    let sockets = (0..workers_len).map(|_| {
        let socket = first.try_clone()?;
        Ok(ListenerSocket::Unix(mio::net::UnixListener::from_std(socket)))
    });
    Ok((sockets.collect::<io::Result<_>>()?, bound))
}

/// Has those connect to a Unix socket whom `mode` names.
pub fn set_mode(path: &Path, mode: SocketMode) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode.bits()))
}

/// Removes a socket that nobody listens on: what a process leaves that was killed.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
        }
        Err(_) => Ok(()),
    }
}
