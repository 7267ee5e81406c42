//! What is logged, and how it is written.

use super::choice::{LogFormat, LogLevel};

/// The table `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
}
