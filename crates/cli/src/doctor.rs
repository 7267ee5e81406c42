//! `evenkeel doctor`: what is wrong with cache servers.

mod password;
mod proxies;
mod sheet;
mod targets;

use std::io::{self, ErrorKind, Write};

use evenkeel_doctor::{Options, Report};

use self::targets::Sought;
use crate::args::DoctorArgs;
use crate::failure::Failure;
use crate::paper::Paper;
use crate::text::json_line;

/// Examines the targets and prints what is found; fails unless all is well.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let sought = Sought::of(args)?;
    let options = Options { interval: args.interval, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|it| Failure::NotExamined(Failure::Runtime(it).to_string()))?;
    let examination = runtime.block_on(sought.examine(options));
    // A lookup of a name that nobody answers would hold us up.
    runtime.shutdown_background();
    let report = Report::new(&examination);
    let text = if args.json {
        json_line(&report) + "\n"
    } else {
        sheet::sheet(&report, args.verbose, Paper::of_stdout())
    };
    print(&text)?;
    match report.verdict.exit_code() {
        0 => Ok(()),
        code => Err(Failure::Examined { code }),
    }
}

/// A reader that has seen enough (`| head`) is no failure: the verdict is what is asked for.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::NotExamined(Failure::Output(error).to_string()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
