//! The `evenkeel` command: arguments in, terminal text out.
//!
//! Each verb is a module with a function that does it; what went wrong is a [`Failure`], which
//! knows its sentence and its exit code. Nothing here decides about keys, servers or protocols.

mod args;

mod run;

mod check;

mod bench;

mod explanation;
mod route;

mod status;

mod top;

mod events;

mod server;

mod reload;

mod doctor;

mod completions;
mod man;

mod lab;

mod version;

mod admin;

mod paper;
mod text;

mod figures;

mod lab_config;

mod log;
mod service;
mod signals;

mod source;

mod failure;

#[cfg(test)]
mod samples;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, RunArgs, Verb};
use failure::Failure;

fn main() -> ExitCode {
    match perform(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn perform(args: Args) -> Result<(), Failure> {
    match args.verb {
        None => run::run(&RunArgs::without_file())?,
        Some(Verb::Run(args)) => run::run(&args)?,
        Some(Verb::Check(args)) => check::check(&args)?,
        Some(Verb::Route(args)) => route::route(args)?,
        Some(Verb::Bench(args)) => bench::bench(&args)?,
        Some(Verb::Status(args)) => status::status(&args)?,
        Some(Verb::Top(args)) => top::top(&args)?,
        Some(Verb::Events(args)) => events::events(&args)?,
        Some(Verb::Server(args)) => server::server(&args)?,
        Some(Verb::Reload(args)) => reload::reload(&args)?,
        Some(Verb::Doctor(args)) => doctor::doctor(&args)?,
        Some(Verb::Completions(args)) => completions::completions(&args)?,
        Some(Verb::Man(args)) => man::man(&args)?,
        Some(Verb::Lab(args)) => lab::lab(&args)?,
        Some(Verb::Version(args)) => version::version(&args)?,
    }
    Ok(())
}
