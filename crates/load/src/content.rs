//! Keys and values, all derived from the number of the key.
//!
//! A key is its prefix, eight hexadecimal digits that look random, dots up to its length, and its
//! number in eight decimal digits. The hexadecimal digits depend on the sizes of the values too:
//! a workload never reads what another one wrote with other values.

use crate::draw::{Draws, mix};
use crate::{ValueSize, Workload};

/// Every key of a workload, and the bytes that values are cut from.
pub(crate) struct Content {
    keys: usize,
    /// A key without its digits.
    template: Vec<u8>,
    /// Where the hexadecimal digits are in a key.
    spread_start: usize,
    /// Where the decimal ones are.
    number_start: usize,
    salt: u64,
    noise: Vec<u8>,
    value_size: ValueSize,
}

impl Content {
    pub(crate) fn new(workload: &Workload) -> Self {
        let mut template = workload.key_prefix.clone().into_bytes();
        let spread_start = template.len();
        template.resize(workload.key_len, PAD);
        let number_start = template.len() - DIGITS;
        let noise_len = NOISE_OFFSETS + workload.value_size.max();
        let mut noise: Vec<_> =
            (0..noise_len.div_ceil(8) as u64).flat_map(|idx| mix(idx).to_be_bytes()).collect();
        noise.truncate(noise_len);
        Self {
            keys: workload.keys,
            template,
            spread_start,
            number_start,
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
        key[self.number_start..].copy_from_slice(&decimal(idx));
    }

    /// The number of a key, if it is one of ours.
    pub(crate) fn idx_of(&self, key: &[u8]) -> Option<u32> {
        let digits = key.get(self.number_start..)?;
        let idx = u32::try_from(parse_decimal(digits)?).ok()?;
        ((idx as usize) < self.keys && self.is_key(idx, key)).then_some(idx)
    }

    /// How long the lines of this key's value are, if `input` begins with them and they are all
    /// there. That is what nearly all answers are; what is wrong with another one is for others
    /// to find out.
    pub(crate) fn value_lines_len(&self, idx: u32, input: &[u8]) -> Option<usize> {
        let rest = input.strip_prefix(b"VALUE ")?;
        let (key, rest) = rest.split_at_checked(self.template.len())?;
        let rest = rest.strip_prefix(b" 0 ")?;
        let value = self.value(idx);
        let rest = strip_decimal(rest, value.len())?.strip_prefix(b"\r\n")?;
        let (data, rest) = rest.split_at_checked(value.len())?;
        let rest = rest.strip_prefix(b"\r\n")?;
        (self.is_key(idx, key) && data == value).then(|| input.len() - rest.len())
    }

    /// Is this the text of the key with this number?
    fn is_key(&self, idx: u32, key: &[u8]) -> bool {
        if key.len() != self.template.len() {
            return false;
        }
        let (prefix, rest) = key.split_at(self.spread_start);
        let (spread, rest) = rest.split_at(DIGITS);
        let (pad, number) = rest.split_at(rest.len() - DIGITS);
        prefix == &self.template[..prefix.len()]
            && spread == self.spread(idx)
            && pad.iter().all(|byte| *byte == PAD)
            && number == decimal(idx)
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
        let [.., a, b, c, d] = mix(self.salt ^ u64::from(idx)).to_le_bytes();
        hexadecimal(u32::from_le_bytes([a, b, c, d]))
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

/// What follows the digits of this number, if the input begins with them.
fn strip_decimal(input: &[u8], mut number: usize) -> Option<&[u8]> {
    let len = 1 + number.checked_ilog10().unwrap_or_default() as usize;
    let (digits, rest) = input.split_at_checked(len)?;
    for digit in digits.iter().rev() {
        if usize::from(digit.wrapping_sub(b'0')) != number % 10 {
            return None;
        }
        number /= 10;
    }
    Some(rest)
}

/// Appends a number in decimal digits.
pub(crate) fn push_decimal(number: u64, output: &mut Vec<u8>) {
    let start = output.len();
    let mut rest = number;
    loop {
        output.push(b'0' + u8::try_from(rest % 10).expect("it is a digit"));
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    output[start..].reverse();
}

/// A number's eight hexadecimal digits, all at once: each nibble in a byte of its own, and then
/// each byte a digit.
fn hexadecimal(number: u32) -> [u8; DIGITS] {
    let mut nibbles = u64::from(number);
    nibbles = (nibbles | (nibbles << 16)) & 0x0000_ffff_0000_ffff;
    nibbles = (nibbles | (nibbles << 8)) & 0x00ff_00ff_00ff_00ff;
    nibbles = (nibbles | (nibbles << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    // A nibble from ten on carries into its upper half when six is added.
    let letters = ((nibbles + 6 * EACH_BYTE) >> 4) & EACH_BYTE;
    let digits = nibbles + u64::from(b'0') * EACH_BYTE + u64::from(b'a' - b'9' - 1) * letters;
    digits.to_be_bytes()
}

/// The eight decimal digits of a number that has no more, all at once: halves of four digits,
/// then pairs, then digits, each in a part of its own.
fn decimal(number: u32) -> [u8; DIGITS] {
    assert!(number < 100_000_000, "the number of a key has eight digits");
    let halves = u64::from(number / 10_000) | (u64::from(number % 10_000) << 32);
    // x / 100 is x * 10486 >> 20 below 10^4, and x / 10 is x * 103 >> 10 below 10^2.
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((pairs - 10 * tens) << 8);
    (digits + u64::from(b'0') * EACH_BYTE).to_le_bytes()
}

/// In the two parts of a key that tell it from others.
const DIGITS: usize = Workload::KEY_LEN_OWN / 2;
const PAD: u8 = b'.';
const EACH_BYTE: u64 = 0x0101_0101_0101_0101;
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
    fn digits_are_those_of_the_number() {
        for number in
            (0..100_000_000).step_by(9973).chain([9, 10, 99, 100, 9999, 10_000, 99_999_999])
        {
            assert_eq!(decimal(number), format!("{number:08}").as_bytes());
            let spread = number.wrapping_mul(0x9e37_79b9);
            assert_eq!(hexadecimal(spread), format!("{spread:08x}").as_bytes());
        }
        for number in [0, 1, 9, 10, 1_048_576, u64::MAX] {
            let mut digits = Vec::new();
            push_decimal(number, &mut digits);
            assert_eq!(digits, number.to_string().as_bytes());
        }
    }

    #[test]
    fn the_lines_of_a_value_are_known_as_a_whole_and_by_nothing_less() {
        for value_size in [ValueSize::Fixed(0), ValueSize::Fixed(50), ValueSize::Fixed(1234)] {
            let content = content(24, value_size);
            let value = content.value(7);
            let head = [&b"VALUE "[..], &key(&content, 7), b" 0 "].concat();
            let lines =
                [&head, value.len().to_string().as_bytes(), b"\r\n", value, b"\r\n"].concat();
            assert_eq!(
                content.value_lines_len(7, &[&lines, &b"END"[..]].concat()),
                Some(lines.len())
            );
            assert_eq!(content.value_lines_len(8, &lines), None);
            for len in 0..lines.len() {
                assert_eq!(content.value_lines_len(7, &lines[..len]), None, "{len}");
                let mut other = lines.clone();
                other[len] ^= 1;
                assert_eq!(content.value_lines_len(7, &other), None, "{len}");
            }
        }
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
