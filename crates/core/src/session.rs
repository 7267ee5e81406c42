//! One application's connection to us: its requests in order, its answers in the same order.
//!
//! # Intuition
//! A session may send requests without waiting. Each becomes an exchange, and the exchanges'
//! answers leave in the order of the requests, however the servers' responses come.
//!
//! # Back-pressure
//! A session that has `requests_in_flight_max` requests unanswered, or [`OUTPUT_PAUSE_LEN`] bytes
//! unread, is paused: its input is neither parsed nor read until it has caught up, so that the
//! kernel makes the application wait. Should the answers already asked for exceed `output_max`,
//! further values become misses, counted as dropped.
//!
//! Requests are small and answers may be large: a thousand `get`s in one packet can ask one server
//! for a gigabyte, and everybody's requests on that connection would wait behind it. So a session
//! may also have only so many requests in flight that their answers, if they are as long as its
//! last ones, come to [`AWAITED_LEN_MAX`].
//!
//! # Hard cases
//! - The value of a refused request is swallowed as it comes, never kept.
//! - An application may close its sending side and still wait for answers
//!   (`printf 'get a\r\n' | nc`): what it had sent is still carried out, however often the session
//!   is paused meanwhile, and the session ends when all answers have left.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::id::ExchangeId;
use crate::protocol::parse::{ParseLimits, Parsed, Refused, parse_request};
use crate::received::{self, BUFFER_KEPT_LEN_MAX, Received};
use crate::routing::PrefixRoutes;

/// Bounds that an operator may set on each session of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Bounds on one request.
    pub parse: ParseLimits,
    /// How many requests may wait for their answers; at least 1.
    pub requests_in_flight_max: usize,
    /// How many bytes of answers are kept for an application that does not read them.
    pub output_max: usize,
}

/// Unread answers past which a session is paused, in bytes.
pub const OUTPUT_PAUSE_LEN: usize = 256 * 1024;

/// Answers that a session may wait for at once, in bytes, as far as can be guessed.
pub const AWAITED_LEN_MAX: usize = 4 * 1024 * 1024;

/// How long an answer is taken to be before there has been any, in bytes.
const ANSWER_LEN_FIRST: usize = 256 * 1024;

/// The session. The driver owns the socket.
#[derive(Debug)]
pub struct Session {
    /// Which pool each of its requests goes to.
    pub routes: Arc<PrefixRoutes>,
    /// Its bounds.
    pub limits: SessionLimits,
    phase: Phase,
    /// Bytes of a request that is not all there, or that waits for the session to catch up.
    input: Vec<u8>,
    /// How many bytes `input` must hold before it is worth another look.
    needed: usize,
    /// How many bytes of `input` are known to hold no line end.
    scanned: usize,
    /// How many bytes to come must be thrown away.
    swallow: u64,
    /// Exchanges whose answers have not left for `output`, oldest first.
    pub(crate) pending: VecDeque<ExchangeId>,
    /// How long the next answer is guessed to be, in bytes: up at once, down slowly.
    answer_len: usize,
    /// Bytes that those exchanges keep.
    pub(crate) pending_len: usize,
    /// Answers; the first `written` bytes have been written.
    pub(crate) output: Vec<u8>,
    written: usize,
    /// The worker has been told to look at the session.
    pub(crate) is_dirty: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Requests are read.
    Open,
    /// The application sends nothing more; the requests at hand are still carried out.
    HalfClosed,
    /// No further request is carried out; the session ends when its answers have left.
    Finishing,
}

impl Session {
    /// A session that has sent nothing yet.
    pub fn new(routes: Arc<PrefixRoutes>, limits: SessionLimits) -> Self {
        Self {
            routes,
            limits,
            phase: Phase::Open,
            input: Vec::new(),
            needed: 0,
            scanned: 0,
            swallow: 0,
            pending: VecDeque::new(),
            pending_len: 0,
            answer_len: ANSWER_LEN_FIRST,
            output: Vec::new(),
            written: 0,
            is_dirty: false,
        }
    }

    /// Whether the driver should read from it.
    pub fn wants_input(&self) -> bool {
        self.phase == Phase::Open && !self.is_paused()
    }

    /// Whether it could go on with a request that it had sent already.
    pub fn can_resume(&self) -> bool {
        self.has_input() && !self.is_paused()
    }

    #[inline]
    fn is_paused(&self) -> bool {
        self.pending.len() >= self.limits.requests_in_flight_max
            || self.pending.len() * self.answer_len > AWAITED_LEN_MAX
            || self.output.len() - self.written > OUTPUT_PAUSE_LEN
    }

    /// Whether there is input at hand that may hold a request.
    fn has_input(&self) -> bool {
        !self.input.is_empty() && self.input.len() >= self.needed
    }

    /// The application sends nothing more.
    pub fn handle_eof(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::HalfClosed;
        }
    }

    /// Carries out no further request.
    pub fn finish(&mut self) {
        self.phase = Phase::Finishing;
        self.input = Vec::new();
    }

    /// Whether all is said and done.
    pub fn is_finished(&self) -> bool {
        let is_ending = match self.phase {
            Phase::Open => false,
            Phase::HalfClosed => !self.has_input(),
            Phase::Finishing => true,
        };
        is_ending && self.is_idle()
    }

    /// Whether it has nothing in flight and nothing to write.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.output().is_empty()
    }

    /// How many of `len` bytes that have come are to be taken first.
    pub(crate) fn joined_len(&self, len: usize) -> usize {
        received::joined_len(self.input.len(), self.needed, len)
    }

    /// Takes bytes from the application, joined with those kept.
    #[inline]
    pub fn receive<'a>(&mut self, bytes: &'a [u8]) -> Received<'a> {
        Received::new(&mut self.input, bytes)
    }

    /// The next request in `source` from `at` on, which moves past it; `None` if there is none
    /// yet, or the session must catch up first.
    #[inline]
    pub fn next_request<'a>(&mut self, source: &'a [u8], at: &mut usize) -> Option<Parsed<'a>> {
        if self.phase == Phase::Finishing || self.is_paused() {
            return None;
        }
        let rest = (source.len() - *at) as u64;
        let swallowed = self.swallow.min(rest);
        self.swallow -= swallowed;
        *at += usize::try_from(swallowed).expect("no more than there is");
        let input = &source[*at..];
        if input.is_empty() || input.len() < self.needed {
            return None;
        }
        let parsed = parse_request(input, self.scanned, &self.limits.parse);
        (self.needed, self.scanned) = (0, 0);
        match parsed {
            Parsed::Incomplete { needed, scanned } => {
                (self.needed, self.scanned) = (needed, scanned);
                return None;
            }
            Parsed::Request { len, .. } => *at += len,
            Parsed::Refused(Refused { len, swallow, .. }) => {
                *at += len;
                self.swallow = swallow;
            }
        }
        Some(parsed)
    }

    /// Keeps the bytes of `received` from `at` on for the next time.
    #[inline]
    pub fn keep(&mut self, received: Received<'_>, at: usize) {
        if self.phase != Phase::Finishing {
            received.keep(at, self.needed, &mut self.input);
        }
    }

    /// An answer had `len` bytes: the next ones are guessed to be alike.
    #[inline]
    pub(crate) fn note_answer(&mut self, len: usize) {
        self.answer_len = if len >= self.answer_len {
            len
        } else {
            self.answer_len - (self.answer_len - len) / 8
        };
    }

    /// Whether `len` more bytes of answers may be kept for it.
    #[inline]
    pub fn has_room(&self, len: usize) -> bool {
        self.output.len() - self.written + self.pending_len + len <= self.limits.output_max
    }

    /// What is waiting to be written.
    pub fn output(&self) -> &[u8] {
        &self.output[self.written..]
    }

    /// The driver has written the first `len` bytes of [`Session::output`].
    ///
    /// Returns the buffer once all is written, so that an idle session holds none.
    pub fn handle_written(&mut self, len: usize) -> Option<Vec<u8>> {
        self.written += len;
        assert!(self.written <= self.output.len(), "no more is written than there was");
        if self.written == self.output.len() {
            self.written = 0;
            return Some(std::mem::take(&mut self.output));
        }
        if self.written > BUFFER_KEPT_LEN_MAX && self.written > self.output.len() / 2 {
            // No more is moved than has been written, however much waits.
            self.output.drain(..self.written);
            self.written = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests;
