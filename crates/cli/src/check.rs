//! `evenkeel check`: is a configuration good?

use std::io::{self, Write};
use std::path::Path;

use evenkeel_config_file::{FaultyFile, LoadError};
use evenkeel_core::config::{Comparison, Config};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::failure::{Failure, count};
use crate::text::json_line;

/// Prints one line about a good configuration; fails with all faults of another.
pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let CheckArgs { file, against, json } = args;
    let against = against.as_deref().map(evenkeel_config_file::load).transpose()?;
    let loaded = evenkeel_config_file::load(file);
    if *json {
        return check_as_json(file, against.as_ref(), loaded);
    }
    let config = loaded?;
    let mut output = io::stdout().lock();
    writeln!(output, "{}: {}", file.display(), summary(&config))?;
    for line in config.cautions() {
        writeln!(output, "  warning: {line}")?;
    }
    if let Some(against) = &against {
        let compared = Comparison::new(against, &config);
        if compared.is_empty() {
            writeln!(output, "it changes nothing")?;
        }
        for line in &compared.changes {
            writeln!(output, "  {line}")?;
        }
        for line in compared.warnings.iter().chain(&compared.doubts) {
            writeln!(output, "  warning: {line}")?;
        }
    }
    Ok(())
}

fn check_as_json(
    file: &Path,
    against: Option<&Config>,
    loaded: Result<Config, LoadError>,
) -> Result<(), Failure> {
    let (good, faults) = match &loaded {
        Ok(config) => (Some(config), Vec::new()),
        Err(LoadError::Faulty(faulty)) => (None, faults(faulty)),
        // That is no finding about a configuration.
        Err(LoadError::Unreadable { .. } | LoadError::TooLarge { .. }) => {
            return loaded.map(|_| ()).map_err(Failure::Config);
        }
    };
    let mut found = json!({
        "file": file.display().to_string(),
        "is_good": good.is_some(),
        "pools": good.map(|config| config.pools.len()),
        "servers": good.map(servers),
        "listeners": good.map(|config| config.listeners.len()),
        "routes": good.map(|config| config.routes.len()),
        "faults": faults,
    });
    let mut warnings = good.map(Config::cautions).unwrap_or_default();
    if let (Some(against), Some(good)) = (against, good) {
        let compared = Comparison::new(against, good);
        found["changes"] = json!(compared.changes);
        warnings.extend([compared.warnings, compared.doubts].concat());
    }
    found["warnings"] = json!(warnings);
    writeln!(io::stdout(), "{}", json_line(&found))?;
    if good.is_some() { Ok(()) } else { Err(Failure::Faulty) }
}

fn faults(file: &FaultyFile) -> Vec<Value> {
    let faults = file.faults.iter().map(|fault| {
        json!({
            "line": fault.line,
            "column": fault.column,
            "message": fault.message,
            "remedy": fault.remedy,
        })
    });
    faults.collect()
}

fn summary(config: &Config) -> String {
    let counted = format!(
        "no faults; {}, {}, {}",
        count(config.pools.len(), "pool"),
        count(servers(config), "server"),
        count(config.listeners.len(), "listener"),
    );
    match config.routes.len() {
        0 => counted,
        len => format!("{counted}, {}", count(len, "route")),
    }
}

fn servers(config: &Config) -> usize {
    config.pools.iter().map(|pool| pool.servers.len()).sum()
}
