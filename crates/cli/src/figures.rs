//! Figures as people read them.

use std::time::Duration;

/// `1,234,567`
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three digits and a unit: `71.4 µs`, `1.20 ms`, `12.3 s`.
pub(crate) fn latency(latency: Duration) -> String {
    let micros = latency.as_secs_f64() * 1e6;
    let (number, unit) = if micros < 999.5 {
        (micros, "µs")
    } else if micros < 999_500.0 {
        (micros / 1e3, "ms")
    } else {
        (micros / 1e6, "s")
    };
    format!("{} {unit}", three_digits(number))
}

/// Bytes in a second: `34.2 MB/s`.
pub(crate) fn throughput(bytes: u64, elapsed: Duration) -> String {
    let rate = per_second(bytes, elapsed);
    let (number, unit) = if rate < 999.5 {
        (rate, "B/s")
    } else if rate < 999_500.0 {
        (rate / 1e3, "kB/s")
    } else if rate < 999_500_000.0 {
        (rate / 1e6, "MB/s")
    } else {
        (rate / 1e9, "GB/s")
    };
    format!("{} {unit}", three_digits(number))
}

/// How many in a second; 0 if no time has passed.
#[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
pub(crate) fn per_second(number: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { number as f64 / elapsed.as_secs_f64() }
}

/// A part of a whole: `0.12 %`; `-` of nothing.
#[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
pub(crate) fn percent(part: u64, whole: u64) -> String {
    match (part, whole) {
        (_, 0) => "-".to_owned(),
        (0, _) => "0 %".to_owned(),
        _ => share(part as f64 / whole as f64),
    }
}

/// A share as percents: `45.2 %`; what is not all is never shown as all.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent >= 100.0 => "100 %".to_owned(),
        _ if percent >= 99.95 => "99.9 %".to_owned(),
        _ if percent <= 0.0 => "0 %".to_owned(),
        _ if percent < 0.01 => "< 0.01 %".to_owned(),
        _ => format!("{} %", three_digits(percent)),
    }
}

fn three_digits(number: f64) -> String {
    if number < 9.995 {
        format!("{number:.2}")
    } else if number < 99.95 {
        format!("{number:.1}")
    } else {
        format!("{number:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_their_thousands_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn latencies_have_three_digits() {
        for (nanos, text) in [
            (0, "0.00 µs"),
            (9_994, "9.99 µs"),
            (71_400, "71.4 µs"),
            (999_400, "999 µs"),
            (999_600, "1.00 ms"),
            (12_340_000, "12.3 ms"),
            (999_600_000, "1.00 s"),
            (123_400_000_000, "123 s"),
        ] {
            assert_eq!(latency(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn throughput_has_the_unit_that_fits() {
        for (bytes, text) in [(0, "0.00 B/s"), (1500, "750 B/s"), (3_000_000_000, "1.50 GB/s")] {
            assert_eq!(throughput(bytes, Duration::from_secs(2)), text);
        }
        assert_eq!(throughput(5, Duration::ZERO), "0.00 B/s");
    }

    #[test]
    fn neither_few_nor_nearly_all_are_rounded_away() {
        for (part, whole, text) in [
            (0, 10, "0 %"),
            (0, 0, "-"),
            (1, 1_000_000, "< 0.01 %"),
            (1, 3, "33.3 %"),
            (999_999, 1_000_000, "99.9 %"),
            (10, 10, "100 %"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
    }
}
