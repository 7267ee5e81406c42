//! A non-blocking stream that remembers what it was told to be ready for.

use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};

use evenkeel_control::peer;
use evenkeel_uring::RECEIVE_LEN_MAX;
use mio::event::Event;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};

/// A stream and its readiness.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    /// There may be something to read.
    pub(super) is_readable: bool,
    /// There may be room for what is sent.
    pub(super) is_writable: bool,
    /// The peer sends nothing more: reading goes on until the end has been seen.
    is_ending: bool,
}

/// Either kind of stream.
#[derive(Debug)]
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(super) fn new(stream: Stream) -> Self {
        if let Stream::Tcp(stream) = &stream {
            // Answers are coalesced already; waiting for more would only add latency. A stream
            // that refuses is slower, not wrong.
            let _ = stream.set_nodelay(true);
            // A peer whose machine has gone says nothing; without this its session stays for ever.
            let _ = socket2::SockRef::from(stream).set_keepalive(true);
        }
        Self { stream, is_readable: false, is_writable: true, is_ending: false }
    }

    /// Ends it by a reset.
    pub(super) fn reset(self) {
        peer::reset_when_closed(&self);
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match &mut self.stream {
            Stream::Tcp(stream) => registry.register(stream, token, interest),
            Stream::Unix(stream) => registry.register(stream, token, interest),
        }
    }

    pub(super) fn handle_event(&mut self, event: &Event) {
        self.is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.is_writable |= event.is_writable();
        self.is_ending |= event.is_read_closed() || event.is_error();
    }

    /// Whether a connect has succeeded; `Ok(false)` if it is still under way.
    pub(super) fn finish_connect(&self) -> io::Result<bool> {
        let Stream::Tcp(stream) = &self.stream else { return Ok(true) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes note of how a receive ended. None if there was nothing.
    pub(super) fn note_received<'a>(
        &mut self,
        received: io::Result<&'a [u8]>,
    ) -> io::Result<Option<&'a [u8]>> {
        let kind = received.as_ref().err().map(io::Error::kind);
        self.is_readable = match &received {
            Ok(bytes) => {
                // A short read has emptied the socket: the kernel will tell of what comes next.
                !bytes.is_empty() && (bytes.len() == RECEIVE_LEN_MAX || self.is_ending)
            }
            Err(_) => kind == Some(io::ErrorKind::Interrupted),
        };
        match kind {
            Some(io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Some(_) | None => received.map(Some),
        }
    }

    /// Takes note of how a send of `len` bytes ended. Returns how many are with the kernel.
    pub(super) fn note_sent(&mut self, len: usize, sent: io::Result<usize>) -> io::Result<usize> {
        match sent {
            Ok(sent) => {
                // A short write has filled the socket: the kernel will tell when there is room.
                self.is_writable = sent == len;
                Ok(sent)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_writable = false;
                Ok(0)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends `bytes` if there is room for them at once.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        // Best effort: there is nothing else to do.
        let _ = match &mut self.stream {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}
