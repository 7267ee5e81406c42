//! A run beside one that was saved: the ratio of each figure.
//!
//! It compares what is written, not what was measured: a saved run is JSON and nothing else.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::failure::Failure;

use super::summary::SCHEMA;

/// A run that was saved.
pub(crate) struct Saved {
    file: PathBuf,
    run: Value,
}

/// Two runs, one beside the other.
pub(crate) struct Comparison<'a> {
    saved: &'a Saved,
    run: &'a Value,
}

/// One figure of both runs.
struct Row {
    /// Where it is in the JSON.
    path: &'static str,
    name: &'static str,
    saved: f64,
    this: f64,
}

impl Saved {
    /// Reads a file that `--save` has written.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::Usage(format!(
                "cannot read {}: {error}; --compare takes a file that --save has written",
                file.display()
            ))
        })?;
        let run: Value = serde_json::from_str(&text).unwrap_or_default();
        match run["schema"].as_str() {
            Some(SCHEMA) => Ok(Self { file: file.to_owned(), run }),
            Some(other) => Err(Failure::Usage(format!(
                "{} was saved as {other}, and this version compares {SCHEMA}; save it again",
                file.display()
            ))),
            None => Err(Failure::Usage(format!(
                "{} is no saved run; --compare takes a file that --save has written",
                file.display()
            ))),
        }
    }

    /// What is different in the workloads, each as a sentence; a ratio of their figures says
    /// little then.
    pub(crate) fn differences(&self, workload: &Value) -> Vec<String> {
        let saved = &self.run["workload"];
        let names = workload.as_object().into_iter().flat_map(Map::keys);
        let differing = names.filter(|name| workload[*name] != saved[*name]);
        differing
            .map(|name| format!("{name} is {}, and was {}", workload[name], saved[name]))
            .collect()
    }

    /// This run beside the saved one.
    pub(crate) fn compare<'a>(&'a self, run: &'a Value) -> Comparison<'a> {
        Comparison { saved: self, run }
    }
}

impl Comparison<'_> {
    /// The ratios: this run's figure by the saved one's.
    pub(crate) fn to_json(&self) -> Value {
        let ratios = self.rows().map(|row| (row.path.to_owned(), json!(row.ratio())));
        json!({
            "file": self.saved.file.display().to_string(),
            "differences": self.differences(),
            "ratios": ratios.collect::<Map<_, _>>(),
        })
    }

    fn differences(&self) -> Vec<String> {
        self.saved.differences(&self.run["workload"])
    }

    fn rows(&self) -> impl Iterator<Item = Row> {
        FIGURES.iter().filter_map(|&(path, name)| {
            let [saved, this] = [&self.saved.run, self.run].map(|run| figure(run, path));
            Some(Row { path, name, saved: saved?, this: this? })
        })
    }
}

impl Row {
    /// Nothing where the saved figure is zero.
    fn ratio(&self) -> Option<f64> {
        (self.saved != 0.0).then(|| self.this / self.saved)
    }
}

/// A table, and what is different below it.
impl fmt::Display for Comparison<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nbeside {}", self.saved.file.display())?;
        writeln!(f, "{:<18} {:>12} {:>12} {:>7}", "", "saved", "this", "ratio")?;
        for row in self.rows() {
            let ratio = row.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            writeln!(f, "{:<18} {:>12.1} {:>12.1} {ratio:>7}", row.name, row.saved, row.this)?;
        }
        if self.saved.run["end"] != "complete" {
            writeln!(f, "\nnote: the saved run ended early.")?;
        }
        if self.saved.run["generator"]["was_limit"] == true {
            writeln!(f, "\nnote: in the saved run the generator was the limit.")?;
        }
        for difference in self.differences() {
            writeln!(f, "\nnote: the workloads differ: {difference}.")?;
        }
        Ok(())
    }
}

/// A figure by its path in the JSON.
fn figure(run: &Value, path: &str) -> Option<f64> {
    path.split('.').try_fold(run, |value, name| value.get(name))?.as_f64()
}

/// What is compared, and its name in the table.
const FIGURES: [(&str, &str); 18] = [
    ("requests_per_second", "requests a second"),
    ("latency_us.all.p50", "all p50 (µs)"),
    ("latency_us.all.p90", "all p90 (µs)"),
    ("latency_us.all.p99", "all p99 (µs)"),
    ("latency_us.all.p99_9", "all p99.9 (µs)"),
    ("latency_us.all.max", "all max (µs)"),
    ("latency_us.all.mean", "all mean (µs)"),
    ("latency_us.reads.p50", "reads p50 (µs)"),
    ("latency_us.reads.p99", "reads p99 (µs)"),
    ("latency_us.reads.p99_9", "reads p99.9 (µs)"),
    ("latency_us.reads.max", "reads max (µs)"),
    ("latency_us.writes.p50", "writes p50 (µs)"),
    ("latency_us.writes.p99", "writes p99 (µs)"),
    ("latency_us.writes.p99_9", "writes p99.9 (µs)"),
    ("latency_us.writes.max", "writes max (µs)"),
    ("requests.failed", "failed"),
    ("keys.hits", "hits"),
    ("keys.misses", "misses"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rate: f64, p99: Option<f64>, misses: u64) -> Value {
        json!({
            "schema": SCHEMA,
            "end": "complete",
            "workload": { "keys": 10, "pace": "open" },
            "requests_per_second": rate,
            "latency_us": { "all": { "p99": p99 } },
            "keys": { "misses": misses },
        })
    }

    fn saved(run: Value) -> Saved {
        Saved { file: "old.json".into(), run }
    }

    #[test]
    fn ratios_are_this_run_by_the_saved_one() {
        let saved = saved(run(100.0, Some(50.0), 0));
        let run = run(150.0, Some(25.0), 3);
        let ratios = &saved.compare(&run).to_json()["ratios"];
        assert_eq!(ratios["requests_per_second"], 1.5);
        assert_eq!(ratios["latency_us.all.p99"], 0.5);
        assert_eq!(ratios["keys.misses"], Value::Null, "nothing has a ratio to zero");
    }

    #[test]
    fn what_one_of_the_runs_does_not_have_is_left_out() {
        let saved = saved(run(100.0, None, 0));
        let run = run(100.0, Some(25.0), 0);
        let comparison = saved.compare(&run);
        assert_eq!(comparison.to_json()["ratios"].get("latency_us.all.p99"), None);
        assert!(!comparison.to_string().contains("p99"));
    }

    #[test]
    fn differing_workloads_and_an_early_end_are_said() {
        let mut old = run(100.0, None, 0);
        old["end"] = json!("stopped");
        old["workload"]["keys"] = json!(20);
        let (saved, run) = (saved(old), run(100.0, None, 0));
        let text = saved.compare(&run).to_string();
        assert!(text.contains("the workloads differ: keys is 10, and was 20."), "{text}");
        assert!(text.contains("the saved run ended early"), "{text}");
        assert_eq!(saved.differences(&json!({ "keys": 20, "pace": "open" })), [""; 0]);
    }
}
