//! The first 64 bits of `MurmurHash3` x64, 128 bits, of a key with something after it.
//!
//! The key's whole blocks are hashed once for all that may follow.
//!
//! # Source
//! `MurmurHash3_x64_128` by Austin Appleby, public domain; seed 0.

use super::placing::Joined;

/// A hash in the making: the beginning is known, the end is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Murmur3X64 {
    state: [u64; 2],
    /// The bytes after the last whole block.
    pending: Joined,
    /// Bytes written so far.
    len: usize,
}

impl Murmur3X64 {
    /// Of what begins with `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut state = [0; 2];
        let pending = mix_blocks(&mut state, bytes);
        Self { state, pending: Joined::from_slice(pending), len: bytes.len() }
    }

    /// The hash if `end` follows and nothing more.
    pub(super) fn finish_with(&self, end: &[u8]) -> u64 {
        let mut pending = self.pending.clone();
        pending.extend_from_slice(end);
        let mut state = self.state;
        let tail = mix_blocks(&mut state, &pending);
        let [low, high] = halves(tail);
        let [mut h1, mut h2] = state;
        h2 ^= scramble_high(high);
        h1 ^= scramble_low(low);
        let len = (self.len + end.len()) as u64;
        h1 ^= len;
        h2 ^= len;
        h1 = h1.wrapping_add(h2);
        h2 = h2.wrapping_add(h1);
        finalized(h1).wrapping_add(finalized(h2))
    }
}

/// Mixes whole blocks into the state; returns what is left.
fn mix_blocks<'b>(state: &mut [u64; 2], bytes: &'b [u8]) -> &'b [u8] {
    let (blocks, tail) = bytes.as_chunks::<16>();
    let [h1, h2] = state;
    for block in blocks {
        let [low, high] = halves(block);
        *h1 ^= scramble_low(low);
        *h1 = h1.rotate_left(27).wrapping_add(*h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        *h2 ^= scramble_high(high);
        *h2 = h2.rotate_left(31).wrapping_add(*h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    tail
}

/// Up to 16 bytes as two little-endian words, as if zeros followed them.
fn halves(bytes: &[u8]) -> [u64; 2] {
    let mut padded = [0; 16];
    padded[..bytes.len()].copy_from_slice(bytes);
    let (words, _) = padded.as_chunks::<8>();
    [u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1])]
}

fn scramble_low(word: u64) -> u64 {
    word.wrapping_mul(FACTORS[0]).rotate_left(31).wrapping_mul(FACTORS[1])
}

fn scramble_high(word: u64) -> u64 {
    word.wrapping_mul(FACTORS[1]).rotate_left(33).wrapping_mul(FACTORS[0])
}

fn finalized(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

const FACTORS: [u64; 2] = [0x87c3_7b91_1142_53d5, 0x4cf5_ad43_2745_937f];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_hold() {
        // The first half of the digest that is published for this sentence.
        let pangram = b"The quick brown fox jumps over the lazy dog";
        assert_eq!(Murmur3X64::of(pangram).finish_with(b""), 0xe34b_bc7b_bc07_1b6c);
        assert_eq!(Murmur3X64::of(b"").finish_with(b""), 0);
    }

    #[test]
    fn no_cut_of_the_input_changes_the_hash() {
        let input = b"user:1:a longer key than a block has10.0.0.111211";
        let whole = Murmur3X64::of(input).finish_with(b"");
        for cut in 0..=input.len() {
            let (key, end) = input.split_at(cut);
            assert_eq!(Murmur3X64::of(key).finish_with(end), whole, "cut at {cut}");
        }
    }
}
