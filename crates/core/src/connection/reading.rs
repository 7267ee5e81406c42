//! Which attempt each response belongs to.

use super::attempt::{Attempt, take_key};
use super::{Connection, State};
use crate::Instant;
use crate::protocol::response::{Invalid, ParsedResponse, Response, Status, parse_response};
use crate::received::Received;

/// A response and the attempt it answers.
#[derive(Debug)]
pub struct Matched<'a> {
    /// The attempt, no longer in flight.
    pub attempt: Attempt,
    /// The values of a retrieval, as the server sent them; empty for other requests.
    pub body: &'a [u8],
    /// How many values `body` holds.
    pub values_len: usize,
    /// How many values were thrown away because the response was longer than
    /// [`RESPONSE_BODY_LEN_MAX`].
    pub values_dropped: usize,
    /// The rest of the response.
    pub response: Response<'a>,
}

/// How far a retrieval's response has been read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    /// Bytes of whole values.
    len: usize,
    /// Number of them.
    values_len: usize,
    /// Number of those thrown away before them.
    values_dropped: usize,
    /// Where in the request's keys the last of them was named.
    keys_taken: usize,
}

/// Bytes of values past which those of one response are thrown away, to be misses. A single value
/// may be longer; that it must be sent in full bounds what a server can make us keep.
pub const RESPONSE_BODY_LEN_MAX: usize = 256 * 1024 * 1024;

impl Connection {
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

    /// The next whole response in `source` from `at` on, which moves past it.
    ///
    /// `Ok(None)` if there is none yet. After an error the connection must be closed.
    pub fn match_response<'a>(
        &mut self,
        source: &'a [u8],
        at: &mut usize,
    ) -> Result<Option<Matched<'a>>, Invalid> {
        let mut input = &source[*at..];
        if input.is_empty() || input.len() < self.needed {
            return Ok(None);
        }
        loop {
            let front = self.in_flight.front().ok_or(Invalid::Unasked)?;
            if front.stream_at >= self.stream_written {
                return Err(Invalid::Unasked);
            }
            match parse_response(&input[self.scan.len..], front.expect, front.keys()) {
                ParsedResponse::Incomplete { needed } => {
                    self.needed = self.scan.len + needed;
                    return Ok(None);
                }
                ParsedResponse::Value { key, len } => {
                    self.scan.keys_taken = take_key(front.keys(), self.scan.keys_taken, key)?;
                    self.scan.len += len;
                    self.scan.values_len += 1;
                    if self.scan.len > self.body_len_max {
                        *at += self.scan.len;
                        input = &source[*at..];
                        self.scan.len = 0;
                        self.scan.values_dropped += std::mem::take(&mut self.scan.values_len);
                    }
                }
                ParsedResponse::Last { response, len } => {
                    if !is_error(response.status) && front.stream_end() > self.stream_written {
                        return Err(Invalid::Unasked);
                    }
                    front.check(&response)?;
                    let scan = std::mem::take(&mut self.scan);
                    self.needed = 0;
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
                    let attempt = self.in_flight.pop_front().expect("it was just looked at");
                    *at += scan.len + len;
                    let Scan { len, values_len, values_dropped, .. } = scan;
                    let body = &input[..len];
                    return Ok(Some(Matched {
                        attempt,
                        body,
                        values_len,
                        values_dropped,
                        response,
                    }));
                }
                ParsedResponse::Invalid(invalid) => return Err(invalid),
            }
        }
    }

    /// Keeps the bytes of `received` from `at` on for the next time.
    pub fn keep(&mut self, received: Received<'_>, at: usize) {
        received.keep(at, self.needed, &mut self.input);
    }
}

/// Whether a server may say so before it has read the whole request.
fn is_error(status: Status) -> bool {
    matches!(status, Status::Error(_))
}
