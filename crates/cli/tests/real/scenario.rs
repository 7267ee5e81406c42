//! One fault under a load, from a healthy start to the service after it.
//!
//! [`fault`] says what each fault is and what is asked of us; [`Scenario`] runs one;
//! [`measured`] says what it came to. The short tests and `make faults` share all of it.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Flavour, Load};

use self::arrivals::ArrivalMeter;
pub(crate) use self::fault::{Fault, Length};
use self::measured::Evidence;
pub(crate) use self::measured::Measured;
use self::stage::Stage;
use self::transitions::WallClock;

mod fault;

mod stage;

mod transitions;

mod arrivals;

pub(crate) mod measured;

/// What is under test, in its default configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tested {
    Proxy,
    Library(Flavour),
}

/// A fault that is to happen to three servers behind what is under test.
pub(crate) struct Scenario {
    tested: Tested,
    fault: Fault,
    length: Length,
}

/// The moments of a run.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_field_names, reason = "a moment is named so everywhere")]
struct Course {
    /// When the load began.
    began_at: Instant,
    /// When the fault began.
    broke_at: Instant,
    /// When the servers were as before, by themselves.
    mended_at: Instant,
}

impl Scenario {
    /// This fault, for so long.
    pub(crate) fn new(tested: Tested, fault: Fault, length: Length) -> Self {
        Self { tested, fault, length }
    }

    /// Runs it from beginning to end.
    pub(crate) fn run(self) -> Measured {
        let wall_clock = WallClock::read();
        let mut stage = Stage::start(self.tested, self.fault.reach);
        let load = Load::start(&stage.subject, &stage.servers);
        let arrivals = ArrivalMeter::start(&stage.servers);
        let began_at = Instant::now();
        thread::sleep(self.length.healthy());
        let broke_at = Instant::now();
        stage.inflict(&self.fault.trouble, self.length);
        let mended_at = Instant::now();
        thread::sleep(self.length.after());
        let arrivals = arrivals.stop();
        let report = load.stop();
        let transitions = transitions::of(&mut stage.subject, wall_clock);
        let course = Course { began_at, broke_at, mended_at };
        let evidence = Evidence {
            length: self.length,
            course,
            faulty: &stage.faulty(&self.fault.trouble),
            report: &report,
            transitions: &transitions,
            arrivals: &arrivals,
        };
        Measured::new(&self.fault, &evidence, stage.remark)
    }
}

impl Tested {
    /// In a few words.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Proxy => "the proxy",
            Self::Library(Flavour::MultiThread) => "the library on a runtime of two threads",
            Self::Library(Flavour::CurrentThread) => "the library on a runtime of one thread",
        }
    }
}

/// Waits until then; a moment that has passed is not waited for.
fn sleep_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
