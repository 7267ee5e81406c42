//! The arguments of the verbs that ask a running proxy.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use evenkeel_core::event::Order;

use crate::bench::values;

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

/// Watch a running proxy and its servers, and take servers out of use and back.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_TOP)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,
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

/// Take a server out of use, or back into it, or empty it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_SERVER)]
pub(crate) struct ServerArgs {
    #[command(subcommand)]
    pub(crate) order: ServerVerb,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
pub(crate) enum ServerVerb {
    /// Take a server out of use until it is readmitted; its keys go elsewhere.
    #[command(after_help = AFTER_DRAIN)]
    Drain(OrderArgs),
    /// The same, said of a server that something is wrong with.
    #[command(after_help = AFTER_EJECT)]
    Eject(OrderArgs),
    /// Take a drain or an ejection back: it is used as soon as it proves that it works.
    #[command(after_help = AFTER_READMIT)]
    Readmit(OrderArgs),
    /// Empty a server (`flush_all`); it is not used until that is done.
    #[command(after_help = AFTER_FLUSH)]
    Flush(FlushArgs),
}

/// An order about a server.
#[derive(Debug, clap::Args)]
pub(crate) struct OrderArgs {
    /// The server's name, or its address if it has none; `POOL/NAME` if several pools have it.
    pub(crate) name: String,

    /// Wait until it has taken effect.
    #[arg(long)]
    pub(crate) wait: bool,

    /// For how long.
    #[arg(long, value_name = "TIME", default_value = "30s", requires = "wait")]
    #[arg(value_parser = values::time)]
    pub(crate) timeout: Duration,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,
}

/// The order to empty a server.
#[derive(Debug, clap::Args)]
pub(crate) struct FlushArgs {
    #[command(flatten)]
    pub(crate) order: OrderArgs,

    /// Do not ask whether it is meant.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

impl ServerVerb {
    /// Which order, about which server, and how.
    pub(crate) fn order(&self) -> (Order, &OrderArgs) {
        match self {
            Self::Drain(args) => (Order::Drain, args),
            Self::Eject(args) => (Order::Eject, args),
            Self::Readmit(args) => (Order::Readmit, args),
            Self::Flush(args) => (Order::Flush, &args.order),
        }
    }
}

/// Have a running proxy read its configuration again.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_RELOAD)]
pub(crate) struct ReloadArgs {
    #[command(flatten)]
    pub(crate) proxy: ProxyArgs,

    /// Print one JSON object instead of text.
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

const AFTER_TOP: &str = "\
Examples:
  evenkeel top
  evenkeel top --config evenkeel.toml

? shows the keys. Nothing is ordered without a question first.";

const AFTER_EVENTS: &str = "\
Examples:
  evenkeel events
  evenkeel events --follow
  evenkeel events --since 120
  evenkeel events --follow --json | jq -r 'select(.kind == \"state\") | .text'

With --follow it waits for a proxy that is gone, and misses and repeats nothing; a proxy that has
been restarted begins anew with number 0.";

const AFTER_SERVER: &str = "\
Examples:
  evenkeel server drain 10.0.0.1:11211
  evenkeel server readmit --wait 10.0.0.1:11211
  evenkeel server flush sessions/b

Exit codes:
  0   the order is given; with --wait: it has taken effect
  1   it has not taken effect in time, or the proxy does not answer
  2   there is no such server, or several";

const AFTER_DRAIN: &str = "\
Example:
  evenkeel server drain --wait 10.0.0.1:11211";

const AFTER_EJECT: &str = "\
Example:
  evenkeel server eject 10.0.0.1:11211";

const AFTER_READMIT: &str = "\
Example:
  evenkeel server readmit --wait --timeout 1m 10.0.0.1:11211

It has taken effect when the server is up, with all its keys.";

const AFTER_FLUSH: &str = "\
Example:
  evenkeel server flush --yes --wait 10.0.0.1:11211

Everything that the server holds is lost. On a terminal it asks first. A server that is drained is
flushed when it is readmitted, before it is used.";

const AFTER_RELOAD: &str = "\
Examples:
  evenkeel check evenkeel.toml && evenkeel reload
  evenkeel reload --json | jq -r '.faults[]'

Exit codes:
  0   it is in effect, or was already
  1   the proxy does not answer, or runs without a file
  78  the file has faults or cannot be applied; what was in effect still is";
