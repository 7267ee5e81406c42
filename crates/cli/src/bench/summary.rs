//! What was measured, as text and as JSON.
//!
//! The JSON has a version of its own, [`SCHEMA`]: a saved run can be read for as long as that
//! stays. A field may be added; one that changes its meaning is another version.

use std::fmt;
use std::time::Duration;

use evenkeel_load::{End, Endpoint, Latencies, Length, Pace, Report};
use serde_json::{Value, json};

use super::notes::{generator, notes};
use super::plan::Plan;
use crate::figures;

/// One run: what was asked, of whom, and what came of it.
pub(crate) struct Summary<'a> {
    pub(crate) endpoint: &'a Endpoint,
    /// The target's version, if it is known.
    pub(crate) version: Option<&'a str>,
    pub(crate) plan: &'a Plan,
    pub(crate) report: &'a Report,
}

/// The version of the JSON.
pub(crate) const SCHEMA: &str = "evenkeel-bench/1";

impl Summary<'_> {
    /// One object; docs/cli.md describes every field.
    pub(crate) fn to_json(&self) -> Value {
        let (plan, report) = (self.plan, self.report);
        let (seconds, requests) = match plan.length {
            Length::Time(time) => (Some(time.as_secs_f64()), None),
            Length::Requests(requests) => (None, Some(requests)),
        };
        json!({
            "schema": SCHEMA,
            "evenkeel": env!("CARGO_PKG_VERSION"),
            "endpoint": self.endpoint.to_string(),
            "target_version": self.version,
            "end": end_name(report.end),
            "workload": plan.workload_json(),
            "asked": {
                "seconds": seconds,
                "requests": requests,
                "warmup_seconds": plan.warm_up.as_secs_f64(),
                "timeout_seconds": plan.answer_timeout.as_secs_f64(),
                "expiry_seconds": plan.workload.expiry.as_secs(),
                "threads": plan.threads,
            },
            "elapsed_seconds": report.elapsed.as_secs_f64(),
            "requests_per_second": report.rate(),
            "requests": {
                "answered": report.answered(),
                "reads": report.reads.len(),
                "writes": report.writes.len(),
                "failed": report.failed(),
            },
            "keys": {
                "hits": report.hits,
                "misses": report.misses,
                "stored": report.stored,
            },
            "failures": {
                "server_error": report.server_errors,
                "client_error": report.client_errors,
                "error": report.unknown_commands,
                "wrong": report.wrong,
                "lost": report.lost,
                "timed_out": report.timed_out,
                "unsent": report.unsent,
            },
            "connections": {
                "lost": report.connections_lost,
                "connects_failed": report.connects_failed,
            },
            "bytes": { "sent": report.bytes_sent, "received": report.bytes_received },
            "latency_us": {
                "all": latencies_json(&report.latencies()),
                "reads": latencies_json(&report.reads),
                "writes": latencies_json(&report.writes),
                "given_up": latencies_json(&report.given_up),
            },
            "starts": self.starts_json(),
            "generator": self.generator_json(),
            "faults": report.faults,
        })
    }

    /// How late requests began; null in the closed loop.
    fn starts_json(&self) -> Value {
        let report = self.report;
        match self.plan.workload.pace {
            Pace::Closed { .. } => Value::Null,
            Pace::Open { .. } => json!({
                "held_back": report.held_back,
                "late": report.late(),
                "lateness_us": latencies_json(&report.lateness),
            }),
        }
    }

    fn generator_json(&self) -> Value {
        let threads = self.report.threads.iter().map(|thread| {
            json!({ "busy_share": thread.busy_share(), "queued_share": thread.queued_share() })
        });
        let note = generator(self.plan, self.report);
        json!({
            "was_limit": note.is_some(),
            "note": note,
            "threads": threads.collect::<Vec<_>>(),
        })
    }

    fn failures(&self) -> String {
        let report = self.report;
        if report.failed() == 0 {
            return "none".to_owned();
        }
        let kinds = [
            (report.wrong, "WRONG"),
            (report.server_errors, "SERVER_ERROR"),
            (report.client_errors, "CLIENT_ERROR"),
            (report.unknown_commands, "ERROR"),
            (report.lost, "lost with their connection"),
            (report.timed_out, "without an answer in time"),
            (report.unsent, "due and never sent"),
        ];
        let kinds = kinds.into_iter().filter(|(number, _)| *number > 0);
        let kinds = kinds.map(|(number, what)| format!("{} {what}", figures::count(number)));
        format!("{}: {}", figures::count(report.failed()), kinds.collect::<Vec<_>>().join(", "))
    }

    fn fmt_latencies(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        let all = report.latencies();
        let head = ["p50", "p90", "p99", "p99.9", "max", "mean"];
        write!(f, "\nlatency  ")?;
        head.iter().try_for_each(|name| write!(f, " {name:>9}"))?;
        for (name, latencies) in [
            ("reads", &report.reads),
            ("writes", &report.writes),
            ("given up", &report.given_up),
            ("all", &all),
        ] {
            if latencies.is_empty() {
                continue;
            }
            write!(f, "\n{name:<9}")?;
            for latency in points(latencies).map(|(_, latency)| latency) {
                write!(f, " {:>9}", figures::latency(latency))?;
            }
        }
        writeln!(f)
    }

    fn fmt_starts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report;
        match self.plan.workload.pace {
            Pace::Closed { .. } => Ok(()),
            Pace::Open { .. } => writeln!(
                f,
                "starts     {} late by the generator (p99.9 {}, at most {}), {} held back by the \
                 target",
                figures::count(report.late()),
                figures::latency(report.lateness.quantile(0.999)),
                figures::latency(report.lateness.max()),
                figures::count(report.held_back + report.unsent),
            ),
        }
    }

    fn fmt_generator(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = &self.report.threads;
        let shares = |share: fn(&evenkeel_load::ThreadTime) -> f64| {
            threads.iter().map(|thread| figures::share(share(thread))).collect::<Vec<_>>()
        };
        writeln!(
            f,
            "generator  {}: ran {} of the time, waited for a processor {}",
            crate::failure::count(threads.len(), "thread"),
            shares(evenkeel_load::ThreadTime::busy_share).join(", "),
            shares(evenkeel_load::ThreadTime::queued_share).join(", "),
        )
    }
}

/// A table, and notes below it.
impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, report) = (self.plan, self.report);
        let version =
            self.version.map(|version| format!(" (version {version})")).unwrap_or_default();
        writeln!(f, "{}{version}: {plan}\n", self.endpoint)?;
        writeln!(
            f,
            "requests   {} in {:.1} s, {} a second",
            figures::count(report.answered()),
            report.elapsed.as_secs_f64(),
            figures::count(whole(report.rate())),
        )?;
        writeln!(
            f,
            "reads      {} with {} hits, {} misses ({})",
            figures::count(report.reads.len()),
            figures::count(report.hits),
            figures::count(report.misses),
            figures::percent(report.misses, report.hits + report.misses),
        )?;
        writeln!(
            f,
            "writes     {}, {} stored",
            figures::count(report.writes.len()),
            figures::count(report.stored),
        )?;
        writeln!(f, "failed     {}", self.failures())?;
        if report.connections_lost + report.connects_failed > 0 {
            writeln!(
                f,
                "lost       {} connections; {} attempts to connect again failed",
                figures::count(report.connections_lost),
                figures::count(report.connects_failed),
            )?;
        }
        let [sent, received] = [report.bytes_sent, report.bytes_received]
            .map(|bytes| figures::throughput(bytes, report.elapsed));
        writeln!(f, "bytes      {sent} sent, {received} received")?;
        self.fmt_starts(f)?;
        self.fmt_generator(f)?;
        self.fmt_latencies(f)?;
        for note in notes(plan, report) {
            writeln!(f, "\nnote: {note}")?;
        }
        if !report.faults.is_empty() {
            writeln!(f, "\nfirst faults:")?;
        }
        report.faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

/// The figures that are told of latencies.
fn points(latencies: &Latencies) -> [(&'static str, Duration); 6] {
    [
        ("p50", latencies.quantile(0.5)),
        ("p90", latencies.quantile(0.9)),
        ("p99", latencies.quantile(0.99)),
        ("p99_9", latencies.quantile(0.999)),
        ("max", latencies.max()),
        ("mean", latencies.mean()),
    ]
}

/// In microseconds; null where there are no latencies.
fn latencies_json(latencies: &Latencies) -> Value {
    let mut object = json!({ "count": latencies.len() });
    for (name, latency) in points(latencies) {
        let is_known = !latencies.is_empty();
        object[name] = json!(is_known.then_some(micros(latency)));
    }
    object
}

#[expect(clippy::cast_precision_loss, reason = "an hour is less than 2^52 ns")]
fn micros(latency: Duration) -> f64 {
    latency.as_nanos() as f64 / 1e3
}

fn end_name(end: End) -> &'static str {
    match end {
        End::Complete => "complete",
        End::Stopped => "stopped",
        End::NoAnswers => "no_answers",
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate from 0")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}
