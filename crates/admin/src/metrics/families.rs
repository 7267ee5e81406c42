//! Which figures there are, and where each comes from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel_control::directory::ServerNames;
use evenkeel_control::figures::ClassTotals;
use evenkeel_control::says::ServerSays;
use evenkeel_control::view::{PoolView, ServerView};
use evenkeel_core::event::StateName;
use evenkeel_core::protocol::request::Class;
use evenkeel_core::worker::Counters;

use super::text::{Kind, Labels, Samples};
use crate::router::App;
use crate::status::{is_usable, share_percent};
use crate::subject::HookOutcomes;
use crate::tally::{EJECTING, Reloads};

/// One family of figures.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What it is called.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
    pub(super) write: fn(&Snapshot, &mut Samples<'_>),
}

/// Everything that figures are made of, as of one moment.
pub(crate) struct Snapshot {
    servers: Vec<ServerFigures>,
    pools: Vec<(Labels, PoolView)>,
    counters: Counters,
    reloads: Reloads,
    applied_at: SystemTime,
    sessions_open: Option<usize>,
    sessions_refused: Option<u64>,
    hooks: Vec<HookOutcomes>,
    losses: Vec<(&'static str, u64)>,
}

struct ServerFigures {
    labels: Labels,
    view: ServerView,
    /// In the order of [`EJECTING`].
    ejections: [u64; EJECTING.len()],
}

impl Snapshot {
    pub(super) fn take(app: &App) -> Self {
        let subject = &app.subject;
        let (handle, driver) = (&subject.handle, &subject.driver);
        let tally = app.recorder.tally();
        let of_server = |view: ServerView| ServerFigures {
            labels: server_labels(&view.names),
            ejections: EJECTING.map(|rule| tally.ejections(&view.names, rule)),
            view,
        };
        let servers = handle.servers().into_iter().map(of_server).collect();
        let of_pool = |it: PoolView| (Labels::new(&[("pool", it.config.name.as_str())]), it);
        let counters = handle.counters();
        let mut losses = driver.losses();
        losses.push(("reports dropped", handle.reports_dropped()));
        losses.push(("values dropped", counters.values_dropped));
        Self {
            servers,
            pools: handle.pools().into_iter().map(of_pool).collect(),
            counters,
            reloads: tally.reloads,
            applied_at: handle.wall_time(tally.reloads.applied_at),
            sessions_open: driver.sessions_open(),
            sessions_refused: driver.sessions_refused(),
            hooks: driver.hook_outcomes(),
            losses,
        }
    }

    /// A sample of each server.
    fn each_server<T: std::fmt::Display>(
        &self,
        samples: &mut Samples<'_>,
        value: impl Fn(&ServerView) -> T,
    ) {
        for server in &self.servers {
            samples.add(&server.labels, value(&server.view));
        }
    }

    /// A sample of each server that says so.
    fn each_saying(&self, samples: &mut Samples<'_>, value: impl Fn(&ServerSays) -> Option<u64>) {
        for server in &self.servers {
            if let Some(value) = server.view.says.as_deref().and_then(&value) {
                samples.add(&server.labels, value);
            }
        }
    }

    fn each_pool(&self, samples: &mut Samples<'_>, value: impl Fn(&PoolView) -> u64) {
        for (labels, pool) in &self.pools {
            samples.add(labels, value(pool));
        }
    }
}

fn server_labels(names: &ServerNames) -> Labels {
    Labels::new(&[("pool", names.pool.as_str()), ("server", &names.server)])
}

const NONE: &[&str] = &[];
const POOL: &[&str] = &["pool"];
const SERVER: &[&str] = &["pool", "server"];
const SERVER_CLASS: &[&str] = &["pool", "server", "class"];

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    write: fn(&Snapshot, &mut Samples<'_>),
) -> Family {
    Family { name, kind: Kind::Counter, labels, help, write }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
    write: fn(&Snapshot, &mut Samples<'_>),
) -> Family {
    Family { name, kind: Kind::Gauge, labels, help, write }
}

/// All of them, in the order in which they are written.
pub const FAMILIES: &[Family] = &[
    counter("cache_hits_total", SERVER, "Keys read that the server had.", |it, samples| {
        it.each_server(samples, |server| server.totals.hits);
    }),
    counter("cache_misses_total", SERVER, "Keys read that the server had not.", |it, samples| {
        it.each_server(samples, |server| server.totals.misses);
    }),
    counter(
        "cache_errors_total",
        &["pool", "server", "failure"],
        "Requests sent to the server that failed: server-error (it said so), timeout, or other \
         (a connection refused, reset or closed, or a response that cannot be one).",
        write_errors,
    ),
    counter(
        "cache_requests_total",
        SERVER_CLASS,
        "Requests sent to the server that ended, well or not; class is read, write or delete.",
        |it, samples| each_class(it, samples, |class| class.attempts),
    ),
    Family {
        name: "cache_request_duration_seconds",
        kind: Kind::Histogram,
        labels: SERVER_CLASS,
        help: "How long the server took to respond, from a request's being written to its response.",
        write: write_durations,
    },
    gauge(
        "evenkeel_server_state",
        &["pool", "server", "state"],
        "1 for the state that the server is in, 0 for the others: up, suspect, down, returning, drained.",
        write_states,
    ),
    gauge(
        "evenkeel_server_usable",
        SERVER,
        "1 if requests are sent to the server, be it for some of its keys, or else 0.",
        |it, samples| it.each_server(samples, |server| u8::from(is_usable(server))),
    ),
    gauge(
        "evenkeel_server_share_ratio",
        SERVER,
        "The part of its keys that the server serves: 1, or less while it returns, or 0.",
        |it, samples| it.each_server(samples, share),
    ),
    gauge(
        "evenkeel_connections_open",
        SERVER,
        "Connections of workers to the server that are ready for requests.",
        |it, samples| it.each_server(samples, |server| server.connections_open),
    ),
    gauge(
        "evenkeel_connections_wanted",
        SERVER,
        "How many of them there are to be: one for each worker, or 0 while the server is not used.",
        |it, samples| it.each_server(samples, |server| server.connections_wanted),
    ),
    counter(
        "evenkeel_ejections_total",
        &["pool", "server", "rule"],
        "How often the server was ejected, by the rule that did.",
        write_ejections,
    ),
    gauge(
        "evenkeel_misplaced_keys",
        POOL,
        "Keys whose last write is not, or may not be, at home.",
        |it, samples| it.each_pool(samples, |pool| pool.misplaced_keys as u64),
    ),
    gauge(
        "evenkeel_misplaced_bytes",
        POOL,
        "What misplaced keys take in memory, in bytes.",
        |it, samples| it.each_pool(samples, |pool| pool.misplaced_bytes as u64),
    ),
    gauge(
        "evenkeel_misplaced_bytes_max",
        POOL,
        "What misplaced keys may take in memory, in bytes; past it servers are flushed before use.",
        |it, samples| it.each_pool(samples, |pool| pool.config.misplaced_max.bytes()),
    ),
    counter(
        "evenkeel_misplaced_keys_given_up_total",
        POOL,
        "Misplaced keys that were given up because there were too many.",
        |it, samples| it.each_pool(samples, |pool| pool.tally.overflowed),
    ),
    counter(
        "evenkeel_misplaced_keys_cleaned_total",
        POOL,
        "Misplaced keys that were deleted where they were old, and are home again.",
        |it, samples| it.each_pool(samples, |pool| pool.tally.cleaned),
    ),
    counter(
        "evenkeel_diverted_requests_total",
        NONE,
        "Requests that were sent elsewhere than to their key's home.",
        |it, samples| samples.add(&Labels::default(), it.counters.diverted),
    ),
    counter(
        "evenkeel_unserved_requests_total",
        NONE,
        "Requests, or parts of them, that no server answered: misses, or errors.",
        |it, samples| samples.add(&Labels::default(), it.counters.failed),
    ),
    gauge(
        "evenkeel_configuration_is_current",
        NONE,
        "1 if the configuration in effect is the last that was asked for, 0 after one was refused.",
        |it, samples| samples.add(&Labels::default(), u8::from(!it.reloads.is_refused)),
    ),
    gauge(
        "evenkeel_configuration_applied_timestamp_seconds",
        NONE,
        "When the configuration in effect came into effect, in seconds since 1970.",
        |it, samples| samples.add(&Labels::default(), unix_seconds(it.applied_at)),
    ),
    counter(
        "evenkeel_reloads_total",
        &["outcome"],
        "Configurations asked for while the process ran: applied or refused.",
        write_reloads,
    ),
    gauge(
        "evenkeel_sessions_open",
        NONE,
        "Sessions of applications that are open.",
        |it, samples| {
            if let Some(open) = it.sessions_open {
                samples.add(&Labels::default(), open);
            }
        },
    ),
    counter(
        "evenkeel_sessions_refused_total",
        NONE,
        "Sessions refused because there were sessions_max of them.",
        |it, samples| {
            if let Some(refused) = it.sessions_refused {
                samples.add(&Labels::default(), refused);
            }
        },
    ),
    counter(
        "evenkeel_hook_deliveries_total",
        &["hook", "outcome"],
        "Messages of a hook by what became of them.",
        write_hooks,
    ),
    counter(
        "evenkeel_losses_total",
        &["what"],
        "What had to be dropped or refused because a limit was reached.",
        |it, samples| {
            for (what, times) in &it.losses {
                samples.add(&Labels::new(&[("what", what)]), times);
            }
        },
    ),
    gauge(
        "evenkeel_server_memory_bytes",
        SERVER,
        "What the server says its items take, in bytes.",
        |it, samples| it.each_saying(samples, |says| says.memory_bytes),
    ),
    gauge(
        "evenkeel_server_memory_bytes_max",
        SERVER,
        "What the server says its items may take, in bytes.",
        |it, samples| it.each_saying(samples, |says| says.memory_bytes_max),
    ),
    gauge(
        "evenkeel_server_connections",
        SERVER,
        "Connections that the server says it has, from everybody.",
        |it, samples| it.each_saying(samples, |says| says.connections),
    ),
    gauge(
        "evenkeel_server_connections_max",
        SERVER,
        "Connections that the server says it may have.",
        |it, samples| it.each_saying(samples, |says| says.connections_max),
    ),
    counter(
        "evenkeel_server_evictions_total",
        SERVER,
        "Items that the server says it evicted for want of memory since it started.",
        |it, samples| it.each_saying(samples, |says| says.evictions),
    ),
    gauge("evenkeel_build_info", &["version"], "1, with the version of Evenkeel.", |_, samples| {
        samples.add(&Labels::new(&[("version", env!("CARGO_PKG_VERSION"))]), 1);
    }),
];

fn each_class(it: &Snapshot, samples: &mut Samples<'_>, value: fn(&ClassTotals) -> u64) {
    for server in &it.servers {
        for class in Class::ALL {
            let labels = server.labels.with(&[("class", class.label())]);
            samples.add(&labels, value(server.view.totals.of_class(class)));
        }
    }
}

fn write_errors(it: &Snapshot, samples: &mut Samples<'_>) {
    for server in &it.servers {
        let of_all = |count: fn(&ClassTotals) -> u64| -> u64 {
            Class::ALL.into_iter().map(|class| count(server.view.totals.of_class(class))).sum()
        };
        for (failure, times) in [
            ("server-error", of_all(|class| class.server_errors)),
            ("timeout", of_all(|class| class.timeouts)),
            ("other", of_all(|class| class.failures)),
        ] {
            samples.add(&server.labels.with(&[("failure", failure)]), times);
        }
    }
}

fn write_durations(it: &Snapshot, samples: &mut Samples<'_>) {
    for server in &it.servers {
        for class in Class::ALL {
            let labels = server.labels.with(&[("class", class.label())]);
            let totals = server.view.totals.of_class(class);
            let count = totals.latencies.iter().map(|(_, count)| count).sum();
            let sum = totals.latency_sum.as_secs_f64();
            samples.add_histogram(&labels, buckets(&totals.latencies), (count, sum));
        }
    }
}

/// How many took at most as long as each of the bounds, in seconds.
fn buckets(counts: &[(Duration, u64)]) -> impl Iterator<Item = (f64, u64)> {
    let mut rest = counts.iter().peekable();
    let mut at_most = 0;
    BOUND_BITS.map(move |bits| {
        let bound = Duration::from_nanos(1 << bits);
        while let Some((_, count)) = rest.next_if(|(took, _)| *took <= bound) {
            at_most += count;
        }
        (bound.as_secs_f64(), at_most)
    })
}

/// The histograms' bounds are powers of two, in nanoseconds, from 33 us to 1.07 s: latencies are
/// counted at each of them.
const BOUND_BITS: std::ops::RangeInclusive<u32> = 15..=30;

fn write_states(it: &Snapshot, samples: &mut Samples<'_>) {
    for server in &it.servers {
        for state in STATES {
            let labels = server.labels.with(&[("state", state.label())]);
            samples.add(&labels, u8::from(server.view.standing.state == state));
        }
    }
}

const STATES: [StateName; 5] =
    [StateName::Up, StateName::Suspect, StateName::Down, StateName::Returning, StateName::Drained];

fn share(server: &ServerView) -> f64 {
    f64::from(share_percent(server.usable)) / 100.0
}

fn write_ejections(it: &Snapshot, samples: &mut Samples<'_>) {
    for server in &it.servers {
        for (rule, times) in EJECTING.into_iter().zip(server.ejections) {
            samples.add(&server.labels.with(&[("rule", rule.label())]), times);
        }
    }
}

fn write_reloads(it: &Snapshot, samples: &mut Samples<'_>) {
    for (outcome, times) in [("applied", it.reloads.applied), ("refused", it.reloads.refused)] {
        samples.add(&Labels::new(&[("outcome", outcome)]), times);
    }
}

fn write_hooks(it: &Snapshot, samples: &mut Samples<'_>) {
    for hook in &it.hooks {
        for (outcome, times) in &hook.outcomes {
            samples.add(&Labels::new(&[("hook", &hook.hook), ("outcome", outcome)]), times);
        }
    }
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use evenkeel_core::window::Latencies;

    use super::*;

    #[test]
    fn every_bound_is_one_at_which_latencies_are_counted() {
        for bits in BOUND_BITS {
            let bound = Duration::from_nanos(1 << bits);
            let counted_at = |took| {
                let mut latencies = Latencies::default();
                latencies.note(took);
                latencies.counts().map(|(bound, _)| bound).next()
            };
            assert_eq!(counted_at(bound.saturating_sub(Duration::from_nanos(1))), Some(bound));
            assert!(counted_at(bound) > Some(bound));
        }
    }

    #[test]
    fn buckets_grow_and_leave_out_what_took_longer_than_the_last() {
        let ns = |bits: u32| Duration::from_nanos(1 << bits);
        let counts = [(ns(14), 1), (ns(15), 2), (ns(17), 4), (ns(31), 8)];
        let buckets: Vec<_> = buckets(&counts).map(|(_, at_most)| at_most).collect();
        assert_eq!(buckets[..4], [3, 3, 7, 7]);
        assert_eq!((buckets.len(), buckets[15]), (16, 7));
    }

    #[test]
    fn counters_are_called_total_and_no_name_occurs_twice() {
        let mut names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
        for family in FAMILIES {
            assert_eq!(
                family.kind == Kind::Counter,
                family.name.ends_with("_total"),
                "{}",
                family.name
            );
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FAMILIES.len());
    }
}
