//! Saying what has happened: one event and one log line for each (P9).

use evenkeel_core::event::{Event as ServerEvent, Happening, StateName};
use evenkeel_core::slow::SlowRequest;

use crate::events::{Event, Occasion};
use crate::shared::Shared;

/// Keeps and logs what has happened to a server.
pub(super) fn announce_server(shared: &Shared, event: &ServerEvent) {
    let ServerEvent { at, server: id, what } = *event;
    let names = shared.server(id).names.clone();
    log_server(names.pool.as_str(), &names.server, &what);
    shared.events.push(Event { at, what: Occasion::Server { id, names, what } });
}

fn log_server(pool: &str, server: &str, what: &Happening) {
    let label = what.label();
    match what {
        Happening::State(transition) => {
            let (from, to) = (transition.from.label(), transition.to.label());
            let (rule, evidence) = (transition.rule.label(), transition.evidence);
            match transition.to {
                StateName::Up | StateName::Returning => {
                    tracing::info!(pool, server, from, to, rule, %evidence, "server is {to}");
                }
                StateName::Suspect | StateName::Down | StateName::Drained => {
                    tracing::warn!(pool, server, from, to, rule, %evidence, "server is {to}");
                }
            }
        }
        Happening::WritesReadmitted(..)
        | Happening::Restarted { .. }
        | Happening::Ordered(_)
        | Happening::Flushed
        | Happening::Joined
        | Happening::Left => {
            tracing::info!(pool, server, event = label, "server {what}");
        }
        Happening::WritesEjected(..)
        | Happening::MassFailure { .. }
        | Happening::FlushRequired
        | Happening::FlushRefused
        | Happening::Overflowed { .. } => {
            tracing::warn!(pool, server, event = label, "server {what}");
        }
    }
}

/// Logs a request that took long.
pub(super) fn log_slow(shared: &Shared, slow: &SlowRequest) {
    let names = shared.server(slow.server).names.clone();
    let directory = shared.directory.load();
    let (pool, server) = (directory.pool(slow.pool).config.name.as_str(), &*names.server);
    let (class, keys, untold) = (slow.class.label(), slow.keys_len, slow.untold);
    let latency_us = u64::try_from(slow.latency.as_micros()).unwrap_or(u64::MAX);
    // What is hidden is left out.
    let key = slow.key.as_bytes();
    let key = (!key.is_empty()).then(|| key.escape_ascii().to_string());
    let while_we_stood_still = slow.is_doubtful;
    tracing::warn!(
        pool,
        server,
        class,
        latency_us,
        keys,
        key,
        while_we_stood_still,
        untold,
        "slow request"
    );
}

impl Shared {
    /// Keeps and logs something that has happened to the whole process.
    ///
    /// # Panics
    /// If it has happened to a server: only the control plane says such things.
    pub fn announce(&self, what: Occasion) {
        let label = what.label();
        match &what {
            Occasion::Server { .. } => panic!("{what} is not for its driver to say"),
            Occasion::ConfigurationApplied { changes, warnings } => {
                tracing::info!(event = label, "{what}");
                log_lines(label, changes);
                for warning in &**warnings {
                    tracing::warn!(event = label, "{warning}");
                }
            }
            Occasion::ConfigurationRefused { faults } => {
                tracing::warn!(event = label, "{what}");
                log_lines(label, faults);
            }
        }
        self.events.push(Event { at: self.now(), what });
    }
}

/// What does not fit in the line of the event; but not what only shows where a fault stands.
fn log_lines(event: &str, lines: &[String]) {
    let whole: Vec<_> = lines.iter().filter(|line| !line.starts_with(' ')).collect();
    if let [_, _, ..] = whole[..] {
        for line in whole {
            tracing::info!(event, "{line}");
        }
    }
}
