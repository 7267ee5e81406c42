//! The bytes of a connection's requests, from when they are given to it until they are answered.
//!
//! # Intuition
//! Requests stand in one buffer behind one another, as they are written: what is answered, what is
//! written and waits for its response, and what is not written yet. A request is encoded here once
//! and is copied only if it must go elsewhere.
//!
//! Places in it are counted from the connection's first byte, so that they stay true when what is
//! answered is let go.

use std::collections::VecDeque;
use std::ops::Range;

use super::attempt::{Attempt, GivenBack};

#[derive(Debug, Default)]
pub(super) struct Stream {
    bytes: Vec<u8>,
    /// Where `bytes` starts.
    start_at: u64,
    /// How far it has been written.
    written_at: u64,
}

/// Room for this many bytes is kept when there are none.
const KEPT_LEN_MAX: usize = 128 * 1024;

/// Bytes that are let go at once, at the least, if others stand behind them.
const RELEASED_LEN_MIN: usize = 16 * 1024;

impl Stream {
    /// How far it has been written.
    pub(super) fn written_at(&self) -> u64 {
        self.written_at
    }

    /// Where the next request will start.
    #[inline]
    pub(super) fn end_at(&self) -> u64 {
        self.start_at + self.bytes.len() as u64
    }

    pub(super) fn unwritten(&self) -> &[u8] {
        &self.bytes[self.offset(self.written_at)..]
    }

    pub(super) fn unwritten_len(&self) -> usize {
        self.bytes.len() - self.offset(self.written_at)
    }

    /// The bytes at a place, which have not been let go.
    #[inline]
    pub(super) fn get(&self, at: Range<u64>) -> &[u8] {
        &self.bytes[self.offset(at.start)..self.offset(at.end)]
    }

    /// Appends the request that `encode` writes. Returns where it stands in the stream, and where
    /// in it what stands that `encode` returned as places in its buffer.
    #[inline]
    pub(super) fn append(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Range<usize>,
    ) -> (Range<u64>, Range<usize>) {
        let start = self.bytes.len();
        let at = self.end_at();
        let inner = encode(&mut self.bytes);
        (at..self.end_at(), inner.start - start..inner.end - start)
    }

    pub(super) fn append_bytes(&mut self, bytes: &[u8]) -> Range<u64> {
        let at = self.end_at();
        self.bytes.extend_from_slice(bytes);
        at..self.end_at()
    }

    #[cfg(test)]
    pub(super) fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    /// So many more bytes have been written.
    pub(super) fn note_written(&mut self, len: usize) {
        self.written_at += len as u64;
        assert!(self.written_at <= self.end_at(), "no more is written than there was");
    }

    /// What is written and stands before `at` is not needed any more.
    #[inline]
    pub(super) fn release(&mut self, at: u64) {
        let len = self.offset(at.min(self.written_at));
        if len == self.bytes.len() {
            self.start_at += len as u64;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT_LEN_MAX {
                self.bytes.shrink_to(KEPT_LEN_MAX);
            }
        } else if len >= RELEASED_LEN_MIN && len > self.bytes.len() / 2 {
            // No more is moved than is let go, however much waits.
            self.start_at += len as u64;
            self.bytes.drain(..len);
        }
    }

    /// Takes out bytes that have not been written, or not all of them, and if so never will be.
    /// What stood behind them moves up.
    pub(super) fn take(&mut self, at: Range<u64>) -> Vec<u8> {
        self.written_at = self.written_at.min(at.start);
        self.bytes.drain(self.offset(at.start)..self.offset(at.end)).collect()
    }

    /// All it has, with the attempts it belongs to.
    pub(super) fn give_back_all(self, attempts: VecDeque<Attempt>) -> GivenBack {
        let Self { bytes, start_at, written_at } = self;
        GivenBack { attempts, bytes, start_at, written_at }
    }

    #[inline]
    fn offset(&self, at: u64) -> usize {
        usize::try_from(at - self.start_at).expect("it is in memory")
    }
}
