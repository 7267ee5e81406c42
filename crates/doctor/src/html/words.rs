//! Figures as people read them.

use std::time::Duration;

use maud::{Markup, html};

pub(super) use crate::words::percent;

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
    crate::words::bytes(number as f64)
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
        assert_eq!(moment("2026-11-22T03:00:12.345Z"), "2026-11-22 03:00:12");
    }
}
