//! Whether a server that is reached really serves.

use std::mem;
use std::time::Duration;

use super::reach::program;
use crate::check::{Check, Findings, Look, Severity};
use crate::facts::{Lane, Outcome, Probe, ServerFacts, Step, StepKind};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "serve-only-greets",
        title: "the server does more than answer health checks",
        meaning: "The server answers `version` or `PING` and nothing else. A health check that \
            asks no more than that calls it healthy, and every client library and proxy that does \
            so sends it requests again and again; each of them waits for its timeout.",
        rule: "Critical if greetings are answered on every connection that was opened and not one \
            set, get or delete is.",
        source: "The probe: greeting, set, get, compare, delete over several connections.",
        look: Look::Server(only_greets),
    },
    Check {
        id: "serve-some-connections",
        title: "every connection is served",
        meaning: "Some connections are served and others are not. A memcached server gives each \
            connection to one of its threads for good: if one thread is stuck, a share of all \
            clients' requests fails, on the same connections each time, and whoever reconnects may \
            be lucky. Monitoring that keeps one connection sees all or nothing of it.",
        rule: "Critical if at least one connection was served and at least one was closed, reset or \
            not answered in time.",
        source: "The probe: ten connections to memcached, four to Redis, opened one after another.",
        look: Look::Server(some_connections),
    },
    Check {
        id: "serve-fails",
        title: "canary keys are stored, read and deleted",
        meaning: "A key was stored, read and deleted as an application would, and some of that \
            failed. Applications see the same failures.",
        rule: "Critical if any step is refused, not answered in time, or its connection closed; unless \
            another finding says why (no memory, loading, a script, …).",
        source: "The probe: set, get, compare, delete over several connections.",
        look: Look::Server(fails),
    },
    Check {
        id: "serve-wrong",
        title: "what is read is what was stored",
        meaning: "The server, or something before it, gave a value that was not stored, or one \
            that had been deleted, or bytes that are no answer. A cache that lies is worse than \
            none: applications act on it.",
        rule: "Critical if any answer is wrong or is none of the protocol.",
        source: "The probe: values are compared byte by byte; a deleted key is read again.",
        look: Look::Server(wrong),
    },
    Check {
        id: "serve-loses",
        title: "what was stored is still there a moment later",
        meaning: "A key that had just been stored was gone when it was read or deleted right \
            after. The server has so little memory that new items go at once, somebody flushes it \
            all the time, or several servers answer behind one address.",
        rule: "Warning if one of the keys that were stored is missing, critical if half are.",
        source: "The probe: get and delete right after set.",
        look: Look::Server(loses),
    },
    Check {
        id: "serve-expiry",
        title: "keys expire when they should",
        meaning: "A key whose expiry has passed is still served. The server's clock stands still, \
            or something before it ignores expiry. Values that applications rely on to go away \
            stay.",
        rule: "Critical if a key with an expiry of two seconds (Redis: 200 ms) is still there when \
            that has passed.",
        source: "The probe: set with an expiry, get when it has passed.",
        look: Look::Server(expiry),
    },
    Check {
        id: "serve-slow",
        title: "requests are answered quickly",
        meaning: "A cache is there to be faster than what is behind it. A request within a data \
            centre takes well under a millisecond; at 100 ms the database would have been faster, \
            and each application thread that waits is one that serves nobody.",
        rule: "Warning if the median of the probe's answers takes more than 10 ms, or if answers \
            took more than 100 ms at two times; critical if the median takes more than 100 ms; a \
            note if there was one such time. For as long as doctor itself stood still, an answer \
            may be late.",
        source: "The probe: the times of all its good answers; the greatest stall of doctor's own \
            loop meanwhile.",
        look: Look::Server(slow),
    },
];

fn only_greets(facts: &ServerFacts, findings: &mut Findings) {
    if !is_only_greeting(facts) {
        return;
    }
    let lanes = &facts.probe.lanes;
    let greeted = lanes.iter().filter(|lane| is_greeted(lane)).count();
    findings
        .critical("it answers health checks and nothing else")
        .evidence("greetings answered", format!("{greeted} connections"), PROBE)
        .evidence("sets, gets, deletes answered", "0", PROBE)
        .evidence("instead", outcomes(facts, is_unanswered), PROBE)
        .remedy(
            "take it out of use: whoever believes its greeting keeps sending it requests",
            &["evenkeel server eject NAME"],
        )
        .remedy("restart it, and replace the health check by one that stores and reads a key", &[]);
}

fn some_connections(facts: &ServerFacts, findings: &mut Findings) {
    let lanes = &facts.probe.lanes;
    let bad = lanes.iter().filter(|lane| !is_served(lane)).count();
    if bad == 0 || bad == lanes.len() {
        return;
    }
    findings
        .critical(format!("{bad} of {} connections are not served", lanes.len()))
        .evidence("connections not served", format!("{bad} of {}", lanes.len()), PROBE)
        .evidence("there", outcomes(facts, is_unanswered), PROBE)
        .remedy(
            "see whether one of its threads is busy or stuck, and restart the server if so",
            &[&format!("top -H -p $(pidof {})", program(facts))],
        );
}

fn fails(facts: &ServerFacts, findings: &mut Findings) {
    // Where the check before has a better word for it, this one has nothing to add.
    let lanes = &facts.probe.lanes;
    let is_partly = lanes.iter().any(is_served) && !lanes.iter().all(is_served);
    let refusals = steps(facts, is_refused);
    let failures = steps(facts, is_unanswered);
    let bad = if is_partly { refusals } else { refusals + failures };
    if bad == 0 || is_only_greeting(facts) || (bad == refusals && are_explained(facts, findings)) {
        return;
    }
    let of = facts.probe.steps().count();
    findings
        .critical(format!("{bad} of {of} requests of the probe failed"))
        .evidence("failed", outcomes(facts, |it| is_refused(it) || is_unanswered(it)), PROBE)
        .remedy("what the server says is the first thing to look up", &[]);
}

/// Whether another finding about the server says why it refuses whatever it refuses.
fn are_explained(facts: &ServerFacts, findings: &Findings) -> bool {
    let is_found = |check: &str| {
        let mut found = findings.found().iter().filter(|it| it.severity > Severity::Note);
        found.any(|it| it.check == check && it.server.as_deref() == Some(&*facts.target.name))
    };
    facts.probe.steps().all(|step| match &step.outcome {
        Outcome::Refused(words) => {
            EXPLAINED.iter().any(|(refusal, check)| words.contains(refusal) && is_found(check))
        }
        _ => true,
    })
}

fn wrong(facts: &ServerFacts, findings: &mut Findings) {
    let bad = steps(facts, is_wrong);
    let of_expiry = facts.probe.steps().filter(|step| is_unexpired(step)).count();
    if bad == of_expiry {
        return;
    }
    findings
        .critical("it gives wrong answers")
        .evidence("wrong answers", bad.to_string(), PROBE)
        .evidence("among them", outcomes(facts, is_wrong), PROBE)
        .remedy(
            "take it out of use, and whatever stands before it; then look at both",
            &["evenkeel server eject NAME"],
        );
}

fn loses(facts: &ServerFacts, findings: &mut Findings) {
    let (stored, missing) = facts
        .probe
        .lanes
        .iter()
        .map(kept)
        .fold((0, 0), |all, lane| (all.0 + lane.0, all.1 + lane.1));
    if missing == 0 {
        return;
    }
    let words = format!("{missing} of {stored} keys were gone right after they were stored");
    let finding =
        if missing * 2 >= stored { findings.critical(words) } else { findings.warning(words) };
    finding.evidence("missing", format!("{missing} of {stored} keys"), PROBE).remedy(
        "look for evictions, for somebody who flushes, and for several servers behind one address",
        &[],
    );
}

/// How many keys a connection stored, and how many of them were missing.
fn kept(lane: &Lane) -> (usize, usize) {
    let is_set = |step: &Step| step.kind == StepKind::Set;
    let (mut stored, mut missing) = (0, 0);
    for round in lane.steps.chunk_by(|_, next| !is_set(next)) {
        if is_set(&round[0]) && round[0].outcome == Outcome::Good {
            stored += 1;
            missing += usize::from(round.iter().any(|it| it.outcome == Outcome::Missing));
        }
    }
    (stored, missing)
}

fn expiry(facts: &ServerFacts, findings: &mut Findings) {
    if facts.probe.steps().any(is_unexpired) {
        findings
            .critical("a key is still there when its expiry has passed")
            .evidence("after its expiry", "the value is still served", PROBE)
            .remedy("compare the server's clock with others, and restart the server", &["date"]);
    }
}

fn slow(facts: &ServerFacts, findings: &mut Findings) {
    let latencies = facts.probe.latencies();
    let (Some(median), Some(greatest)) = (latencies.get(latencies.len() / 2), latencies.last())
    else {
        return;
    };
    let stalled = facts.probe.stalled;
    let late = latencies.iter().filter(|it| **it > SLOW + stalled).count();
    let times = late_times(&facts.probe, SLOW + stalled);
    let finding = if *median > SLOW + stalled {
        findings.critical(format!("a request takes {} ms", median.as_millis()))
    } else if *median > SLUGGISH + stalled {
        findings.warning(format!("a request takes {} ms", median.as_millis()))
    } else if times >= LATE_TIMES_MIN {
        findings.warning(format!("single requests take up to {} ms", greatest.as_millis()))
    } else if late > 0 {
        findings.note(format!("requests took up to {} ms, once", greatest.as_millis()))
    } else {
        return;
    };
    let of = latencies.len();
    finding
        .evidence("median", millis(*median), format!("the probe, {of} requests"))
        .evidence("greatest", millis(*greatest), PROBE)
        .evidence("longer than 100 ms", format!("{late} of {of}, {times} times"), PROBE)
        .evidence("doctor itself stood still", millis(stalled), "our own loop, at most")
        .remedy(
            "compare with the way there: if that is slow too, it is the network, else the server",
            &[&format!("ping -c 20 -i 0.2 {}", facts.target.address.host())],
        );
}

/// How many times there were late answers: what was waited for at one time is one.
fn late_times(probe: &Probe, late: Duration) -> usize {
    // The connections began together, and each asked without a pause; but for the one that waits
    // for an expiry.
    let is_paused = |lane: &&Lane| lane.steps.iter().any(|it| it.kind == StepKind::GetUnexpired);
    let mut waits = Vec::new();
    for lane in probe.lanes.iter().filter(|lane| !is_paused(lane)) {
        let mut begin = lane.connect.clone().unwrap_or_default();
        for step in &lane.steps {
            let end = begin + step.took;
            if step.took > late && step.outcome == Outcome::Good {
                waits.push((begin, end));
            }
            begin = end;
        }
    }
    waits.sort_unstable();
    let mut times = 0;
    let mut until = None;
    for (begin, end) in waits {
        if until.is_none_or(|until| begin >= until) {
            times += 1;
        }
        until = until.max(Some(end));
    }
    times
}

/// Whether greetings are answered and nothing else.
fn is_only_greeting(facts: &ServerFacts) -> bool {
    let is_answered = |it: &Step| !is_unanswered(&it.outcome);
    let mut of_data = facts.probe.steps().filter(|it| it.kind != StepKind::Greeting).peekable();
    let opened: Vec<_> = facts.probe.lanes.iter().filter(|it| it.connect.is_ok()).collect();
    of_data.peek().is_some()
        && !of_data.any(is_answered)
        && opened.iter().filter(|it| starts_with_greeting(it)).all(|it| is_greeted(it))
}

fn starts_with_greeting(lane: &Lane) -> bool {
    lane.steps.first().is_some_and(|it| it.kind == StepKind::Greeting)
}

fn is_greeted(lane: &Lane) -> bool {
    starts_with_greeting(lane) && lane.steps[0].outcome == Outcome::Good
}

/// Whether a connection was opened and each request on it was answered somehow.
fn is_served(lane: &Lane) -> bool {
    let is_answered = |it: &Step| !is_unanswered(&it.outcome);
    lane.connect.is_ok() && lane.steps.iter().all(is_answered)
}

fn is_unexpired(step: &Step) -> bool {
    step.kind == StepKind::GetExpired && matches!(step.outcome, Outcome::Wrong(_))
}

fn steps(facts: &ServerFacts, is_meant: impl Fn(&Outcome) -> bool) -> usize {
    facts.probe.steps().filter(|step| is_meant(&step.outcome)).count()
}

/// What connections and steps of these outcomes met, in words: each kind of step and outcome once.
fn outcomes(facts: &ServerFacts, is_meant: impl Fn(&Outcome) -> bool) -> String {
    let connects = facts.probe.lanes.iter().filter_map(|lane| lane.connect.as_ref().err());
    let mut words: Vec<String> = connects.map(|error| format!("connect: {error}")).collect();
    words.dedup();
    let mut told = Vec::new();
    for step in facts.probe.steps().filter(|it| is_meant(&it.outcome)) {
        let kind = (step.kind, mem::discriminant(&step.outcome));
        if told.contains(&kind) {
            continue;
        }
        told.push(kind);
        let what = match &step.outcome {
            Outcome::Good => "well".to_owned(),
            Outcome::Refused(words) | Outcome::Wrong(words) | Outcome::Closed(words) => {
                words.clone()
            }
            Outcome::Garbled(words) => format!("no answer of the protocol: {words:?}"),
            Outcome::Missing => "the key is not there".to_owned(),
            Outcome::TimedOut => format!("nothing for {} ms", step.took.as_millis()),
        };
        words.push(format!("{}: {what}", step.kind.label()));
    }
    words.truncate(OUTCOMES_MAX);
    words.join("; ")
}

fn is_refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(_))
}

fn is_unanswered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::TimedOut | Outcome::Closed(_))
}

fn is_wrong(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Wrong(_) | Outcome::Garbled(_))
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// What servers say when they refuse, and the check that finds why.
const EXPLAINED: [(&str, &str); 8] = [
    ("out of memory", "memcached-out-of-memory"),
    ("OOM ", "redis-memory-refused"),
    ("LOADING ", "redis-loading"),
    ("MISCONF ", "redis-writes-stopped"),
    ("BUSY ", "redis-busy"),
    ("NOREPLICAS ", "redis-min-replicas"),
    ("CLUSTERDOWN ", "redis-cluster"),
    ("unknown command", "redis-sentinel"),
];
const PROBE: &str = "the probe";
/// What is slow for anybody.
const SLOW: Duration = Duration::from_millis(100);
/// What is slow for a cache.
const SLUGGISH: Duration = Duration::from_millis(10);
/// How often answers must be late to be no accident: a lost packet makes one late answer, and a
/// moment in which the machine does something else makes one on each connection at a time.
const LATE_TIMES_MIN: usize = 2;
/// How many different outcomes a finding tells.
const OUTCOMES_MAX: usize = 4;

#[cfg(test)]
mod tests;
