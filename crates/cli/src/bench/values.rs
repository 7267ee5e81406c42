//! Reads the values of options, and writes them back.

use std::fmt;
use std::time::Duration;

use evenkeel_core::config::{
    ByteSize, DURATION_UNITS, QuantityError, SIZE_UNITS, Written, parse_duration,
};
use evenkeel_load::{KeyChoice, ValueSize, Workload};

/// A number from 1: `50`, `10k`, `1M`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.char_indices().next_back() {
        Some((place, 'k')) => (&text[..place], 1000),
        Some((place, 'M')) => (&text[..place], 1_000_000),
        _ => (text, 1),
    };
    let wrong = || "it is no number from 1; write it as in 50, 10k or 1M".to_owned();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    match number {
        Some(0) => Err(wrong()),
        Some(number) if number <= COUNT_MAX => Ok(number),
        Some(_) | None => Err(format!("it is too large; at most {COUNT_MAX}")),
    }
}

/// A time: `10s`, `1m`, `500ms`.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let duration = parse_duration(text).map_err(|error| {
        format!("{error}; write it as in 10s, with a unit of {}", DURATION_UNITS.join(", "))
    })?;
    if duration > TIME_MAX {
        return Err(format!("it is too long; at most {}", Written(TIME_MAX)));
    }
    Ok(duration)
}

/// `uniform`, `zipf`, `zipf:1.2`.
pub(crate) fn key_choice(text: &str) -> Result<KeyChoice, String> {
    let exponent = match text.split_once(':') {
        None if text == "uniform" => return Ok(KeyChoice::Uniform),
        None if text == "zipf" => Ok(ZIPF_EXPONENT_DEFAULT),
        Some(("zipf", exponent)) => exponent.parse(),
        None | Some(_) => return Err("write uniform, zipf, or zipf:0.99".to_owned()),
    };
    let max = Workload::ZIPF_EXPONENT_MAX;
    match exponent {
        Ok(exponent) if (0.0..=max).contains(&exponent) => Ok(KeyChoice::Zipf { exponent }),
        Ok(_) | Err(_) => Err(format!("the exponent of zipf is a number from 0 to {max}")),
    }
}

/// `100`, `4KiB`, `100-4KiB`, `100:9,10KiB:1`.
pub(crate) fn value_size(text: &str) -> Result<ValueSize, String> {
    if text.contains(':') {
        return text
            .split(',')
            .map(weighted_size)
            .collect::<Result<_, _>>()
            .map(ValueSize::Weighted);
    }
    match text.split_once('-') {
        None => size(text).map(ValueSize::Fixed),
        Some((min, max)) => {
            let (min, max) = (size(min)?, size(max)?);
            if min > max {
                return Err("the range ends before it begins".to_owned());
            }
            Ok(ValueSize::Uniform { min, max })
        }
    }
}

fn weighted_size(text: &str) -> Result<(usize, u32), String> {
    let wrong = || "each size needs a weight; write it as in 100:9,10KiB:1".to_owned();
    let (bytes, weight) = text.split_once(':').ok_or_else(wrong)?;
    let weight = weight.parse().ok().filter(|weight| *weight > 0).ok_or_else(wrong)?;
    Ok((size(bytes)?, weight))
}

fn size(text: &str) -> Result<usize, String> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let bytes = if is_plain {
        text.parse().map(ByteSize::from_bytes).map_err(|_| QuantityError::TooLarge)
    } else {
        text.parse()
    };
    let units = SIZE_UNITS.join(", ");
    let bytes = bytes.map_err(|error| {
        format!("{text:?}: {error}; write a number of bytes, or one with a unit of {units}")
    })?;
    let max = Workload::VALUE_SIZE_MAX;
    if bytes.as_len() > max {
        return Err(format!("{text:?}: no memcached takes more than {max} bytes"));
    }
    Ok(bytes.as_len())
}

/// As it is written, with plain numbers of bytes.
pub(crate) struct Shown<'a, T>(pub(crate) &'a T);

impl fmt::Display for Shown<'_, KeyChoice> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            KeyChoice::Uniform => f.write_str("uniform"),
            KeyChoice::Zipf { exponent } => write!(f, "zipf:{exponent}"),
        }
    }
}

impl fmt::Display for Shown<'_, ValueSize> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValueSize::Fixed(size) => write!(f, "{size}"),
            ValueSize::Uniform { min, max } => write!(f, "{min}-{max}"),
            ValueSize::Weighted(sizes) => {
                let sizes = sizes.iter().map(|(size, weight)| format!("{size}:{weight}"));
                f.write_str(&sizes.collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// More requests than a year of load has.
const COUNT_MAX: u64 = 1_000_000_000_000;
const TIME_MAX: Duration = Workload::EXPIRY_MAX;
/// What YCSB and most benchmarks after it have.
const ZIPF_EXPONENT_DEFAULT: f64 = 0.99;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_suffixes() {
        for (text, expected) in [("1", 1), ("50", 50), ("10k", 10_000), ("2M", 2_000_000)] {
            assert_eq!(count(text), Ok(expected));
        }
        for text in ["", "0", "k", "0k", "-1", "+1", "1.5", "1K", "1 000", "ten", "1000000000001"] {
            assert!(count(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        for text in ["10", "10x", "721h"] {
            assert!(time(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_back_reads_as_the_same() {
        for text in ["100", "0-4096", "100:9,10240:1"] {
            assert_eq!(Shown(&value_size(text).unwrap()).to_string(), text);
        }
        for text in ["uniform", "zipf:0.99", "zipf:1.2"] {
            assert_eq!(Shown(&key_choice(text).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn sizes_are_plain_or_have_units() {
        assert_eq!(value_size("4KiB"), Ok(ValueSize::Fixed(4096)));
        assert_eq!(value_size("1kB-1KiB"), Ok(ValueSize::Uniform { min: 1000, max: 1024 }));
        let weighted = ValueSize::Weighted(vec![(10, 3), (1024, 1)]);
        assert_eq!(value_size("10:3,1KiB:1"), Ok(weighted));
        for text in ["", "-", "1-", "2-1", "1:0", "1:1,", "1:1,5", "1:-1", "1KB", "2GiB", "1:x"] {
            assert!(value_size(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn exponents_have_a_range() {
        assert_eq!(key_choice("zipf"), Ok(KeyChoice::Zipf { exponent: 0.99 }));
        for text in ["", "zip", "zipf:", "zipf:-1", "zipf:11", "zipf:NaN", "zipf:x", "uniform:1"] {
            assert!(key_choice(text).is_err(), "{text:?}");
        }
    }
}
