//! `make faults`: every fault at its full length, and a table of what was measured.
//!
//! `cargo bench -p evenkeel-cli --bench faults -- [NAME…]` runs those named, or all; a name is that
//! of a fault, or of what is tested (`proxy`, `library`, `one-thread`). With `EVENKEEL_FAULTS=short`
//! it does as `make test` does. A table is Markdown, made for docs/failure-modes.md. It ends with a
//! failure if a figure was missed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what it is for")]

use std::env;
use std::panic;
use std::process::ExitCode;

use self::real::{scenario, support};
use self::scenario::measured::Figure;
use self::scenario::{Fault, Length, Scenario, Tested};
use self::support::Flavour;
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
    let chosen = match chosen(&names) {
        Ok(chosen) => chosen,
        Err(unknown) => {
            eprintln!("{unknown}: no such fault; there are {}", known().join(", "));
            return ExitCode::FAILURE;
        }
    };
    println!("{}", machine::description());
    let mut is_met = true;
    for (tested, faults) in chosen {
        let rows: Vec<_> = faults.into_iter().map(|fault| run(tested, fault, length)).collect();
        println!("\nWith {}:\n\n{}", tested.title(), table::markdown(&rows));
        is_met &= rows.iter().all(Row::is_met);
    }
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is tested, each with the faults that have been named, or all that there are; the first name
/// that is none.
fn chosen(names: &[String]) -> Result<Vec<(Tested, Vec<Fault>)>, &String> {
    let known = known();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown);
    }
    let is_named = |name: &str| names.iter().any(|named| named == name);
    let is_fault = |name: &String| TESTED.iter().all(|(_, tested)| name != tested);
    let is_any_fault_named = names.iter().any(is_fault);
    let is_any_tested_named = TESTED.iter().any(|(_, name)| is_named(name));
    let tested = TESTED.iter().filter(|(_, name)| !is_any_tested_named || is_named(name));
    let with_faults = tested.map(|(tested, _)| {
        let faults = Fault::all(*tested).into_iter();
        let faults = faults.filter(|fault| !is_any_fault_named || is_named(fault.name));
        (*tested, faults.collect::<Vec<_>>())
    });
    Ok(with_faults.filter(|(_, faults)| !faults.is_empty()).collect())
}

/// All names, each once.
fn known() -> Vec<&'static str> {
    let mut known: Vec<_> = TESTED.iter().map(|(_, name)| *name).collect();
    for fault in TESTED.iter().flat_map(|(tested, _)| Fault::all(*tested)) {
        if !known.contains(&fault.name) {
            known.push(fault.name);
        }
    }
    known
}

/// Runs a fault; one that cannot be run does not keep the others from it.
fn run(tested: Tested, fault: Fault, length: Length) -> Row {
    eprintln!("{}: {} with {} …", fault.name, fault.title, tested.title());
    let (name, title) = (fault.name, fault.title);
    let result = panic::catch_unwind(|| Scenario::new(tested, fault, length).run()).ok();
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

/// What is tested, by the names on the command line, in the order of docs/failure-modes.md.
const TESTED: [(Tested, &str); 3] = [
    (Tested::Proxy, "proxy"),
    (Tested::Library(Flavour::MultiThread), "library"),
    (Tested::Library(Flavour::CurrentThread), "one-thread"),
];
