//! The stages, each run often enough that what varies from request to request evens out.

use std::fmt;
use std::hint::black_box;
use std::str::FromStr;

use evenkeel_core::protocol::{ParseLimits, Parsed, parse_request};

use crate::driver::{Driver, Step, distribution};
use crate::meter::{counted, end_of_stage};
use crate::traffic::{KeyNumbers, Kind, TRAFFIC};

/// A stage, and what it is run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StageName {
    /// One word.
    pub(crate) stage: String,
    /// Requests, servers or traffic.
    pub(crate) of: String,
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage, self.of)
    }
}

impl FromStr for StageName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (stage, of) = text.split_once(": ").ok_or(())?;
        Ok(Self { stage: stage.into(), of: of.into() })
    }
}

/// Runs every stage, and says of each how often it was run and what it is called.
pub(crate) fn run_all() {
    parse("get", Kind::Get);
    parse("get of 24 keys", Kind::GetOfMany);
    parse("set", Kind::Set);
    parse("mg", Kind::MetaGet);
    route("3 servers", 3);
    route("40 servers", 40);
    for traffic in TRAFFIC {
        let mut driver = Driver::new(traffic);
        driver.warm_up();
        for (stage, steps) in STEPS {
            let requests_len = driver.count(steps);
            end(stage, traffic.name, requests_len);
        }
    }
}

const STEPS: [(&str, &[Step]); 5] = [
    ("enqueue", &[Step::Enqueue]),
    ("match", &[Step::Match]),
    ("write", &[Step::Write]),
    ("turn", &[Step::Turn]),
    ("whole", &[Step::Enqueue, Step::Match, Step::Write, Step::Turn]),
];

/// How often the stages are run that are no more than a function.
const RUNS: usize = 1000;

fn parse(of: &str, kind: Kind) {
    let mut keys = KeyNumbers::default();
    let mut requests = vec![Vec::new(); RUNS];
    for request in &mut requests {
        kind.write(&mut keys, request);
    }
    let limits = ParseLimits::default();
    counted(|| {
        for request in &requests {
            let parsed = parse_request(black_box(request), 0, &limits);
            assert!(matches!(black_box(parsed), Parsed::Request { .. }));
        }
    });
    end("parse", of, RUNS);
}

fn route(of: &str, servers_len: u16) {
    let distribution = distribution(servers_len);
    let mut keys = KeyNumbers::default();
    let keys: Vec<_> = (0..RUNS).map(|_| keys.key()).collect();
    counted(|| {
        for key in &keys {
            black_box(distribution.home(black_box(key.as_bytes())));
        }
    });
    end("route", of, RUNS);
}

fn end(stage: &str, of: &str, runs: usize) {
    end_of_stage();
    println!("{runs} {}", StageName { stage: stage.into(), of: of.into() });
}
