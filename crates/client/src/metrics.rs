//! What is counted, told to the recorder of the crate `metrics` every second.
//!
//! A request is never held up for it: what the engine counts anyway is published from time to time
//! ([`crate::engine::meter`] says what is counted besides). Whatever recorder is installed then is
//! told; without one nothing happens. Counters are told by how much they have grown, so that
//! clients of one process with pools of one name add up; of their gauges the last one counts, so
//! that pools had better differ in name.
//!
//! The names and their labels are in docs/client.md.

use std::sync::Weak;
use std::time::Duration;

use evenkeel_core::event::{Happening, StateName};
use evenkeel_core::protocol::request::Class;
use evenkeel_core::window::Latencies;
use evenkeel_core::worker::Counters;
use metrics::{Label, Unit};
use tokio::time::MissedTickBehavior;

use crate::client::Inner;
use crate::engine::meter::Meter;

/// How often.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

const STATES: [StateName; 5] =
    [StateName::Up, StateName::Suspect, StateName::Down, StateName::Returning, StateName::Drained];

/// Name, description, and where it is counted.
type CounterRow = (&'static str, &'static str, fn(&Counters) -> u64);

/// What is published of a whole client, from the engine's own counters.
const COUNTERS: [CounterRow; 10] = [
    ("cache_reads_total", "Keys that were read", |it| it.reads),
    ("cache_hits_total", "Keys read that a server had", |it| it.hits),
    ("cache_misses_total", "Keys read that a server does not have", |it| it.misses),
    ("cache_writes_total", "Requests that change a value or its expiry", |it| it.writes),
    ("cache_deletes_total", "Requests that delete", |it| it.deletes),
    ("cache_unavailable_total", "Requests, or parts, that no server answered", |it| it.failed),
    ("cache_diverted_total", "Requests sent elsewhere than home", |it| it.diverted),
    ("cache_retried_total", "Requests sent again after a failure", |it| it.retried),
    ("cache_late_responses_total", "Responses nobody waited for", |it| it.late_responses),
    ("cache_values_dropped_total", "Values of responses that were too long", |it| {
        it.values_dropped
    }),
];

/// Publishes until the client is gone.
pub(crate) async fn publish(client: Weak<Inner>) {
    let mut publisher = Publisher::default();
    let mut tick = tokio::time::interval(PUBLISH_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(client) = client.upgrade() else { return };
        publisher.publish(&client);
    }
}

/// What the recorder has been told.
#[derive(Debug, Default)]
struct Publisher {
    is_described: bool,
    counters: Counters,
    reports_dropped: u64,
    next_event: u64,
}

impl Publisher {
    fn publish(&mut self, client: &Inner) {
        if !std::mem::replace(&mut self.is_described, true) {
            describe();
        }
        let shared = &client.engine.shared;
        let (meter, counters) = client.engine.take_figures();
        // What the engine counts is of the client's own pool; that of a gutter stands in for it.
        let directory = shared.directory.load();
        let pool = Label::new("pool", directory.pools[0].config.name.to_string());
        for (name, _, count) in COUNTERS {
            let by = count(&counters).saturating_sub(count(&self.counters));
            metrics::counter!(name, vec![pool.clone()]).increment(by);
        }
        self.counters = counters;
        let dropped = shared.reports_dropped.load(std::sync::atomic::Ordering::Relaxed);
        metrics::counter!("cache_reports_dropped_total", vec![pool.clone()])
            .increment(dropped.saturating_sub(self.reports_dropped));
        self.reports_dropped = dropped;
        for class in Class::ALL {
            let labels = vec![pool.clone(), Label::new("class", class.label())];
            record("cache_operation_seconds", labels, meter.of_class(class));
        }
        for pool in client.handle.pools() {
            let labels = vec![Label::new("pool", pool.config.name.to_string())];
            metrics::gauge!("cache_misplaced_keys", labels)
                .set(as_float(pool.misplaced_keys as u64));
        }
        publish_servers(client, &meter);
        self.publish_events(client);
    }

    fn publish_events(&mut self, client: &Inner) {
        let read = client.handle.events_since(self.next_event);
        self.next_event = read.next;
        for event in read.events {
            let Some((names, Happening::State(transition))) = event.what.server() else { continue };
            if transition.to != StateName::Down {
                continue;
            }
            let labels = vec![
                Label::new("pool", names.pool.to_string()),
                Label::new("server", names.server.clone()),
                Label::new("rule", transition.rule.label()),
            ];
            metrics::counter!("cache_ejections_total", labels).increment(1);
        }
    }
}

fn publish_servers(client: &Inner, meter: &Meter) {
    for (server, tally) in client.handle.servers().iter().zip(&meter.servers) {
        let labels = |more: &[(&'static str, &'static str)]| {
            let mut labels = vec![
                Label::new("pool", server.names.pool.to_string()),
                Label::new("server", server.names.server.clone()),
            ];
            labels.extend(more.iter().map(|(name, value)| Label::new(*name, *value)));
            labels
        };
        for class in Class::ALL {
            let counted = tally.of_class(class);
            let of_class = ("class", class.label());
            metrics::counter!("cache_attempts_total", labels(&[of_class]))
                .increment(counted.attempts.into());
            for (kind, times) in [
                ("server-error", counted.server_errors),
                ("timeout", counted.timeouts),
                ("other", counted.failures),
            ] {
                metrics::counter!("cache_errors_total", labels(&[of_class, ("kind", kind)]))
                    .increment(times.into());
            }
        }
        record("cache_server_seconds", labels(&[]), &tally.latencies());
        for state in STATES {
            let is_it = u8::from(server.standing.state == state);
            metrics::gauge!("cache_server_state", labels(&[("state", state.label())]))
                .set(f64::from(is_it));
        }
    }
}

fn record(name: &'static str, labels: Vec<Label>, latencies: &Latencies) {
    let histogram = metrics::histogram!(name, labels);
    for (latency, count) in latencies.counts() {
        histogram.record_many(latency.as_secs_f64(), usize::try_from(count).unwrap_or(usize::MAX));
    }
}

fn describe() {
    for (name, description, _) in COUNTERS {
        metrics::describe_counter!(name, description);
    }
    metrics::describe_counter!("cache_attempts_total", "Requests sent to a server that ended");
    metrics::describe_counter!("cache_errors_total", "Requests sent to a server that failed");
    metrics::describe_counter!("cache_ejections_total", "Servers taken out of use, by rule");
    metrics::describe_counter!("cache_reports_dropped_total", "Reports on servers given up");
    metrics::describe_gauge!("cache_misplaced_keys", "Keys that are not where they belong");
    metrics::describe_gauge!("cache_server_state", "1 for the state that a server is in");
    let seconds = Unit::Seconds;
    metrics::describe_histogram!("cache_operation_seconds", seconds, "From call to result");
    metrics::describe_histogram!("cache_server_seconds", seconds, "From request to response");
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 keys misplaced")]
fn as_float(number: u64) -> f64 {
    number as f64
}
