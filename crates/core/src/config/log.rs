//! What is logged, and how it is written.

use std::time::Duration;

use super::choice::{LogFormat, LogLevel, SlowRequestKeys};
use super::fault::{Fault, KeyPath};
use super::setting::Setting;

/// The table `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line is written: `auto`, `human` or `json`.
    ///
    /// [`LogFormat::Auto`] by default.
    pub format: LogFormat,

    /// The least grave lines that are written: `error`, `warn`, `info`, `debug` or `trace`.
    ///
    /// [`LogLevel::Info`] by default: each change of a server's state is a line, and no request is.
    /// The environment's `RUST_LOG`, if it is set, is heeded in its place, and can tell parts of
    /// the program apart.
    pub level: LogLevel,

    /// A request whose response takes longer than this is a line.
    ///
    /// A duration from 0 s to 1 m; 0 s by default, which means none. Each worker writes ten such
    /// lines a second at most, and the next says how many there were besides. Choose it above the
    /// 99.9th percentile of healthy servers: what is always slow is better seen in the metrics.
    pub slow_request: Duration,

    /// Whether such a line has the request's key: `hidden` or `shown`.
    ///
    /// [`SlowRequestKeys::Hidden`] by default: keys can be about people, and logs are kept.
    pub slow_request_keys: SlowRequestKeys,
}

impl LogConfig {
    /// See [`LogConfig::slow_request`].
    pub const SLOW_REQUEST: Setting<Duration> = Setting {
        key: "slow_request",
        min: Duration::ZERO,
        max: Duration::from_mins(1),
        default: Duration::ZERO,
    };

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        Self::SLOW_REQUEST.check(self.slow_request, &KeyPath::ROOT.key("log"), faults);
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: LogLevel::default(),
            slow_request: Self::SLOW_REQUEST.default,
            slow_request_keys: SlowRequestKeys::default(),
        }
    }
}
