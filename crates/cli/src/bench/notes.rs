//! What a reader of the figures has to know, in sentences.

use evenkeel_load::{End, LATE_MIN, Length, Limit, Pace, Report, ThreadTime};

use super::plan::{Plan, processors};
use crate::figures;

/// All that has to be said, the gravest first.
pub(crate) fn notes(plan: &Plan, report: &Report) -> Vec<String> {
    [end(plan, report), generator(plan, report), held_back(report), misses(report)]
        .into_iter()
        .flatten()
        .collect()
}

/// That the generator was the limit, by how much, and what to do about it.
pub(crate) fn generator(plan: &Plan, report: &Report) -> Option<String> {
    let limit = report.limit()?;
    let what = match plan.workload.pace {
        Pace::Closed { .. } => String::new(),
        Pace::Open { .. } => format!(
            " for the longest latencies: it began {} requests ({}) more than {} late, at worst {}",
            figures::count(report.late()),
            figures::percent(report.late(), report.lateness.len()),
            figures::latency(LATE_MIN),
            figures::latency(report.lateness.max()),
        ),
    };
    let [busy, queued] = [ThreadTime::busy_share, ThreadTime::queued_share]
        .map(|part| figures::share(report.threads.iter().map(part).fold(0.0, f64::max)));
    let why = match limit {
        Limit::Threads => format!(
            "A thread ran {busy} of the time: give more --threads than {} (this machine has {}), \
             or use a second machine.",
            plan.threads,
            crate::failure::count(processors(), "processor"),
        ),
        Limit::Processors => format!(
            "A thread waited for a processor {queued} of the time: run it on another machine than \
             the target, or on one with less to do."
        ),
        Limit::Pauses => "Its threads had time: something pauses this machine; use another, or \
                          repeat the run."
            .to_owned(),
    };
    Some(format!("the generator was the limit{what}. {why}"))
}

fn end(plan: &Plan, report: &Report) -> Option<String> {
    match (report.end, plan.length) {
        (End::Complete, _) => None,
        (End::Stopped, _) => Some("stopped early; this is what was measured until then.".into()),
        (End::NoAnswers, Length::Requests(_) | Length::Time(_)) => Some(
            "given up early: nothing was answered for twice the --timeout. Is the target up?"
                .into(),
        ),
    }
}

fn held_back(report: &Report) -> Option<String> {
    let held_back = report.held_back + report.unsent;
    let begun = report.lateness.len() + held_back;
    (held_back.saturating_mul(1000) > begun).then(|| {
        format!(
            "the target did not keep up at times: {} requests ({}) waited for their connection \
             before they were sent. That is in their latencies.",
            figures::count(held_back),
            figures::percent(held_back, begun),
        )
    })
}

fn misses(report: &Report) -> Option<String> {
    (report.misses > report.hits).then(|| {
        "most keys were missing: the target was not filled (--no-fill), is too small, or lost \
         them."
            .into()
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::args::{Args, Verb};

    fn plan(options: &str) -> Plan {
        let args =
            ["evenkeel", "bench", "localhost:1"].into_iter().chain(options.split_whitespace());
        let Some(Verb::Bench(args)) = Args::try_parse_from(args).expect("good options").verb else {
            panic!("it is another verb");
        };
        Plan::new(&args).expect("they fit together")
    }

    fn thread(busy: u64, queued: u64) -> ThreadTime {
        let [elapsed, busy, queued] = [100, busy, queued].map(Duration::from_secs);
        ThreadTime { elapsed, busy, queued }
    }

    #[test]
    fn nothing_is_said_of_a_run_that_went_well() {
        let report = Report { threads: vec![thread(60, 1)], hits: 5, ..Report::default() };
        assert_eq!(notes(&plan(""), &report), [""; 0]);
    }

    #[test]
    fn a_starved_generator_is_named_with_the_remedy() {
        for (busy, queued, words, remedy) in [
            (97, 1, "A thread ran 97.0 % of the time", "more --threads than 1"),
            (40, 55, "waited for a processor 55.0 % of the time", "another machine"),
        ] {
            let report = Report { threads: vec![thread(busy, queued)], ..Report::default() };
            let note = notes(&plan("-t 1"), &report).remove(0);
            assert!(note.starts_with("the generator was the limit. "), "{note}");
            assert!(note.contains(words) && note.contains(remedy), "{note}");
        }
    }

    #[test]
    fn late_requests_are_counted_in_the_note() {
        let mut report = Report { threads: vec![thread(10, 0)], ..Report::default() };
        for millis in [0, 0, 0, 8] {
            report.lateness.record(Duration::from_millis(millis));
        }
        let note = notes(&plan("-R 100"), &report).remove(0);
        assert!(note.contains("began 1 requests (25.0 %) more than 1.00 ms late, at worst 8.0"));
        assert!(note.contains("pauses this machine"), "{note}");
    }

    #[test]
    fn requests_that_waited_for_their_connection_are_the_targets() {
        let report = Report { held_back: 3, unsent: 1, ..Report::default() };
        let note = notes(&plan("-R 100"), &report).remove(0);
        assert!(note.starts_with("the target did not keep up"), "{note}");
        assert!(note.contains("4 requests (100 %)"), "{note}");
    }

    #[test]
    fn an_early_end_comes_first() {
        let report = Report { end: End::Stopped, misses: 1, ..Report::default() };
        assert!(notes(&plan(""), &report)[0].starts_with("stopped early"));
        let report = Report { end: End::NoAnswers, ..Report::default() };
        assert!(notes(&plan("-n 5"), &report)[0].starts_with("given up early"));
    }
}
