//! `evenkeel completions`: what a shell needs to complete the arguments.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Args, CompletionsArgs};
use crate::failure::Failure;

/// Prints the script of one shell.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    // It is made before it is written: what makes it does not bear with a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "evenkeel", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}
