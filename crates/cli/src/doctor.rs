//! `evenkeel doctor`: what is wrong with cache servers.

mod explain;
mod files;
mod fix;
mod page;
mod password;
mod proxies;
mod roster;
mod sheet;
mod targets;
mod watch;

use std::io::{self, ErrorKind, Write};

use evenkeel_doctor::{Options, Report, Severity, Verdict};
use tokio::runtime::Runtime;

use self::page::PageFile;
use self::sheet::Extent;
use self::targets::Sought;
use crate::args::DoctorArgs;
use crate::failure::Failure;
use crate::paper::Paper;
use crate::text::json_line;

/// Examines the targets and prints what is found; fails unless all is well.
pub(crate) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    if let Some(check) = &args.explain {
        return explain::explain(check);
    }
    let page = args.html.as_deref().map(PageFile::claim).transpose()?;
    let sought = Sought::of(args)?;
    let servers_at_once = files::servers_at_once();
    let options = Options { interval: args.interval, servers_at_once, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|it| Failure::NotExamined(Failure::Runtime(it).to_string()))?;
    let examined = match args.watch {
        None => once(&sought, options, args, page.as_ref(), &runtime),
        Some(period) => {
            let look = async || Report::new(&sought.examine(options).await);
            runtime.block_on(watch::watch(look, period, args, page.as_ref()))
        }
    };
    // A lookup of a name that nobody answers would hold us up.
    runtime.shutdown_background();
    match examined?.exit_code() {
        0 => Ok(()),
        code => Err(Failure::Examined { code }),
    }
}

/// Examines once, and again if something was changed; how it was last.
fn once(
    sought: &Sought,
    options: Options,
    args: &DoctorArgs,
    page: Option<&PageFile>,
    runtime: &Runtime,
) -> Result<Verdict, Failure> {
    let examination = runtime.block_on(sought.examine(options));
    let report = Report::new(&examination);
    tell(&report, args, page)?;
    // What is not told is not offered.
    let least = if args.verbose { Severity::Note } else { Severity::Warning };
    if !args.fix || fix::fix(&examination, &report.findings, least, runtime)?.sent == 0 {
        return Ok(report.verdict);
    }
    let report = Report::new(&runtime.block_on(sought.examine(options)));
    tell(&report, args, page)?;
    Ok(report.verdict)
}

/// Prints a report, and writes it to the page that is wanted.
fn tell(report: &Report, args: &DoctorArgs, page: Option<&PageFile>) -> Result<(), Failure> {
    print(&text(report, args))?;
    page.map_or(Ok(()), |page| page.write(report))
}

/// A report as it is wanted.
fn text(report: &Report, args: &DoctorArgs) -> String {
    if args.json {
        return json_line(report) + "\n";
    }
    let extent = if args.verbose { Extent::All } else { Extent::Screen };
    sheet::sheet(report, extent, Paper::of_stdout().or_sized(sheet::COLUMNS, sheet::ROWS))
}

/// A reader that has seen enough (`| head`) is no failure: the verdict is what is asked for. Whether
/// there still is one.
fn print(text: &str) -> Result<bool, Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::NotExamined(Failure::Output(error).to_string())),
    }
}
