//! What a connection can run out of time for, and when.

use super::{Connection, State, UNSERVED_TIMEOUTS_MAX};
use crate::Instant;

/// What has run out of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimedOut {
    /// Connecting took too long. The connection must be closed.
    Connect,
    /// Responses are owed, and for too long no byte has come, or none of them in time. The
    /// connection must be closed or set aside.
    Connection,
    /// Attempts are late that were never sent, because what is before them is not taken. They must
    /// be taken back by [`super::Connection::take_back_late`].
    Unsent,
    /// Responses are owed and no byte has come for longer than the server is usually silent. Said
    /// once for each silence; the connection goes on.
    Overdue {
        /// Since when.
        since: Instant,
    },
    /// One attempt's response is late. It stays in flight, at `idx` of
    /// [`super::Connection::in_flight_mut`], to take its response with it.
    Attempt {
        /// See above.
        idx: usize,
    },
}

impl Connection {
    /// When to call [`Connection::poll_timeout`], or [`Connection::poll_connect`], next.
    pub fn next_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Unwanted => None,
            State::Wanted { not_before } => Some(not_before),
            State::Connecting { deadline } => Some(deadline),
            State::Ready { progress_at, .. } => {
                let silent_since = self.silent_since(progress_at)?;
                let waiting_since = self.in_flight.get(self.timed_out).map(|it| it.sent_at);
                let since = waiting_since.map_or(silent_since, |it| it.min(silent_since));
                let late_at = since + self.settings.timeout;
                let overdue_at = silent_since + self.suspect_after;
                Some(if self.is_overdue { late_at } else { late_at.min(overdue_at) })
            }
        }
    }

    /// What has run out of time by `now`; call again until `None`.
    pub fn poll_timeout(&mut self, now: Instant) -> Option<TimedOut> {
        match self.state {
            State::Unwanted | State::Wanted { .. } => None,
            State::Connecting { deadline } => (deadline <= now).then_some(TimedOut::Connect),
            State::Ready { progress_at, .. } => {
                let silent_since = self.silent_since(progress_at)?;
                let is_over = |since: Instant| since + self.settings.timeout <= now;
                let is_silent = is_over(silent_since);
                let is_overdue = silent_since + self.suspect_after <= now;
                if is_overdue && !is_silent && !self.is_overdue {
                    self.is_overdue = true;
                    return Some(TimedOut::Overdue { since: silent_since });
                }
                let is_one_late =
                    self.in_flight.get(self.timed_out).is_some_and(|it| is_over(it.sent_at));
                let unserved_max = self.settings.timeout * UNSERVED_TIMEOUTS_MAX;
                let is_unserved = is_one_late && self.served_at + unserved_max <= now;
                if is_silent {
                    self.timeouts_in_a_row = self.timeouts_in_a_row.saturating_add(1);
                }
                if is_silent || is_unserved {
                    return Some(TimedOut::Connection);
                }
                if !is_one_late {
                    return None;
                }
                if self.in_flight[self.timed_out].stream_at >= self.stream.written_at() {
                    return Some(TimedOut::Unsent);
                }
                self.timed_out += 1;
                Some(TimedOut::Attempt { idx: self.timed_out - 1 })
            }
        }
    }

    /// Since when a response is owed and no byte has come; `None` if none is owed.
    fn silent_since(&self, progress_at: Instant) -> Option<Instant> {
        self.in_flight.front().map(|oldest| oldest.sent_at.max(progress_at))
    }
}
