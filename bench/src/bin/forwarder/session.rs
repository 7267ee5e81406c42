//! One application's connection, and its responses in the order of its requests.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;

use crate::socket::Socket;

/// A session. Its place is taken until the response to its last request has come.
pub(crate) struct Session {
    pub(crate) socket: Socket,
    pub(crate) is_open: bool,
    /// The number of the oldest request that waits for its response.
    oldest: usize,
    /// The requests from there on.
    waiting: VecDeque<Slot>,
    /// Responses that came before that of an earlier request.
    early: Vec<u8>,
    early_count: usize,
}

enum Slot {
    Waiting,
    /// The response is there, in `early`.
    Early(Range<usize>),
}

impl Session {
    pub(crate) fn new(socket: Socket) -> Self {
        Self {
            socket,
            is_open: true,
            oldest: 0,
            waiting: VecDeque::new(),
            early: Vec::new(),
            early_count: 0,
        }
    }

    /// The number of a new request.
    pub(crate) fn push_request(&mut self) -> usize {
        let number = self.oldest + self.waiting.len();
        self.waiting.push_back(Slot::Waiting);
        number
    }

    /// The response to a request has come. Says whether there is now something to be written
    /// that was not before.
    pub(crate) fn push_response(&mut self, number: usize, response: &[u8]) -> bool {
        let position = number - self.oldest;
        if position > 0 {
            let start = self.early.len();
            self.early.extend_from_slice(response);
            self.early_count += 1;
            self.waiting[position] = Slot::Early(start..self.early.len());
            return false;
        }
        let is_first = self.socket.push(response);
        self.pop();
        while let Some(Slot::Early(range)) = self.waiting.front() {
            self.socket.push(&self.early[range.clone()]);
            self.pop();
            self.early_count -= 1;
        }
        if self.early_count == 0 {
            self.early.clear();
        }
        is_first
    }

    /// Does a request wait for its response?
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.is_open { self.socket.write() } else { Ok(()) }
    }

    fn pop(&mut self) {
        self.waiting.pop_front();
        self.oldest += 1;
    }
}
