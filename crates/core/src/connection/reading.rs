//! Which attempt each response belongs to.

use super::attempt::Attempt;
use super::{Connection, State};
use crate::Instant;
use crate::protocol::request::Class;
use crate::protocol::response::{
    END, Expect, Invalid, ParsedResponse, Response, Status, parse_response,
};
use crate::protocol::token::Tokens;
use crate::received::{self, Received};
use crate::report::LARGE_RESPONSE_LEN;

/// A response and the attempt it answers.
#[derive(Debug)]
pub struct Matched<'a> {
    /// The attempt, no longer in flight.
    pub attempt: Attempt,
    /// The attempt's bytes.
    pub encoded: &'a [u8],
    /// The values of a retrieval, as the server sent them; empty for other requests.
    pub body: &'a [u8],
    /// For each key of a retrieval how long its value is in `body`, and 0 if it has none there. The
    /// last ones that have none may be missing.
    pub value_lens: &'a [u32],
    /// How many values `body` holds.
    pub values_len: usize,
    /// How many values were thrown away because the response was longer than
    /// [`RESPONSE_BODY_LEN_MAX`].
    pub values_dropped: usize,
    /// The rest of the response.
    pub response: Response<'a>,
}

impl Matched<'_> {
    /// How many keys the server has said to be there, and how many not; none of either unless it
    /// was asked to look.
    #[inline]
    pub fn keys_seen(&self) -> (u32, u32) {
        if self.attempt.class != Class::Read || matches!(self.response.status, Status::Error(_)) {
            return (0, 0);
        }
        let is_hit = self.response.status == Status::Hit;
        let hits = if is_hit { 1 } else { u32::try_from(self.values_len).unwrap_or(u32::MAX) };
        (hits, self.attempt.keys_len.saturating_sub(hits))
    }
}

/// How far a retrieval's response has been read.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Bytes of whole values.
    len: usize,
    /// Number of them.
    values_len: usize,
    /// Number of those thrown away before them.
    values_dropped: usize,
    /// Where in the request's keys the last of them was named.
    keys_taken: usize,
    /// As in [`Matched::value_lens`].
    value_lens: Vec<u32>,
    /// The response has been read to its end.
    is_over: bool,
}

impl Scan {
    /// The response to the next request is to be read.
    #[inline]
    fn begin(&mut self) {
        self.len = 0;
        self.values_len = 0;
        self.values_dropped = 0;
        self.keys_taken = 0;
        self.value_lens.clear();
        self.is_over = false;
    }

    /// The next value is `len` bytes long and names `key`, one of those in `keys` that have not been
    /// passed.
    ///
    /// A server answers the keys of a retrieval in the order they were asked for and leaves out the
    /// misses, so a key that is not among the rest was not asked for.
    #[inline]
    fn take(&mut self, keys: &[u8], key: &[u8], len: usize) -> Result<(), Invalid> {
        let rest = &keys[self.keys_taken..];
        let next = rest.strip_prefix(b" ").unwrap_or(rest);
        if next.starts_with(key) && matches!(next.get(key.len()), None | Some(b' ')) {
            self.keys_taken = keys.len() - next.len() + key.len();
        } else {
            let mut words = Tokens::new(rest);
            while words.next().ok_or(Invalid::OtherKey)? != key {
                self.value_lens.push(0);
            }
            self.keys_taken = keys.len() - words.rest().len();
        }
        self.len += len;
        self.values_len += 1;
        self.value_lens.push(u32::try_from(len).map_err(|_| Invalid::BadValue)?);
        Ok(())
    }

    /// The only value there is is `len` bytes long.
    pub(super) fn take_only(&mut self, len: usize) -> Result<(), Invalid> {
        self.len = len;
        self.values_len = 1;
        self.value_lens.push(u32::try_from(len).map_err(|_| Invalid::BadValue)?);
        Ok(())
    }

    /// Forgets the values so far: they are misses. Returns how many bytes they were.
    fn drop_values(&mut self) -> usize {
        self.values_dropped += std::mem::take(&mut self.values_len);
        self.value_lens.fill(0);
        std::mem::take(&mut self.len)
    }
}

/// Bytes of values past which those of one response are thrown away, to be misses. A single value
/// may be longer; that it must be sent in full bounds what a server can make us keep.
pub const RESPONSE_BODY_LEN_MAX: usize = 256 * 1024 * 1024;

/// Room for this many attempts is kept when there are none.
const IN_FLIGHT_KEPT_LEN: usize = 1024;

impl Connection {
    /// How many of `len` bytes that have come are to be taken first.
    pub fn joined_len(&self, len: usize) -> usize {
        if self.input.is_empty() {
            return len;
        }
        // Behind a value stands another, or the end.
        let is_retrieval =
            self.in_flight.front().is_some_and(|it| matches!(it.expect, Expect::Retrieval { .. }));
        let end_len = if is_retrieval { END.len() } else { 0 };
        received::joined_len(self.input.len(), self.needed + end_len, len)
    }

    /// Takes bytes from the server: returns what there is to match, with what was kept.
    ///
    /// The caller calls [`Connection::match_response`] on the returned bytes until it has no
    /// more, and then gives what is left to [`Connection::keep`].
    pub fn receive<'a>(&mut self, now: Instant, bytes: &'a [u8]) -> Received<'a> {
        if let State::Ready { progress_at, .. } = &mut self.state {
            *progress_at = now;
            self.is_overdue = false;
        }
        Received::new(&mut self.input, bytes)
    }

    /// Whether a response has begun to come that is large.
    pub fn is_amid_large_response(&self) -> bool {
        self.needed >= LARGE_RESPONSE_LEN
    }

    /// The next whole response in `source` from `at` on, which moves past it.
    ///
    /// `Ok(None)` if there is none yet. After an error the connection must be closed.
    #[inline]
    pub fn match_response<'a>(
        &'a mut self,
        source: &'a [u8],
        at: &mut usize,
    ) -> Result<Option<Matched<'a>>, Invalid> {
        let mut input = &source[*at..];
        if input.is_empty() || input.len() < self.needed {
            return Ok(None);
        }
        let front = self.in_flight.front().ok_or(Invalid::Unasked)?;
        let written_at = self.stream.written_at();
        if front.stream_at >= written_at {
            return Err(Invalid::Unasked);
        }
        if self.scan.is_over {
            self.scan.begin();
        }
        let is_joined = front.shares_end;
        let place = front.place_in_stream();
        let encoded = self.stream.get(place.clone());
        let keys = front.keys(encoded);
        loop {
            match parse_response(&input[self.scan.len..], front.expect, keys) {
                ParsedResponse::Incomplete { needed } => {
                    self.needed = self.scan.len + needed;
                    return Ok(None);
                }
                ParsedResponse::Value { key, len } => {
                    if is_joined {
                        return self.match_joined_value(input, at, (key, len)).map(Some);
                    }
                    self.scan.take(keys, key, len)?;
                    if self.scan.len > self.body_len_max {
                        *at += self.scan.drop_values();
                        input = &source[*at..];
                    }
                }
                // It stands there for those that share it.
                ParsedResponse::Last { response, .. } if is_joined => {
                    return self.matched_jointly(input, at, response).map(Some);
                }
                ParsedResponse::Last { response, len } => {
                    if !is_error(response.status) && place.end > written_at {
                        return Err(Invalid::Unasked);
                    }
                    front.check(encoded, &response)?;
                    return self.matched(input, at, response, len).map(Some);
                }
                ParsedResponse::Invalid(invalid) => return Err(invalid),
            }
        }
    }

    /// The oldest attempt in flight has been answered, by what `input` begins with.
    #[inline]
    pub(super) fn matched<'a>(
        &'a mut self,
        input: &'a [u8],
        at: &mut usize,
        response: Response<'a>,
        len: usize,
    ) -> Result<Matched<'a>, Invalid> {
        let State::Ready { progress_at, has_responded } = &mut self.state else {
            return Err(Invalid::Unasked);
        };
        *has_responded = true;
        self.connect_failures = 0;
        if self.timed_out == 0 {
            self.timeouts_in_a_row = 0;
            self.served_at = *progress_at;
        }
        self.timed_out = self.timed_out.saturating_sub(1);
        self.needed = 0;
        self.scan.is_over = true;
        let attempt = self.in_flight.pop_front().ok_or(Invalid::Unasked)?;
        let Scan { values_len, values_dropped, .. } = self.scan;
        let body = &input[..self.scan.len];
        *at += self.scan.len + len;
        Ok(Matched {
            attempt,
            encoded: self.stream.get(attempt.place_in_stream()),
            body,
            value_lens: &self.scan.value_lens,
            values_len,
            values_dropped,
            response,
        })
    }

    /// Lets go the bytes of what has been answered, and the room that a burst has needed.
    #[inline]
    fn release(&mut self) {
        let next = self.in_flight.front().map_or(self.stream.end_at(), |it| it.stream_at);
        self.stream.release(next);
        if self.in_flight.is_empty() && self.in_flight.capacity() > IN_FLIGHT_KEPT_LEN {
            self.in_flight.shrink_to(IN_FLIGHT_KEPT_LEN);
        }
    }

    /// Keeps the bytes of `received` from `at` on for the next time.
    pub fn keep(&mut self, received: Received<'_>, at: usize) {
        self.release();
        received.keep(at, self.needed, &mut self.input);
    }
}

/// Whether a server may say so before it has read the whole request.
fn is_error(status: Status) -> bool {
    matches!(status, Status::Error(_))
}
