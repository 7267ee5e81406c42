//! The client's bytes on their way to the server: where one request ends and the next begins.
//!
//! Bytes are forwarded as they come unless a fault must see whole requests. A request that the
//! relay answers itself is replaced by `mn`, so that the relay's answer has a place among the
//! server's: where `MN` comes back ([`super::responses`]).
//!
//! Commands of Redis' protocol are told by their first byte, with which no request of memcached's
//! begins.
//!
//! Input that cannot be parsed is the server's to answer: it is forwarded as it is.

use std::collections::VecDeque;

use evenkeel_core::protocol::Request;
use evenkeel_core::protocol::parse::{ParseLimits, Parsed, parse_request};

use super::fault::{Fault, Verdict};
use super::resp;

/// What the `MN`s that will come back stand for, in order.
pub(super) type Marks = VecDeque<Mark>;

/// What one `MN` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Itself: the client has sent an `mn`.
    Noop,
    /// The relay's own answer.
    Answer(Vec<u8>),
}

/// The request that is coming in on one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Its bytes so far.
    pending: Vec<u8>,
    /// How many of them have been forwarded.
    forwarded: usize,
    scanned: usize,
    needed: usize,
    /// How many bytes that come next belong to a value that the parser refused.
    swallow: u64,
    /// Whether the place where requests begin has been lost; then all bytes are forwarded.
    is_lost: bool,
    /// Whether [`Fault::OffByOne`] has been done.
    is_doubled: bool,
}

const NOOP: &[u8] = b"mn\r\n";

impl Requests {
    /// Takes bytes from the client and appends those for the server to `output`.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        fault: &Fault,
        marks: &mut Marks,
        output: &mut Vec<u8>,
    ) {
        if *fault != Fault::OffByOne {
            self.is_doubled = false;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut start = 0;
        loop {
            start += self.pass_swallowed(&pending[start..], output);
            let rest = &pending[start..];
            if self.is_lost || rest.is_empty() || rest.len() < self.needed {
                break;
            }
            match self.request(rest, fault, marks, output) {
                Some(len) => {
                    start += len;
                    (self.forwarded, self.scanned, self.needed) = (0, 0, 0);
                }
                None => break,
            }
        }
        let rest = &pending[start..];
        if self.is_lost || !fault.judges_requests() {
            output.extend_from_slice(&rest[self.forwarded..]);
            self.forwarded = rest.len();
        }
        if self.is_lost {
            pending.clear();
            self.forwarded = 0;
        } else {
            pending.drain(..start);
        }
        self.pending = pending;
    }

    /// Forgets what has come in: the rest of it will not be forwarded.
    pub(super) fn clear(&mut self) {
        *self = Self { is_lost: self.is_lost, ..Self::default() };
    }

    /// Deals with the request at the start of `input`; its length, or `None` if it is not whole.
    fn request(
        &mut self,
        input: &[u8],
        fault: &Fault,
        marks: &mut Marks,
        output: &mut Vec<u8>,
    ) -> Option<usize> {
        let (verdict, len) = if input.starts_with(b"*") {
            self.command(input, fault)?
        } else {
            self.memcached_request(input, fault, marks)?
        };
        match verdict {
            Verdict::Forward => output.extend_from_slice(&input[self.forwarded..len]),
            Verdict::ForwardTwice => {
                self.is_doubled = true;
                output.extend_from_slice(&input[..len]);
                output.extend_from_slice(&input[..len]);
            }
            Verdict::Answer(answer) => {
                output.extend_from_slice(NOOP);
                marks.push_back(Mark::Answer(answer));
            }
            Verdict::Swallow => {}
        }
        Some(len)
    }

    /// What becomes of the request of memcached's at the start of `input`, and its length.
    fn memcached_request(
        &mut self,
        input: &[u8],
        fault: &Fault,
        marks: &mut Marks,
    ) -> Option<(Verdict, usize)> {
        match parse_request(input, self.scanned, &ParseLimits::default()) {
            Parsed::Incomplete { needed, scanned } => {
                (self.needed, self.scanned) = (needed, scanned);
                None
            }
            Parsed::Refused(refused) => {
                self.swallow = refused.swallow;
                self.is_lost |= !input[..refused.len].contains(&b'\n');
                Some((Verdict::Forward, refused.len))
            }
            Parsed::Request { request, len } => {
                let verdict = self.verdict(&request, fault);
                if request == Request::MetaNoop {
                    marks.push_back(Mark::Noop);
                }
                Some((verdict, len))
            }
        }
    }

    /// What becomes of the command of Redis' at the start of `input`, and its length.
    fn command(&mut self, input: &[u8], fault: &Fault) -> Option<(Verdict, usize)> {
        match resp::parse(input) {
            resp::Parsed::Incomplete { needed } => {
                self.needed = needed;
                None
            }
            // What has been begun must be finished, or the server would wait for the rest.
            resp::Parsed::Command { len, .. } if self.forwarded > 0 => {
                Some((Verdict::Forward, len))
            }
            resp::Parsed::Command { name, len } => Some((fault.verdict_on_command(name), len)),
            resp::Parsed::Refused => {
                self.is_lost = true;
                Some((Verdict::Forward, input.len()))
            }
        }
    }

    fn verdict(&self, request: &Request<'_>, fault: &Fault) -> Verdict {
        // What has been begun must be finished, or the server would wait for the rest.
        let is_begun = self.forwarded > 0;
        match fault.verdict(request) {
            _ if is_begun => Verdict::Forward,
            Verdict::ForwardTwice if self.is_doubled => Verdict::Forward,
            verdict => verdict,
        }
    }

    /// Forwards the next bytes of a value that the parser refused; how many.
    fn pass_swallowed(&mut self, bytes: &[u8], output: &mut Vec<u8>) -> usize {
        let len = usize::try_from(self.swallow).unwrap_or(usize::MAX).min(bytes.len());
        output.extend_from_slice(&bytes[..len]);
        self.swallow -= len as u64;
        len
    }
}

#[cfg(test)]
mod tests;
