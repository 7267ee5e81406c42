//! One fault under a load, from a healthy start to the service after it.
//!
//! [`fault`] says what each fault is and what is asked of us; [`Scenario`] runs one;
//! [`measured`] says what it came to. The short tests and `make faults` share all of it.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::Load;

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

/// A fault that is to happen to three servers behind the proxy, with its default configuration.
pub(crate) struct Scenario {
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
    pub(crate) fn new(fault: Fault, length: Length) -> Self {
        Self { fault, length }
    }

    /// Runs it from beginning to end.
    pub(crate) fn run(self) -> Measured {
        let wall_clock = WallClock::read();
        let mut stage = Stage::start(self.fault.reach);
        let load = Load::start(&stage.cluster);
        let arrivals = ArrivalMeter::start(&stage.cluster);
        let began_at = Instant::now();
        thread::sleep(self.length.healthy());
        let broke_at = Instant::now();
        stage.inflict(&self.fault.trouble, self.length);
        let mended_at = Instant::now();
        thread::sleep(self.length.after());
        let arrivals = arrivals.stop();
        let report = load.stop();
        let transitions = wall_clock.transitions(&stage.cluster.proxy().output());
        let course = Course { began_at, broke_at, mended_at };
        let is_running = stage.cluster.proxy().is_running();
        assert!(is_running, "the proxy ended:\n{}", stage.cluster.proxy().output());
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

/// Waits until then; a moment that has passed is not waited for.
fn sleep_until(at: Instant) {
    thread::sleep(at.saturating_duration_since(Instant::now()));
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
