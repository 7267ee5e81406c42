//! The faults: what breaks, for how long, and what is asked of us.

use std::env;
use std::time::Duration;

use evenkeel_lab::Fault as RelayFault;

use crate::support::{Flavour, Threads};

use super::stage::BLOCK_DURATION;
use super::{Tested, millis};

/// A fault and what is asked of us when it happens.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// One word, to name it on a command line.
    pub(crate) name: &'static str,
    /// What happens, in a few words.
    pub(crate) title: &'static str,
    pub(crate) reach: Reach,
    pub(crate) trouble: Trouble,
    pub(crate) bounds: Bounds,
}

/// How the server that is to break is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Direct,
    /// Through a relay.
    Relay,
    /// Through a router that can lose packets.
    Network,
}

/// What breaks.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// `kill -9` of the first server, and a new start without its items.
    KillOne,
    /// The same with all servers.
    KillAll,
    /// `SIGSTOP`, then `SIGCONT`, on the first server.
    Hang,
    /// The same on the proxy, or on the process that the library is in.
    HangSubject,
    /// Tasks block threads of the library's runtime for a second, over and over.
    Block(Threads),
    /// Packets to and from the first server are lost.
    LosePackets,
    /// The relay before the first server does this.
    Relay(RelayFault),
    /// The relay refuses and forwards in turn.
    Flap,
}

/// How long a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// As `make test` has it of the library: what it shares with the proxy is tested there.
    Brief,
    /// As `make test` has it of the proxy: seconds, so that all faults fit in minutes.
    Short,
    /// As the figures are asked for: the fault, and twenty seconds after it.
    Long,
}

/// What is asked of us. What is not bounded is reported all the same.
///
/// No stale value, no wrong one and no lost connection is asked always.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bounds {
    pub(crate) read_errors_max: Option<usize>,
    pub(crate) write_errors_max: Option<usize>,
    /// Of reads and writes together.
    pub(crate) errors_max: Option<usize>,
    pub(crate) slowest_max: Option<Duration>,
    /// From the beginning of the fault to the server's ejection.
    pub(crate) ejected_within: Option<Duration>,
    /// Of the requests that were sent between the ejection and the end of the fault.
    pub(crate) p99_then_max: Option<Duration>,
    pub(crate) ejections_max: Option<usize>,
    /// While the fault lasts.
    pub(crate) readmissions_max: Option<usize>,
    /// From the end of the fault until each faulty server is used again.
    pub(crate) readmitted_within: Option<Duration>,
    /// From the end of the fault until the faulty servers get their share of requests again.
    /// Only asked of a long run: a short one ends before the ramp does.
    pub(crate) full_service_within: Option<Duration>,
    /// From the end of the fault to the last error after it.
    pub(crate) last_error_after_max: Option<Duration>,
    /// How often the p99 of the healthy time that of requests to other servers may be.
    pub(crate) others_p99_factor_max: Option<u32>,
    /// Of the reads of untouched keys at home at the faulty server while the fault lasts, in percent.
    pub(crate) untouched_hits_percent_min: Option<usize>,
}

impl Fault {
    /// All that happen to this, in the order of docs/failure-modes.md.
    pub(crate) fn all(tested: Tested) -> Vec<Self> {
        let all_of_servers = || {
            let groups = [
                crashes_and_hangs(),
                slowness(),
                false_answers(),
                broken_connections(),
                everything_at_once(),
            ];
            groups.concat()
        };
        match tested {
            Tested::Proxy => [all_of_servers(), vec![stop_of_the_proxy()]].concat(),
            Tested::Library(Flavour::MultiThread) => {
                [all_of_servers(), vec![blocked_thread()], stalls_of_the_process()].concat()
            }
            // What depends on how tasks and sockets are run; the rest is the same as on two threads.
            Tested::Library(Flavour::CurrentThread) => {
                [crashes_and_hangs(), everything_at_once(), stalls_of_the_process()].concat()
            }
        }
    }

    /// The one with this name.
    pub(crate) fn by_name(tested: Tested, name: &str) -> Option<Self> {
        Self::all(tested).into_iter().find(|fault| fault.name == name)
    }
}

impl Trouble {
    /// How long it lasts.
    pub(super) fn duration(&self, length: Length) -> Duration {
        match (self, length) {
            (Self::HangSubject, _) | (Self::KillOne, Length::Short) => millis(2_000),
            (Self::KillOne, Length::Brief) => millis(1_000),
            (Self::KillOne, Length::Long) => millis(5_000),
            (Self::KillAll, Length::Long) => millis(10_000),
            // Long enough for what is asked to be possible, and to fail.
            (Self::Relay(RelayFault::Delay(_)) | Self::Flap, Length::Brief | Length::Short) => {
                millis(6_000)
            }
            (Self::Block(_), Length::Brief) | (_, Length::Short) => millis(3_000),
            (_, Length::Brief) => millis(1_500),
            (_, Length::Long) => millis(15_000),
        }
    }
}

impl Length {
    /// What `EVENKEEL_FAULTS` says: `brief`, `short` or `long`.
    pub(crate) fn from_environment(otherwise: Self) -> Self {
        match env::var("EVENKEEL_FAULTS").as_deref() {
            Err(_) => otherwise,
            Ok("brief") => Self::Brief,
            Ok("short") => Self::Short,
            Ok("long") => Self::Long,
            Ok(other) => panic!("EVENKEEL_FAULTS={other}: brief, short, long"),
        }
    }

    /// How long the servers are healthy before the fault.
    pub(super) fn healthy(self) -> Duration {
        match self {
            Self::Brief => millis(500),
            Self::Short => millis(1_000),
            Self::Long => millis(5_000),
        }
    }

    /// How long the load goes on after the fault.
    pub(super) fn after(self) -> Duration {
        match self {
            Self::Brief => millis(2_000),
            Self::Short => millis(4_000),
            Self::Long => millis(20_000),
        }
    }

    /// How long a flapping server refuses, and then how long it is up.
    pub(super) fn flap_half(self) -> Duration {
        match self {
            Self::Brief | Self::Short => millis(500),
            Self::Long => millis(1_000),
        }
    }
}

fn crashes_and_hangs() -> Vec<Fault> {
    let no_read_fails = Bounds {
        read_errors_max: Some(0),
        slowest_max: Some(SLOWEST_OF_A_HANG),
        ..Bounds::default()
    };
    vec![
        Fault {
            name: "kill",
            title: "`kill -9`, restarted empty",
            reach: Reach::Direct,
            trouble: Trouble::KillOne,
            bounds: Bounds {
                write_errors_max: Some(WRITES_IN_FLIGHT),
                slowest_max: Some(millis(100)),
                readmitted_within: Some(NOTICED_WITHIN),
                full_service_within: Some(NOTICED_WITHIN + RAMP),
                ..no_read_fails.clone()
            },
        },
        Fault {
            name: "hang",
            title: "`SIGSTOP`, then `SIGCONT`",
            reach: Reach::Direct,
            trouble: Trouble::Hang,
            bounds: Bounds { others_p99_factor_max: Some(2), ..no_read_fails.clone() },
        },
        Fault {
            name: "loss",
            title: "packets dropped both ways",
            reach: Reach::Network,
            trouble: Trouble::LosePackets,
            bounds: no_read_fails,
        },
    ]
}

fn slowness() -> Vec<Fault> {
    vec![
        Fault {
            name: "slow-300",
            title: "+300 ms on each response",
            reach: Reach::Relay,
            trouble: Trouble::Relay(RelayFault::Delay(millis(300))),
            bounds: Bounds {
                read_errors_max: Some(0),
                slowest_max: Some(SLOWEST_OF_A_HANG),
                ejected_within: Some(millis(2_000)),
                p99_then_max: Some(millis(20)),
                ..Bounds::default()
            },
        },
        Fault {
            name: "slow-60",
            title: "+60 ms on each response",
            reach: Reach::Relay,
            trouble: Trouble::Relay(RelayFault::Delay(millis(60))),
            bounds: Bounds {
                errors_max: Some(0),
                ejected_within: Some(millis(5_000)),
                ..Bounds::default()
            },
        },
    ]
}

fn false_answers() -> Vec<Fault> {
    let few_errors = Bounds { errors_max: Some(ERRORS_FEW), ..Bounds::default() };
    let garbled = |name, title, fault| Fault {
        name,
        title,
        reach: Reach::Relay,
        trouble: Trouble::Relay(fault),
        bounds: Bounds { slowest_max: Some(SLOWEST_OF_A_HANG), ..few_errors.clone() },
    };
    vec![
        Fault {
            name: "only-version",
            title: "answers `version`, `mn`, `stats`, never a data command",
            reach: Reach::Relay,
            trouble: Trouble::Relay(RelayFault::OnlyVersion),
            bounds: Bounds {
                read_errors_max: Some(0),
                slowest_max: Some(SLOWEST_OF_A_HANG),
                ejected_within: Some(millis(1_000)),
                readmissions_max: Some(0),
                ..Bounds::default()
            },
        },
        Fault {
            name: "server-error",
            title: "`SERVER_ERROR` to all data commands",
            reach: Reach::Relay,
            trouble: Trouble::Relay(RelayFault::ServerError("out of order".to_owned())),
            bounds: Bounds {
                slowest_max: Some(millis(50)),
                ejected_within: Some(millis(1_000)),
                ..few_errors.clone()
            },
        },
        Fault {
            name: "write-error",
            title: "`SERVER_ERROR out of memory storing object` to writes",
            reach: Reach::Relay,
            trouble: Trouble::Relay(RelayFault::ServerErrorOnWrites(
                "out of memory storing object".to_owned(),
            )),
            bounds: Bounds {
                slowest_max: Some(millis(50)),
                untouched_hits_percent_min: Some(99),
                ..few_errors.clone()
            },
        },
        garbled("garbage", "random bytes for responses", RelayFault::Garbage),
        garbled("half", "half responses", RelayFault::Truncate { after_bytes: HALF_OF_A_HIT }),
        garbled("off-by-one", "responses off by one", RelayFault::OffByOne),
    ]
}

fn broken_connections() -> Vec<Fault> {
    let no_read_fails =
        Bounds { read_errors_max: Some(0), slowest_max: Some(millis(100)), ..Bounds::default() };
    vec![
        Fault {
            name: "flap",
            title: "1 s refusing, 1 s up, data kept",
            reach: Reach::Relay,
            trouble: Trouble::Flap,
            bounds: Bounds { readmissions_max: Some(4), ..no_read_fails.clone() },
        },
        Fault {
            name: "resets",
            title: "every connection reset each 500 ms",
            reach: Reach::Relay,
            trouble: Trouble::Relay(RelayFault::ResetEvery(millis(500))),
            bounds: no_read_fails,
        },
    ]
}

fn everything_at_once() -> Vec<Fault> {
    vec![Fault {
        name: "kill-all",
        title: "all three killed, restarted empty",
        reach: Reach::Direct,
        trouble: Trouble::KillAll,
        bounds: Bounds {
            read_errors_max: Some(0),
            slowest_max: Some(millis(20)),
            readmitted_within: Some(NOTICED_WITHIN),
            full_service_within: Some(NOTICED_WITHIN),
            last_error_after_max: Some(NOTICED_WITHIN),
            ..Bounds::default()
        },
    }]
}

fn stop_of_the_proxy() -> Fault {
    Fault {
        name: "proxy-hang",
        title: "the proxy itself stopped for 2 s",
        reach: Reach::Direct,
        trouble: Trouble::HangSubject,
        bounds: nobody_is_blamed(),
    }
}

fn blocked_thread() -> Fault {
    Fault {
        name: "thread-blocked",
        title: "one of two threads of the runtime blocked for 1 s, again and again",
        reach: Reach::Direct,
        trouble: Trouble::Block(Threads::One),
        bounds: Bounds { slowest_max: Some(SLOWEST_OF_A_STALL), ..nobody_is_blamed() },
    }
}

fn stalls_of_the_process() -> Vec<Fault> {
    vec![
        Fault {
            name: "runtime-blocked",
            title: "all threads of the runtime blocked for 1 s, again and again",
            reach: Reach::Direct,
            trouble: Trouble::Block(Threads::All),
            bounds: Bounds { slowest_max: Some(SLOWEST_OF_A_STALL), ..nobody_is_blamed() },
        },
        Fault {
            name: "process-hang",
            title: "the process itself stopped for 2 s",
            reach: Reach::Direct,
            trouble: Trouble::HangSubject,
            bounds: nobody_is_blamed(),
        },
    ]
}

/// For a fault of our own.
fn nobody_is_blamed() -> Bounds {
    Bounds { errors_max: Some(0), ejections_max: Some(0), ..Bounds::default() }
}

/// The attempt timeout, the default of 250 ms, and what a diverted request takes after it.
const SLOWEST_OF_A_HANG: Duration = Duration::from_millis(400);
/// What was on its way when the stall began, and what is made up for after it.
const SLOWEST_OF_A_STALL: Duration = BLOCK_DURATION.saturating_add(millis(100));
const NOTICED_WITHIN: Duration = Duration::from_secs(1);
/// From the first tenth of a returning server's keys to all of them.
const RAMP: Duration = Duration::from_secs(5);
/// One of each of the load's applications.
const WRITES_IN_FLIGHT: usize = 8;
const ERRORS_FEW: usize = 20;
/// A response to a read that hits is some 80 bytes.
const HALF_OF_A_HIT: u64 = 40;
