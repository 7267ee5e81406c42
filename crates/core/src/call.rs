//! A request of the application we are part of: it comes as data and its outcome goes as data.
//!
//! A session's requests are bytes, and so are its answers, in order. A client library has neither
//! bytes to parse nor an order to keep: it submits a [`Request`](crate::protocol::request::Request)
//! to the worker ([`Worker::call`](crate::worker::Worker::call)) and is told, by the exchange that
//! this has become, how it ended. All between is the same: routing, attempts, retries, recovery.
//!
//! # Hard cases
//! - Nobody may care any more when a call ends
//!   ([`Worker::drop_call`](crate::worker::Worker::drop_call)). Its attempt stays in its connection
//!   until the response has come: that is nobody else's.
//! - A read that fails is not worded as a miss here: what a caller makes of it is its own affair.

use crate::exchange::Split;
use crate::failure::Failure;
use crate::protocol::response::{Response, Status};

/// How a call ended.
#[derive(Debug)]
pub enum CallResult {
    /// A server has answered.
    Answered {
        /// What it says.
        status: Status,
        /// Its line without the end, where that says more than the status.
        line: Vec<u8>,
        /// The values of a retrieval as the server sent them, each with its line and end; the data
        /// of a meta response alone.
        body: Vec<u8>,
    },
    /// A delete that no server could take is remembered, and made up for before anybody reads the
    /// key again.
    Remembered,
    /// A request of several keys, or for several servers: [`Split::take_places`].
    Parts(Box<Split>),
    /// No server's answer is to be had.
    Failed(Failure),
}

impl CallResult {
    /// A server's answer. `body` holds the values of a retrieval.
    pub(crate) fn new(body: &[u8], response: &Response<'_>) -> Self {
        let line = if says_more(response) { response.line } else { b"" };
        let body = response.value.unwrap_or(body);
        Self::Answered { status: response.status, line: line.to_vec(), body: body.to_vec() }
    }
}

/// Whether the line says more than the status.
fn says_more(response: &Response<'_>) -> bool {
    match response.status {
        Status::End | Status::NotStored | Status::Exists | Status::NotFound | Status::Miss => false,
        Status::Hit | Status::Error(_) => true,
        // Else a number, or a meta response with flags.
        Status::Done => !matches!(response.line, b"STORED" | b"DELETED" | b"TOUCHED" | b"OK"),
    }
}
