//! `evenkeel doctor`: what is wrong with cache servers.

mod sheet;

use std::io::{self, Write};

use evenkeel_doctor::{Options, Report, Target, examine};

use crate::args::DoctorArgs;
use crate::failure::Failure;
use crate::paper::Paper;
use crate::text::json_line;

/// Examines the targets and prints what is found; fails unless all is well.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let targets = args.targets.iter().map(|text| target(text)).collect::<Result<_, _>>()?;
    let options = Options { interval: args.interval, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::Runtime)?;
    let examination = runtime.block_on(examine(targets, options));
    // A lookup of a name that nobody answers would hold us up.
    runtime.shutdown_background();
    let report = Report::new(&examination);
    let text = if args.json {
        json_line(&report) + "\n"
    } else {
        sheet::sheet(&report, args.verbose, Paper::of_stdout())
    };
    io::stdout().write_all(text.as_bytes())?;
    match report.verdict.exit_code() {
        0 => Ok(()),
        code => Err(Failure::Examined { code }),
    }
}

fn target(text: &str) -> Result<Target, Failure> {
    text.parse().map_err(|error| Failure::Usage(format!("{text}: {error}")))
}
