//! Whether a server could be connected to and talked with.

use std::net::SocketAddr;
use std::time::Duration;

/// A server that was connected to, and greeted us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Which of its addresses answered.
    pub addr: SocketAddr,
    /// How long its name took to look up.
    pub lookup: Duration,
    /// How long connecting took.
    pub connect: Duration,
}

/// A server that was not reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct Unreachable {
    /// In which way.
    pub kind: UnreachableKind,
    /// What the machine, or the server, said about it.
    pub words: String,
    /// Which address was tried last, if the name had any.
    pub addr: Option<SocketAddr>,
    /// How long was waited.
    pub after: Duration,
}

/// In which way a server is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnreachableKind {
    /// Its name has no address, or could not be looked up.
    Name,
    /// Nothing listens there, or somebody refuses for it.
    Refused,
    /// There is no way to its network.
    NoRoute,
    /// The connection was not established in time.
    ConnectTimedOut,
    /// It was established and then reset or closed before a word was said.
    Reset,
    /// It was established and nothing was answered.
    Silent,
    /// The encrypted connection could not be established.
    Tls,
    /// Redis wants a user or a password, or another one.
    Authentication,
    /// It will not let us into the database that was named.
    Database,
    /// It will have no more clients.
    Full,
    /// What answered speaks another protocol.
    Protocol,
    /// This machine could not even try: no files left, no memory.
    Ourselves,
}

impl Unreachable {
    /// Adds how many others wait for the server to accept them, if that is known and anybody does.
    #[must_use]
    pub fn with_waiting(mut self, waiting: Option<u64>) -> Self {
        if let Some(waiting) = waiting.filter(|it| *it > 0) {
            self.words = format!("{}; {WAITING}: {waiting} (/proc/net/tcp)", self.words);
        }
        self
    }

    /// Whether others are known to wait for the server to accept them.
    pub fn has_others_waiting(&self) -> bool {
        self.words.contains(WAITING)
    }
}

const WAITING: &str = "connections that wait to be accepted";
