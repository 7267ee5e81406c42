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

/// How long something has lasted, in its two largest units: `12s`, `3m 05s`, `4h 10m`, `2d 03h`.
pub(crate) fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days}d {:02}h", hours % 24),
        () if hours > 0 => format!("{hours}h {:02}m", minutes % 60),
        () if minutes > 0 => format!("{minutes}m {:02}s", seconds % 60),
        () => format!("{seconds}s"),
    }
}

/// A number of seconds that came from elsewhere, as a time.
pub(crate) fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

/// Bytes: `640 B`, `1.2 MiB`.
#[expect(clippy::cast_precision_loss, reason = "for people: two digits are shown")]
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut shown = number as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().expect("there are several");
    // What would be rounded up to 1024 is one of the next.
    while shown >= 1023.5
        && let Some(next) = units.next()
    {
        (shown, unit) = (shown / 1024.0, next);
    }
    if shown < 9.95 { format!("{shown:.1} {unit}") } else { format!("{shown:.0} {unit}") }
}

/// So many a second: `0`, `0.3`, `12`, `1,234`. What is not 0 is never shown as 0.
pub(crate) fn rate(number: f64) -> String {
    match number {
        _ if !number.is_finite() || number <= 0.0 => "0".to_owned(),
        _ if number < 0.1 => "< 0.1".to_owned(),
        _ if number < 9.95 => format!("{number:.1}"),
        _ => count(whole(number)),
    }
}

/// A part in per cent: `92.1 %`; what is not all is never shown as all. `-` if it is not known.
pub(crate) fn known_percent(number: Option<f64>) -> String {
    match number {
        Some(percent) if percent.is_finite() => share(percent / 100.0),
        Some(_) | None => "-".to_owned(),
    }
}

/// Microseconds: `71.4 µs`, `1.20 ms`; `-` if they are not known.
pub(crate) fn micros(number: Option<u64>) -> String {
    match number {
        Some(micros) => latency(Duration::from_micros(micros)),
        None => "-".to_owned(),
    }
}

/// `2026-11-22 03:00:12` of `2026-11-22T03:00:12.345Z`; anything else as it is.
pub(crate) fn moment(at: &str) -> String {
    match at.split_once('T') {
        Some((day, time)) => {
            format!("{day} {}", &time[..time.find(['.', 'Z']).unwrap_or(time.len())])
        }
        None => at.to_owned(),
    }
}

/// `03:00:12` of `2026-11-22T03:00:12.345Z`; anything else as it is.
pub(crate) fn time_of_day(at: &str) -> &str {
    match at.split_once('T') {
        Some((_, time)) => &time[..time.find(['.', 'Z']).unwrap_or(time.len())],
        None => at,
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

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0; it saturates")]
fn whole(number: f64) -> u64 {
    number.round() as u64
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

    #[test]
    fn times_are_shown_in_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m 00s"),
            (3599, "59m 59s"),
            (3600, "1h 00m"),
            (86_399, "23h 59m"),
            (90_000, "1d 01h"),
        ] {
            assert_eq!(lasting(Duration::from_secs(seconds)), shown);
        }
        assert_eq!(seconds(-1.0), Duration::ZERO);
        assert_eq!(seconds(f64::NAN), Duration::ZERO);
    }

    #[test]
    fn figures_have_two_digits_or_more() {
        for (number, shown) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10_240, "10 KiB")]
        {
            assert_eq!(bytes(number), shown);
        }
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(bytes(64 << 20), "64 MiB");
        assert_eq!(bytes(u64::MAX), "16384 PiB");
        for (number, shown) in
            [(0.0, "0"), (0.04, "< 0.1"), (0.5, "0.5"), (12.4, "12"), (1234.0, "1,234")]
        {
            assert_eq!(rate(number), shown);
        }
        assert_eq!(rate(f64::NAN), "0");
        assert_eq!(known_percent(Some(100.0)), "100 %");
        assert_eq!(known_percent(Some(99.99)), "99.9 %");
        assert_eq!(known_percent(None), "-");
        assert_eq!(micros(Some(1200)), "1.20 ms");
        assert_eq!(micros(None), "-");
    }

    #[test]
    fn moments_are_shown_to_the_second() {
        assert_eq!(moment("2026-11-22T03:00:12.345Z"), "2026-11-22 03:00:12");
        assert_eq!(time_of_day("2026-11-22T03:00:12Z"), "03:00:12");
        assert_eq!(moment("yesterday"), "yesterday");
        assert_eq!(time_of_day(""), "");
    }
}
