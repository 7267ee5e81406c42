//! `evenkeel version`.

use std::io::{self, Write};

use crate::failure::Failure;

/// Prints the name and the version.
pub(crate) fn version() -> Result<(), Failure> {
    writeln!(io::stdout(), "evenkeel {}", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
