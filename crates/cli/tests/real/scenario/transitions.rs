//! The changes of servers' states, read from the proxy's log or asked of the library.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use evenkeel::Handle;
use evenkeel_core::event::Happening;

use crate::support::Subject;

/// A change of a server's state, in the log's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) at: Instant,
    pub(super) server: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) rule: String,
    pub(super) evidence: String,
}

impl Transition {
    /// The server gets no requests from now on.
    pub(super) fn is_ejection(&self) -> bool {
        self.to == "down" && self.from != "down"
    }

    /// The server gets requests again.
    pub(super) fn is_readmission(&self) -> bool {
        self.from == "down" && self.to != "down"
    }
}

/// Every change of state since this clock was read; fails if the proxy has ended.
pub(super) fn of(subject: &mut Subject, wall_clock: WallClock) -> Vec<Transition> {
    match subject {
        Subject::Proxy(proxy) => {
            assert!(proxy.is_running(), "the proxy ended:\n{}", proxy.output());
            wall_clock.transitions(&proxy.output())
        }
        Subject::Library(library) => of_events(library.client().handle()),
    }
}

fn of_events(handle: &Handle) -> Vec<Transition> {
    let since_start = handle.now().saturating_since(evenkeel_core::Instant::ZERO);
    let started_at = Instant::now().checked_sub(since_start).expect("it started in our time");
    let events = handle.events_since(0);
    assert_eq!(events.missed, 0, "a run has fewer events than are kept");
    let transitions = events.events.iter().filter_map(|event| match event.what.server() {
        Some((names, Happening::State(change))) => Some(Transition {
            at: started_at + event.at.saturating_since(evenkeel_core::Instant::ZERO),
            server: names.server.clone(),
            from: change.from.label().to_owned(),
            to: change.to.label().to_owned(),
            rule: change.rule.label().to_owned(),
            evidence: change.evidence.to_string(),
        }),
        Some(_) | None => None,
    });
    transitions.collect()
}

/// One moment by both clocks, so that a time in the log is one of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct WallClock {
    now: Instant,
    time_of_day: Duration,
}

impl WallClock {
    /// Reads both.
    pub(super) fn read() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let since_epoch = since_epoch.expect("this is after 1970");
        let nanos = since_epoch.as_nanos() % DAY.as_nanos();
        let nanos = u64::try_from(nanos).expect("a day has fewer nanoseconds than that");
        let time_of_day = Duration::from_nanos(nanos);
        Self { now: Instant::now(), time_of_day }
    }

    /// Every change of state in a log that began after this clock was read.
    pub(super) fn transitions(self, log: &str) -> Vec<Transition> {
        log.lines().filter_map(|line| self.transition(line)).collect()
    }

    fn transition(self, line: &str) -> Option<Transition> {
        let field = |name: &str| field(line, name).map(str::to_owned);
        Some(Transition {
            at: self.instant(line.split_whitespace().next()?)?,
            server: field("server")?,
            from: field("from")?,
            to: field("to")?,
            rule: field("rule")?,
            evidence: line.split_once(" evidence=")?.1.to_owned(),
        })
    }

    /// `2026-01-31T07:03:24.784175Z` as one of our own moments.
    fn instant(self, time: &str) -> Option<Instant> {
        let mut parts = time.split_once('T')?.1.strip_suffix('Z')?.split(':');
        let hours: u64 = parts.next()?.parse().ok()?;
        let minutes: u64 = parts.next()?.parse().ok()?;
        let seconds: f64 = parts.next()?.parse().ok()?;
        let time_of_day = Duration::from_secs(hours * 3600 + minutes * 60)
            + Duration::try_from_secs_f64(seconds).ok()?;
        let next_day = if time_of_day < self.time_of_day { DAY } else { Duration::ZERO };
        Some(self.now + (time_of_day + next_day).saturating_sub(self.time_of_day))
    }
}

/// The value of `name=value` or `name="value"`.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let start = line.find(&format!(" {name}="))? + name.len() + 2;
    let rest = &line[start..];
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split_whitespace().next(),
    }
}

const DAY: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "evenkeel 0.1.0: listener main on 127.0.0.1:1\n\
        2026-01-31T23:59:59.500000Z  WARN x: server is down pool=\"main\" server=\"a:1\" \
        from=\"up\" to=\"down\" rule=\"refused\" evidence=request failed: refused\n\
        2026-02-01T00:00:01.250000Z  INFO x: server is up pool=\"main\" server=\"a:1\" \
        from=\"down\" to=\"returning\" rule=\"canaries\" evidence=2 good canaries\n";

    #[test]
    fn changes_of_state_are_read_from_the_log_across_midnight() {
        let clock = WallClock {
            now: Instant::now(),
            time_of_day: DAY.saturating_sub(Duration::from_secs(1)),
        };
        let [down, up] = &clock.transitions(LOG)[..] else { panic!("there are two") };
        assert!(down.is_ejection() && !down.is_readmission());
        assert!(up.is_readmission() && !up.is_ejection());
        assert_eq!((down.server.as_str(), down.rule.as_str()), ("a:1", "refused"));
        assert_eq!(down.evidence, "request failed: refused");
        assert_eq!(down.at - clock.now, Duration::from_millis(500));
        assert_eq!(up.at - clock.now, Duration::from_millis(2250));
    }
}
