//! The arguments of every verb, and the text of `--help`.

mod admin;
mod bench;
mod doctor;
mod import;

mod lab;

mod verify_map;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use evenkeel_core::config::{ListenerName, Operation, PoolName};

use crate::lab_config::Ports;

pub(crate) use admin::{
    AdminArgs, EventsArgs, OrderArgs, ProxyArgs, ReloadArgs, ServerArgs, ServerVerb, StatusArgs,
    TopArgs,
};
pub(crate) use bench::BenchArgs;
pub(crate) use doctor::DoctorArgs;
pub(crate) use import::ImportArgs;
pub(crate) use lab::{LabArgs, Show};
pub(crate) use verify_map::VerifyMapArgs;

/// A memcached proxy that keeps a cache useful while its servers fail.
#[derive(Debug, Parser)]
#[command(name = "evenkeel", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Run(RunArgs),
    Check(CheckArgs),
    Import(ImportArgs),
    Route(RouteArgs),
    VerifyMap(VerifyMapArgs),
    Status(StatusArgs),
    Top(TopArgs),
    Events(EventsArgs),
    Server(ServerArgs),
    Reload(ReloadArgs),
    Doctor(DoctorArgs),
    Bench(Box<BenchArgs>),
    Completions(CompletionsArgs),
    Man(ManArgs),
    Lab(LabArgs),
    Version(VersionArgs),
}

/// Start the proxy; without FILE, a cache tier to try it on as well.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_RUN)]
pub(crate) struct RunArgs {
    /// The configuration (TOML). Without it three servers are started on loopback, and a proxy
    /// before them.
    pub(crate) file: Option<PathBuf>,

    /// Where to keep what was good last of FILE: it is used if FILE has faults at the next start.
    /// systemd's `StateDirectory=` says it, too.
    #[arg(long, value_name = "DIR", env = "EVENKEEL_STATE_DIRECTORY", requires = "file")]
    state_directory: Option<PathBuf>,

    /// Without FILE: the port of the proxy; 0 is any free one [default: 11311].
    #[arg(long, value_name = "PORT", conflicts_with = "file")]
    port: Option<u16>,

    /// Without FILE: the port of the page and the admin API; 0 is any free one [default: 9311].
    #[arg(long, value_name = "PORT", conflicts_with = "file")]
    admin_port: Option<u16>,
}

impl RunArgs {
    /// Without a file, and without a directory for anything.
    pub(crate) fn without_file() -> Self {
        Self { file: None, state_directory: None, port: None, admin_port: None }
    }

    /// Where to listen without a file.
    pub(crate) fn ports(&self) -> Ports {
        Ports {
            listener: self.port.unwrap_or(Ports::DEFAULT.listener),
            admin: self.admin_port.unwrap_or(Ports::DEFAULT.admin),
        }
    }

    /// Where to keep what was good last, if there is such a place.
    pub(crate) fn state_directory(&self) -> Option<PathBuf> {
        self.state_directory.clone().or_else(|| {
            // systemd gives all of them, parted by colons.
            let all = std::env::var_os("STATE_DIRECTORY")?;
            let first = all.as_bytes().split(|byte| *byte == b':').next()?;
            (!first.is_empty()).then(|| OsStr::from_bytes(first).into())
        })
    }
}

/// Print everything that is wrong with a configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_CHECK)]
pub(crate) struct CheckArgs {
    /// The configuration (TOML).
    pub(crate) file: PathBuf,

    /// Say as well what FILE changes for a proxy that runs with this one.
    #[arg(long, value_name = "OLD")]
    pub(crate) against: Option<PathBuf>,

    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say which server a key belongs to, why, and where it goes if that one fails.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_ROUTE, override_usage = ROUTE_USAGE)]
pub(crate) struct RouteArgs {
    /// The configuration (TOML). Every other argument is then a key, whatever it ends in.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The pool, whatever routes say of the keys: they are as its servers know them.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["listener", "operation"])]
    pub(crate) pool: Option<PoolName>,

    /// The listener, if they differ in where keys go.
    #[arg(long, value_name = "NAME")]
    pub(crate) listener: Option<ListenerName>,

    /// What is to be done with the keys, if routes tell operations apart: get, set, delete, touch
    /// or arithmetic [default: get].
    #[arg(long, value_name = "OPERATION")]
    pub(crate) operation: Option<Operation>,

    /// Print one JSON object a line instead of text.
    #[arg(long)]
    pub(crate) json: bool,

    /// Ask a running proxy where the keys go at this moment.
    #[arg(long)]
    pub(crate) live: bool,

    #[command(flatten)]
    pub(crate) admin: AdminArgs,

    /// The keys, after the configuration FILE if the first argument ends in `.toml`. Without one
    /// they are routed in the pool that `evenkeel run` starts by itself.
    #[arg(required = true, value_name = "KEY")]
    pub(crate) file_and_keys: Vec<OsString>,
}

/// Print what a shell needs to complete the arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    pub(crate) shell: Shell,
}

/// Print the manual page, or write those of all verbs.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_MAN)]
pub(crate) struct ManArgs {
    /// The folder that they are written to. Without it the page of `evenkeel` is printed.
    pub(crate) dir: Option<PathBuf>,
}

/// Print the version.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_VERSION)]
pub(crate) struct VersionArgs {
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

const ROUTE_USAGE: &str = "evenkeel route [OPTIONS] [FILE] KEY...";

const AFTER_HELP: &str = "\
Without a verb: as `evenkeel run`.

Examples:
  evenkeel                            try it: three servers and a proxy on loopback
  evenkeel check evenkeel.toml        is the configuration good?
  evenkeel run evenkeel.toml          start the proxy
  evenkeel import nutcracker.yml      make a configuration of another proxy's
  evenkeel route evenkeel.toml user:1 which server has this key?
  evenkeel verify-map evenkeel.toml   are the keys there? (before a switch)
  evenkeel status                     is all well?
  evenkeel top                        watch it
  evenkeel doctor memcached://10.0.0.1 what is wrong with a server?
  evenkeel bench localhost:11211      how fast is it?
  evenkeel lab                        break servers, and watch

Exit codes:
  0   done
  1   it failed while it ran; status: something is not well; doctor: there are warnings;
      verify-map: keys would miss; import: there is something to look at
  2   the arguments are wrong; doctor: something is critical; import: there is nothing to import
  3   bench, lab: an answer was wrong; doctor, verify-map: it could not look
  78  the configuration cannot be read, has faults, or was refused
  130 a second Ctrl-C ended it at once; bench: the first did

Every setting of the configuration: docs/configuration.md";

const AFTER_RUN: &str = "\
Examples:
  evenkeel run                three servers and a proxy on loopback, to try it
  evenkeel run evenkeel.toml  what the configuration says

It runs until it is told to stop (Ctrl-C, SIGTERM). It reads FILE again when that changes, on SIGHUP,
and when the admin API is asked to; one with faults changes nothing.";

const AFTER_CHECK: &str = "\
Examples:
  evenkeel check evenkeel.toml
  evenkeel check --against evenkeel.toml new.toml && mv new.toml evenkeel.toml

All faults are printed, each as FILE:LINE:COLUMN with what to do about it.
It exits with 0 if there is none, with 78 if there are some or the file cannot be read.";

const AFTER_ROUTE: &str = "\
Examples:
  evenkeel route user:1 user:2             in the pool of `evenkeel run` without FILE
  evenkeel route evenkeel.toml user:1
  evenkeel route --pool sessions evenkeel.toml user:1
  evenkeel route --json --config evenkeel.toml user:1 | jq -r .home
  evenkeel route --live user:1

No server is asked: this is where keys belong while all servers are well. With --live (or --admin)
the running proxy says where they go now: its address is --admin's, or FILE's.";

const AFTER_COMPLETIONS: &str = "\
Examples:
  evenkeel completions bash > /etc/bash_completion.d/evenkeel
  evenkeel completions fish > ~/.config/fish/completions/evenkeel.fish";

const AFTER_MAN: &str = "\
Examples:
  evenkeel man | man -l -
  evenkeel man /usr/local/share/man/man1";

const AFTER_VERSION: &str = "\
Example:
  evenkeel version";
