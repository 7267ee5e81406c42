//! What a run came to, beside what is asked.

use std::time::{Duration, Instant};

use crate::support::{Answer, LoadReport, Op, Sample};

use super::Course;
use super::arrivals::Arrivals;
use super::fault::{Bounds, Fault, Length};
use super::transitions::Transition;

/// The figures of one run.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) figures: Vec<Figure>,
    /// The first of what should not have been, for the reader of a failure.
    pub(crate) notes: Vec<String>,
    /// What the reader of the figures must know.
    pub(crate) remark: Option<String>,
}

/// One figure, and what is asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) what: What,
    pub(crate) measured: String,
    pub(crate) asked: Option<String>,
    pub(crate) is_met: bool,
}

/// What a figure says, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    ReadErrors,
    WriteErrors,
    Errors,
    Slowest,
    Stale,
    Wrong,
    Lost,
    EjectedAfter,
    FeltUntil,
    P99Then,
    Ejections,
    OthersEjected,
    Readmissions,
    ReadmittedAfter,
    FullServiceAfter,
    LastErrorAfter,
    OthersP99,
    UntouchedHits,
    Load,
    Stall,
}

/// Everything that figures are taken from.
pub(super) struct Evidence<'a> {
    pub(super) length: Length,
    pub(super) course: Course,
    /// The servers that were broken, as indices and as the log names them.
    pub(super) faulty: &'a [(usize, String)],
    pub(super) report: &'a LoadReport,
    pub(super) transitions: &'a [Transition],
    pub(super) arrivals: &'a Arrivals,
}

impl What {
    /// In words.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::ReadErrors => "read errors",
            Self::WriteErrors => "write errors",
            Self::Errors => "errors",
            Self::Slowest => "slowest request",
            Self::Stale => "stale",
            Self::Wrong => "wrong",
            Self::Lost => "connections lost",
            Self::EjectedAfter => "ejected after",
            Self::FeltUntil => "felt by the load until",
            Self::P99Then => "p99 then",
            Self::Ejections => "ejections",
            Self::OthersEjected => "ejections of servers that were well",
            Self::Readmissions => "readmissions in the fault",
            Self::ReadmittedAfter => "used again after",
            Self::FullServiceAfter => "full service after",
            Self::LastErrorAfter => "last error after the return",
            Self::OthersP99 => "p99 of the others",
            Self::UntouchedHits => "hits of untouched keys there",
            Self::Load => "requests/s before the fault",
            Self::Stall => "longest stall of the machine",
        }
    }
}

impl Measured {
    /// Judges a run by what is asked when this fault happens.
    pub(super) fn new(fault: &Fault, evidence: &Evidence<'_>, remark: Option<String>) -> Self {
        let mut figures = evidence.errors(&fault.bounds);
        figures.extend(evidence.times(&fault.bounds));
        figures.extend(evidence.changes(&fault.bounds));
        figures.extend(evidence.service(&fault.bounds));
        figures.extend(evidence.surroundings());
        let mut notes = evidence.report.notes.clone();
        notes.extend(evidence.ejections_of_others().map(|change| {
            let Transition { server, rule, evidence: why, .. } = change;
            let at = change.at.saturating_duration_since(evidence.course.began_at);
            format!("{at:.3?}: {server}, which was well, is ejected by {rule}: {why}")
        }));
        Self { figures, notes, remark }
    }

    /// What was asked and not reached.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Figure> {
        self.figures.iter().filter(|figure| !figure.is_met)
    }
}

impl Figure {
    /// Name and cell.
    pub(crate) fn line(&self) -> String {
        format!("{}: {}", self.what.label(), self.cell())
    }

    /// What was measured, and in brackets what was asked.
    pub(crate) fn cell(&self) -> String {
        match &self.asked {
            Some(asked) => format!("{} ({asked})", self.measured),
            None => self.measured.clone(),
        }
    }

    /// A count of what there should be little of.
    fn count(what: What, count: usize, max: Option<usize>) -> Self {
        Self {
            what,
            measured: count.to_string(),
            asked: max.map(|max| if max == 0 { "0".to_owned() } else { format!("≤ {max}") }),
            is_met: max.is_none_or(|max| count <= max),
        }
    }

    /// A time that should be short; none is never.
    fn time(what: What, time: Option<Duration>, max: Option<Duration>) -> Self {
        Self {
            what,
            measured: match time {
                None => "never".to_owned(),
                Some(Duration::ZERO) => "at once".to_owned(),
                Some(time) => in_words(time),
            },
            asked: max.map(|max| format!("≤ {}", in_words(max))),
            is_met: max.is_none_or(|max| time.is_some_and(|time| time <= max)),
        }
    }
}

impl Evidence<'_> {
    fn errors(&self, bounds: &Bounds) -> Vec<Figure> {
        let count = |op, answer| self.since_broken().filter(|s| s.is(op, answer)).count();
        let reads = count(Op::Read, Answer::Failed);
        let writes = count(Op::Write, Answer::Failed);
        // Wherever it was seen, before the fault or in the last look at every key.
        let ever = |answer| self.report.count_all(answer);
        let mut figures = vec![
            Figure::count(What::ReadErrors, reads, bounds.read_errors_max),
            Figure::count(What::WriteErrors, writes, bounds.write_errors_max),
            Figure::count(What::Stale, ever(Answer::Stale), Some(0)),
            Figure::count(What::Wrong, ever(Answer::Wrong), Some(0)),
            Figure::count(What::Lost, ever(Answer::Lost), Some(0)),
        ];
        if bounds.errors_max.is_some() {
            figures.push(Figure::count(What::Errors, reads + writes, bounds.errors_max));
        }
        figures
    }

    fn times(&self, bounds: &Bounds) -> Vec<Figure> {
        let slowest = self.report.slowest(self.since_broken());
        let mut figures = vec![
            Figure::time(What::Slowest, Some(slowest), bounds.slowest_max),
            Figure::time(What::FeltUntil, Some(self.felt_until()), None),
        ];
        if bounds.p99_then_max.is_some() {
            let p99 = self.ejected_at().map(|ejected_at| {
                self.report.p99(self.in_fault().filter(|sample| sample.sent_at >= ejected_at))
            });
            figures.push(Figure::time(What::P99Then, p99, bounds.p99_then_max));
        }
        if let Some(factor) = bounds.others_p99_factor_max {
            figures.push(self.others_p99(factor));
        }
        figures
    }

    /// From the beginning of the fault to the last answer in it that was an error or slow.
    fn felt_until(&self) -> Duration {
        let is_felt = |s: &&Sample| s.answer == Answer::Failed || self.report.took(s) >= FELT_MIN;
        let felt = self.in_fault().filter(is_felt);
        let until = felt.map(|sample| sample.answered_at - self.course.broke_at).max();
        until.unwrap_or_default()
    }

    fn others_p99(&self, factor: u32) -> Figure {
        let is_other = |s: &&Sample| self.faulty.iter().all(|(idx, _)| s.home != *idx);
        let broke_at = self.course.broke_at;
        let before = self.report.samples.iter().filter(|s| s.answered_at < broke_at);
        let healthy = self.report.p99(before.filter(is_other));
        let p99 = self.report.p99(self.in_fault().filter(is_other));
        let is_asked = match self.length {
            // One stall of the machine holds up more than one in a hundred of so few requests.
            Length::Brief => false,
            Length::Short | Length::Long => true,
        };
        Figure {
            what: What::OthersP99,
            measured: format!("{}, healthy {}", in_words(p99), in_words(healthy)),
            asked: is_asked.then(|| format!("≤ {factor} × healthy")),
            is_met: !is_asked || p99 <= healthy.max(P99_HEALTHY_MIN) * factor,
        }
    }

    fn changes(&self, bounds: &Bounds) -> Vec<Figure> {
        let Course { broke_at, mended_at, .. } = self.course;
        let ejected_after = self.ejected_at().map(|at| at - broke_at);
        let ejections = self.transitions.iter().filter(|change| change.is_ejection()).count();
        let others = self.ejections_of_others().count();
        let in_fault =
            self.transitions.iter().filter(|change| (broke_at..mended_at).contains(&change.at));
        let readmissions = in_fault.filter(|change| change.is_readmission()).count();
        vec![
            Figure::time(What::EjectedAfter, ejected_after, bounds.ejected_within),
            Figure::count(What::Ejections, ejections, bounds.ejections_max),
            Figure::count(What::OthersEjected, others, Some(0)),
            Figure::count(What::Readmissions, readmissions, bounds.readmissions_max),
            Figure::time(What::ReadmittedAfter, self.readmitted_after(), bounds.readmitted_within),
        ]
    }

    fn service(&self, bounds: &Bounds) -> Vec<Figure> {
        let within = match self.length {
            Length::Brief | Length::Short => None,
            Length::Long => bounds.full_service_within,
        };
        let mut figures =
            vec![Figure::time(What::FullServiceAfter, self.full_service_after(), within)];
        if bounds.last_error_after_max.is_some() {
            let mended_at = self.course.mended_at;
            let failed = self.since_broken().filter(|sample| sample.answer == Answer::Failed);
            let after = failed.map(|s| s.answered_at.saturating_duration_since(mended_at)).max();
            let (after, max) = (after.unwrap_or_default(), bounds.last_error_after_max);
            figures.push(Figure::time(What::LastErrorAfter, Some(after), max));
        }
        if let Some(percent_min) = bounds.untouched_hits_percent_min {
            figures.push(self.untouched_hits(percent_min));
        }
        figures
    }

    /// Untouched keys were never written anywhere else: where they hit, they hit at home.
    fn untouched_hits(&self, percent_min: usize) -> Figure {
        let is_faulty = |idx| self.faulty.iter().any(|(faulty, _)| *faulty == idx);
        let reads = self.in_fault().filter(|s| s.op == Op::Read && s.is_untouched);
        let reads: Vec<_> = reads.filter(|s| is_faulty(s.home)).collect();
        let hits = reads.iter().filter(|s| s.answer == Answer::Hit).count();
        let Course { broke_at, mended_at, .. } = self.course;
        let hits_there: u64 =
            self.faulty.iter().map(|(idx, _)| self.arrivals.hits(*idx, broke_at, mended_at)).sum();
        let percent = hits * 100 / reads.len().max(1);
        Figure {
            what: What::UntouchedHits,
            measured: format!("{percent} %, {hits_there} hits counted by the server"),
            asked: Some(format!("≥ {percent_min} %")),
            is_met: percent >= percent_min && hits_there >= hits as u64 * 9 / 10,
        }
    }

    fn surroundings(&self) -> Vec<Figure> {
        let Course { began_at, broke_at, .. } = self.course;
        let before = self.report.samples.iter().filter(|s| s.answered_at < broke_at).count();
        let load = before as u128 * 1000 / (broke_at - began_at).as_millis().max(1);
        vec![
            Figure {
                what: What::Load,
                measured: load.to_string(),
                asked: Some(format!("≥ {LOAD_MIN}")),
                is_met: load >= LOAD_MIN,
            },
            Figure::time(What::Stall, Some(self.report.stalls.longest()), None),
        ]
    }

    /// Requests that were answered when the fault had begun.
    fn since_broken(&self) -> impl Iterator<Item = &Sample> {
        let broke_at = self.course.broke_at;
        self.report.samples.iter().filter(move |sample| sample.answered_at >= broke_at)
    }

    /// Requests that were sent while the fault lasted.
    fn in_fault(&self) -> impl Iterator<Item = &Sample> {
        let Course { broke_at, mended_at, .. } = self.course;
        self.report.samples.iter().filter(move |s| (broke_at..mended_at).contains(&s.sent_at))
    }

    /// When the first of the faulty servers was ejected for this fault.
    fn ejected_at(&self) -> Option<Instant> {
        let changes = self.transitions.iter().filter(|change| change.at >= self.course.broke_at);
        let mut ejections = changes.filter(|change| change.is_ejection());
        ejections.find(|change| self.is_faulty(&change.server)).map(|change| change.at)
    }

    /// Ejections of servers that nothing was done to.
    fn ejections_of_others(&self) -> impl Iterator<Item = &Transition> {
        let ejections = self.transitions.iter().filter(|change| change.is_ejection());
        ejections.filter(|change| !self.is_faulty(&change.server))
    }

    fn is_faulty(&self, server: &str) -> bool {
        self.faulty.iter().any(|(_, name)| name == server)
    }

    /// From the end of the fault until the last of the faulty servers was used again.
    fn readmitted_after(&self) -> Option<Duration> {
        let each = self.faulty.iter().map(|(_, name)| self.one_readmitted_after(name));
        each.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    fn one_readmitted_after(&self, server: &str) -> Option<Duration> {
        let mended_at = self.course.mended_at;
        let mut own = self.transitions.iter().filter(|change| change.server == server);
        let before = own.clone().rfind(|change| change.at <= mended_at);
        if before.is_none_or(|change| change.to != "down") {
            return Some(Duration::ZERO);
        }
        own.find(|change| change.at > mended_at && change.is_readmission())
            .map(|change| change.at - mended_at)
    }

    /// From the end of the fault until the faulty servers have their share of requests again.
    fn full_service_after(&self) -> Option<Duration> {
        let Course { began_at, broke_at, mended_at } = self.course;
        let servers: Vec<_> = self.faulty.iter().map(|(idx, _)| *idx).collect();
        let healthy = self.arrivals.rate(&servers, began_at, broke_at);
        let steps = self.length.after().as_millis() / SERVICE_STEP.as_millis();
        let steps = u32::try_from(steps).expect("a run lasts less than a day");
        let window = |step| mended_at + SERVICE_STEP * step;
        let is_full = |from| {
            self.arrivals.rate(&servers, from, from + SERVICE_WINDOW) >= healthy * SERVICE_SHARE
        };
        let after = (0..steps).map(window).find(|from| is_full(*from))? - mended_at;
        // The first full window began somewhat before the service did.
        Some(after.max(self.readmitted_after()?))
    }
}

impl Sample {
    fn is(&self, op: Op, answer: Answer) -> bool {
        self.op == op && self.answer == answer
    }
}

/// A time as a reader wants it: three digits at most matter.
pub(crate) fn in_words(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs_f64(), time.as_secs_f64() * 1e3);
    if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else if millis >= 10.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{millis:.1} ms")
    }
}

/// A healthy p99 below this is as good as this: what is twice as much is still nothing.
const P99_HEALTHY_MIN: Duration = Duration::from_millis(1);
/// An answer that takes as long is one that somebody notices.
const FELT_MIN: Duration = Duration::from_millis(20);
/// Requests a second, at least.
const LOAD_MIN: u128 = 1_000;
/// Four fifths of the requests are taken for all of them: the machine stalls now and then.
const SERVICE_SHARE: f64 = 0.8;
const SERVICE_WINDOW: Duration = Duration::from_millis(300);
const SERVICE_STEP: Duration = Duration::from_millis(50);
