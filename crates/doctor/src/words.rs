//! Numbers as people read them.

use std::time::Duration;

/// Bytes: `640 B`, `1.5 GiB`, `64 MiB`.
pub(crate) fn bytes(bytes: f64) -> String {
    let (mut shown, mut unit) = (bytes, "B");
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        // What would be rounded up to 1024 is one of the next.
        if shown.abs() < 1023.5 {
            break;
        }
        (shown, unit) = (shown / 1024.0, next);
    }
    if unit == "B" || shown.abs() >= 9.95 {
        format!("{shown:.0} {unit}")
    } else {
        format!("{shown:.1} {unit}")
    }
}

/// `45 s`, `12 min`, `3 h 5 min`, `4 days`.
pub(crate) fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0).floor();
    let (minutes, hours) = ((whole / 60.0).floor(), (whole / 3_600.0).floor());
    if whole < 10.0 && whole < seconds {
        format!("{seconds:.1} s")
    } else if whole < 120.0 {
        format!("{whole} s")
    } else if minutes < 120.0 {
        format!("{minutes} min")
    } else if hours < 48.0 {
        format!("{hours} h {} min", minutes % 60.0)
    } else {
        format!("{} days", (hours / 24.0).floor())
    }
}

/// The same of a duration.
pub(crate) fn lasting(time: Duration) -> String {
    span(time.as_secs_f64())
}

/// `12.3 ms` of microseconds.
pub(crate) fn millis(micros: f64) -> String {
    if micros >= 1e6 {
        format!("{:.1} s", micros / 1e6)
    } else if micros >= 100_000.0 {
        format!("{:.0} ms", micros / 1e3)
    } else {
        format!("{:.1} ms", micros / 1e3)
    }
}

/// A share in per cent: `92.1 %`; what is not all is never shown as all, nor what is not none as
/// none.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        it if it >= 100.0 || it <= 0.0 => format!("{it:.0} %"),
        it if it < 0.1 => "< 0.1 %".to_owned(),
        it if it >= 99.95 => "99.9 %".to_owned(),
        it => format!("{it:.1} %"),
    }
}

/// `used of limit (80 %)`, all in bytes.
pub(crate) fn bytes_of(used: f64, limit: f64) -> String {
    format!("{} of {} ({})", bytes(used), bytes(limit), percent(used / limit))
}

/// `1 key`, `2 keys`.
pub(crate) fn count(number: f64, noun: &str) -> String {
    if (number - 1.0).abs() < 0.5 { format!("1 {noun}") } else { format!("{number:.0} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!([bytes(0.0), bytes(1023.0)], ["0 B", "1023 B"]);
        assert_eq!([bytes(1024.0), bytes(1.5e9), bytes(3e13)], ["1.0 KiB", "1.4 GiB", "27 TiB"]);
        assert_eq!([span(0.0), span(2.5), span(119.0)], ["0 s", "2.5 s", "119 s"]);
        assert_eq!([span(120.0), span(7_200.0), span(2e5)], ["2 min", "2 h 0 min", "2 days"]);
        assert_eq!(
            [millis(1_500.0), millis(250_000.0), millis(2e6)],
            ["1.5 ms", "250 ms", "2.0 s"]
        );
        assert_eq!([percent(0.0), percent(1.0), percent(0.5)], ["0 %", "100 %", "50.0 %"]);
        assert_eq!([percent(0.012), percent(0.966)], ["1.2 %", "96.6 %"]);
        assert_eq!([percent(0.0004), percent(0.99999)], ["< 0.1 %", "99.9 %"]);
        assert_eq!([bytes(1_048_575.0), bytes(67_108_864.0)], ["1.0 MiB", "64 MiB"]);
        assert_eq!([count(1.0, "key"), count(0.0, "key")], ["1 key", "0 keys"]);
    }
}
