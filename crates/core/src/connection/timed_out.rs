//! What a connection can run out of time for.

/// What has run out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedOut {
    /// Connecting took too long. The connection must be closed.
    Connect,
    /// Responses are owed, and for too long no byte has come, or none of them in time. The
    /// connection must be closed.
    Connection,
    /// Attempts are late that were never sent, because what is before them is not taken. They must
    /// be taken back by [`super::Connection::take_back_late`].
    Unsent,
    /// One attempt's response is late. It stays in flight, at `idx` of
    /// [`super::Connection::in_flight`], to take its response with it.
    Attempt {
        /// See above.
        idx: usize,
    },
}
