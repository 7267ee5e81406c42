//! Runs this program under callgrind, and reads what it has counted.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::meter;
use crate::stage::StageName;

/// The argument by which this program knows that it is measured.
pub(crate) const MEASURED: &str = "--measured";

/// What one run of a stage takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Count {
    /// Which stage.
    pub(crate) stage: StageName,
    /// Instructions, on average over the runs.
    pub(crate) instructions: f64,
}

/// Why nothing was counted.
#[derive(Debug)]
pub(crate) enum CountError {
    /// valgrind cannot be started: it is not installed.
    Start(io::Error),
    /// It failed, or this program under it, with these words.
    Failed(String),
    /// What it wrote cannot be read.
    Read(PathBuf, io::Error),
    /// There are not as many counts as stages.
    Counts {
        /// Stages that were run.
        stages_len: usize,
        /// Counts that were written.
        totals_len: usize,
    },
}

impl std::fmt::Display for CountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(error) => {
                write!(f, "cannot start valgrind (scripts/install-test-deps installs it): {error}")
            }
            Self::Failed(words) => write!(f, "valgrind failed: {words}"),
            Self::Read(path, error) => write!(f, "cannot read {}: {error}", path.display()),
            Self::Counts { stages_len, totals_len } => {
                write!(f, "{stages_len} stages were run, and {totals_len} counts written")
            }
        }
    }
}

impl std::error::Error for CountError {}

/// Counts every stage.
pub(crate) fn count() -> Result<Vec<Count>, CountError> {
    let program = env::current_exe().map_err(CountError::Start)?;
    let out = program.with_extension("callgrind");
    let output = Command::new("valgrind")
        // Variables lie on the stack, and move what lies behind them.
        .env_clear()
        .env("PATH", env::var_os("PATH").as_deref().unwrap_or(OsStr::new("/usr/bin:/bin")))
        .env("GLIBC_TUNABLES", COPIES_WITHOUT_STRING_INSTRUCTIONS)
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--combine-dumps=yes"])
        .arg(format!("--toggle-collect={}", meter::COUNTED))
        .arg(format!("--dump-before={}", meter::END_OF_STAGE))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&program)
        .arg(MEASURED)
        .output()
        .map_err(CountError::Start)?;
    if !output.status.success() {
        return Err(CountError::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let dumps = fs::read_to_string(&out).map_err(|error| CountError::Read(out, error))?;
    read(&String::from_utf8_lossy(&output.stdout), &dumps)
}

/// Puts the stages that the program has named to the counts that callgrind has written.
fn read(stages: &str, dumps: &str) -> Result<Vec<Count>, CountError> {
    let stages: Vec<_> = stages.lines().filter_map(read_stage).collect();
    let totals: Vec<_> = dumps.lines().filter_map(read_total).collect();
    // At its end callgrind writes once more what it has counted since: nothing.
    if stages.is_empty() || totals.len() != stages.len() + 1 {
        return Err(CountError::Counts { stages_len: stages.len(), totals_len: totals.len() });
    }
    let counts = stages.into_iter().zip(totals).map(|((runs, stage), total)| Count {
        stage,
        instructions: f64::from(total) / f64::from(runs),
    });
    Ok(counts.collect())
}

fn read_stage(line: &str) -> Option<(u32, StageName)> {
    let (runs, stage) = line.split_once(' ')?;
    Some((runs.parse().ok()?, stage.parse().ok()?))
}

fn read_total(line: &str) -> Option<u32> {
    line.strip_prefix("totals: ")?.trim().parse().ok()
}

/// glibc copies long stretches by `rep movsb`, which is one instruction and counts as one for each
/// byte. Valgrind shows every program the same processor, with AVX2 where there is AVX2; with this
/// off glibc's choice is the same everywhere, too.
const COPIES_WITHOUT_STRING_INSTRUCTIONS: &str = "glibc.cpu.hwcaps=-ERMS,-FSRM";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_has_the_count_written_at_its_end() {
        let dumps = "part: 1\ntotals: 3000\n\npart: 2\ntotals: 50\n\ntotals: 0\n";
        let counts = read("10 parse: get\n100 route: 3 servers\n", dumps).unwrap();
        let counts: Vec<_> =
            counts.iter().map(|it| (it.stage.to_string(), it.instructions)).collect();
        assert_eq!(counts, [("parse: get".into(), 300.0), ("route: 3 servers".into(), 0.5)]);
    }

    #[test]
    fn counts_that_belong_to_no_stage_are_an_error() {
        check_lost("10 parse: get\n", "totals: 3000\n");
        check_lost("10 parse: get\n", "totals: 3000\ntotals: 3000\ntotals: 0\n");
        check_lost("", "totals: 0\n");
    }

    #[track_caller]
    fn check_lost(stages: &str, dumps: &str) {
        assert!(matches!(read(stages, dumps), Err(CountError::Counts { .. })));
    }
}
