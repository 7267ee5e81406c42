//! Keys and values, all derived from the number of the key.

use std::io::Write;

use crate::Workload;

/// Every key of a workload, and the bytes that values are cut from.
pub(crate) struct Content {
    keys: Vec<u8>,
    key_len: usize,
    noise: Vec<u8>,
    value_len: usize,
}

impl Content {
    pub(crate) fn new(workload: &Workload) -> Self {
        let mut keys = Vec::with_capacity(workload.keys * workload.key_len);
        for idx in 0..workload.keys {
            write_key(&mut keys, idx, workload.key_len);
        }
        let noise_len = NOISE_OFFSETS + workload.value_len;
        let noise = (0..noise_len as u64).map(|idx| mix(idx).to_be_bytes()[0]).collect();
        Self { keys, key_len: workload.key_len, noise, value_len: workload.value_len }
    }

    /// The text of a key. No two keys share one, and neighbours differ in their first bytes:
    /// hash functions that keep similar keys together would otherwise favour one server.
    pub(crate) fn key(&self, idx: usize) -> &[u8] {
        &self.keys[idx * self.key_len..][..self.key_len]
    }

    /// The number of a key, if it is one of ours.
    pub(crate) fn idx_of(&self, key: &[u8]) -> Option<usize> {
        let digits = key.get(key.len().checked_sub(IDX_LEN)?..)?;
        let idx = parse_decimal(digits)?;
        (idx < self.keys.len() / self.key_len && self.key(idx) == key).then_some(idx)
    }

    /// The one value that a key ever has.
    pub(crate) fn value(&self, idx: usize) -> &[u8] {
        let offset = pick(mix(idx as u64), NOISE_OFFSETS);
        &self.noise[offset..][..self.value_len]
    }

    /// How many keys there are.
    pub(crate) fn keys_count(&self) -> usize {
        self.keys.len() / self.key_len
    }
}

/// A number from decimal digits only.
pub(crate) fn parse_decimal(digits: &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.checked_mul(10)?.checked_add(usize::from(digit))?;
    }
    (!digits.is_empty()).then_some(number)
}

/// Spreads a number over all 64 bits (splitmix64's finisher).
pub(crate) fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One of `count` things, chosen by a number.
pub(crate) fn pick(number: u64, count: usize) -> usize {
    usize::try_from(number % count as u64).expect("it is less than a usize")
}

/// Eight hexadecimal digits that look random, filling up to the length, the number.
fn write_key(keys: &mut Vec<u8>, idx: usize, key_len: usize) {
    let end = keys.len() + key_len;
    let spread = mix(idx as u64) >> 32;
    write!(keys, "{spread:08x}").expect("a vector takes every byte");
    keys.resize(end - IDX_LEN, b'.');
    write!(keys, "{idx:08}").expect("a vector takes every byte");
    assert_eq!(keys.len(), end, "the number has eight digits");
}

/// Decimal digits of a key's number in its text.
const IDX_LEN: usize = 8;
/// Places in the noise where a value may begin; the chance that two keys share one.
const NOISE_OFFSETS: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    fn content(key_len: usize) -> Content {
        Content::new(&Workload { keys: 100, key_len, value_len: 50, ..Workload::default() })
    }

    #[test]
    fn every_key_is_found_again_by_its_text() {
        for key_len in [Workload::KEY_LEN_MIN, 20, Workload::KEY_LEN_MAX] {
            let content = content(key_len);
            for idx in 0..content.keys_count() {
                assert_eq!(content.key(idx).len(), key_len);
                assert_eq!(content.idx_of(content.key(idx)), Some(idx));
            }
        }
    }

    #[test]
    fn a_key_that_is_not_ours_has_no_number() {
        let content = content(20);
        let mut other = content.key(5).to_vec();
        other[0] ^= 1;
        for key in [&other[..], b"", b"00000005", b"100000000", b"xxxxxxxxxxxxxxxxxxxx"] {
            assert_eq!(content.idx_of(key), None, "{key:?}");
        }
    }

    #[test]
    fn values_of_different_keys_differ() {
        let content = content(20);
        assert_ne!(content.value(1), content.value(2));
        assert_eq!(content.value(1).len(), 50);
    }
}
