//! What a proxy says of its servers, beside what was seen of them from here.

use std::time::Duration;

use evenkeel_api::Server;

use super::{Seen, each_server, lasting, moment, option, status_of};
use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::{Outcome, ServerFacts, StepKind, UnreachableKind, name_of};

pub(super) fn out(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        if seen.server.state != "down" || seen.is_ordered_out() {
            return;
        }
        let facts = seen.facts();
        let is_well = facts.is_some_and(is_served);
        if is_well && seen.lasting() < DOWN_FOR_MIN {
            return;
        }
        let severity = if is_well { Severity::Warning } else { Severity::Note };
        let summary = if is_well {
            "the proxy has it out of use, and it served us well"
        } else {
            "the proxy has it out of use, and other servers have its keys"
        };
        let finding = findings.add(severity, summary).about(&seen.name());
        finding.evidence("the proxy says", &seen.server.reason, status_of(seen.proxy));
        finding.evidence("for", lasting(seen.lasting()), status_of(seen.proxy));
        if let Some(facts) = facts.filter(|_| is_well) {
            finding.evidence("from here", probed(facts), PROBE).remedy(
                "run doctor on the proxy's machine: the way from there to the server is what \
                 differs (firewall, link, name)",
                &[&format!("evenkeel doctor memcached://{}", seen.server.address)],
            );
            finding.remedy(
                "if it is well there too, it waits for its flap hold; have it tried at once",
                &[&seen.command("readmit")],
            );
        }
    });
}

pub(super) fn used(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        if !matches!(seen.server.state.as_str(), "up" | "returning") {
            return;
        }
        let Some(facts) = seen.facts() else { return };
        let Some(outcome) = unserved(facts) else { return };
        let rates = &seen.server.rates;
        let is_fine = rates.requests > 0.0 && rates.errors <= 0.0;
        let summary = if is_fine {
            "the proxy uses it without a failure, and it did not serve us"
        } else {
            "the proxy uses it, and it did not serve us"
        };
        findings
            .warning(summary)
            .about(&seen.name())
            .evidence("the proxy says", &seen.server.reason, status_of(seen.proxy))
            .evidence(
                "its requests there",
                format!("{:.1} per second, {:.1} of them failed", rates.requests, rates.errors),
                status_of(seen.proxy),
            )
            .evidence("from here", outcome, "our connection and probe")
            .remedy(
                "run doctor on the proxy's machine, and look at the way from here (firewall, route, \
                 name) if the server is well from there",
                &[&format!("evenkeel doctor memcached://{}", seen.server.address)],
            );
    });
}

pub(super) fn unseen(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        let Some(Err(why_not)) = seen.view.place_of(seen.server).map(|it| &it.examined) else {
            return;
        };
        findings
            .unknown(format!("it was not examined: {why_not}"))
            .about(&seen.name())
            .evidence("address", &seen.server.address, status_of(seen.proxy))
            .evidence("the proxy says", &seen.server.reason, status_of(seen.proxy))
            .remedy(
                "run doctor on the proxy's machine",
                &[&format!("evenkeel doctor {}", seen.proxy.name)],
            );
    });
}

pub(super) fn address(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        let Some(reached) = seen.facts().and_then(|it| it.reach.as_ref().ok()) else { return };
        let here = reached.addr.to_string();
        let Some(there) = seen.server.resolved.as_ref().filter(|it| **it != here) else { return };
        findings
            .note("its name means another address to the proxy than here")
            .about(&seen.name())
            .evidence("to the proxy", there, status_of(seen.proxy))
            .evidence("here", here, "our connection")
            .remedy(
                "see which is right; a name with several addresses is no fault",
                &[&format!("getent ahosts {}", host(&seen.server.address))],
            );
    });
}

pub(super) fn ordered(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        if !seen.is_ordered_out() {
            return;
        }
        let order = match seen.server.rule.as_deref() {
            Some("eject") => "ejected",
            _ => "drained",
        };
        let time = seen.lasting();
        let severity = if time >= ORDER_FORGOTTEN { Severity::Warning } else { Severity::Note };
        let facts = seen.facts().filter(|it| is_served(it));
        let finding = findings
            .add(severity, format!("an operator {order} it {} ago", lasting(time)))
            .about(&seen.name());
        finding.evidence("since", &seen.server.since, status_of(seen.proxy));
        if let Some(facts) = facts {
            finding.evidence("from here", probed(facts), PROBE);
        }
        finding.remedy("take the order back if it has done its work", &[&seen.command("readmit")]);
    });
}

pub(super) fn flapping(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        let Some(now) = moment(&seen.view.status.at) else { return };
        let is_recent = |at: &str| {
            moment(at)
                .and_then(|at| now.duration_since(at).ok())
                .is_some_and(|it| it <= FLAP_WITHIN)
        };
        let downs = seen.view.events.iter().filter(|it| {
            it.kind == "state"
                && it.to.as_deref() == Some("down")
                && it.pool.as_ref() == Some(&seen.server.pool)
                && it.server.as_ref() == Some(&seen.server.name)
                && is_recent(&it.at)
        });
        let downs: Vec<_> = downs.collect();
        let [.., last] = downs[..] else { return };
        if downs.len() < FLAPS_MIN {
            return;
        }
        findings
            .warning(format!("it went down {} times within ten minutes", downs.len()))
            .about(&seen.name())
            .evidence("the last time", &last.text, format!("{}/api/v1/events", seen.proxy.name))
            .evidence("now", &seen.server.reason, status_of(seen.proxy))
            .remedy(
                "take it out of use until the cause is found: each return costs its keys",
                &[&seen.command("drain")],
            )
            .remedy(
                "look for what comes and goes: its link, swapping, a limit, a job",
                &[&format!("evenkeel events {}", option(seen.proxy))],
            );
    });
}

pub(super) fn returning(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        let pool = seen.view.settings.as_ref();
        let pool =
            pool.and_then(|it| it.pools.iter().find(|it| it.name.as_str() == seen.pool.name));
        let ramp = pool.map_or(RAMP_DEFAULT, |it| it.health.ramp);
        let is_returning = seen.server.state == "returning";
        let is_stuck = is_returning && seen.lasting() > (ramp * 10).max(STUCK_MIN);
        let is_unflushed = seen.server.is_flush_required
            && !matches!(seen.server.state.as_str(), "down" | "drained")
            && seen.lasting() > STUCK_MIN;
        let summary = if is_unflushed {
            "it waits to be flushed and is not used until then"
        } else if is_stuck {
            "it has been returning for long and serves a part of its keys only"
        } else {
            return;
        };
        findings
            .warning(summary)
            .about(&seen.name())
            .evidence("the proxy says", &seen.server.reason, status_of(seen.proxy))
            .evidence("for", lasting(seen.lasting()), status_of(seen.proxy))
            .evidence(
                "part of its keys",
                format!("{} %", seen.server.share_percent),
                status_of(seen.proxy),
            )
            .remedy(
                "see what it meets, and have it tried anew",
                &[&format!("evenkeel events {}", option(seen.proxy)), &seen.command("readmit")],
            );
    });
}

pub(super) fn writes(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        if !seen.server.is_usable || seen.server.takes_writes {
            return;
        }
        findings
            .warning("it refuses writes, and the proxy sends it none")
            .about(&seen.name())
            .evidence("the proxy says", &seen.server.reason, status_of(seen.proxy))
            .remedy(
                "see whether it has memory to store anything",
                &[&format!("evenkeel doctor --verbose memcached://{}", seen.server.address)],
            );
    });
}

pub(super) fn errors(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        let rates = &seen.server.rates;
        let requests = rates.requests * RATE_SECONDS;
        if requests < REQUESTS_MIN {
            return;
        }
        let percent = rates.errors / rates.requests * 100.0;
        let severity = match percent {
            it if it > ERRORS_PERCENT_CRITICAL => Severity::Critical,
            it if it > ERRORS_PERCENT_WARNING => Severity::Warning,
            _ => return,
        };
        findings
            .add(severity, format!("{percent:.1} % of the proxy's requests to it fail"))
            .about(&seen.name())
            .evidence(
                "requests",
                format!(
                    "{:.1} per second, {:.1} of them failed (last ten seconds)",
                    rates.requests, rates.errors
                ),
                status_of(seen.proxy),
            )
            .evidence("the proxy says", &seen.server.reason, status_of(seen.proxy))
            .remedy("see how they fail", &[&format!("evenkeel events {}", option(seen.proxy))]);
    });
}

pub(super) fn slow(examination: &Examination, findings: &mut Findings) {
    each_server(examination, findings, |seen, findings| {
        let Some(own) = p95(seen.server) else { return };
        let others = seen.pool.servers.iter().filter(|it| it.name != seen.server.name);
        let mut others: Vec<_> = others.filter_map(p95).collect();
        others.sort_unstable();
        let median = others.get(others.len() / 2).copied();
        let is_slower = median.is_some_and(|it| own >= it * SLOWER_FACTOR) && own > SLOWER_MIN;
        if !is_slower && own <= SLOW_MIN {
            return;
        }
        let summary = if is_slower {
            "it answers the proxy much more slowly than the pool's other servers"
        } else {
            "it answers the proxy slowly"
        };
        let finding = findings.warning(summary).about(&seen.name());
        let source = status_of(seen.proxy);
        finding.evidence("95th percentile", millis(own), &source);
        if let Some(median) = median {
            finding.evidence("the others' median of it", millis(median), &source);
        }
        finding.remedy(
            "see what its machine is busy with, and drain it if that lasts",
            &["top -b -n 1 | head -20", &seen.command("drain")],
        );
    });
}

/// The 95th percentile of what a server's responses took, if there were enough of them.
fn p95(server: &Server) -> Option<Duration> {
    let latencies = server.latencies.all.as_ref()?;
    let is_enough = server.is_usable && server.rates.requests * RATE_SECONDS >= REQUESTS_MIN;
    is_enough.then(|| Duration::from_micros(latencies.p95_us))
}

impl Seen<'_> {
    /// An order about it, as one would type it.
    fn command(&self, order: &str) -> String {
        format!("evenkeel server {order} {} {}", name_of(self.server), option(self.proxy))
    }

    /// Whether it is out of use because somebody said so.
    fn is_ordered_out(&self) -> bool {
        match self.server.state.as_str() {
            "drained" => true,
            "down" => self.server.rule.as_deref() == Some("eject"),
            _ => false,
        }
    }

    /// What was seen of it from here, if it was examined.
    fn facts(&self) -> Option<&ServerFacts> {
        let place = self.view.place_of(self.server)?;
        self.examination.server(place.examined.as_ref().ok()?)
    }
}

/// Whether all of our probe went well.
fn is_served(facts: &ServerFacts) -> bool {
    let lanes = &facts.probe.lanes;
    facts.reach.is_ok()
        && !lanes.is_empty()
        && lanes.iter().all(|it| it.connect.is_ok())
        && facts.probe.steps().all(|it| it.outcome == Outcome::Good)
}

/// What became of our connection, or our probe of which nothing went well.
fn unserved(facts: &ServerFacts) -> Option<String> {
    match &facts.reach {
        Err(error) if error.kind == UnreachableKind::Ourselves => None,
        Err(error) => Some(error.words.clone()),
        Ok(_) => {
            let of_data = || facts.probe.steps().filter(|it| it.kind != StepKind::Greeting);
            let is_none_good = of_data().all(|it| it.outcome != Outcome::Good);
            let bad = of_data().next().map(|it| format!("{}: {:?}", it.kind.label(), it.outcome));
            bad.filter(|_| is_none_good)
        }
    }
}

/// How well our probe went.
fn probed(facts: &ServerFacts) -> String {
    let latencies = facts.probe.latencies();
    let median = latencies.get(latencies.len() / 2).copied().unwrap_or_default();
    format!("{} answers, all good, the median in {}", latencies.len(), millis(median))
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// An address without its port.
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

const PROBE: &str = "our probe";
/// A server that is well again is used within seconds.
const DOWN_FOR_MIN: Duration = Duration::from_secs(10);
const ORDER_FORGOTTEN: Duration = Duration::from_hours(1);
const FLAP_WITHIN: Duration = Duration::from_mins(10);
const FLAPS_MIN: usize = 3;
const RAMP_DEFAULT: Duration = Duration::from_secs(5);
const STUCK_MIN: Duration = Duration::from_mins(1);
/// Over how long the API takes its rates.
const RATE_SECONDS: f64 = 10.0;
const REQUESTS_MIN: f64 = 100.0;
const ERRORS_PERCENT_WARNING: f64 = 1.0;
const ERRORS_PERCENT_CRITICAL: f64 = 10.0;
const SLOWER_FACTOR: u32 = 4;
const SLOWER_MIN: Duration = Duration::from_millis(5);
const SLOW_MIN: Duration = Duration::from_millis(100);
