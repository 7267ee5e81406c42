//! Looks a server's name up and connects to it, so that each way in which that fails is told apart.

mod tls;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use evenkeel_core::config::ServerAddress;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use crate::facts::{Unreachable, UnreachableKind};

/// The addresses of a name, and how long it took to find them.
pub(crate) async fn look_up(
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

/// A connection that may be encrypted.
pub(super) enum Stream {
    /// It is not.
    Plain(TcpStream),
    /// It is.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Encrypts a connection, as far as the server and this machine agree.
    pub(super) async fn encrypt(
        stream: TcpStream,
        address: &ServerAddress,
        deadline: Instant,
    ) -> Result<Self, Unreachable> {
        let begun_at = Instant::now();
        let addr = stream.peer_addr().ok();
        let fail =
            |kind, words: String| Unreachable { kind, words, addr, after: begun_at.elapsed() };
        match timeout_at(deadline, tls::encrypt(stream, address)).await {
            Ok(Ok(stream)) => Ok(Self::Tls(Box::new(stream))),
            Ok(Err(tls::Failure::Tls(words))) => Err(fail(UnreachableKind::Tls, words)),
            Ok(Err(tls::Failure::Connection(error))) => {
                Err(fail(UnreachableKind::Reset, error.to_string()))
            }
            Err(_) => {
                let words = "no answer to the TLS handshake in time".to_owned();
                Err(fail(UnreachableKind::Silent, words))
            }
        }
    }

    /// Our end of it.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Plain(stream) => stream.local_addr(),
            Self::Tls(stream) => stream.get_ref().0.local_addr(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
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

/// What is said of a port that is no port for TLS.
pub(super) const NO_TLS: &str = "what answers does not speak TLS on this port (redis://)";
/// What is said of a port that is one for TLS.
pub(super) const WANTS_TLS: &str = "this port wants TLS (rediss://)";
/// How many of a name's addresses are tried.
const ADDRS_MAX: usize = 4;
