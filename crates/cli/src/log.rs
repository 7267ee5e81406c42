//! The log of `evenkeel run`: one line on standard error for each thing that happens.
//!
//! | standard error is | what `format = "auto"` writes |
//! |---|---|
//! | a terminal | for people, in colour (not if `NO_COLOR` is set) |
//! | systemd's journal | JSON, each line with its priority before it, which the journal takes off |
//! | anything else | JSON |
//!
//! It decides how a line looks. What is worth a line, the crates decide that write it.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

use evenkeel_core::config::{LogConfig, LogFormat};
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Logs from now on. To be called once.
pub(crate) fn start(config: &LogConfig) {
    let is_terminal = io::stderr().is_terminal();
    let is_journal = is_journal();
    let is_human = match config.format {
        LogFormat::Auto => is_terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(config))
        .with_writer(Lines { with_priority: is_journal });
    if !is_human {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    } else if is_journal {
        // The journal knows the time.
        log.with_ansi(false).without_time().init();
    } else {
        let is_colour_unwanted = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        log.with_ansi(is_terminal && !is_colour_unwanted).init();
    }
}

/// What `RUST_LOG` says, or else the level that is configured.
fn filter(config: &LogConfig) -> EnvFilter {
    match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) if !directives.is_empty() => EnvFilter::builder().parse_lossy(directives),
        Ok(_) | Err(_) => EnvFilter::new(config.level.name()),
    }
}

/// Whether standard error is connected to systemd's journal itself, and not to something that has
/// inherited its environment.
fn is_journal() -> bool {
    let Ok(wanted) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned();
    let metadata = stderr.and_then(|it| File::from(it).metadata());
    metadata.is_ok_and(|it| wanted == format!("{}:{}", it.dev(), it.ino()))
}

/// Makes what writes lines to standard error.
struct Lines {
    with_priority: bool,
}

/// Writes one line.
struct Line {
    priority: Option<u8>,
}

impl MakeWriter<'_> for Lines {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { priority: None }
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> Line {
        Line { priority: self.with_priority.then(|| priority(*metadata.level())) }
    }
}

impl Write for Line {
    /// In one piece: other threads write lines too.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.priority.take() {
            Some(priority) => {
                let prefix = format!("<{priority}>");
                io::stderr().write_all(&[prefix.as_bytes(), line].concat())?;
            }
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// A level as syslog numbers it.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}
