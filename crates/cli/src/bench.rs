//! `evenkeel bench`: sends a load, and says what came of it.
//!
//! The load and everything that is measured are `evenkeel-load`'s; here are the arguments, the
//! guard against loads nobody wants, and the words.

pub(crate) mod values;

mod plan;

mod progress;

mod notes;
mod summary;

mod comparison;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use evenkeel_load::{End, Endpoint, EndpointError, Load, Report, RunError, Survey, Watch};
use serde_json::Value;

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::signals::{EXIT_INTERRUPTED, Signals};

use comparison::Saved;
use plan::Plan;
use progress::{Progress, Stage};
use summary::Summary;

/// Why a load was not sent, or is no success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The endpoint is none. Nothing was sent.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The load could not be sent.
    #[error("{source}{}", remedy(.source))]
    Run {
        /// Why.
        #[from]
        source: RunError,
    },
    /// The target gave a wrong answer. What was measured was printed.
    #[error("{count} answers were WRONG: {first}")]
    Wrong {
        /// How many.
        count: u64,
        /// The first of them.
        first: String,
    },
    /// Nothing was answered. What was measured was printed.
    #[error("nothing was answered; first fault: {first}")]
    NoAnswers {
        /// What went wrong first.
        first: String,
    },
    /// Ctrl-C ended it. What was measured was printed.
    #[error("stopped by a signal")]
    Stopped,
    /// The file of `--save` cannot be written.
    #[error("cannot write {}: {source}", .file.display())]
    Save {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Sends the load and prints what was measured.
pub(crate) fn bench(args: &BenchArgs) -> Result<(), Failure> {
    let plan = Plan::new(args)?;
    let saved = args.compare.as_deref().map(Saved::read).transpose()?;
    if let Some(saved) = &saved {
        for difference in saved.differences(&plan.workload_json()) {
            writeln!(io::stderr(), "evenkeel: not the saved run's workload: {difference}")?;
        }
    }
    let save = args.save.as_deref().map(SaveFile::create).transpose()?;
    let endpoint = Endpoint::resolve(&args.endpoint).map_err(BenchError::from)?;
    let watch = Arc::new(Watch::new());
    stop_on_signal(&watch)?;
    let version = look(&endpoint, &plan, args.force)?;
    let report = send(&endpoint, &plan, &watch, !args.no_fill)?;
    let version = version.as_deref();
    let summary = Summary { endpoint: &endpoint, version, plan: &plan, report: &report };
    print(&summary, saved.as_ref(), save, args.json)?;
    judge(&report)
}

/// The first signal ends the load; the second ends the program at once.
fn stop_on_signal(watch: &Arc<Watch>) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    let watch = Arc::clone(watch);
    thread::spawn(move || {
        signals.wait();
        watch.stop();
        signals.wait();
        std::process::exit(EXIT_INTERRUPTED.into());
    });
    Ok(())
}

/// Looks whether the load would harm others; gives the target's version.
fn look(endpoint: &Endpoint, plan: &Plan, is_forced: bool) -> Result<Option<String>, Failure> {
    if is_forced {
        return Ok(None);
    }
    let survey = match Survey::take(endpoint) {
        Ok(survey) => survey,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
        Err(error) => {
            writeln!(
                io::stderr(),
                "evenkeel: cannot tell whether others use {endpoint}: {error}; going on"
            )?;
            return Ok(None);
        }
    };
    match survey.danger(&plan.workload) {
        None => Ok(survey.version),
        Some(danger) => Err(Failure::Usage(format!(
            "{endpoint} looks like a cache in production: {danger}. Nothing was sent; choose \
             another target, or add --force if you mean this one"
        ))),
    }
}

fn send(
    endpoint: &Endpoint,
    plan: &Plan,
    watch: &Arc<Watch>,
    is_filled: bool,
) -> Result<Report, BenchError> {
    let load = Load::new(endpoint, &plan.workload)
        .threads(plan.threads)
        .warm_up(plan.warm_up)
        .answer_timeout(plan.answer_timeout)
        .watch(watch);
    if is_filled {
        let _progress = Progress::start(watch, Stage::Fill { keys: plan.workload.keys as u64 });
        load.fill()?;
    }
    let _progress = Progress::start(watch, Stage::Run { warm_up: plan.warm_up });
    Ok(load.run(plan.length)?)
}

fn print(
    summary: &Summary<'_>,
    saved: Option<&Saved>,
    save: Option<SaveFile>,
    is_json: bool,
) -> Result<(), Failure> {
    let mut object = summary.to_json();
    if let Some(save) = save {
        save.finish(&object)?;
    }
    let mut output = io::stdout().lock();
    if is_json {
        if let Some(saved) = saved {
            object["comparison"] = saved.compare(&object).to_json();
        }
        writeln!(output, "{object}")?;
    } else {
        write!(output, "{summary}")?;
        if let Some(saved) = saved {
            write!(output, "{}", saved.compare(&object))?;
        }
    }
    output.flush()?;
    Ok(())
}

/// Is it a success?
fn judge(report: &Report) -> Result<(), Failure> {
    let first = |start: &str| {
        let fault = report.faults.iter().find(|fault| fault.starts_with(start));
        fault.cloned().unwrap_or_default()
    };
    if report.wrong > 0 {
        return Err(BenchError::Wrong { count: report.wrong, first: first("wrong: ") }.into());
    }
    match report.end {
        End::Stopped => Err(BenchError::Stopped.into()),
        End::Complete | End::NoAnswers if report.answered() == 0 => {
            Err(BenchError::NoAnswers { first: first("") }.into())
        }
        End::Complete | End::NoAnswers => Ok(()),
    }
}

/// A file that is there, whole, or not at all. That it can be written is known before the run.
struct SaveFile {
    file: PathBuf,
    partial: PathBuf,
    output: File,
}

impl SaveFile {
    fn create(file: &Path) -> Result<Self, BenchError> {
        let mut partial = file.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        match File::create(&partial) {
            Ok(output) => Ok(Self { file: file.to_owned(), partial, output }),
            Err(source) => Err(BenchError::Save { file: file.to_owned(), source }),
        }
    }

    fn finish(mut self, object: &Value) -> Result<(), BenchError> {
        let written = writeln!(self.output, "{object:#}");
        let renamed = written.and_then(|()| fs::rename(&self.partial, &self.file));
        renamed.map_err(|source| BenchError::Save { file: self.file.clone(), source })
    }
}

impl Drop for SaveFile {
    fn drop(&mut self) {
        // After a run that was saved it is not there any more.
        let _ = fs::remove_file(&self.partial);
    }
}

fn remedy(error: &RunError) -> &'static str {
    match error {
        RunError::Connect { source, .. } => match source.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                "; start the target, or check the address"
            }
            io::ErrorKind::TimedOut => {
                "; check the address, or ask for fewer connections if some were made"
            }
            io::ErrorKind::AddrNotAvailable => {
                "; this machine has no more ports: fewer connections"
            }
            _ => "",
        },
        RunError::NotFilled { .. } => {
            "; let the target take such items, or go without (--no-fill: reads will be misses)"
        }
        RunError::Descriptors { .. } | RunError::Poll(_) | RunError::Stopped => "",
    }
}
