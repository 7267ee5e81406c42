//! Receives and sends of many sockets, together where that can be had.

use std::io;
use std::iter;
use std::os::fd::BorrowedFd;

use crate::call::{Call, Outcome};
use crate::ring::{CALLS_MAX, Ring};

/// Carries out calls, and keeps how they ended until the next.
#[derive(Debug)]
pub struct Calls {
    /// None: calls are made one by one.
    ring: Option<Ring>,
    outcomes: Vec<Outcome>,
    /// What was received, [`RECEIVE_LEN_MAX`] bytes for each socket.
    buffer: Box<[u8]>,
}

/// How many bytes one receive takes at most.
pub const RECEIVE_LEN_MAX: usize = 64 * 1024;

/// How many sockets are received from together. More would save little more and need more memory.
const RECEIVES_MAX: usize = 32;

impl Calls {
    /// Calls that are made one by one.
    pub fn one_by_one() -> Self {
        Self::new(None, 1)
    }

    /// Calls that are carried out together.
    ///
    /// # Errors
    /// The kernel has no `io_uring` that is fit for this, or forbids it.
    pub fn together() -> io::Result<Self> {
        Ok(Self::new(Some(Ring::new()?), RECEIVES_MAX))
    }

    fn new(ring: Option<Ring>, receives_max: usize) -> Self {
        let buffer = vec![0; RECEIVE_LEN_MAX * receives_max].into_boxed_slice();
        Self { ring, outcomes: Vec::new(), buffer }
    }

    /// Whether calls are carried out together. Once they are not, they never will be.
    pub fn are_together(&self) -> bool {
        self.ring.is_some()
    }

    /// How many sockets may be received from together.
    pub fn receives_max(&self) -> usize {
        self.buffer.len() / RECEIVE_LEN_MAX
    }

    /// Receives from each socket once, up to [`RECEIVE_LEN_MAX`] bytes: see [`Calls::received`].
    /// A socket's token is its name there.
    ///
    /// # Panics
    /// With more sockets than [`Calls::receives_max`].
    pub fn receive<'a>(&mut self, sockets: impl Iterator<Item = (usize, BorrowedFd<'a>)>) {
        let mut slots = self.buffer.chunks_exact_mut(RECEIVE_LEN_MAX);
        let calls = sockets.map(|(token, fd)| {
            let slot = slots.next().expect("the caller asks how many there may be");
            (token, Call::Receive(fd, slot))
        });
        carry_out(&mut self.ring, &mut self.outcomes, calls);
    }

    /// How each receive of the last [`Calls::receive`] ended: with bytes, or without any at the
    /// end of what the peer sends.
    pub fn received(&self) -> impl Iterator<Item = (usize, io::Result<&[u8]>)> {
        let slots = self.buffer.chunks_exact(RECEIVE_LEN_MAX);
        let outcomes = self.outcomes.iter().zip(slots);
        outcomes.map(|(it, slot)| (it.token, it.len().map(|len| &slot[..len])))
    }

    /// Sends each message, or the first part of it, in their order: see [`Calls::sent`]. A
    /// message's token is its name there.
    pub fn send<'a>(&mut self, messages: impl Iterator<Item = (usize, BorrowedFd<'a>, &'a [u8])>) {
        let calls = messages.map(|(token, fd, bytes)| (token, Call::Send(fd, bytes)));
        carry_out(&mut self.ring, &mut self.outcomes, calls);
    }

    /// How each send of the last [`Calls::send`] ended: how many bytes are with the kernel.
    pub fn sent(&self) -> impl Iterator<Item = (usize, io::Result<usize>)> {
        self.outcomes.iter().map(|it| (it.token, it.len()))
    }
}

fn carry_out<'a>(
    ring: &mut Option<Ring>,
    outcomes: &mut Vec<Outcome>,
    calls: impl Iterator<Item = (usize, Call<'a>)>,
) {
    outcomes.clear();
    let mut calls = calls.peekable();
    while let Some((token, call)) = calls.next() {
        match ring {
            // For one call alone the ring is the longer way.
            Some(it) if calls.peek().is_some() => {
                let batch = iter::once((token, call)).chain(calls.by_ref().take(CALLS_MAX - 1));
                if it.carry_out(batch, outcomes).is_err() {
                    *ring = None;
                }
            }
            Some(_) | None => outcomes.push(Outcome { token, result: call.make() }),
        }
    }
}

#[cfg(test)]
mod tests;
