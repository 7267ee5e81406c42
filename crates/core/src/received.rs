//! Bytes that came, joined with those that had been kept.
//!
//! In steady state whole messages arrive and are read where they lie, in the driver's buffer:
//! nothing is copied and nothing is held for an idle peer. Only the part of a message that is
//! not all there is kept.

/// Buffers of more than this are given back when they are empty.
pub(crate) const BUFFER_KEPT_LEN_MAX: usize = 256 * 1024;

/// Fewer bytes than this are not worth to be taken apart from those behind them.
const MISSING_LEN_MIN: usize = 512;

/// How many of `len` bytes that have come are to be joined to the `kept_len` that had been kept, of
/// a message that is known to have `needed` bytes at least.
///
/// The end of a large message is taken alone, so that those behind it are read where they lie.
#[inline]
pub(crate) fn joined_len(kept_len: usize, needed: usize, len: usize) -> usize {
    let missing = needed.saturating_sub(kept_len);
    if kept_len == 0 || missing < MISSING_LEN_MIN { len } else { len.min(missing) }
}

/// Bytes to read messages from.
#[derive(Debug)]
pub enum Received<'a> {
    /// As they came.
    Borrowed(&'a [u8]),
    /// Behind what had been kept.
    Joined(Vec<u8>),
}

impl<'a> Received<'a> {
    /// Joins `bytes` to what is `kept`, which is then empty.
    pub fn new(kept: &mut Vec<u8>, bytes: &'a [u8]) -> Self {
        if kept.is_empty() {
            return Self::Borrowed(bytes);
        }
        let mut joined = std::mem::take(kept);
        joined.extend_from_slice(bytes);
        Self::Joined(joined)
    }

    /// All of them.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Joined(bytes) => bytes,
        }
    }

    /// Keeps what stands from `at` on. `needed` is how long the whole message is known to be.
    #[inline]
    pub fn keep(self, at: usize, needed: usize, kept: &mut Vec<u8>) {
        match self {
            Self::Borrowed(bytes) if at == bytes.len() => return,
            Self::Borrowed(bytes) => kept.extend_from_slice(&bytes[at..]),
            Self::Joined(mut joined) => {
                joined.drain(..at);
                *kept = joined;
            }
        }
        if kept.is_empty() {
            *kept = Vec::new();
        } else {
            // What a peer announces is reserved in steps, so that an announcement costs nothing.
            kept.reserve(needed.saturating_sub(kept.len()).min(BUFFER_KEPT_LEN_MAX));
        }
    }
}
