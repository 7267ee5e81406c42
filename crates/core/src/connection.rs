//! One connection to one server: what may be sent on it, and whose each response is.
//!
//! # Intuition
//! Requests of many callers share one connection. The server answers in order, so the oldest
//! attempt in flight owns the next response. Everything that could break this rule closes the
//! connection: bytes nobody asked for, a response that does not fit its request or names
//! another key, a value that does not end where it should (P1).
//!
//! A caller that gave up does not break it: its attempt stays in flight, with nobody waiting, and
//! takes its late response with it.
//!
//! # States and transitions
//! | from | event | to |
//! |---|---|---|
//! | Unwanted | the server is usable | Wanted |
//! | Wanted | its time has come | Connecting |
//! | Connecting | connected | Ready |
//! | Connecting | refused, or `connect_timeout` | Wanted, after a growing pause |
//! | Ready | lost before its first response | Wanted, after a growing pause |
//! | Ready | reset, closed, garbled, or silent for `timeout`, or late for four | Wanted, at once |
//! | Ready | as the last two, with a write in flight | Wanted, at once; the old one is set aside ([`Connection::park`]) |
//! | any | the server is not usable | a lost connection is Unwanted; a Ready one is kept |
//!
//! # Timers
//! One for each connection: the connect's deadline, the pause before the next connect, or what is
//! left of the time of the oldest attempt in flight, or of the silence. Never one for each request.
//!
//! # Hard cases
//! - An attempt that was never sent may go elsewhere without doubt; one of which a byte was
//!   written may not. The connection knows which is which by counting bytes of its stream.
//! - A server that has just closed a good connection may only be restarting: attempts wait for the
//!   next one. After a timeout or a connect that failed they go elsewhere until it is Ready.
//! - A server that accepts connections and closes them is no better than one that refuses them.
//! - A server that lost a response answers each request with the next one's response. Where all
//!   responses look alike nobody can tell, until the last of them is owed and nothing comes: that
//!   is no progress, whatever came after it was sent.
//! - One that lost several may go on for good with every response late. After so long without one
//!   in time the connection is replaced, though bytes keep coming.
//! - A server takes less than it is sent: attempts that are late unsent are taken back. Sent on,
//!   they would make all those behind them late, and a backlog would never end.
//! - A response that arrives before its request was written is garbage, not a quick server. An
//!   error may come before the end of it: memcached refuses a value before it has read it.
//! - A response to a long retrieval may be longer than we would keep: its values are then thrown
//!   away as they come, and are misses.
//! - A write whose caller was told that it failed before the connection was made is left out when it
//!   is: it would be carried out after all.
//! - A server that is ejected while Ready keeps its connection, so that its late responses are
//!   recognised and thrown away.
//!
//! # Rejected alternatives
//! - One connection for each session: the server's threads and memory are then spent on idle
//!   sessions, and nothing is coalesced.
//! - Tagging requests (`O` of the meta protocol) instead of counting: text commands have no tag,
//!   and a server that mixes up its answers is not one to be trusted for the next.

mod attempt;
mod joint;
mod reading;
mod stream;
mod timed_out;

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

pub use self::attempt::{Attempt, GivenBack, Sent};
pub use self::reading::{Matched, RESPONSE_BODY_LEN_MAX};
pub use self::timed_out::TimedOut;

use self::reading::Scan;
use self::stream::Stream;
use crate::Instant;
use crate::random::Random;
use crate::routing::{ConnectionSettings, ServerId};

/// A connection that is being made or is made, told from those before it to the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    /// The server.
    pub server: ServerId,
    /// Which one; they are counted.
    pub serial: u32,
}

/// The connection. The driver owns the socket.
#[derive(Debug)]
pub struct Connection {
    id: ConnectionId,
    settings: ConnectionSettings,
    state: State,
    /// Connections in a row that could not be made, or gave no response; sets the pause before
    /// the next try.
    connect_failures: u32,
    /// The bytes of the attempts in flight.
    stream: Stream,
    /// Bytes of a response that is not all there.
    input: Vec<u8>,
    /// How many bytes `input` must hold before it is worth another look.
    needed: usize,
    /// How far the response at the start of `input` has been read.
    scan: Scan,
    /// [`RESPONSE_BODY_LEN_MAX`].
    body_len_max: usize,
    /// Oldest first.
    in_flight: VecDeque<Attempt>,
    /// How many attempts it has been given, over reconnects.
    attempts_len: u64,
    /// Invariant: the first so many in flight have been reported as timed out.
    timed_out: usize,
    /// When a response was last in time, or nothing was owed.
    served_at: Instant,
    /// Timeouts without a byte since the attempt was sent, since the last response in time, over
    /// reconnects. A response that is late behind others that keep coming is not counted: its
    /// server serves, and a canary tells whether it does so quickly.
    timeouts_in_a_row: u32,
    /// How long it may be silent before that is said.
    suspect_after: Duration,
    /// It has been said of the silence that lasts.
    is_overdue: bool,
}

/// See the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unwanted,
    Wanted { not_before: Instant },
    Connecting { deadline: Instant },
    Ready { progress_at: Instant, has_responded: bool },
}

/// The pause after the first connect that failed; it doubles up to the maximum.
const RECONNECT_INTERVAL_MIN: Duration = Duration::from_millis(50);
const RECONNECT_INTERVAL_MAX: Duration = Duration::from_secs(1);
const RECONNECT_JITTER_PERCENT: u32 = 20;

/// How many times `timeout` may pass without a response in time while some are owed.
const UNSERVED_TIMEOUTS_MAX: u32 = 4;

/// Bytes waiting to be written past which a connection takes no more attempts.
const OUTPUT_LEN_MAX: usize = 64 * 1024 * 1024;

impl Connection {
    /// A connection to a server that is not wanted yet.
    pub fn new(server: ServerId, settings: ConnectionSettings) -> Self {
        Self {
            id: ConnectionId { server, serial: 0 },
            settings,
            state: State::Unwanted,
            connect_failures: 0,
            stream: Stream::default(),
            input: Vec::new(),
            needed: 0,
            scan: Scan::default(),
            body_len_max: RESPONSE_BODY_LEN_MAX,
            in_flight: VecDeque::new(),
            attempts_len: 0,
            timed_out: 0,
            served_at: Instant::ZERO,
            timeouts_in_a_row: 0,
            suspect_after: settings.timeout,
            is_overdue: false,
        }
    }

    /// Whether an attempt may be given to it now.
    #[inline]
    pub fn can_send(&self) -> bool {
        let is_open = match self.state {
            State::Unwanted | State::Wanted { .. } => false,
            State::Connecting { .. } => self.connect_failures == 0 && self.timeouts_in_a_row == 0,
            State::Ready { .. } => true,
        };
        is_open
            && self.in_flight.len() < self.settings.attempts_in_flight_max
            && self.stream.unwritten_len() < OUTPUT_LEN_MAX
    }

    /// Whether it is lost or was never made.
    pub fn is_lost(&self) -> bool {
        matches!(self.state, State::Unwanted | State::Wanted { .. })
    }

    /// Whether there is a connection to read from and write to.
    #[inline]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready { .. })
    }

    /// Its name while it is being made or is made.
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Takes an attempt to send, with its bytes, and returns its number, by which
    /// [`Connection::attempt_mut`] finds it again.
    ///
    /// # Panics
    /// Unless [`Connection::can_send`].
    pub fn enqueue(&mut self, now: Instant, mut attempt: Attempt, encoded: &[u8]) -> u64 {
        assert!(self.can_send(), "the caller asks before it sends");
        let at = self.stream.append_bytes(encoded);
        attempt.place(&at);
        self.push(now, attempt)
    }

    /// The same for one whose bytes `encode` appends to what it is given. It returns where in that
    /// the keys stand.
    #[inline]
    pub fn encode(
        &mut self,
        now: Instant,
        mut attempt: Attempt,
        encode: impl FnOnce(&mut Vec<u8>) -> Range<usize>,
    ) -> u64 {
        assert!(self.can_send(), "the caller asks before it sends");
        let (at, keys_at) = self.stream.append(encode);
        attempt.place(&at);
        attempt.set_keys_at(keys_at);
        self.push(now, attempt)
    }

    #[inline]
    fn push(&mut self, now: Instant, mut attempt: Attempt) -> u64 {
        attempt.sent_at = now;
        if self.in_flight.is_empty() {
            self.served_at = now;
            self.is_overdue = false;
        }
        self.attempts_len += 1;
        attempt.number = self.attempts_len;
        self.in_flight.push_back(attempt);
        self.attempts_len
    }

    /// The attempts in flight, oldest first: those somebody may still wait for, and those nobody
    /// does; and their bytes.
    pub fn in_flight_mut(&mut self) -> impl Iterator<Item = (&mut Attempt, &[u8])> {
        let stream = &self.stream;
        self.in_flight.iter_mut().map(|attempt| {
            let encoded = stream.get(attempt.place_in_stream());
            (attempt, encoded)
        })
    }

    /// The attempts in flight, oldest first.
    pub fn in_flight(&self) -> impl ExactSizeIterator<Item = &Attempt> {
        self.in_flight.iter()
    }

    /// An attempt in flight by its number, and its bytes.
    pub fn attempt_mut(&mut self, number: u64) -> Option<(&mut Attempt, &[u8])> {
        let idx = self.in_flight.binary_search_by_key(&number, |it| it.number).ok()?;
        let attempt = self.in_flight.get_mut(idx)?;
        let encoded = self.stream.get(attempt.place_in_stream());
        Some((attempt, encoded))
    }

    /// How it behaves from now on.
    pub fn set_settings(&mut self, settings: ConnectionSettings) {
        self.settings = settings;
    }

    /// After how long without a byte [`TimedOut::Overdue`] is said.
    pub fn set_suspect_after(&mut self, suspect_after: Duration) {
        self.suspect_after = suspect_after;
    }

    /// Timeouts so far were no fault of the server.
    pub fn forget_timeouts(&mut self) {
        self.timeouts_in_a_row = 0;
    }

    /// How many timeouts have followed one another, with not a byte between.
    pub fn timeouts_in_a_row(&self) -> u32 {
        self.timeouts_in_a_row
    }

    // Connecting.

    /// The server has become usable. What had been held against it is forgotten: canaries were
    /// good since.
    pub fn want(&mut self, now: Instant) {
        self.connect_failures = 0;
        self.timeouts_in_a_row = 0;
        if self.state == State::Unwanted {
            self.state = State::Wanted { not_before: now };
        }
    }

    /// The server is not usable. A connection that is made is kept.
    pub fn unwant(&mut self) {
        match self.state {
            State::Wanted { .. } => self.state = State::Unwanted,
            State::Unwanted | State::Connecting { .. } | State::Ready { .. } => {}
        }
    }

    /// Starts connecting if it is time; the driver must then do so.
    pub fn poll_connect(&mut self, now: Instant) -> Option<ConnectionId> {
        match self.state {
            State::Wanted { not_before } if not_before <= now => {
                let deadline = now + self.settings.connect_timeout;
                self.state = State::Connecting { deadline };
                self.id.serial = self.id.serial.wrapping_add(1);
                Some(self.id)
            }
            State::Wanted { .. }
            | State::Unwanted
            | State::Connecting { .. }
            | State::Ready { .. } => None,
        }
    }

    /// Whether it is being made: nothing it was given has been sent.
    pub fn is_connecting(&self) -> bool {
        matches!(self.state, State::Connecting { .. })
    }

    /// The driver has connected. Attempts that nobody waits for any more are left out.
    pub fn handle_connected(&mut self, now: Instant) {
        if !self.is_connecting() {
            return;
        }
        self.state = State::Ready { progress_at: now, has_responded: false };
        if self.in_flight.iter().any(|attempt| attempt.is_void) {
            let all = std::mem::take(&mut self.stream);
            self.in_flight.retain(|attempt| !attempt.is_void);
            for attempt in &mut self.in_flight {
                let at = self.stream.append_bytes(all.get(attempt.place_in_stream()));
                attempt.place(&at);
            }
        }
    }

    /// The connection is lost, or could not be made. Returns the attempts that were in flight; they
    /// will have no response from here.
    pub fn handle_lost(&mut self, now: Instant, random: &mut Random) -> GivenBack {
        self.state = self.state_after_loss(now, random);
        self.input = Vec::new();
        self.needed = 0;
        self.scan = Scan::default();
        self.timed_out = 0;
        let attempts = std::mem::take(&mut self.in_flight);
        std::mem::take(&mut self.stream).give_back_all(attempts)
    }

    fn state_after_loss(&mut self, now: Instant, random: &mut Random) -> State {
        match self.state {
            State::Unwanted => State::Unwanted,
            State::Wanted { not_before } => State::Wanted { not_before },
            State::Ready { has_responded: true, .. } => State::Wanted { not_before: now },
            State::Connecting { .. } | State::Ready { has_responded: false, .. } => {
                let interval = reconnect_interval(self.connect_failures);
                self.connect_failures = self.connect_failures.saturating_add(1);
                let not_before = now + random.jittered(interval, RECONNECT_JITTER_PERCENT);
                State::Wanted { not_before }
            }
        }
    }

    /// Sets it aside, with what it has been sent in flight, and goes on with a new one. Returns the
    /// one set aside, and the attempts that were not sent in full.
    ///
    /// What it has been sent may still be carried out. As long as it is kept, that can be seen:
    /// by a response. Nothing more is ever sent on it, so what was sent in part is void.
    pub fn park(&mut self, now: Instant, random: &mut Random) -> (Self, GivenBack) {
        let mut fresh = Self::new(self.id.server, self.settings);
        fresh.id = self.id;
        fresh.state = self.state_after_loss(now, random);
        fresh.connect_failures = self.connect_failures;
        fresh.timeouts_in_a_row = self.timeouts_in_a_row;
        fresh.attempts_len = self.attempts_len;
        let mut parked = std::mem::replace(self, fresh);
        let written_at = parked.stream.written_at();
        let is_sent = |it: &Attempt| it.place_in_stream().end <= written_at;
        let sent_len = parked.in_flight.partition_point(is_sent);
        let unsent = parked.give_back(sent_len..parked.in_flight.len());
        (parked, unsent)
    }

    /// Takes back the attempts of which no byte was written: they may go elsewhere.
    pub fn take_back(&mut self) -> GivenBack {
        let written_at = self.stream.written_at();
        let first = self.in_flight.partition_point(|it| it.stream_at < written_at);
        let unsent = self.give_back(first..self.in_flight.len());
        self.timed_out = self.timed_out.min(self.in_flight.len());
        unsent
    }

    /// Takes back the attempts that are late by `now` and of which no byte was written.
    ///
    /// Sending them would only make those behind them late too, and a write among them would be
    /// carried out after its caller has been told that it failed.
    pub fn take_back_late(&mut self, now: Instant) -> GivenBack {
        let first = self.timed_out;
        let is_late = |it: &&Attempt| {
            it.stream_at >= self.stream.written_at() && it.sent_at + self.settings.timeout <= now
        };
        let len = self.in_flight.iter().skip(first).take_while(is_late).count();
        self.give_back(first..first + len)
    }

    fn give_back(&mut self, range: Range<usize>) -> GivenBack {
        let attempts: VecDeque<_> = self.in_flight.drain(range.clone()).collect();
        let (Some(oldest), Some(newest)) = (attempts.front(), attempts.back()) else {
            return GivenBack::default();
        };
        let start_at = oldest.stream_at;
        let written_at = self.stream.written_at();
        let bytes = self.stream.take(start_at..newest.place_in_stream().end);
        for behind in self.in_flight.iter_mut().skip(range.start) {
            behind.stream_at -= bytes.len() as u64;
        }
        GivenBack { attempts, bytes, start_at, written_at }
    }

    // Writing.

    /// What is waiting to be written.
    pub fn output(&self) -> &[u8] {
        self.stream.unwritten()
    }

    /// The driver has written the first `len` bytes of [`Connection::output`].
    pub fn handle_written(&mut self, len: usize) {
        self.stream.note_written(len);
    }
}

fn reconnect_interval(failures: u32) -> Duration {
    RECONNECT_INTERVAL_MIN.saturating_mul(1 << failures.min(10)).min(RECONNECT_INTERVAL_MAX)
}

#[cfg(test)]
mod tests;
