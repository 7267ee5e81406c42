//! Evenkeel's client library beside other client libraries, inside one process.
//!
//! Three real memcached servers of one thread each and a redis-server; and each library
//! works for some time in turn, for many rounds. Who begins rotates. Machines are
//! noisy: what is quoted are the ratios within a round, with their spread over the rounds. Every
//! value is checked, byte for byte. A miss or an error is no result: the round is begun again. A
//! wrong value ends the run.
//!
//! `make bench-clients` runs all of it, in some four minutes once it is built, and writes
//! bench/results/clients.md. `--rounds N` and `--only PART_OF_A_NAME` make it shorter or longer;
//! only a run of everything is written, and `--no-write` leaves the file alone.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod options;

mod rows;

mod stage;

mod comparison;

mod measure;

mod work;

mod client;

mod clients;

mod items;

mod page;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use self::comparison::Comparison;
use self::options::Options;
use self::stage::Stage;

fn main() -> ExitCode {
    let result = Options::parse(env::args().skip(1)).and_then(|options| compare(&options));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clients: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One line of progress.
pub(crate) fn say(text: &str) {
    println!("{text}");
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let stage = Stage::set()?;
    let mut comparisons = Vec::new();
    for row in rows::rows().into_iter().filter(|row| options.wants(row.name)) {
        comparisons.push(Comparison::make(row, &stage, options.rounds)?);
    }
    let page = page::render(&comparisons, options.rounds);
    println!("\n{page}");
    if options.writes_results {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results");
        fs::write(folder.join("clients.md"), page)?;
    }
    Ok(())
}
