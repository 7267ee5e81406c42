//! Instructions per request, stage by stage, held to a baseline.
//!
//! Times waver on a busy machine; the number of instructions that a piece of code takes does not.
//! So every stage of a request's way through core is run under valgrind's callgrind, and compared
//! with what it took before: `bench/results/instructions.md`. A stage that has become dearer fails
//! the gate, and so does one that has become so much cheaper that the baseline holds nothing any
//! more.
//!
//! `make instructions` compares, `make instructions-accept` writes a new baseline.
//!
//! # How it counts
//! The program starts itself under callgrind with `--measured`. There it runs stage after stage
//! ([`stage`]), and callgrind collects only inside [`meter::counted`], and writes what it has at
//! each [`meter::end_of_stage`]. What a stage needs before and beside it costs nothing.
//!
//! # What it never does
//! Count the kernel's work, the sockets' or the allocator's choice of addresses: instructions are
//! a part of the time that a request takes, not its measure (docs/performance.md).
//!
//! # Rejected alternatives
//! - A test under nextest: it would count code that is hardly optimised, or start cargo itself.
//! - A benchmark of core: building one builds core's tests' dependencies in release, too.
//! - gungraun: it does the same and more, for a second program to install and forty crates.
//! - `perf stat`: the counters of the processor are not there on most virtual machines.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod traffic;

mod driver;

mod meter;

mod stage;

mod callgrind;

mod baseline;

mod verdict;

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use self::baseline::Baseline;
use self::verdict::Verdict;

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        [] => compare(),
        ["--accept"] => accept().map(|()| ExitCode::SUCCESS),
        [callgrind::MEASURED] => {
            stage::run_all();
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(USAGE.into()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("instructions: {error}");
        ExitCode::FAILURE
    })
}

fn compare() -> Result<ExitCode, Box<dyn Error>> {
    if env::consts::ARCH != "x86_64" {
        println!("instructions: not compared, the baseline is of x86_64");
        return Ok(ExitCode::SUCCESS);
    }
    let tools = baseline::tools()?;
    let baseline = Baseline::read(&baseline_path())?;
    let verdict = Verdict::new(&baseline, &tools, &callgrind::count()?);
    print!("{verdict}");
    Ok(if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn accept() -> Result<(), Box<dyn Error>> {
    let baseline = Baseline { tools: baseline::tools()?, counts: callgrind::count()? };
    let path = baseline_path();
    baseline.write(&path)?;
    println!("instructions: {} written", path.display());
    Ok(())
}

fn baseline_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/results/instructions.md")
}

const USAGE: &str = "usage: instructions [--accept]";
