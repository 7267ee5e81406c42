//! An examination and its findings, as they are printed.
//!
//! The names of the JSON's fields are kept: people write scripts against them (docs/doctor.md).

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use crate::check::{Finding, Findings, Severity};
use crate::examine::Examination;
use crate::facts::ServerFacts;
use crate::target::Protocol;

/// What is printed of an examination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// When the examination began, in milliseconds since 1970.
    pub at_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The servers, in the order in which they were named.
    pub servers: Vec<ServerReport>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
}

/// What is printed of a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerReport {
    /// How it is called.
    pub name: String,
    /// `memcached` or `redis`.
    pub protocol: &'static str,
    /// What it says it is.
    pub version: Option<String>,
    /// The worst of its findings.
    pub verdict: Verdict,
    /// How long its examination took, in milliseconds.
    pub took_ms: u64,
    /// How long the good answers to the probe took, in microseconds: `[median, 99th percentile,
    /// greatest]`. `None` if there was none.
    pub probe_us: Option<[u64; 3]>,
    /// What could not be looked at, and why.
    pub gaps: Vec<GapReport>,
}

/// What could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapReport {
    /// What, as one would type it.
    pub what: String,
    /// Why not.
    pub why: String,
}

/// How it is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing that anybody must do something about.
    Healthy,
    /// There are warnings.
    Warning,
    /// Something could not be looked at, and nothing critical was found.
    Unknown,
    /// Something hurts now.
    Critical,
}

impl Verdict {
    /// The worst of them.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        match findings.into_iter().map(|it| it.severity).max() {
            None | Some(Severity::Note) => Self::Healthy,
            Some(Severity::Warning) => Self::Warning,
            Some(Severity::Unknown) => Self::Unknown,
            Some(Severity::Critical) => Self::Critical,
        }
    }

    /// The program's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl Report {
    /// Judges what was seen.
    pub fn new(examination: &Examination) -> Self {
        let findings = Findings::of(examination);
        let servers = examination.servers.iter();
        Self {
            at_ms: millis(examination.at.duration_since(UNIX_EPOCH).unwrap_or_default()),
            took_ms: millis(examination.took),
            verdict: Verdict::of(&findings),
            servers: servers.map(|facts| ServerReport::new(facts, &findings)).collect(),
            findings,
        }
    }
}

impl ServerReport {
    fn new(facts: &ServerFacts, findings: &[Finding]) -> Self {
        let name = &facts.target.name;
        let own = findings.iter().filter(|it| it.server.as_ref() == Some(name));
        let gaps = facts.gaps.iter();
        Self {
            name: name.clone(),
            protocol: match facts.target.protocol {
                Protocol::Memcached => "memcached",
                Protocol::Redis(_) => "redis",
            },
            version: facts.version().map(str::to_owned),
            verdict: Verdict::of(own),
            took_ms: millis(facts.took),
            probe_us: percentiles(&facts.probe.latencies()),
            gaps: gaps.map(|it| GapReport { what: it.what.clone(), why: it.why.clone() }).collect(),
        }
    }
}

/// Median, 99th percentile and greatest, in microseconds, of what is sorted.
fn percentiles(latencies: &[Duration]) -> Option<[u64; 3]> {
    let last = latencies.len().checked_sub(1)?;
    let at = |percent: usize| u64::try_from(latencies[last * percent / 100].as_micros());
    Some([50, 99, 100].map(|it| at(it).unwrap_or(u64::MAX)))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
