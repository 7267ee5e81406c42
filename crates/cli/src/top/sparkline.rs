//! Latencies as a row of bars.
//!
//! The height of a bar is the logarithm of the latency, and means the same on every line and at
//! every time: each step is three times the one below, from 100 µs to 100 ms.

/// The last so many latencies, in microseconds, the latest at the right. Where there was no
/// response there is a blank.
pub(super) fn sparkline(latencies: &[Option<u64>], columns: usize) -> String {
    let shown = &latencies[latencies.len().saturating_sub(columns)..];
    let blank = " ".repeat(columns - shown.len());
    blank.chars().chain(shown.iter().map(|micros| micros.map_or(' ', bar))).collect()
}

fn bar(micros: u64) -> char {
    let step = STEPS_US.iter().filter(|bound| micros >= **bound).count();
    BARS[step]
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// From here on the next bar is used.
const STEPS_US: [u64; 7] = [100, 316, 1_000, 3_162, 10_000, 31_623, 100_000];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_a_step_higher_for_three_times_the_latency() {
        let latencies = [0, 99, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000, u64::MAX];
        assert_eq!(sparkline(&latencies.map(Some), 10), "▁▁▂▃▄▅▆▇██");
    }

    #[test]
    fn the_latest_are_shown_at_the_right() {
        let latencies = [Some(0), None, Some(1_000)];
        assert_eq!(sparkline(&latencies, 2), " ▄");
        assert_eq!(sparkline(&latencies, 5), "  ▁ ▄");
        assert_eq!(sparkline(&latencies, 0), "");
        assert_eq!(sparkline(&[], 2), "  ");
    }
}
