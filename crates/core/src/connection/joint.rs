//! Several attempts as one `get`.
//!
//! memcached answers each `get` of a pipeline by a system call of its own, and each wakes us: with
//! many small reads in flight that is most of what a request costs, on either side. A `get` of several
//! keys is answered by one. So neighbouring `get`s of one key each are written as one, when they
//! leave for the driver. Nothing else knows: they stay attempts of their own, each with its caller, its
//! time and its bytes, should it have to go elsewhere.
//!
//! # Hard cases
//! - The response has one end for all. A key that is passed over was a miss, and is settled as soon as
//!   a later one's value has come; the end is left for the last.
//! - A value for a key that none of them asked for closes the connection before anybody has been
//!   told of a miss.
//! - An error in place of the end is everybody's.

use super::Connection;
use super::attempt::Attempt;
use super::reading::Matched;
use super::stream::Stream;
use crate::protocol::response::{Invalid, Response, Status};

/// The longest line that several `get`s become. A longer one would have memcached allocate for it.
const JOINT_LINE_LEN_MAX: usize = 2000;

impl Connection {
    /// For a driver that takes its bytes away to write them: appends some of what is waiting to
    /// `output`, `len_max` bytes or the first request if that is longer. They count as written.
    ///
    /// Neighbouring `get`s of one key become one of several. A server answers it by one system call
    /// where it would have taken one for each, and what it answers comes together.
    pub fn take_output(&mut self, len_max: usize, output: &mut Vec<u8>) {
        let Self { stream, in_flight, .. } = self;
        let start = output.len();
        let first = in_flight.partition_point(|it| it.stream_at < stream.written_at());
        // The line that others may join.
        let mut joint: Option<usize> = None;
        for idx in first..in_flight.len() {
            let attempt = in_flight[idx];
            let encoded = stream.get(attempt.place_in_stream());
            if start < output.len() && output.len() - start + encoded.len() > len_max {
                break;
            }
            let key = attempt.keys(encoded);
            let may_join = attempt.keys_len == 1 && encoded.starts_with(b"get ");
            match joint {
                Some(line) if may_join && output.len() - line + key.len() < JOINT_LINE_LEN_MAX => {
                    in_flight[idx - 1].shares_end = true;
                    output.truncate(output.len() - b"\r\n".len());
                    output.push(b' ');
                    output.extend_from_slice(key);
                    output.extend_from_slice(b"\r\n");
                }
                _ => {
                    joint = may_join.then_some(output.len());
                    output.extend_from_slice(encoded);
                }
            }
            stream.note_written(encoded.len());
        }
    }

    /// A value has come while the oldest attempt in flight was written as a part of one `get` with
    /// those behind it.
    #[inline(never)]
    pub(super) fn match_joined_value<'a>(
        &'a mut self,
        input: &'a [u8],
        at: &mut usize,
        (key, len): (&'a [u8], usize),
    ) -> Result<Matched<'a>, Invalid> {
        let asked = key_of(&self.stream, &self.in_flight[0]);
        if key == asked {
            self.scan.take_only(len)?;
        } else {
            // The server leaves out misses: it must be for one behind.
            let is_joined = |idx: &usize| self.in_flight[idx - 1].shares_end;
            let mut behind = (1..self.in_flight.len()).take_while(is_joined);
            if !behind.any(|idx| key_of(&self.stream, &self.in_flight[idx]) == key) {
                return Err(Invalid::OtherKey);
            }
        }
        let end = Response { status: Status::End, line: b"END", value: None };
        self.matched_jointly(input, at, end)
    }

    /// The oldest attempt in flight has been answered; what says so is left for those that share it.
    // Apart from the ordinary way, which is read in one piece.
    #[inline(never)]
    pub(super) fn matched_jointly<'a>(
        &'a mut self,
        input: &'a [u8],
        at: &mut usize,
        response: Response<'a>,
    ) -> Result<Matched<'a>, Invalid> {
        self.matched(input, at, response, 0)
    }
}

fn key_of<'a>(stream: &'a Stream, attempt: &Attempt) -> &'a [u8] {
    attempt.keys(stream.get(attempt.place_in_stream()))
}
