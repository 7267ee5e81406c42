//! The way to the target of one connection: there, being made, or away for a while.

use std::io;
use std::time::{Duration, Instant};

use mio::{Interest, Registry, Token};

use crate::Endpoint;
use crate::stream::Stream;

/// Whether there is a socket to send on.
pub(crate) enum Link {
    /// There is.
    Open(Stream),
    /// It is being connected.
    Connecting { stream: Stream, since: Instant },
    /// It was lost, or could not be connected.
    Away { retry_at: Instant },
}

impl Link {
    /// Connects and waits until it is connected.
    pub(crate) fn open(endpoint: &Endpoint, registry: &Registry, token: Token) -> io::Result<Self> {
        let mut stream = Stream::connect(endpoint, CONNECT_TIMEOUT)?;
        registry.register(&mut stream, token, INTEREST)?;
        Ok(Self::Open(stream))
    }

    /// Begins to connect. The poll tells when to ask [`Link::finish`].
    ///
    /// # Errors
    /// When that failed at once. It is away then.
    pub(crate) fn begin(
        &mut self,
        endpoint: &Endpoint,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let since = Instant::now();
        self.leave(since);
        let mut stream = Stream::begin_connect(endpoint)?;
        registry.register(&mut stream, token, INTEREST)?;
        *self = Self::Connecting { stream, since };
        Ok(())
    }

    /// Is it connected now, and was it being connected before?
    ///
    /// # Errors
    /// When it cannot be connected. It is away then.
    pub(crate) fn finish(&mut self, now: Instant) -> io::Result<bool> {
        let Self::Connecting { stream, .. } = self else { return Ok(false) };
        let result = stream.is_connected();
        match result {
            Ok(false) => {}
            Ok(true) => {
                let retry_at = now;
                if let Self::Connecting { stream, .. } =
                    std::mem::replace(self, Self::Away { retry_at })
                {
                    *self = Self::Open(stream);
                }
            }
            Err(_) => self.leave(now),
        }
        result
    }

    /// Closes the socket, if there is one.
    pub(crate) fn leave(&mut self, now: Instant) {
        *self = Self::Away { retry_at: now + RETRY_INTERVAL };
    }

    /// What has to be done about it, if anything, as time has passed.
    pub(crate) fn due(&self, now: Instant) -> Option<Due> {
        match self {
            Self::Open(_) => None,
            Self::Connecting { since, .. } => {
                (now.saturating_duration_since(*since) >= CONNECT_TIMEOUT).then_some(Due::GiveUp)
            }
            Self::Away { retry_at } => (now >= *retry_at).then_some(Due::Begin),
        }
    }
}

/// What [`Link::due`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// To begin to connect.
    Begin,
    /// To give up being connected.
    GiveUp,
}

const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);
/// Above the second after which a system tries again when the target's queue was full.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two attempts to connect, so that a target that is away is not flooded.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
