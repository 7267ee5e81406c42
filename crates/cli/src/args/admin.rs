//! The arguments of the verbs that ask a running proxy.

use std::path::PathBuf;

/// Which proxy is asked.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AdminArgs {
    /// Where its admin server listens [default: `EVENKEEL_ADMIN`, or else 127.0.0.1:9311].
    #[arg(long, value_name = "ADDRESS", help_heading = WHICH)]
    pub(crate) admin: Option<String>,

    /// The file of the token that it asks for [default: `EVENKEEL_TOKEN_FILE`].
    #[arg(long, value_name = "FILE", help_heading = WHICH)]
    pub(crate) token_file: Option<PathBuf>,
}

/// The same for verbs that read no configuration otherwise.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProxyArgs {
    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    /// Its configuration (TOML), which says both.
    #[arg(long, value_name = "FILE", conflicts_with = "admin", help_heading = WHICH)]
    pub(crate) config: Option<PathBuf>,
}

/// Print how a running proxy and its servers are; exit with 1 if something is not well.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_STATUS)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print what has happened to servers, and what happens to them.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_EVENTS)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,

    /// Go on with what happens from now on, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Begin with the event of this number [default: the oldest that is kept].
    #[arg(long, value_name = "N")]
    pub(crate) since: Option<u64>,

    /// Print one JSON object a line instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

const WHICH: &str = "Which proxy";

const AFTER_STATUS: &str = "\
Examples:
  evenkeel status
  evenkeel status --admin proxy-3:9311 --token-file token
  evenkeel status --config evenkeel.toml || page-somebody
  evenkeel status --json | jq '.pools[].servers[] | {name, state, reason}'

All is well if every server is up and is sent writes, and the last reload was not refused.

Exit codes:
  0   all is well
  1   something is not, or the proxy does not answer";

const AFTER_EVENTS: &str = "\
Examples:
  evenkeel events
  evenkeel events --follow
  evenkeel events --since 120
  evenkeel events --follow --json | jq -r 'select(.kind == \"state\") | .text'

With --follow it waits for a proxy that is gone, and misses and repeats nothing; a proxy that has
been restarted begins anew with number 0.";
