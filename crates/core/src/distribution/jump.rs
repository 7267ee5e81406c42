//! Jump consistent hash.
//!
//! | | |
//! |---|---|
//! | text | none: the order of the list counts |
//! | placement | jump hash of the key's `XXH64` (seed 0) |
//! | failover order | ours: see [`super::table`] |
//!
//! A server added at the end of the list takes its share of every other's keys, and no other key
//! moves. One taken out of the middle moves most keys.
//!
//! # Source
//! Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014; xxHash's
//! specification. Guava's `consistentHash` is the same idea with another generator, and places
//! keys elsewhere.

use xxhash_rust::xxh64::xxh64;

use super::hash::HashFunction;
use super::placing::Placing;
use super::table::Table;
use super::{MemberIdx, Place};

/// Jump hash over a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Jump {
    members_len: u16,
    others: Table,
}

impl Jump {
    pub(super) fn new(members_len: usize) -> Self {
        let others = Table::in_list_order(members_len);
        let members_len = u16::try_from(members_len).expect("members are limited in number");
        Self { members_len, others }
    }
}

impl Placing for Jump {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        MemberIdx(jump_hash(xxh64(hashed, 0), self.members_len))
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.others.ranked(HashFunction::Xxh64.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        Place::Choice { idx: self.home(hashed).as_usize(), len: self.members_len.into() }
    }
}

/// The number below `len` that a key of this hash gets.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "bit for bit what the paper computes; the result is small and not negative"
)]
fn jump_hash(hash: u64, len: u16) -> u16 {
    let mut state = hash;
    let mut number = 0;
    let mut next = 0_u64;
    while next < u64::from(len) {
        number = next;
        state = state.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((number + 1) as f64 * ((1_u64 << 31) as f64 / ((state >> 33) + 1) as f64)) as u64;
    }
    number as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_answers_of_another_implementation_hold() {
        // From the Python package jump-consistent-hash 3.6.0.
        for (hash, len, number) in [
            (0, 1, 0),
            (0, 60, 0),
            (1, 1, 0),
            (42, 57, 43),
            (0xdead_10cc, 666, 361),
            (256, 1024, 520),
            (u64::MAX, 10, 9),
        ] {
            assert_eq!(jump_hash(hash, len), number, "{hash} of {len}");
        }
    }

    #[test]
    fn a_key_is_hashed_by_xxh64() {
        // From the Python packages xxhash 4.1.0 and jump-consistent-hash 3.6.0.
        let long = "x".repeat(100);
        for (key, len, number) in [
            ("", 4096, 3285),
            ("a", 4096, 1478),
            ("user:1", 10, 2),
            ("user:1", 4096, 182),
            (&long[..31], 4096, 1089),
            (&long[..32], 4096, 1730),
            (&long, 4096, 4016),
        ] {
            assert_eq!(Jump::new(len).home(key.as_bytes()), MemberIdx(number), "{key}");
        }
    }

    proptest! {
        #[test]
        fn one_more_number_takes_keys_and_moves_no_other(hash: u64, len in 1..4096_u16) {
            let before = jump_hash(hash, len);
            let after = jump_hash(hash, len + 1);
            prop_assert!(before < len);
            prop_assert!(after == before || after == len);
        }
    }
}
