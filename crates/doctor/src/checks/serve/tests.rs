use std::time::SystemTime;

use super::*;
use crate::check::Finding;
use crate::check::Severity::{self, Critical, Note, Warning};
use crate::examine::Examination;
use crate::facts::Probe;

const QUICK: Duration = Duration::from_micros(200);

fn step(kind: StepKind, outcome: Outcome) -> Step {
    Step { kind, took: QUICK, outcome }
}

fn lane(steps: impl IntoIterator<Item = Step>) -> Lane {
    Lane { connect: Ok(QUICK), steps: steps.into_iter().collect() }
}

#[track_caller]
fn check(probe: Probe, expected: &[(&str, Severity)]) {
    let found = found(probe);
    let found: Vec<_> = found.iter().map(|it| (it.check, it.severity)).collect();
    assert_eq!(found, expected);
}

fn found(probe: Probe) -> Vec<Finding> {
    let found = Findings::of(&examined(facts(probe, None))).into_iter();
    found.filter(|it| it.check.starts_with("serve-")).collect()
}

fn facts(probe: Probe, says: Option<crate::facts::Says>) -> ServerFacts {
    ServerFacts {
        target: "memcached://10.0.0.1".parse().expect("it is a target"),
        at: SystemTime::UNIX_EPOCH,
        took: QUICK,
        reach: Err(crate::facts::Unreachable {
            kind: crate::facts::UnreachableKind::Name,
            words: String::new(),
            addr: None,
            after: QUICK,
        }),
        probe,
        says,
        gaps: Vec::new(),
    }
}

fn examined(server: ServerFacts) -> Examination {
    Examination {
        at: SystemTime::UNIX_EPOCH,
        took: QUICK,
        servers: vec![server],
        proxies: Vec::new(),
        groups: Vec::new(),
    }
}

/// A round whose key was stored or not, and read and deleted like this.
fn round(set: Outcome, then: Outcome) -> [Step; 3] {
    [step(StepKind::Set, set), step(StepKind::Get, then.clone()), step(StepKind::Delete, then)]
}

#[test]
fn keys_are_lost_only_if_they_were_stored() {
    let refused = || Outcome::Refused("SERVER_ERROR".to_owned());
    let never_stored = lane(round(refused(), Outcome::Missing));
    let probe = Probe { lanes: vec![never_stored], ..Probe::default() };
    check(probe, &[("serve-fails", Critical)]);
    let lost = |lost: usize| {
        let kept = (lost..4).flat_map(|_| round(Outcome::Good, Outcome::Good));
        let lost = (0..lost).flat_map(|_| round(Outcome::Good, Outcome::Missing));
        Probe { lanes: vec![lane(kept.chain(lost))], ..Probe::default() }
    };
    check(lost(0), &[]);
    check(lost(1), &[("serve-loses", Warning)]);
    check(lost(2), &[("serve-loses", Critical)]);
}

/// Answers that took so many milliseconds, in a loop that stood still for so many.
fn timed(answers: [u64; 3], stalled: u64) -> Probe {
    let steps = answers
        .map(|it| Step { took: Duration::from_millis(it), ..step(StepKind::Get, Outcome::Good) });
    Probe { lanes: vec![lane(steps)], stalled: Duration::from_millis(stalled) }
}

#[test]
fn slow_answers_are_found() {
    check(timed([1, 10, 100], 0), &[]);
    check(timed([1, 10, 101], 0), &[("serve-slow", Note)]);
    check(timed([1, 11, 11], 0), &[("serve-slow", Warning)]);
    check(timed([1, 101, 101], 0), &[("serve-slow", Critical)]);
}

#[test]
fn answers_that_were_late_at_one_time_are_an_accident() {
    let probe = |lanes: [Vec<u64>; 2]| {
        let answer = |millis| Step {
            took: Duration::from_millis(millis),
            ..step(StepKind::Get, Outcome::Good)
        };
        let lanes = lanes.map(|it| lane(it.into_iter().map(answer)));
        Probe { lanes: lanes.into(), ..Probe::default() }
    };
    check(probe([vec![1, 1, 1, 101], vec![1, 1, 1, 140]]), &[("serve-slow", Note)]);
    check(probe([vec![1, 1, 101, 1], vec![1, 1, 150, 120]]), &[("serve-slow", Warning)]);
    check(probe([vec![1, 1, 101, 101, 1, 1], vec![1]]), &[("serve-slow", Warning)]);
}

#[test]
fn answers_that_are_late_by_our_own_fault_are_not_slow() {
    check(timed([30, 40, 130], 30), &[]);
    check(timed([30, 41, 130], 30), &[("serve-slow", Warning)]);
    check(timed([30, 131, 131], 30), &[("serve-slow", Critical)]);
}

#[test]
fn failures_are_told_once_each_and_nothing_else_among_them() {
    let late = |millis| Step {
        took: Duration::from_millis(millis),
        ..step(StepKind::Set, Outcome::TimedOut)
    };
    let missing = step(StepKind::Get, Outcome::Missing);
    let told = |lanes| {
        let probe = Probe { lanes, ..Probe::default() };
        let found = found(probe);
        found[0].evidence.iter().map(|it| it.value.clone()).collect::<Vec<_>>()
    };
    let lanes = vec![lane([missing, late(1_001)]), lane([late(1_002)])];
    assert_eq!(told(lanes), ["set: nothing for 1001 ms"]);
}

#[test]
fn what_is_refused_is_told_here_unless_a_finding_says_why() {
    let refused = Outcome::Refused("SERVER_ERROR out of memory storing object".to_owned());
    let probe = Probe { lanes: vec![lane([step(StepKind::Set, refused)])], ..Probe::default() };
    let server = |says| {
        let facts = facts(probe.clone(), says);
        let found = Findings::of(&examined(facts)).into_iter();
        let found = found.filter(|it| it.server.is_some() && it.check != "reach-name");
        found.map(|it| it.check).collect::<Vec<_>>()
    };
    let says = Some(crate::facts::Says::Memcached(Box::default()));
    assert_eq!(server(says), ["memcached-out-of-memory"]);
    assert_eq!(server(None), ["serve-fails"]);
}
