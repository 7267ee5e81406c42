//! What the lab says by itself: figures, a line a second while something is going on, and each event
//! when it happens.

use std::time::{Duration, Instant};

use evenkeel_core::event::StateName;
use evenkeel_lab::Tally;

use super::screen::{Paint, Screen};
use super::stage::{EventLine, ServerLine};
use crate::figures;

/// The figures so far, and when they were last told.
pub(crate) struct Commentary {
    started_at: Instant,
    /// Since the last line.
    recent: Tally,
    /// Since the start, but for `recent`.
    before: Tally,
    told_at: Instant,
    /// Until then something is going on.
    lively_until: Instant,
    is_bad_answer_told: bool,
    /// Lines of figures so far.
    lines_told: usize,
}

const HEAD: &str = "    time  req/s    hits  errors  wrong   slowest  misplaced  servers";

/// A head is told again after so many lines of figures.
const LINES_PER_HEAD: usize = 15;

/// How often figures are told while something is going on, and while nothing is.
const LIVELY_INTERVAL: Duration = Duration::from_secs(1);
const QUIET_INTERVAL: Duration = Duration::from_secs(10);

/// For how long after something has happened something is going on.
const LIVELY_DURATION: Duration = Duration::from_secs(8);

impl Commentary {
    /// Begins now.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            started_at: now,
            recent: Tally::default(),
            before: Tally::default(),
            told_at: now,
            lively_until: now + LIVELY_DURATION / 2,
            is_bad_answer_told: false,
            lines_told: 0,
        }
    }

    /// Requests have ended.
    pub(crate) fn take_in(&mut self, tally: Tally) {
        if tally.errors + tally.lost + tally.late + tally.stale + tally.wrong > 0 {
            self.stir();
        }
        self.recent.absorb(tally);
    }

    /// Something has happened.
    pub(crate) fn stir(&mut self) {
        self.lively_until = Instant::now() + LIVELY_DURATION;
    }

    /// Whether figures are to be told now.
    pub(crate) fn is_due(&self) -> bool {
        let now = Instant::now();
        let interval = if now < self.lively_until { LIVELY_INTERVAL } else { QUIET_INTERVAL };
        now >= self.told_at + interval
    }

    /// The figures since they were last told, with a head if the last one is out of sight.
    pub(crate) fn figures(
        &mut self,
        screen: &Screen,
        servers: &[ServerLine],
        misplaced_keys: usize,
    ) -> Vec<String> {
        let now = Instant::now();
        let recent = std::mem::take(&mut self.recent);
        let per_second = figures::per_second(recent.requests, now - self.told_at);
        let hits = figures::percent(recent.hits, recent.hits + recent.misses);
        let (errors, wrong) = (failed(&recent), recent.stale + recent.wrong);
        let standings: Vec<_> = servers.iter().map(|server| standing(screen, server)).collect();
        let line = format!(
            "{} {per_second:>6.0} {hits:>7}  {}  {} {:>9} {}  {}",
            stamp(now - self.started_at),
            screen.paint_if(errors > 0, Paint::Odd, &format!("{errors:>6}")),
            screen.paint_if(wrong > 0, Paint::Bad, &format!("{wrong:>5}")),
            figures::latency(recent.slowest),
            screen.paint_if(misplaced_keys > 0, Paint::Odd, &format!("{misplaced_keys:>10}")),
            standings.join(", "),
        );
        self.told_at = now;
        self.before.absorb(recent);
        let head = self.lines_told.is_multiple_of(LINES_PER_HEAD);
        self.lines_told += 1;
        if head { vec![screen.paint(Paint::Faint, HEAD), line] } else { vec![line] }
    }

    /// An event, when it is told.
    pub(crate) fn event(&mut self, screen: &Screen, event: &EventLine) -> String {
        self.stir();
        let paint = if event.is_bad { Paint::Bad } else { Paint::Said };
        screen.paint(paint, &format!("{}  {}", stamp(event.at), event.text))
    }

    /// The first answer that should never have come, once.
    pub(crate) fn bad_answer(&mut self, screen: &Screen) -> Option<String> {
        let answer = self.recent.first_bad_answer.as_ref()?;
        if std::mem::replace(&mut self.is_bad_answer_told, true) {
            return None;
        }
        let text = format!("WRONG ANSWER: {answer}. This is a bug in evenkeel: please report it.");
        Some(screen.paint(Paint::Bad, &text))
    }

    /// What became of all requests.
    pub(crate) fn total(&self) -> Tally {
        let mut total = self.before.clone();
        total.absorb(self.recent.clone());
        total
    }

    /// What became of all requests, in words.
    pub(crate) fn summary(&self, deadline: Duration) -> [String; 2] {
        let total = self.total();
        let seconds = self.started_at.elapsed().as_secs_f64();
        let (requests, wrong) = (figures::count(total.requests), total.stale + total.wrong);
        let hits = figures::percent(total.hits, total.hits + total.misses);
        let errors = figures::count(failed(&total));
        let (slowest, late) = (figures::latency(total.slowest), figures::count(total.late));
        [
            format!(
                "{requests} requests in {seconds:.0} s: {hits} hits, {errors} errors, {wrong} wrong"
            ),
            format!(
                "the slowest took {slowest}; {late} outlived their deadline of {} ms",
                deadline.as_millis()
            ),
        ]
    }
}

/// The servers as a table.
pub(crate) fn table(screen: &Screen, servers: &[ServerLine]) -> Vec<String> {
    let head = "server  state       since  trouble  items  misplaced  why";
    let mut lines = vec![screen.paint(Paint::Faint, head)];
    for server in servers {
        let trouble = server.trouble.map_or("none", evenkeel_lab::Trouble::label);
        let writes = if server.takes_writes { "" } else { "; no writes are sent to it" };
        lines.push(format!(
            "{:<6}  {}  {:>4.0} s  {trouble:<7}  {:>5}  {:>9}  {}{writes}",
            server.name,
            screen.paint(paint(server), &format!("{:<9}", server.state.label())),
            server.age.as_secs_f64(),
            server.items,
            server.misplaced_keys,
            server.reason.as_deref().unwrap_or("-"),
        ));
    }
    lines
}

/// How long after the start.
fn stamp(since_start: Duration) -> String {
    format!("{:>6.1} s", since_start.as_secs_f64())
}

fn failed(tally: &Tally) -> u64 {
    tally.errors + tally.lost
}

fn standing(screen: &Screen, server: &ServerLine) -> String {
    let share = server.share_percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
    let writes = if server.takes_writes { "" } else { " (reads only)" };
    let text = format!("{} {}{share}{writes}", server.name, server.state.label());
    screen.paint(paint(server), &text)
}

fn paint(server: &ServerLine) -> Paint {
    match server.state {
        StateName::Up if server.takes_writes => Paint::Good,
        StateName::Up | StateName::Suspect | StateName::Returning => Paint::Odd,
        StateName::Down => Paint::Bad,
        StateName::Drained => Paint::Faint,
    }
}
