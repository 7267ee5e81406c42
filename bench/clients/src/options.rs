//! What the command line asks for.

use std::error::Error;

/// The options of one run.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// Parts of the names of the rows to be run; none: all.
    only: Vec<String>,
    pub(crate) writes_results: bool,
}

impl Options {
    /// Reads the arguments, without the program's name.
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { rounds: ROUNDS, only: Vec::new(), writes_results: true };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only.push(value()?),
                "--no-write" => options.writes_results = false,
                _ => return Err(format!("{argument} is no option; {USAGE}").into()),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds 0 compares nothing".into());
        }
        // Results are kept of runs of everything only.
        options.writes_results &= options.only.is_empty();
        Ok(options)
    }

    /// Is the row with this name to be run?
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }
}

const USAGE: &str = "--rounds N, --only PART_OF_A_NAME (may be repeated), --no-write";
const ROUNDS: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Box<dyn Error>> {
        Options::parse(arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn only_a_run_of_everything_is_kept() {
        assert!(parse(&["--rounds", "3"]).unwrap().writes_results);
        assert!(!parse(&["--no-write"]).unwrap().writes_results);
        assert!(!parse(&["--only", "16 tasks"]).unwrap().writes_results);
    }

    #[test]
    fn rows_are_picked_by_any_part_of_their_names() {
        let options = parse(&["--only", "64 tasks", "--only", "100 keys"]).unwrap();
        assert!(options.wants("64 tasks, gets, one thread"));
        assert!(options.wants("1 task, gets of 100 keys, two threads"));
        assert!(!options.wants("1 task, gets and sets, one thread"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [&["--rounds", "0"][..], &["--rounds", "x"], &["--rounds"], &["--fast"]] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
