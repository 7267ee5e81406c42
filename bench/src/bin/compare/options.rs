//! What the command line asks for.

use std::error::Error;
use std::path::PathBuf;

use crate::peer::Peer;

/// The options of one run.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    /// Parts of the names of the rows to be run; none: all.
    pub(crate) only: Vec<String>,
    /// Who is compared; none: everybody, and Evenkeel with itself.
    pub(crate) peers: Vec<Peer>,
    pub(crate) writes_results: bool,
    pub(crate) kind: Kind,
}

/// What is compared with what.
pub(crate) enum Kind {
    /// Evenkeel with everybody else, and with itself where it is set up otherwise.
    Full,
    /// twemproxy with twemproxy: what the machine adds to the ratios.
    Calibration,
    /// Evenkeel with another build of it: what a change costs.
    Beside(PathBuf),
}

impl Options {
    /// Reads the arguments, without the program's name.
    pub(crate) fn parse(
        mut arguments: impl Iterator<Item = String>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            rounds: ROUNDS,
            only: Vec::new(),
            peers: Vec::new(),
            writes_results: true,
            kind: Kind::Full,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only.push(value()?),
                "--peers" => options.peers = parse_peers(&value()?)?,
                "--no-write" => options.writes_results = false,
                "--calibrate" => options.kind = Kind::Calibration,
                "--beside" => options.kind = Kind::Beside(value()?.into()),
                _ => return Err(format!("{argument} is no option; {USAGE}").into()),
            }
        }
        if options.rounds == 0 {
            return Err("--rounds 0 compares nothing".into());
        }
        options.writes_results &= options.is_full();
        Ok(options)
    }

    /// Is the row with this name to be run?
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }

    /// Results are kept of runs of everything only.
    fn is_full(&self) -> bool {
        matches!(self.kind, Kind::Full) && self.only.is_empty() && self.peers.is_empty()
    }
}

fn parse_peers(list: &str) -> Result<Vec<Peer>, String> {
    list.split(',')
        .map(|name| {
            let known = Peer::PROXIES.into_iter().find(|peer| peer.name() == name);
            known.ok_or(format!("{name} is no peer; {USAGE}"))
        })
        .collect()
}

const USAGE: &str = "--rounds N, --only PART_OF_A_NAME (may be repeated), --no-write, --calibrate, \
    --beside BINARY, --peers LIST (of evenkeel,twemproxy,forwarder,haproxy,direct; ratios are to \
    the first)";
const ROUNDS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options, Box<dyn Error>> {
        Options::parse(arguments.iter().map(ToString::to_string))
    }

    #[test]
    fn only_a_run_of_everything_is_kept() {
        assert!(parse(&["--rounds", "3"]).unwrap().writes_results);
        for arguments in [
            &["--no-write"][..],
            &["--only", "1,000"],
            &["--peers", "twemproxy,evenkeel"],
            &["--calibrate"],
            &["--beside", "target/release/evenkeel"],
        ] {
            assert!(!parse(arguments).unwrap().writes_results, "{arguments:?}");
        }
    }

    #[test]
    fn rows_are_picked_by_any_part_of_their_names() {
        let options = parse(&["--only", "pipelines", "--only", "1,000"]).unwrap();
        assert!(options.wants("50 connections, pipelines of 16"));
        assert!(options.wants("1,000 connections, no pipelining"));
        assert!(!options.wants("1 connection, no pipelining"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for arguments in [
            &["--rounds", "0"][..],
            &["--rounds", "x"],
            &["--rounds"],
            &["--peers", "somebody"],
            &["--peers", ""],
            &["--fast"],
        ] {
            assert!(parse(arguments).is_err(), "{arguments:?}");
        }
    }
}
