//! The `evenkeel` command: arguments in, terminal text out.
//!
//! Each verb is a module with a function that does it; what went wrong is a [`Failure`], which
//! knows its sentence and its exit code. Nothing here decides about keys, servers or protocols.

mod args;

mod run;

mod check;

mod import;

mod bench;

mod explanation;
mod route;

mod verify_map;

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
mod keys;

mod lab_config;

mod log;
mod service;
mod signals;

mod source;

mod failure;

#[cfg(test)]
mod samples;

use std::env;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, RunArgs, Verb};
use failure::{EXIT_NOT_EXAMINED, Failure};

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    match perform(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Says what is wrong with the arguments, or what they ask clap for (`--help`).
fn refuse(error: &clap::Error) -> ExitCode {
    // With the output gone there is nobody left to tell.
    let _ = error.print();
    let is_doctor = || env::args_os().nth(1).is_some_and(|verb| verb == "doctor");
    match u8::try_from(error.exit_code()) {
        // 1 and 2 are what it says of servers.
        Ok(1..) if is_doctor() => ExitCode::from(EXIT_NOT_EXAMINED),
        Ok(code) => ExitCode::from(code),
        Err(_) => ExitCode::FAILURE,
    }
}

fn perform(args: Args) -> Result<(), Failure> {
    match args.verb {
        None => run::run(&RunArgs::without_file())?,
        Some(Verb::Run(args)) => run::run(&args)?,
        Some(Verb::Check(args)) => check::check(&args)?,
        Some(Verb::Import(args)) => import::import(&args)?,
        Some(Verb::Route(args)) => route::route(args)?,
        Some(Verb::VerifyMap(args)) => verify_map::verify_map(&args)?,
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
