//! `make faults`: every fault at its full length, and a table of what was measured.
//!
//! `cargo bench -p evenkeel-cli --bench faults -- [NAME…]` runs those named, or all;
//! with `EVENKEEL_FAULTS=short`, as `make test` does. The table is Markdown, made for
//! docs/failure-modes.md. It ends with a failure if a figure was missed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what it is for")]

use std::env;
use std::panic;
use std::process::ExitCode;

use self::real::{scenario, support};
use self::scenario::measured::Figure;
use self::scenario::{Fault, Length, Scenario};
use self::table::Row;

#[path = "../../tests/real"]
#[expect(unused, reason = "the tests use all of it, this a part")]
mod real {
    pub(crate) mod scenario;

    pub(crate) mod support;
}

mod machine;
mod table;

fn main() -> ExitCode {
    // cargo adds an option of its own.
    let names: Vec<_> = env::args().skip(1).filter(|name| !name.starts_with("--")).collect();
    let length = Length::from_environment(Length::Long);
    let faults = match chosen(&names) {
        Ok(faults) => faults,
        Err(unknown) => {
            let known: Vec<_> = Fault::all().iter().map(|fault| fault.name).collect();
            eprintln!("{unknown}: no such fault; there are {}", known.join(", "));
            return ExitCode::FAILURE;
        }
    };
    let rows: Vec<_> = faults.into_iter().map(|fault| run(fault, length)).collect();
    println!("{}\n\n{}", machine::description(), table::markdown(&rows));
    if rows.iter().all(Row::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The faults with these names, or all; the first name that none has.
fn chosen(names: &[String]) -> Result<Vec<Fault>, &String> {
    if names.is_empty() {
        return Ok(Fault::all());
    }
    names.iter().map(|name| Fault::by_name(name).ok_or(name)).collect()
}

/// Runs a fault; one that cannot be run does not keep the others from it.
fn run(fault: Fault, length: Length) -> Row {
    eprintln!("{}: {} …", fault.name, fault.title);
    let (name, title) = (fault.name, fault.title);
    let result = panic::catch_unwind(|| Scenario::new(fault, length).run()).ok();
    if let Some(measured) = &result {
        for note in measured.missed().map(Figure::line).chain(measured.remark.clone()) {
            eprintln!("  {note}");
        }
        for note in &measured.notes {
            eprintln!("    {note}");
        }
    }
    Row { name, title, result }
}
