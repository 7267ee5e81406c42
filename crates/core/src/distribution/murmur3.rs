//! `MurmurHash3` x86, 32 bits, fed piece by piece.
//!
//! Piecewise, so that a rendezvous distribution can hash a server's text once and go on from
//! there for each key. No cut of the input changes the result.
//!
//! # Source
//! `MurmurHash3_x86_32` by Austin Appleby, public domain.

/// A hash in the making. Copying it is how a common beginning is hashed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Murmur3 {
    state: u32,
    /// The bytes after the last whole word, lowest first.
    /// Invariant: `len % 4` bytes, the rest zero.
    pending: u32,
    /// Bytes written so far.
    len: u32,
}

impl Murmur3 {
    pub(super) const fn new(seed: u32) -> Self {
        Self { state: seed, pending: 0, len: 0 }
    }

    /// Hashes `bytes` after what was written before.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<4>();
        for &word in words {
            self.write_word(u32::from_le_bytes(word));
        }
        for &byte in rest {
            self.write_byte(byte);
        }
    }

    /// Hashes one byte after what was written before.
    pub(super) fn write_byte(&mut self, byte: u8) {
        self.pending |= u32::from(byte) << (8 * (self.len % 4));
        self.len = self.len.wrapping_add(1);
        if self.len.is_multiple_of(4) {
            self.state = mix_word(self.state, self.pending);
            self.pending = 0;
        }
    }

    /// The hash of all that was written.
    pub(super) fn finish(self) -> u32 {
        // An input that ends with a whole word has nothing pending, and scrambling 0 gives 0.
        let mut hash = self.state ^ scramble(self.pending) ^ self.len;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }

    fn write_word(&mut self, word: u32) {
        let held_bits = 8 * (self.len % 4);
        self.state = mix_word(self.state, self.pending | (word << held_bits));
        // With nothing held the whole word was mixed, and a shift by 32 leaves nothing.
        self.pending = word.checked_shr(32 - held_bits).unwrap_or(0);
        self.len = self.len.wrapping_add(4);
    }
}

fn mix_word(state: u32, word: u32) -> u32 {
    (state ^ scramble(word)).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

fn scramble(word: u32) -> u32 {
    word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(seed: u32, pieces: &[&[u8]]) -> u32 {
        let mut murmur = Murmur3::new(seed);
        for piece in pieces {
            murmur.write(piece);
        }
        murmur.finish()
    }

    #[test]
    fn known_answers_hold() {
        assert_eq!(hash(0, &[b""]), 0);
        assert_eq!(hash(1, &[b""]), 0x514e_28b7);
        assert_eq!(hash(0x9747_b28c, &[b"Hello, world!"]), 0x2488_4cba);
        assert_eq!(hash(0x9747_b28c, &[b"aaa"]), 0x283e_0130);
        assert_eq!(hash(0x9747_b28c, &[b"aaaa"]), 0x5a97_808a);
    }

    #[test]
    fn no_cut_of_the_input_changes_the_hash() {
        let input = b"10.0.0.1:11211-user:42:name\xff\x80";
        let whole = hash(0, &[input]);
        for first in 0..=input.len() {
            for second in first..=input.len() {
                let pieces = [&input[..first], &input[first..second], &input[second..]];
                assert_eq!(hash(0, &pieces), whole, "cut at {first} and {second}");
            }
        }
    }
}
