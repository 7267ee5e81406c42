//! Durations and sizes as people write them: a number and a unit, in one word.
//!
//! Grammar: `digits [ "." digits ] unit`, with nothing between. Units of time: `us`, `ms`, `s`,
//! `m`, `h`. Units of size: `B`, `kB`, `MB`, `GB` (powers of 1000), `KiB`, `MiB`, `GiB` (powers
//! of 1024). A fraction must come out whole: in nanoseconds, or in bytes.
//!
//! What is written back ([`Written`]) reads as the same value.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

impl ByteSize {
    /// This many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many times 1024 bytes. Panics past `u64::MAX` bytes.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib * 1024)
    }

    /// This many times 1024² bytes. Panics past `u64::MAX` bytes.
    pub const fn from_mib(mib: u64) -> Self {
        Self::from_kib(mib * 1024)
    }

    /// This many times 1024³ bytes. Panics past `u64::MAX` bytes.
    pub const fn from_gib(gib: u64) -> Self {
        Self::from_mib(gib * 1024)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes, to compare with the length of a buffer.
    ///
    /// Saturates where `usize` is smaller: no buffer there can be longer.
    pub fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    /// As it would be written in a file: the largest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = in_largest_whole_unit(u128::from(self.0), SIZES);
        write!(f, "{number}{}", unit.name)
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let bytes = parse(text, SIZES)?;
        u64::try_from(bytes).map(Self).map_err(|_| QuantityError::TooLarge)
    }
}

/// Reads a duration such as `250ms`, `1.5s` or `2m`.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let nanos = parse(text, TIMES)?;
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| QuantityError::TooLarge)
}

/// A duration as it would be written in a file: `250ms`, `90s`, `2m`.
///
/// The largest unit that leaves a whole number; parts of a microsecond as a decimal fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written(pub Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let nanos = self.0.as_nanos();
        if nanos.is_multiple_of(MICROSECOND) {
            let (number, unit) = in_largest_whole_unit(nanos, TIMES);
            write!(f, "{number}{}", unit.name)
        } else {
            write!(f, "{}.{:03}us", nanos / MICROSECOND, nanos % MICROSECOND)
        }
    }
}

/// The units of a duration, smallest first.
pub const DURATION_UNITS: [&str; TIMES.len()] = names(TIMES);

/// The units of a size, smallest first.
pub const SIZE_UNITS: [&str; SIZES.len()] = names(SIZES);

/// Why a text is no duration or size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It does not begin with a plain decimal number. Nothing was read.
    #[error("it does not begin with a number")]
    NoNumber,
    /// A number stands alone. Nothing was read.
    #[error("the unit is missing")]
    NoUnit,
    /// What follows the number is no unit. Nothing was read.
    #[error("its unit is unknown")]
    UnknownUnit,
    /// The fraction has a part below a nanosecond or a byte. Nothing was read.
    #[error("it is finer than can be kept")]
    TooFine,
    /// Past 2⁶⁴ nanoseconds or bytes. Nothing was read.
    #[error("it is too large")]
    TooLarge,
}

/// A unit and how many nanoseconds or bytes it has.
struct Unit {
    name: &'static str,
    size: u128,
}

const MICROSECOND: u128 = 1_000;

/// Smallest first.
const TIMES: &[Unit] = &[
    Unit { name: "us", size: MICROSECOND },
    Unit { name: "ms", size: 1_000_000 },
    Unit { name: "s", size: 1_000_000_000 },
    Unit { name: "m", size: 60_000_000_000 },
    Unit { name: "h", size: 3_600_000_000_000 },
];

/// Smallest first.
const SIZES: &[Unit] = &[
    Unit { name: "B", size: 1 },
    Unit { name: "kB", size: 1000 },
    Unit { name: "KiB", size: 1 << 10 },
    Unit { name: "MB", size: 1_000_000 },
    Unit { name: "MiB", size: 1 << 20 },
    Unit { name: "GB", size: 1_000_000_000 },
    Unit { name: "GiB", size: 1 << 30 },
];

const fn names<const LEN: usize>(units: &[Unit]) -> [&'static str; LEN] {
    let mut names = [""; LEN];
    let mut idx = 0;
    while idx < LEN {
        names[idx] = units[idx].name;
        idx += 1;
    }
    names
}

/// More digits than any value in range needs on either side of the point.
const DIGITS_MAX: usize = 20;

fn parse(text: &str, units: &[Unit]) -> Result<u128, QuantityError> {
    let (whole, rest) = digits(text);
    if whole.is_empty() {
        return Err(QuantityError::NoNumber);
    }
    let (fraction, unit) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if rest.starts_with('.') && fraction.is_empty() {
        return Err(QuantityError::NoNumber);
    }
    if unit.is_empty() {
        return Err(QuantityError::NoUnit);
    }
    let unit = units.iter().find(|known| known.name == unit).ok_or(QuantityError::UnknownUnit)?;
    Ok(number(whole)? * unit.size + part(fraction, unit)?)
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(end)
}

fn number(digits: &str) -> Result<u128, QuantityError> {
    let digits = digits.trim_start_matches('0');
    if digits.len() > DIGITS_MAX {
        return Err(QuantityError::TooLarge);
    }
    Ok(digits.bytes().fold(0, |number, digit| number * 10 + u128::from(digit - b'0')))
}

/// What the digits after the point come to; it must be whole.
fn part(fraction: &str, unit: &Unit) -> Result<u128, QuantityError> {
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > DIGITS_MAX {
        return Err(QuantityError::TooFine);
    }
    let scale = fraction.bytes().fold(1_u128, |scale, _| scale * 10);
    // The fraction is below `scale`, at most 10²⁰, and no unit is above 2⁴²: no overflow.
    let scaled = number(fraction)? * unit.size;
    if scaled.is_multiple_of(scale) { Ok(scaled / scale) } else { Err(QuantityError::TooFine) }
}

fn in_largest_whole_unit(value: u128, units: &[Unit]) -> (u128, &Unit) {
    let unit =
        units.iter().rev().find(|unit| value >= unit.size && value.is_multiple_of(unit.size));
    let unit = unit.unwrap_or(&units[0]);
    (value / unit.size, unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_duration(text: &str, expected: Result<Duration, QuantityError>) {
        assert_eq!(parse_duration(text), expected, "{text:?}");
    }

    #[track_caller]
    fn check_size(text: &str, expected: Result<u64, QuantityError>) {
        assert_eq!(text.parse(), expected.map(ByteSize), "{text:?}");
    }

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        check_duration("250us", Ok(Duration::from_micros(250)));
        check_duration("250ms", Ok(Duration::from_millis(250)));
        check_duration("1s", Ok(Duration::from_secs(1)));
        check_duration("1.5s", Ok(Duration::from_millis(1500)));
        check_duration("0.25ms", Ok(Duration::from_micros(250)));
        check_duration("2m", Ok(Duration::from_mins(2)));
        check_duration("1h", Ok(Duration::from_hours(1)));
        check_duration("0s", Ok(Duration::ZERO));
        check_duration("007ms", Ok(Duration::from_millis(7)));
        check_duration("1.500000000000000000000000s", Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn a_duration_that_cannot_be_read_says_what_is_wrong() {
        check_duration("", Err(QuantityError::NoNumber));
        check_duration("ms", Err(QuantityError::NoNumber));
        check_duration("-1s", Err(QuantityError::NoNumber));
        check_duration(".5s", Err(QuantityError::NoNumber));
        check_duration("1.s", Err(QuantityError::NoNumber));
        check_duration("250", Err(QuantityError::NoUnit));
        check_duration("1.5", Err(QuantityError::NoUnit));
        check_duration("1 s", Err(QuantityError::UnknownUnit));
        check_duration("1S", Err(QuantityError::UnknownUnit));
        check_duration("1m30s", Err(QuantityError::UnknownUnit));
        check_duration("1.5.5s", Err(QuantityError::UnknownUnit));
        check_duration("1MiB", Err(QuantityError::UnknownUnit));
        check_duration("0.0000000001s", Err(QuantityError::TooFine));
        check_duration("0.000000000000000000001s", Err(QuantityError::TooFine));
    }

    #[test]
    fn a_duration_stops_at_the_bound_of_its_type() {
        check_duration("18446744073709551.615us", Ok(Duration::from_nanos(u64::MAX)));
        check_duration("18446744073709551.616us", Err(QuantityError::TooLarge));
        check_duration("99999999999999999999h", Err(QuantityError::TooLarge));
        check_duration("100000000000000000000h", Err(QuantityError::TooLarge));
        check_duration(&format!("{}h", "9".repeat(100_000)), Err(QuantityError::TooLarge));
        check_duration(&format!("{}1s", "0".repeat(100_000)), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        check_size("0B", Ok(0));
        check_size("1023B", Ok(1023));
        check_size("64KiB", Ok(65_536));
        check_size("1MiB", Ok(1 << 20));
        check_size("1.5MiB", Ok(3 << 19));
        check_size("1GiB", Ok(1 << 30));
        check_size("10kB", Ok(10_000));
        check_size("10MB", Ok(10_000_000));
        check_size("1GB", Ok(1_000_000_000));
    }

    #[test]
    fn every_unit_is_read() {
        for unit in DURATION_UNITS {
            assert!(parse_duration(&format!("1{unit}")).is_ok(), "{unit}");
        }
        for unit in SIZE_UNITS {
            assert!(format!("1{unit}").parse::<ByteSize>().is_ok(), "{unit}");
        }
    }

    #[test]
    fn a_size_that_cannot_be_read_says_what_is_wrong() {
        check_size("MiB", Err(QuantityError::NoNumber));
        check_size("1024", Err(QuantityError::NoUnit));
        check_size("1mb", Err(QuantityError::UnknownUnit));
        check_size("1m", Err(QuantityError::UnknownUnit));
        check_size("1 MiB", Err(QuantityError::UnknownUnit));
        check_size("0.5B", Err(QuantityError::TooFine));
        check_size("18446744073709551615B", Ok(u64::MAX));
        check_size("18446744073709551616B", Err(QuantityError::TooLarge));
    }

    #[test]
    fn quantities_are_written_in_the_largest_whole_unit() {
        for text in ["0s", "250ms", "1s", "90s", "2m", "1h", "1500ms", "1us", "0.001us"] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(Written(duration).to_string(), text);
        }
        for text in ["0B", "1023B", "1KiB", "1536KiB", "1MiB", "10MB", "1GiB", "3kB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same_value(value: u64) {
            let duration = Duration::from_nanos(value);
            prop_assert_eq!(parse_duration(&Written(duration).to_string()), Ok(duration));
            let size = ByteSize::from_bytes(value);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[0-9.]{0,50}[a-zA-Z]{0,3}.{0,3}") {
            let _ = parse_duration(&text);
            let _ = text.parse::<ByteSize>();
        }
    }
}
