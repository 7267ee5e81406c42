//! What can go wrong with an attempt or a probe, each with a one-word label.
//!
//! The labels are the same in logs, metrics, the API and the page.

use crate::protocol::response::Invalid;

/// A bad outcome: evidence against a server, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing listens at the server's address.
    /// The attempt was not sent.
    #[error("connection refused")]
    Refused,
    /// The server's address cannot be found or reached.
    /// The attempt was not sent.
    #[error("server unreachable")]
    Unreachable,
    /// No connection within `connect_timeout`.
    /// The attempt was not sent.
    #[error("connect timed out")]
    ConnectTimeout,
    /// The server reset the connection.
    /// A write that was in flight may or may not have been applied.
    #[error("connection reset")]
    Reset,
    /// The server closed the connection.
    /// A write that was in flight may or may not have been applied.
    #[error("connection closed")]
    Closed,
    /// No response within `timeout`.
    /// A write may or may not have been applied, or be applied later.
    #[error("timed out")]
    Timeout,
    /// The server sent something that cannot be the response.
    /// The connection is closed; a write may or may not have been applied.
    #[error("unusable response: {0}")]
    Garbled(Invalid),
    /// The server answered `SERVER_ERROR`.
    /// The request was not carried out.
    #[error("server error")]
    ServerError,
    /// The server returned something else than what had been stored.
    /// Only a canary can see this.
    #[error("wrong value")]
    WrongValue,
    /// The server was ejected while the attempt was in flight. Not evidence: it follows from
    /// evidence. A write may or may not have been applied, or be applied later.
    #[error("server ejected")]
    Ejected,
    /// No server that the key could go to is usable. Not evidence: it follows from evidence.
    /// The attempt was not sent.
    #[error("no usable server")]
    NoServer,
    /// The only server that has the key's last write cannot be used. Not evidence: it follows
    /// from evidence. The attempt was not sent.
    #[error("no usable server has its last write")]
    Misplaced,
    /// A queue of ours was full. Not evidence: the attempt was never sent.
    #[error("too many requests in flight")]
    Overload,
}

impl Failure {
    /// Whether it is only that something took too long: a stall of our own looks the same.
    pub fn is_soft(self) -> bool {
        match self {
            Self::Timeout | Self::ConnectTimeout => true,
            Self::Refused
            | Self::Unreachable
            | Self::Reset
            | Self::Closed
            | Self::Garbled(_)
            | Self::ServerError
            | Self::WrongValue
            | Self::Ejected
            | Self::NoServer
            | Self::Misplaced
            | Self::Overload => false,
        }
    }

    /// One word, for logs, metrics, the API and the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect-timeout",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Garbled(_) => "garbled",
            Self::ServerError => "server-error",
            Self::WrongValue => "wrong-value",
            Self::Ejected => "ejected",
            Self::NoServer => "no-server",
            Self::Misplaced => "misplaced",
            Self::Overload => "overload",
        }
    }
}
