//! `furc_hash`: mcrouter's consistent hash, which gives a key a number below `n`.
//!
//! Bits of the key's hash lead down a binary tree. When `n` grows by one, only the new number's
//! share of the keys moves.
//!
//! # Source
//! `furc_hash` in `mcrouter/lib/fbi/hash.c`; checked by the results in
//! `mcrouter/lib/test/WeightedCh3HashFuncTest.cpp`, and by that function, compiled.

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_answers_of_mcrouters_tests_hold() {
        // From `WeightedCh3HashFuncTest.cpp`.
        const LEN_MAX: u32 = 1 << 23;
        let mut bytes: Vec<u8> = (0..=u8::MAX).map(|byte| byte.wrapping_add(128)).collect();
        assert_eq!(furc_hash(&bytes, 99_999), 31_015);
        bytes.reverse();
        assert_eq!(furc_hash(&bytes, 99_999), 67_101);
        for (key, len, number) in [
            ("sample", 100, 97),
            ("", 100, 72),
            ("sample", LEN_MAX, 5_167_780),
            ("", LEN_MAX, 6_173_600),
            ("sample", 1, 0),
        ] {
            assert_eq!(furc_hash(key.as_bytes(), len), number, "{key:?} of {len}");
        }
    }

    #[test]
    fn the_sums_of_mcrouters_tests_hold() {
        // From `bulkChecksumUnitWeights` there: 100,000 keys each.
        for (len, sum) in [
            (2, 1_346_413_954),
            (3, 914_505_363),
            (7, 4_252_552_508),
            (10, 2_894_016_351),
            (16, 2_995_729_350),
            (100, 2_289_223_413),
            (10_000, 1_328_492_545),
        ] {
            let numbers =
                (0..100_000).map(|number| furc_hash(format!("k{number}").as_bytes(), len));
            let found = numbers.fold(0_u32, |sum, it| sum.wrapping_mul(31).wrapping_add(it));
            assert_eq!(found, sum, "of {len}");
        }
    }

    #[test]
    fn keys_of_every_length_get_what_the_c_function_gives() {
        let lens = [2, 3, 4, 5, 9, 10, 33, 100, 1000, 1025, 4096, 1 << 23];
        let mut digest = 0x811c_9dc5_u32;
        for key_len in 0..=300_usize {
            for start in [0, 101, 202, 303] {
                let bytes = (0..key_len).map(|at| key_len * 31 + start + at * 7 + 33);
                let key: Vec<_> = bytes.map(|byte| u8::try_from(byte % 256).unwrap()).collect();
                for len in lens {
                    digest = (digest ^ furc_hash(&key, len)).wrapping_mul(0x0100_0193);
                }
            }
        }
        assert_eq!(digest, 0xa3f7_46e2, "FNV-1a over all results, word by word");
    }

    proptest! {
        #[test]
        fn one_more_number_takes_keys_and_moves_no_other(
            key in prop::collection::vec(any::<u8>(), 0..=300),
            len in 1..5000_u32,
        ) {
            let before = furc_hash(&key, len);
            let after = furc_hash(&key, len + 1);
            prop_assert!(before < len);
            prop_assert!(after == before || after == len);
        }
    }
}
