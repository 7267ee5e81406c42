//! `MurmurHash64A` with mcrouter's seed.
//!
//! # Source
//! `murmur_hash_64A` and `murmur_rehash_64A` in `mcrouter/lib/fbi/hash.c`; the function is Austin
//! Appleby's, public domain.

/// The hash of `bytes`.
pub(super) fn murmur64a(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    for &word in words {
        hash = mixed(hash, u64::from_le_bytes(word));
    }
    if !rest.is_empty() {
        let mut padded = [0; 8];
        padded[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(padded)).wrapping_mul(FACTOR);
    }
    finalized(hash)
}

/// The hash of a hash, as eight bytes.
pub(super) fn rehashed(hash: u64) -> u64 {
    finalized(mixed(SEED ^ FACTOR.wrapping_mul(8), hash))
}

fn mixed(hash: u64, word: u64) -> u64 {
    let mut word = word.wrapping_mul(FACTOR);
    word = (word ^ (word >> 47)).wrapping_mul(FACTOR);
    (hash ^ word).wrapping_mul(FACTOR)
}

fn finalized(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 47)).wrapping_mul(FACTOR);
    hash ^ (hash >> 47)
}

const SEED: u64 = 4_193_360_111;

const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_hashed_as_its_eight_bytes() {
        for hash in [0, 1, u64::MAX, 0x0123_4567_89ab_cdef] {
            assert_eq!(rehashed(hash), murmur64a(&hash.to_le_bytes()));
        }
    }
}
