//! `evenkeel version`.

use std::io::{self, Write};

use serde_json::json;

use crate::args::VersionArgs;
use crate::failure::Failure;

/// Prints the name and the version.
pub(crate) fn version(args: &VersionArgs) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if args.json {
        writeln!(io::stdout(), "{}", json!({ "version": version }))?;
    } else {
        writeln!(io::stdout(), "evenkeel {version}")?;
    }
    Ok(())
}
