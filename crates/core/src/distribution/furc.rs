//! `furc_hash`: mcrouter's consistent hash, which gives a key a number below `n`.
//!
//! Bits of the key's hash lead down a binary tree. When `n` grows by one, only the new number's
//! share of the keys moves.
//!
//! # Source
//! `furc_hash` in `mcrouter/lib/fbi/hash.c`; checked by the vectors of `hash_test.cpp` and
//! `WeightedCh3HashFuncTest.cpp` there.

use super::murmur64a::{murmur64a, rehashed};

/// The number below `len` that the key gets.
pub(super) fn furc_hash(key: &[u8], len: u32) -> u32 {
    if len <= 1 {
        return 0;
    }
    let mut bits = Bits::of(key);
    let mut depth = len.next_power_of_two().ilog2();
    let mut at = depth;
    for _ in 0..TRIES_MAX {
        while bits.bit(at) == 0 {
            depth -= 1;
            if depth == 0 {
                return 0;
            }
            at = depth;
        }
        at += SHIFT;
        let mut number = 1;
        for _ in 1..depth {
            number = (number << 1) | bits.bit(at);
            at += SHIFT;
        }
        if number < len {
            return number;
        }
    }
    0
}

/// As many bits as are asked for: the key's hash, the hash of that, and so on.
struct Bits {
    first: u64,
    /// The last word that was asked for.
    word: u64,
    /// Its place.
    idx: u32,
}

impl Bits {
    fn of(key: &[u8]) -> Self {
        let first = murmur64a(key);
        Self { first, word: first, idx: 0 }
    }

    fn bit(&mut self, at: u32) -> u32 {
        let idx = at / u64::BITS;
        if idx < self.idx {
            (self.word, self.idx) = (self.first, 0);
        }
        while self.idx < idx {
            self.word = rehashed(self.word);
            self.idx += 1;
        }
        u32::from((self.word >> (at % u64::BITS)) & 1 == 1)
    }
}

const TRIES_MAX: u32 = 32;

/// How far apart the bits are that are looked at.
const SHIFT: u32 = 23;
