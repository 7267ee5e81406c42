//! `evenkeel man`: the manual pages, made of what `--help` says.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Args, ManArgs};
use crate::failure::Failure;

/// Prints the page of `evenkeel`, or writes the pages of all verbs to a folder.
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    match &args.dir {
        None => {
            let (_, page) = page(command);
            io::stdout().write_all(&page)?;
        }
        Some(dir) => {
            let written = write(command, dir);
            written.map_err(|source| Failure::Folder { dir: dir.clone(), source })?;
        }
    }
    Ok(())
}

/// Writes the pages of a command and of all below it.
fn write(command: Command, dir: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write(below.clone(), dir)?;
    }
    let (name, page) = page(command);
    fs::write(dir.join(name), page)
}

/// The name of a command's page, and the page.
fn page(command: Command) -> (String, Vec<u8>) {
    let man = Man::new(command).source(concat!("evenkeel ", env!("CARGO_PKG_VERSION")));
    let man = man.manual("Evenkeel");
    let mut page = Vec::new();
    man.render(&mut page).expect("memory takes what is written to it");
    (man.get_filename(), page)
}
