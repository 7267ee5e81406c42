//! `evenkeel check`: is a configuration good?

use std::io::{self, Write};
use std::path::Path;

use evenkeel_core::config::Config;

use crate::failure::{Failure, count};

/// Prints one line about a good configuration; fails with all faults of another.
pub(crate) fn check(file: &Path) -> Result<(), Failure> {
    let config = evenkeel_config_file::load(file)?;
    writeln!(io::stdout(), "{}: {}", file.display(), summary(&config))?;
    Ok(())
}

fn summary(config: &Config) -> String {
    let servers = config.pools.iter().map(|pool| pool.servers.len()).sum();
    format!(
        "no faults; {}, {}, {}",
        count(config.pools.len(), "pool"),
        count(servers, "server"),
        count(config.listeners.len(), "listener"),
    )
}
