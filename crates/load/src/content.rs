//! Keys and values, all derived from the number of the key.
//!
//! A key is its prefix, eight hexadecimal digits that look random, dots up to its length, and its
//! number in eight decimal digits. The hexadecimal digits depend on the sizes of the values too:
//! a workload never reads what another one wrote with other values.

use crate::draw::{Draws, mix, pick};
use crate::{ValueSize, Workload};

/// Every key of a workload, and the bytes that values are cut from.
pub(crate) struct Content {
    keys: usize,
    /// A key without its digits.
    template: Vec<u8>,
    spread_start: usize,
    salt: u64,
    noise: Vec<u8>,
    value_size: ValueSize,
}

impl Content {
    pub(crate) fn new(workload: &Workload) -> Self {
        let mut template = workload.key_prefix.clone().into_bytes();
        let spread_start = template.len();
        template.resize(workload.key_len, b'.');
        let noise_len = NOISE_OFFSETS + workload.value_size.max();
        let noise = (0..noise_len as u64).map(|idx| mix(idx).to_be_bytes()[0]).collect();
        Self {
            keys: workload.keys,
            template,
            spread_start,
            salt: salt(&workload.value_size),
            noise,
            value_size: workload.value_size.clone(),
        }
    }

    /// Appends the text of a key. No two keys share one, and neighbours are far apart: hash
    /// functions that keep similar keys together would otherwise favour one server.
    pub(crate) fn push_key(&self, idx: u32, output: &mut Vec<u8>) {
        let start = output.len();
        output.extend_from_slice(&self.template);
        let key = &mut output[start..];
        key[self.spread_start..][..DIGITS].copy_from_slice(&self.spread(idx));
        let number_start = key.len() - DIGITS;
        key[number_start..].copy_from_slice(&decimal(idx));
    }

    /// The number of a key, if it is one of ours.
    pub(crate) fn idx_of(&self, key: &[u8]) -> Option<u32> {
        if key.len() != self.template.len() {
            return None;
        }
        let number_start = key.len() - DIGITS;
        let idx = u32::try_from(parse_decimal(&key[number_start..])?).ok()?;
        let pad = self.spread_start + DIGITS..number_start;
        let is_ours = (idx as usize) < self.keys
            && key[..self.spread_start] == self.template[..self.spread_start]
            && key[self.spread_start..][..DIGITS] == self.spread(idx)
            && key[pad.clone()] == self.template[pad];
        is_ours.then_some(idx)
    }

    /// The one value that a key ever has.
    pub(crate) fn value(&self, idx: u32) -> &[u8] {
        let mut draws = Draws::new(self.salt.wrapping_add(mix(idx.into())));
        let offset = draws.below(NOISE_OFFSETS);
        &self.noise[offset..][..self.value_len(&mut draws)]
    }

    fn value_len(&self, draws: &mut Draws) -> usize {
        match &self.value_size {
            ValueSize::Fixed(size) => *size,
            ValueSize::Uniform { min, max } => min + draws.below(max - min + 1),
            ValueSize::Weighted(sizes) => {
                let total = sizes.iter().map(|(_, weight)| *weight as usize).sum();
                let mut place = draws.below(total);
                for (size, weight) in sizes {
                    match place.checked_sub(*weight as usize) {
                        Some(rest) => place = rest,
                        None => return *size,
                    }
                }
                unreachable!("the place is below the sum of the weights")
            }
        }
    }

    fn spread(&self, idx: u32) -> [u8; DIGITS] {
        hexadecimal(mix(self.salt ^ u64::from(idx)))
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

/// Another number for other sizes.
fn salt(value_size: &ValueSize) -> u64 {
    let numbers: Vec<usize> = match value_size {
        ValueSize::Fixed(size) => vec![0, *size],
        ValueSize::Uniform { min, max } => vec![1, *min, *max],
        ValueSize::Weighted(sizes) => {
            let pairs = sizes.iter().flat_map(|(size, weight)| [*size, *weight as usize]);
            std::iter::once(2).chain(pairs).collect()
        }
    };
    numbers.into_iter().fold(0, |salt, number| mix(salt ^ number as u64))
}

/// The first eight digits.
fn hexadecimal(number: u64) -> [u8; DIGITS] {
    std::array::from_fn(|place| HEXADECIMAL[pick(number << (4 * place), HEXADECIMAL.len())])
}

/// Eight digits of a number that has no more.
fn decimal(mut number: u32) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += u8::try_from(number % 10).expect("it is a digit");
        number /= 10;
    }
    assert_eq!(number, 0, "the number of a key has eight digits");
    digits
}

/// In the two parts of a key that tell it from others.
const DIGITS: usize = Workload::KEY_LEN_OWN / 2;
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
/// Places in the noise where a value may begin; the chance that two keys share one.
const NOISE_OFFSETS: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: usize = 1000;

    fn content(key_len: usize, value_size: ValueSize) -> Content {
        let key_prefix = "test:".to_owned();
        let keys = KEYS;
        Content::new(&Workload { keys, key_prefix, key_len, value_size, ..Workload::default() })
    }

    fn small() -> Content {
        content(24, ValueSize::Fixed(50))
    }

    fn key(content: &Content, idx: u32) -> Vec<u8> {
        let mut key = Vec::new();
        content.push_key(idx, &mut key);
        key
    }

    fn sizes(content: &Content) -> Vec<usize> {
        (0..1000).map(|idx| content.value(idx).len()).collect()
    }

    #[test]
    fn every_key_is_found_again_by_its_text() {
        for key_len in [21, 22, 40, Workload::KEY_LEN_MAX] {
            let content = content(key_len, ValueSize::Fixed(50));
            for idx in 0..1000 {
                let key = key(&content, idx);
                assert_eq!(key.len(), key_len);
                assert!(key.starts_with(b"test:"), "{key:?}");
                assert_eq!(content.idx_of(&key), Some(idx));
            }
        }
    }

    #[test]
    fn a_key_with_any_byte_changed_is_not_ours() {
        let content = small();
        for place in 0..24 {
            let mut other = key(&content, 5);
            other[place] ^= 1;
            assert_eq!(content.idx_of(&other), None, "{place}");
        }
        for key in [&key(&content, 5)[1..], b"", b"00000005", &[b'x'; 24]] {
            assert_eq!(content.idx_of(key), None, "{key:?}");
        }
    }

    #[test]
    fn keys_past_the_last_are_not_ours() {
        let content = small();
        assert_eq!(content.idx_of(&key(&content, 1000)), None);
    }

    #[test]
    fn values_of_different_keys_differ() {
        let content = small();
        assert_ne!(content.value(1), content.value(2));
        assert_eq!(content.value(1).len(), 50);
    }

    #[test]
    fn keys_for_other_values_are_other_keys() {
        let (min, max) = (50, 50);
        for other in [ValueSize::Fixed(51), ValueSize::Uniform { min, max }] {
            assert_eq!(content(24, other).idx_of(&key(&small(), 1)), None);
        }
    }

    #[test]
    fn uniform_sizes_are_spread_from_the_least_to_the_greatest() {
        let sizes = sizes(&content(24, ValueSize::Uniform { min: 10, max: 19 }));
        for size in 10..=19 {
            let count = sizes.iter().filter(|other| **other == size).count();
            assert!((60..150).contains(&count), "{count} of 1000 keys have {size} bytes");
        }
        assert!(sizes.iter().all(|size| (10..=19).contains(size)));
    }

    #[test]
    fn weighted_sizes_have_their_shares() {
        let sizes = sizes(&content(24, ValueSize::Weighted(vec![(10, 7), (0, 1), (100, 2)])));
        for (size, share) in [(10, 700_usize), (0, 100), (100, 200)] {
            let count = sizes.iter().filter(|other| **other == size).count();
            assert!(count.abs_diff(share) < 60, "{count} of 1000 keys have {size} bytes");
        }
    }
}
