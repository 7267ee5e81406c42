//! The arguments of `evenkeel lab`.

use clap::value_parser;

use crate::lab_config::Ports;

/// Break servers and watch: a cache tier with a proxy, applications that use it, and a prompt.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_LAB)]
pub(crate) struct LabArgs {
    /// What to do without being asked; without it commands are read.
    #[arg(value_enum)]
    pub(crate) show: Option<Show>,

    #[command(flatten)]
    pub(crate) ports: PortArgs,

    /// Requests a second of all applications together.
    #[arg(long, value_name = "N", default_value_t = 400)]
    #[arg(value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) rate: u32,
}

/// What a lab does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Show {
    /// Break and heal one server after the other, in a minute.
    Demo,
}

/// Where to listen on 127.0.0.1.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct PortArgs {
    /// The port of the proxy; 0 is any free one.
    #[arg(long, value_name = "PORT", default_value_t = Ports::DEFAULT.listener)]
    pub(crate) port: u16,

    /// The port of the page and the admin API; 0 is any free one.
    #[arg(long, value_name = "PORT", default_value_t = Ports::DEFAULT.admin)]
    pub(crate) admin_port: u16,
}

impl From<PortArgs> for Ports {
    fn from(args: PortArgs) -> Self {
        Self { listener: args.port, admin: args.admin_port }
    }
}

const AFTER_LAB: &str = "\
Examples:
  evenkeel lab                 then type: crash b, heal b, stop c, help
  evenkeel lab demo            break and heal one after the other, and end
  evenkeel lab < script.txt    commands, one a line, with `wait 5s` and `wait b down` between
  evenkeel lab --port 0 --admin-port 0

Applications check every value they read against what they last wrote.

Exit codes:
  0   done; errors of requests are figures like others
  1   it failed while it ran, or a script waited in vain
  2   the arguments or a line of the script are wrong
  3   an answer was wrong
  130 a second Ctrl-C ended it at once

All commands: docs/lab.md";
