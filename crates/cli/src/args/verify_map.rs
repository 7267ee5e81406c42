//! The arguments of `evenkeel verify-map`.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_core::config::{ListenerName, PoolName};

use crate::bench::values;

/// Prove that keys lie on the servers where a configuration looks for them, before anybody switches.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_VERIFY_MAP)]
pub(crate) struct VerifyMapArgs {
    /// The configuration (TOML).
    #[arg(value_name = "CONFIG")]
    pub(crate) file: PathBuf,

    /// Only this pool, whatever routes lead to it. Without it keys go where the listener's routes
    /// send them.
    #[arg(long, value_name = "NAME", conflicts_with = "listener")]
    pub(crate) pool: Option<PoolName>,

    /// Whose routes count, if listeners differ in where keys go.
    #[arg(long, value_name = "NAME")]
    pub(crate) listener: Option<ListenerName>,

    /// The keys to ask for, one a line (\xHH is a byte); - is standard input. Without it the servers
    /// are asked which keys they have.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sample", "all"])]
    pub(crate) keys: Option<PathBuf>,

    /// How many keys of each server are looked at.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample: u64,

    /// Look at all keys of each server.
    #[arg(long, conflicts_with = "sample")]
    pub(crate) all: bool,

    /// How many keys in a hundred may miss.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    pub(crate) allow: f64,

    /// How many keys a second each server is asked for at most.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: u32,

    /// How long a server may be silent before it is given up.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = values::time)]
    pub(crate) timeout: Duration,

    /// How long all of it may take; what has not been asked by then is unproven.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = values::time)]
    pub(crate) deadline: Duration,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim_end().parse::<f64>();
    match number {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err("give a number from 0 to 100".to_owned()),
    }
}

const AFTER_VERIFY_MAP: &str = "\
Examples:
  evenkeel verify-map evenkeel.toml
  evenkeel verify-map --pool sessions --all evenkeel.toml
  evenkeel verify-map --keys keys.txt evenkeel.toml
  evenkeel verify-map --allow 1 evenkeel.toml && switch-over
  evenkeel verify-map --json evenkeel.toml | jq .would_miss_percent

It only reads: keys are listed (lru_crawler metadump) and asked for (me), and neither counts as a use
of them. How to prove a migration with it: docs/verify-map.md

Exit codes:
  0   all keys are at home, or no more would miss than --allow says
  1   more would miss
  2   the arguments are wrong
  3   a server could not be asked, or no key was found: what was asked is at home, the rest unproven
  78  the configuration cannot be read or has faults";
