//! The arguments of `evenkeel doctor`.

use std::path::PathBuf;
use std::time::Duration;

use crate::bench::values;

/// Examine memcached and Redis servers: what is wrong, how that is known, and what to do.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_DOCTOR)]
pub(crate) struct DoctorArgs {
    #[arg(value_name = "TARGET", help = TARGET_HELP)]
    pub(crate) targets: Vec<String>,

    /// The file of the token that proxies ask for [default: `EVENKEEL_TOKEN_FILE`].
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// The file of the password of Redis servers that are named without one [default: what
    /// `EVENKEEL_REDIS_PASSWORD` says]. On the command line every user of this machine can read it.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// How far apart the two looks are from which rates are taken.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = values::time)]
    pub(crate) interval: Duration,

    /// Print everything: all findings, their evidence and what could not be looked at.
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Offer what could be changed at once: each change is shown and asked about, and nothing is
    /// sent without a yes. Those of notes are offered with --verbose.
    #[arg(long, conflicts_with_all = ["json", "watch"])]
    pub(crate) fix: bool,

    /// Print one JSON object instead of text.
    #[arg(long, conflicts_with = "verbose")]
    pub(crate) json: bool,

    /// Write the report to FILE, too: one page for a browser, which needs nothing else.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Examine again and again, PERIOD after the last end [default: 10s], and tell what changes.
    #[arg(long, value_name = "PERIOD", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "10s", value_parser = period)]
    pub(crate) watch: Option<Duration>,

    /// Say what CHECK means and where its numbers come from; without CHECK, list all checks.
    #[arg(long, value_name = "CHECK", num_args = 0..=1, default_missing_value = "all")]
    #[arg(exclusive = true)]
    pub(crate) explain: Option<String>,
}

/// How long to wait between two examinations.
fn period(text: &str) -> Result<Duration, String> {
    let period = values::time(text)?;
    if period < PERIOD_MIN {
        return Err("it is too short; at least 1s".to_owned());
    }
    Ok(period)
}

const TARGET_HELP: &str = "What to examine: memcached://ADDRESS, \
redis://[[USER]:PASSWORD@]ADDRESS[/DATABASE] or rediss://…; a configuration FILE, which means all its \
servers; http://ADDRESS, the admin API of a running proxy, which means what it says, its servers and \
its listeners [default: the proxy at `EVENKEEL_ADMIN`, or else 127.0.0.1:9311]";

const AFTER_DOCTOR: &str = "\
Examples:
  evenkeel doctor
  evenkeel doctor evenkeel.toml
  evenkeel doctor http://proxy-3:9311 --token-file token
  evenkeel doctor memcached://10.0.0.1:11211 memcached://10.0.0.2:11211
  EVENKEEL_REDIS_PASSWORD=$(cat password) evenkeel doctor redis://10.0.0.3
  evenkeel doctor --fix redis://10.0.0.3
  evenkeel doctor --json redis://10.0.0.3 | jq .verdict
  evenkeel doctor --html report.html redis://10.0.0.3
  evenkeel doctor --watch=30s memcached://10.0.0.1
  evenkeel doctor --explain serve-slow

It only reads, except for canary keys of its own (evenkeel:doctor:…), which it deletes; and except
for what --fix was told to do.

Exit codes:
  0   healthy
  1   there are warnings
  2   something is critical
  3   something could not be looked at, and nothing is critical; or the arguments are wrong";

/// Each examination is traffic, and opens a dozen connections.
const PERIOD_MIN: Duration = Duration::from_secs(1);
