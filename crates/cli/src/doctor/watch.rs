//! `--watch`: examines again and again, and tells what has changed.
//!
//! The first report is told whole, and then each change in a line. That nothing has changed is told
//! on a terminal only, in one line that is written over.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::mem;
use std::time::Duration;

use evenkeel_doctor::{Report, Turn, Verdict};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::page::PageFile;
use super::sheet::{of_severity, of_verdict};
use super::text;
use crate::args::DoctorArgs;
use crate::failure::Failure;
use crate::figures;
use crate::paper::Paper;
use crate::text::{fitted, printable};

/// Goes on until it is told to end, or nobody reads on; how it was last.
pub(super) async fn watch(
    look: impl AsyncFn() -> Report,
    period: Duration,
    args: &DoctorArgs,
    page: Option<&PageFile>,
) -> Result<Verdict, Failure> {
    let mut stop = Stop::catch().map_err(not_examined)?;
    let mut told: Option<Report> = None;
    let mut line = Line::default();
    loop {
        let seen = tokio::select! {
            report = look() => Some(report),
            () = stop.asked() => None,
        };
        let Some(report) = seen else { break };
        let written = match &told {
            Some(before) if !args.json => line.tell(before, &report),
            Some(_) | None => write(&text(&report, args)),
        };
        page.map_or(Ok(()), |page| page.write(&report))?;
        told = Some(report);
        match written {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written.map_err(not_examined)?,
        }
        let is_over = tokio::select! {
            () = tokio::time::sleep(period) => false,
            () = stop.asked() => true,
        };
        if is_over {
            break;
        }
    }
    // Nobody who could see the line is harmed if it is not ended.
    let _ = line.end();
    // Whoever ends it before anything was seen knows nothing.
    Ok(told.map_or(Verdict::Unknown, |report| report.verdict))
}

fn not_examined(error: io::Error) -> Failure {
    Failure::NotExamined(Failure::Output(error).to_string())
}

fn write(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// The signals that end it.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn catch() -> io::Result<Self> {
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: signal(interrupt)?, terminate: signal(terminate)? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What is told after the first report.
#[derive(Default)]
struct Line {
    /// Whether a terminal shows a line that is to be written over.
    is_open: bool,
    /// When something changed last.
    changed_at: Option<String>,
}

impl Line {
    /// Tells what has changed, or that nothing has.
    fn tell(&mut self, before: &Report, now: &Report) -> io::Result<()> {
        let paper = Paper::of_stdout();
        let changes = changes(before, now, paper);
        if changes.is_empty() {
            return self.tell_of_nothing(before, now, paper);
        }
        self.changed_at = Some(now.at.clone());
        write(&format!("{}{}\n", self.wiped(), changes.join("\n")))
    }

    fn tell_of_nothing(&mut self, before: &Report, now: &Report, paper: Paper) -> io::Result<()> {
        if !io::stdout().is_terminal() {
            return Ok(());
        }
        let since = self.changed_at.get_or_insert_with(|| before.at.clone());
        let (word, _) = of_verdict(now.verdict);
        let (now, since) = (figures::time_of_day(&now.at), figures::time_of_day(since));
        let line = format!("{now}  still {word}; no change since {since} UTC");
        // A line that fills the terminal would be two.
        let line = fitted(&line, paper.columns() - 1);
        let wiped = self.wiped();
        self.is_open = true;
        write(&format!("{wiped}{line}"))
    }

    /// What makes room for the next line.
    fn wiped(&mut self) -> &'static str {
        if mem::take(&mut self.is_open) { "\r\x1b[K" } else { "" }
    }

    /// What is shown stays, and the shell's line is below it.
    fn end(&self) -> io::Result<()> {
        if self.is_open { write("\n") } else { Ok(()) }
    }
}

/// What has changed, a line each, with the time.
fn changes(before: &Report, now: &Report, paper: Paper) -> Vec<String> {
    let turns = Turn::between(before, now);
    let line = |turn: &Turn<'_>| {
        let finding = turn.finding;
        let (word, tone) = of_severity(finding.severity);
        let server = finding.server.as_deref().unwrap_or("several servers");
        let start = format!("{}  {:<6}  ", figures::time_of_day(&now.at), turn.kind.label());
        let end = format!(" [{}]", finding.check);
        let text = printable(&format!(" {server}: {}", finding.summary));
        let columns = paper.columns().saturating_sub(start.len() + word.len() + end.len());
        format!("{start}{}{}{end}", paper.paint(word, tone), fitted(&text, columns))
    };
    turns.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use evenkeel_doctor::{Finding, Severity};

    use super::*;

    fn report(at: &str, severity: Option<Severity>) -> Report {
        let finding = |severity| Finding {
            check: "serve-slow",
            server: Some("memcached://10.0.0.1:11211".to_owned()),
            severity,
            summary: "a request takes 120 ms\x1b[2J".to_owned(),
            evidence: Vec::new(),
            remedies: Vec::new(),
            change: None,
        };
        Report {
            at: at.to_owned(),
            took_ms: 2_000,
            verdict: Verdict::Healthy,
            servers: Vec::new(),
            proxies: Vec::new(),
            findings: severity.into_iter().map(finding).collect(),
        }
    }

    #[test]
    fn a_change_is_a_line_with_its_time() {
        let before = report("2026-11-22T03:00:12.345Z", None);
        let now = report("2026-11-22T03:00:22.345Z", Some(Severity::Critical));
        let wide = Paper::plain(None);
        assert_eq!(
            changes(&before, &now, wide),
            ["03:00:22  new     critical memcached://10.0.0.1:11211: \
              a request takes 120 ms\\u{1b}[2J [serve-slow]"]
        );
        assert!(changes(&now, &before, wide)[0].contains("  gone    critical"));
        assert_eq!(changes(&now, &now, wide), [""; 0]);
        let narrow = changes(&before, &now, Paper::plain(Some(60)));
        assert_eq!(narrow, ["03:00:22  new     critical memcached://10.0.0.… [serve-slow]"]);
    }
}
