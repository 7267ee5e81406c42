//! Figures as people read them.

use std::time::Duration;

use maud::{Markup, html};

/// Words in which commands stand between backticks.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (idx, part) in text.split('`').enumerate() {
            @if idx % 2 == 0 { (part) } @else { code { (part) } }
        }
    }
}

/// `1 server`, `2 servers`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Milliseconds: `2.3 s`.
pub(super) fn seconds(millis: u64) -> String {
    format!("{:.1} s", Duration::from_millis(millis).as_secs_f64())
}

/// Microseconds: `71 µs`, `1.2 ms`, `3.0 s`.
#[expect(clippy::cast_precision_loss, reason = "for people: two digits are shown")]
pub(super) fn latency(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..10_000 => format!("{:.1} ms", micros as f64 / 1e3),
        10_000..1_000_000 => format!("{:.0} ms", micros as f64 / 1e3),
        1_000_000.. => format!("{:.1} s", micros as f64 / 1e6),
    }
}

/// Bytes: `640 B`, `1.2 MiB`.
#[expect(clippy::cast_precision_loss, reason = "for people: two digits are shown")]
pub(super) fn bytes(number: u64) -> String {
    let mut shown = number as f64;
    let mut unit = "B";
    for next in ["KiB", "MiB", "GiB", "TiB", "PiB"] {
        // What would be rounded up to 1024 is one of the next.
        if shown < 1023.5 {
            break;
        }
        (shown, unit) = (shown / 1024.0, next);
    }
    if unit == "B" || shown >= 9.95 {
        format!("{shown:.0} {unit}")
    } else {
        format!("{shown:.1} {unit}")
    }
}

/// A share in per cent: `92.1 %`; what is not all is never shown as all.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        it if it >= 100.0 || it <= 0.0 => format!("{it:.0} %"),
        it if it < 0.1 => "< 0.1 %".to_owned(),
        it if it >= 99.95 => "99.9 %".to_owned(),
        it => format!("{it:.1} %"),
    }
}

/// Seconds, in the two largest units: `12 s`, `3 min`, `4 h 10 min`, `2 d 3 h`.
pub(super) fn lasting(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min"),
        () => format!("{seconds} s"),
    }
}

/// `2026-11-22 03:00:12` of `2026-11-22T03:00:12.345Z`.
pub(super) fn moment(at: &str) -> String {
    at.split('.').next().unwrap_or_default().replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        for (micros, shown) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_250, "1.2 ms"),
            (12_000, "12 ms"),
            (3_000_000, "3.0 s"),
        ] {
            assert_eq!(latency(micros), shown);
        }
        for (number, shown) in
            [(640, "640 B"), (1024, "1.0 KiB"), (64 << 20, "64 MiB"), ((1 << 20) - 1, "1.0 MiB")]
        {
            assert_eq!(bytes(number), shown);
        }
        for (share, shown) in [
            (0.0, "0 %"),
            (0.0004, "< 0.1 %"),
            (0.921, "92.1 %"),
            (0.99999, "99.9 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), shown);
        }
        for (seconds, shown) in
            [(12, "12 s"), (185, "3 min"), (15_000, "4 h 10 min"), (183_600, "2 d 3 h")]
        {
            assert_eq!(lasting(seconds), shown);
        }
        assert_eq!(moment("2026-11-22T03:00:12.345Z"), "2026-11-22 03:00:12");
    }
}
