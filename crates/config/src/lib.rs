//! A configuration file: TOML text in, a [`Config`] or one pool of it, or every fault out.
//!
//! It decides how settings are written down, and where in the text a fault stands. What a valid
//! setting is, core decides ([`evenkeel_core::config`]). It never resolves a name, opens a socket
//! or changes what runs.
//!
//! | part | what it does |
//! |---|---|
//! | `read`, `distribution`, `route`, `server`, `hook` | the tables of the file as core's types |
//! | `section` | one table, key by key |
//! | `reading` | what is found while a text is read |
//! | `syntax` | faults of TOML itself |
//! | `place` | where a fault stands, for people |
//! | `reference` | every key a file may have |
//! | `write` | a configuration as text, with every setting that is in effect |
//!
//! # How a text is read
//! 1. The text is parsed, with recovery from syntax faults.
//! 2. Each table is read key by key (`section`). A value that cannot be read is a fault, and the
//!    reader goes on with a stand-in. Keys that nobody asked for are unknown: the reader has no
//!    list of known keys that could go out of date.
//! 3. The whole is checked by [`Config::faults`], whose paths are turned into places. What follows
//!    from a fault already found is left out.
//!
//! # Hard cases
//! - A syntax fault in an array (a missing bracket above all) makes nonsense of the lines after
//!   it. Of the faults in one array the first is kept; and when there is any syntax fault, nothing
//!   is said to be missing, because it may stand where the parser could not see it.
//! - A misspelt key stands in for the key it is nearest to: that one is not reported as missing.
//! - For a client a text is read with its other tables: a file that a proxy would refuse is refused
//!   here in the same words, but for the listeners that it need not have, whose routes do not concern it. Which pool is meant is
//!   no question while the name of a pool is itself faulty.
//! - A fault between two settings is placed at the one that is in the file.
//!
//! # Rejected alternatives
//! serde: it stops at the first fault, and knows no place of a key that should not be there.

mod distribution;
mod read;
mod route;
mod server;

mod hook;

mod section;

mod reading;

mod syntax;

mod place;

mod reference;

mod write;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use evenkeel_core::config::{Config, PoolConfig};

pub use self::place::{FaultyFile, FileFault};
pub use self::reference::{KnownKey, reference};
pub use self::write::write;

/// The largest file that is read, in bytes: some hundred thousand servers.
pub const FILE_SIZE_MAX: u64 = 16 << 20;

/// The most faults that are looked for: past it the file is hardly meant for us.
pub const FAULTS_MAX: usize = 1000;

/// Reads the configuration in a file.
pub fn load(path: &Path) -> Result<Config, LoadError> {
    load_with(path, parse)
}

/// Reads the configuration in a file, and gives its text too.
pub fn load_with_text(path: &Path) -> Result<(Config, String), LoadError> {
    load_with(path, |file, text| Ok((parse(file, text)?, text.to_owned())))
}

/// Reads one pool of a file, for a client of its servers: see [`parse_pool`].
pub fn load_pool(path: &Path, pool: Option<&str>) -> Result<PoolConfig, LoadError> {
    load_with(path, |file, text| parse_pool(file, text, pool))
}

/// Reads a configuration from a text. `file` is what its faults call it.
pub fn parse(file: &str, text: &str) -> Result<Config, FaultyFile> {
    read::read(text).map_err(|findings| FaultyFile::new(file, text, findings))
}

/// Reads one pool of a text, for a client of its servers. `file` is what its faults call it.
///
/// It is the pool of that name, or without one the only pool there is. Whatever else the text holds
/// is read too, and its faults are faults; but it need not have a listener.
pub fn parse_pool(file: &str, text: &str, pool: Option<&str>) -> Result<PoolConfig, FaultyFile> {
    read::read_pool_of(text, pool).map_err(|findings| FaultyFile::new(file, text, findings))
}

/// Why a file gave no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The system did not give us the file. Nothing was read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Its path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Larger than [`FILE_SIZE_MAX`]: hardly a configuration. Nothing was read.
    #[error("{path} is larger than {} MiB, the most that is read", FILE_SIZE_MAX >> 20, path = path.display())]
    TooLarge {
        /// Its path as given.
        path: PathBuf,
    },
    /// The text has faults. No configuration was made.
    #[error(transparent)]
    Faulty(FaultyFile),
}

fn load_with<T>(
    path: &Path,
    parse: impl FnOnce(&str, &str) -> Result<T, FaultyFile>,
) -> Result<T, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.to_owned(), source };
    let bytes = read_bounded(path).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_SIZE_MAX {
        return Err(LoadError::TooLarge { path: path.to_owned() });
    }
    let file = path.display().to_string();
    let parsed = text_of(&file, &bytes).and_then(|text| parse(&file, text));
    parsed.map_err(LoadError::Faulty)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_SIZE_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text_of<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, FaultyFile> {
    str::from_utf8(bytes).map_err(|error| {
        let text = String::from_utf8_lossy(bytes);
        FaultyFile::new(file, &text, vec![syntax::not_utf8(error.valid_up_to())])
    })
}

#[cfg(test)]
mod tests;
