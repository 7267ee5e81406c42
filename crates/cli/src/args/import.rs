//! The arguments of `evenkeel import`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use evenkeel_import::{Kind, clients};

/// Make a configuration of another client's or proxy's.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_IMPORT)]
pub(crate) struct ImportArgs {
    /// What the sources are: twemproxy, mcrouter, php, spymemcached, list, django or rails. Without
    /// it their names and what is in them say it.
    #[arg(long, value_name = "KIND")]
    pub(crate) from: Option<Kind>,

    /// Which client had a list of servers; docs/import.md has them all.
    #[arg(long = "as", value_name = "CLIENT", value_parser = PossibleValuesParser::new(clients()), hide_possible_values = true)]
    pub(crate) client: Option<String>,

    /// Servers in place of those that only the program knows, as `a:11211,b:11211`.
    #[arg(long, value_name = "LIST")]
    pub(crate) servers: Option<String>,

    /// Where to write the configuration; without it to standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write over what FILE holds.
    #[arg(long, requires = "output")]
    pub(crate) force: bool,

    /// Files, `-` for standard input, or the text itself: `10.0.0.1:11211,10.0.0.2:11211`.
    #[arg(required = true, value_name = "FILE|TEXT")]
    pub(crate) sources: Vec<OsString>,
}

const AFTER_IMPORT: &str = "\
Examples:
  evenkeel import /etc/nutcracker/nutcracker.yml --output evenkeel.toml
  evenkeel import mcrouter.json
  evenkeel import /etc/php/8.2/fpm/php.ini /etc/php/8.2/fpm/conf.d/*memcache*.ini
  evenkeel import shop/settings.py --servers 10.0.0.1:11211,10.0.0.2:11211
  evenkeel import config/environments/production.rb
  evenkeel import --as spymemcached 10.0.0.1:11211,10.0.0.2:11211

Every line of the configuration says where it comes from. What cannot be carried over, is different
or was chosen is listed at its top, and on standard error.

It exits with 0 if all was carried over, with 1 if there is something to look at, with 2 if there is
no configuration.";
