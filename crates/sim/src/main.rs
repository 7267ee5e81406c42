//! Runs seeds and says which of them break a promise.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it says is what it is for")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_sim::world::Totals;
use evenkeel_sim::{Options, Verdict, World};

const USAGE: &str = "\
Runs the simulator on many seeds, and says which of them break a promise.

usage: evenkeel-sim [--seeds LEN] [--start SEED] [--callers | --sessions]
       evenkeel-sim --seed SEED [--trace] [--callers | --sessions]

  --seeds LEN   how many seeds to run (default 500)
  --start SEED  the first of them (default 0)
  --seed SEED   run this one seed
  --trace       print everything that happens in it
  --callers     let every application make calls; --sessions: none. Otherwise the seed decides
";

/// The seed that is running, for the message of a panic.
static RUNNING: AtomicU64 = AtomicU64::new(0);

/// What to run.
struct Arguments {
    start: u64,
    len: u64,
    is_traced: bool,
    way: Way,
}

/// How applications ask.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As the seed has it.
    Drawn,
    /// All by calls.
    Calls,
    /// All by sessions.
    Sessions,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(message) => {
            eprintln!("{message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let way = arguments.way;
    std::panic::set_hook(Box::new(move |info| {
        let seed = RUNNING.load(Ordering::Relaxed);
        eprintln!("seed {seed} FAILED: {info}\n{}", how_to_reproduce(seed, way));
    }));
    if run_all(&arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { start: 0, len: 500, is_traced: false, way: Way::Drawn };
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words.next().ok_or(format!("{word} wants a number"))?;
            value.parse().map_err(|error| format!("{word} {value}: {error}"))
        };
        match word.as_str() {
            "--seeds" => arguments.len = number()?,
            "--start" => arguments.start = number()?,
            "--seed" => (arguments.start, arguments.len) = (number()?, 1),
            "--trace" => arguments.is_traced = true,
            "--callers" => arguments.way = Way::Calls,
            "--sessions" => arguments.way = Way::Sessions,
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(arguments)
}

/// Runs all seeds; true if none broke a promise.
fn run_all(arguments: &Arguments) -> bool {
    let mut totals = Totals::default();
    let mut failed = Vec::new();
    for (done, seed) in (1..).zip(arguments.start..arguments.start.saturating_add(arguments.len)) {
        let verdict = run_one(seed, arguments);
        totals += verdict.totals;
        if let Some(violation) = &verdict.violation {
            println!("seed {seed} FAILED: {violation}\n{}", how_to_reproduce(seed, arguments.way));
            failed.push(seed);
        }
        if done % PROGRESS_SEEDS == 0 {
            println!("{done} of {} seeds, {} failed", arguments.len, failed.len());
        }
    }
    println!("{} seeds, {} failed; {totals}", arguments.len, failed.len());
    failed.is_empty()
}

fn run_one(seed: u64, arguments: &Arguments) -> Verdict {
    RUNNING.store(seed, Ordering::Relaxed);
    let mut options = Options::drawn(seed);
    match arguments.way {
        Way::Drawn => {}
        Way::Calls => options.callers_len = options.applications_len,
        Way::Sessions => options.callers_len = 0,
    }
    if !arguments.is_traced {
        return evenkeel_sim::run(seed, options);
    }
    println!("{options:#?}");
    World::new(seed, options, Some(Box::new(|line| println!("{line}")))).run()
}

fn how_to_reproduce(seed: u64, way: Way) -> String {
    let way = match way {
        Way::Drawn => "",
        Way::Calls => " --callers",
        Way::Sessions => " --sessions",
    };
    format!("  reproduce: cargo run -p evenkeel-sim --release -- --seed {seed} --trace{way}")
}

/// How often it says how far it is.
const PROGRESS_SEEDS: u64 = 100;
