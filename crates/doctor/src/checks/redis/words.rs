//! Numbers as people read them.

/// `1.5 GiB`.
pub(super) fn bytes(bytes: f64) -> String {
    let mut number = bytes;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if number.abs() < 1024.0 {
            return if unit == "B" {
                format!("{number:.0} B")
            } else {
                format!("{number:.1} {unit}")
            };
        }
        number /= 1024.0;
    }
    format!("{number:.1} TiB")
}

/// `45 s`, `12 min`, `3 h 5 min`, `4 days`.
pub(super) fn span(seconds: f64) -> String {
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

/// `12.3 ms` of microseconds.
pub(super) fn millis(micros: f64) -> String {
    if micros >= 1e6 {
        format!("{:.1} s", micros / 1e6)
    } else if micros >= 100_000.0 {
        format!("{:.0} ms", micros / 1e3)
    } else {
        format!("{:.1} ms", micros / 1e3)
    }
}

/// A share as `12.3 %`; near none and near all with more digits, so that 99.96 % is not all.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let is_near = (0.0..10.0).contains(&percent) || (90.0..100.0).contains(&percent);
    if is_near && percent > 0.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// `used of limit (80 %)`, all in bytes.
pub(super) fn bytes_of(used: f64, limit: f64) -> String {
    format!("{} of {} ({})", bytes(used), bytes(limit), percent(used / limit))
}

/// `1 key`, `2 keys`.
pub(super) fn count(number: f64, noun: &str) -> String {
    if (number - 1.0).abs() < 0.5 { format!("1 {noun}") } else { format!("{number:.0} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_as_people_read_them() {
        assert_eq!([bytes(0.0), bytes(1023.0)], ["0 B", "1023 B"]);
        assert_eq!([bytes(1024.0), bytes(1.5e9), bytes(3e13)], ["1.0 KiB", "1.4 GiB", "27.3 TiB"]);
        assert_eq!([span(0.0), span(2.5), span(119.0)], ["0 s", "2.5 s", "119 s"]);
        assert_eq!([span(120.0), span(7_200.0), span(2e5)], ["2 min", "2 h 0 min", "2 days"]);
        assert_eq!(
            [millis(1_500.0), millis(250_000.0), millis(2e6)],
            ["1.5 ms", "250 ms", "2.0 s"]
        );
        assert_eq!([percent(0.0), percent(1.0), percent(0.5)], ["0 %", "100 %", "50 %"]);
        assert_eq!([percent(0.012), percent(0.966)], ["1.2 %", "96.6 %"]);
        assert_eq!([count(1.0, "key"), count(0.0, "key")], ["1 key", "0 keys"]);
    }
}
