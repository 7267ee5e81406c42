//! Counts beside the baseline's: what has become dearer, or so much cheaper that it must be noted.

use std::fmt;

use crate::baseline::{Baseline, number};
use crate::callgrind::Count;
use crate::stage::StageName;

/// How much dearer a stage may be than in the baseline, in percent. The same program counts the
/// same to the last instruction, anywhere; what moves without a cause is what the compiler inlines
/// when code elsewhere changes, and what another version of the C library does to copy.
const DEARER_PERCENT_MAX: f64 = 3.0;

/// How much cheaper. What is gained beyond could be lost again without a word.
const CHEAPER_PERCENT_MAX: f64 = 5.0;

/// What may be added or taken away besides, in instructions: one makes much of a small stage.
const SLACK: f64 = 5.0;

/// What came of the comparison.
#[derive(Debug)]
pub(crate) struct Verdict {
    stages_len: usize,
    findings: Vec<Finding>,
    /// The tools of the baseline and those at hand, if they differ.
    tools: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Finding {
    stage: StageName,
    change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Dearer {
        before: f64,
        now: f64,
    },
    Cheaper {
        before: f64,
        now: f64,
    },
    /// Not in the baseline.
    New {
        now: f64,
    },
    /// Only in the baseline.
    Gone {
        before: f64,
    },
}

impl Verdict {
    /// Compares `counts`, made with `tools`, with the baseline.
    pub(crate) fn new(baseline: &Baseline, tools: &str, counts: &[Count]) -> Self {
        let mut findings: Vec<_> = counts.iter().filter_map(|it| find(baseline, it)).collect();
        let gone = baseline.counts.iter().filter(|it| count_of(counts, &it.stage).is_none());
        findings.extend(gone.map(|it| Finding {
            stage: it.stage.clone(),
            change: Change::Gone { before: it.instructions },
        }));
        let has_other_tools = baseline.tools != tools;
        Self {
            stages_len: counts.len(),
            findings,
            tools: has_other_tools.then(|| (baseline.tools.clone(), tools.to_owned())),
        }
    }

    /// Whether every stage takes what it took.
    pub(crate) fn is_good(&self) -> bool {
        self.findings.is_empty()
    }
}

fn find(baseline: &Baseline, count: &Count) -> Option<Finding> {
    let now = count.instructions;
    let change = match count_of(&baseline.counts, &count.stage) {
        None => Change::New { now },
        Some(before) if now > before * (1.0 + DEARER_PERCENT_MAX / 100.0) + SLACK => {
            Change::Dearer { before, now }
        }
        Some(before) if now < before * (1.0 - CHEAPER_PERCENT_MAX / 100.0) - SLACK => {
            Change::Cheaper { before, now }
        }
        Some(_) => return None,
    };
    Some(Finding { stage: count.stage.clone(), change })
}

fn count_of(counts: &[Count], stage: &StageName) -> Option<f64> {
    counts.iter().find(|it| it.stage == *stage).map(|it| it.instructions)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stages_len = self.stages_len;
        if self.is_good() {
            return writeln!(f, "instructions: {stages_len} stages take what they took");
        }
        let found = self.findings.len();
        writeln!(f, "instructions: {found} of {stages_len} stages are not as in the baseline\n")?;
        writeln!(f, "{:48} {:>9} {:>9} {:>6}", "stage", "before", "now", "ratio")?;
        for Finding { stage, change } in &self.findings {
            let stage = stage.to_string();
            let (before, now, word) = match *change {
                Change::Dearer { before, now } => (Some(before), Some(now), "dearer"),
                Change::Cheaper { before, now } => (Some(before), Some(now), "cheaper"),
                Change::New { now } => (None, Some(now), "not in the baseline"),
                Change::Gone { before } => (Some(before), None, "only in the baseline"),
            };
            let ratio = before.zip(now).map(|(before, now)| format!("{:.2}", now / before));
            let [before, now] = [before, now].map(|it| it.map(number));
            let [before, now, ratio] = [before, now, ratio].map(|it| it.unwrap_or("-".into()));
            writeln!(f, "{stage:48} {before:>9} {now:>9} {ratio:>6}  {word}")?;
        }
        write!(
            f,
            "\nA stage may take {DEARER_PERCENT_MAX} % more than in the baseline, and \
             {CHEAPER_PERCENT_MAX} % less, before the baseline is out of date.\n\
             Where they go: callgrind_annotate on instructions.callgrind, beside the program.\n\
             If this is as it should be: make instructions-accept, and say why in the commit.\n"
        )?;
        if let Some((before, now)) = &self.tools {
            writeln!(f, "The baseline was counted with {before}; this with {now}.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: &str = "a compiler";

    fn counts(instructions: &[(&str, f64)]) -> Vec<Count> {
        let count = |(stage, instructions): &(&str, f64)| Count {
            stage: stage.parse().unwrap(),
            instructions: *instructions,
        };
        instructions.iter().map(count).collect()
    }

    fn verdict(before: &[(&str, f64)], now: &[(&str, f64)]) -> Verdict {
        let baseline = Baseline { tools: TOOLS.into(), counts: counts(before) };
        Verdict::new(&baseline, TOOLS, &counts(now))
    }

    #[track_caller]
    fn check(before: f64, now: f64, is_good: bool) {
        let verdict = verdict(&[("parse: get", before)], &[("parse: get", now)]);
        assert_eq!(verdict.is_good(), is_good, "{verdict}");
    }

    #[test]
    fn a_stage_may_become_a_little_dearer() {
        check(1000.0, 1035.0, true);
        check(1000.0, 1035.1, false);
    }

    #[test]
    fn a_stage_that_is_much_cheaper_makes_the_baseline_out_of_date() {
        check(1000.0, 945.0, true);
        check(1000.0, 944.9, false);
    }

    #[test]
    fn a_few_instructions_of_a_small_stage_are_no_change() {
        check(10.0, 15.0, true);
        check(10.0, 16.0, false);
        check(10.0, 5.0, true);
        check(10.0, 4.0, false);
    }

    #[test]
    fn stages_and_baseline_must_be_of_the_same_things() {
        let one = [("parse: get", 10.0)];
        let two = [("parse: get", 10.0), ("route: 3 servers", 10.0)];
        assert!(verdict(&two, &two).is_good());
        assert!(!verdict(&one, &two).is_good());
        assert!(!verdict(&two, &one).is_good());
    }

    #[test]
    fn a_finding_names_the_stage_both_counts_and_what_to_do() {
        let words = verdict(&[("match: get", 1930.0)], &[("match: get", 2123.0)]).to_string();
        for part in ["match: get ", " 1930 ", " 2123 ", " 1.10 ", "make instructions-accept"] {
            assert!(words.contains(part), "{part} in:\n{words}");
        }
        assert!(!words.contains("a compiler"));
    }

    #[test]
    fn a_finding_says_if_the_tools_are_others() {
        let baseline = Baseline { tools: TOOLS.into(), counts: counts(&[("parse: get", 10.0)]) };
        let verdict = Verdict::new(&baseline, "another", &counts(&[("parse: get", 100.0)]));
        assert!(verdict.to_string().contains("a compiler; this with another"));
    }
}
