//! Evenkeel and twemproxy side by side: processor time per request, throughput, latency.
//!
//! Three real memcached servers, before them twemproxy and Evenkeel with one worker each, and a
//! fixed number of requests from one load generator, in turn: first the one, then the other,
//! for several rounds. Machines are noisy; what is quoted are the ratios within a round, with
//! their spread over the rounds. Every answer is checked, and a run with a single wrong, lost or
//! refused answer or a miss is no result.
//!
//! `make bench` runs all of it. `--rounds N` and `--only NAME` (a part of a workload's name)
//! make it shorter, `--no-write` leaves the results file alone. `--calibrate` compares twemproxy
//! with twemproxy: how far the ratios are from 1 then is what the machine adds to them. `--beside
//! BINARY` compares with another build of `evenkeel`: what a change costs.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod markdown;
mod measure;
mod rows;
mod target;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::measure::{Comparison, Measurement};
use self::rows::Row;
use self::target::{Server, Target};

/// What the command line asks for.
struct Options {
    rounds: usize,
    only: String,
    writes_results: bool,
    is_calibration: bool,
    /// Another build of Evenkeel, in the place of twemproxy.
    beside: Option<PathBuf>,
}

fn main() -> ExitCode {
    let result = parse_options().and_then(|options| compare(&options));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let servers = (0..SERVERS).map(|_| Server::start()).collect::<Result<Vec<_>, _>>()?;
    let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
    let peer = match &options.beside {
        Some(binary) => Target::start_evenkeel("the other build", binary, &addresses)?,
        None => Target::start_twemproxy(&addresses)?,
    };
    let evenkeel = if options.is_calibration {
        Target::start_twemproxy(&addresses)?
    } else {
        let binary = env::current_exe()?.with_file_name("evenkeel");
        Target::start_evenkeel("evenkeel", &binary, &addresses)?
    };
    let mut comparisons = Vec::new();
    for row in rows::all() {
        if row.name.contains(&options.only) {
            comparisons.push(compare_row(row, [&peer, &evenkeel], options.rounds)?);
        }
    }
    let text = markdown::render(&comparisons, peer.name, options.rounds);
    println!("\n{text}");
    if options.writes_results && !options.is_calibration && options.beside.is_none() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/twemproxy.md");
        fs::create_dir_all(path.parent().expect("the path has a folder"))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Measures both targets in turn; who begins alternates.
fn compare_row(
    row: Row,
    [peer, evenkeel]: [&Target; 2],
    rounds: usize,
) -> Result<Comparison, Box<dyn Error>> {
    let mut comparison = Comparison { row, peer: Vec::new(), evenkeel: Vec::new() };
    for target in [peer, evenkeel] {
        evenkeel_load::Load::new(&target.endpoint(), &comparison.row.workload).fill()?;
    }
    for round in 0..rounds {
        let measure = |target: &Target, into: &mut Vec<Measurement>| {
            let measurement = Measurement::take(&comparison.row, target)?;
            println!(
                "{}, round {}: {}: {measurement}",
                comparison.row.name,
                round + 1,
                target.name
            );
            into.push(measurement);
            Ok::<(), Box<dyn Error>>(())
        };
        if round % 2 == 0 {
            measure(peer, &mut comparison.peer)?;
            measure(evenkeel, &mut comparison.evenkeel)?;
        } else {
            measure(evenkeel, &mut comparison.evenkeel)?;
            measure(peer, &mut comparison.peer)?;
        }
    }
    Ok(comparison)
}

fn parse_options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        rounds: ROUNDS,
        only: String::new(),
        writes_results: true,
        is_calibration: false,
        beside: None,
    };
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => options.rounds = value()?.parse()?,
            "--only" => options.only = value()?,
            "--no-write" => options.writes_results = false,
            "--calibrate" => options.is_calibration = true,
            "--beside" => options.beside = Some(value()?.into()),
            _ => return Err(format!("{argument}: {USAGE}").into()),
        }
    }
    if options.rounds == 0 {
        return Err("--rounds 0 compares nothing".into());
    }
    Ok(options)
}

const USAGE: &str = "--rounds N, --only NAME, --no-write, --calibrate, --beside BINARY";
const SERVERS: usize = 3;
const ROUNDS: usize = 7;
