//! Times as they are written: RFC 3339 in UTC, with milliseconds.

use std::time::SystemTime;

/// A time as it is written: `2026-11-22T03:00:12.345Z`.
pub fn written(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_milliseconds() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_316_412_345);
        assert_eq!(written(time), "2026-11-22T03:00:12.345Z");
    }
}
