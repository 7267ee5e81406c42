//! An examination and its findings, as they are printed.
//!
//! The names of the JSON's fields are kept: people write scripts against them (docs/doctor.md).

use std::time::Duration;

use serde::Serialize;

use crate::check::{Change, Evidence, Finding, Findings, Remedy, Severity};
use crate::examine::Examination;
use crate::facts::{Gap, Outcome, Probe, ProxyFacts, ServerFacts};
use crate::target::Protocol;
use crate::vitals::Vitals;

/// What is printed of an examination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// When the examination began: UTC, as RFC 3339 has it, with milliseconds.
    pub at: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The worst of all findings.
    pub verdict: Verdict,
    /// The servers, in the order in which they were named.
    pub servers: Vec<ServerReport>,
    /// The running proxies that were asked, told like servers.
    pub proxies: Vec<ServerReport>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
}

/// What is printed of a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServerReport {
    /// How it is called.
    pub name: String,
    /// `memcached` or `redis`; of a proxy, `evenkeel`.
    pub protocol: &'static str,
    /// What it says it is.
    pub version: Option<String>,
    /// The worst of its findings.
    pub verdict: Verdict,
    /// How long its examination took, in milliseconds.
    pub took_ms: u64,
    /// What became of our canary keys; `None` if none could be sent.
    pub probe: Option<ProbeReport>,
    /// What it says of how it is.
    pub vitals: Vitals,
    /// What could not be looked at, and why.
    pub gaps: Vec<GapReport>,
}

/// What became of the canary keys of the probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// How many requests were sent.
    pub requests: u64,
    /// How many of them were not answered as they should be.
    pub failed: u64,
    /// How long half of the good answers took at most, in microseconds; `None` if there was none.
    pub median_us: Option<u64>,
    /// How long 99 % of them took at most.
    pub p99_us: Option<u64>,
    /// How long the slowest took.
    pub max_us: Option<u64>,
    /// How long each took, shortest first; greetings are not among them.
    pub latencies_us: Vec<u64>,
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
        let proxies = examination.proxies.iter();
        Self {
            at: humantime::format_rfc3339_millis(examination.at).to_string(),
            took_ms: millis(examination.took),
            verdict: Verdict::of(&findings),
            servers: servers.map(|facts| ServerReport::new(facts, &findings)).collect(),
            proxies: proxies.map(|facts| ServerReport::of_proxy(facts, &findings)).collect(),
            findings,
        }
    }
}

impl Report {
    /// How much was found of what, in words: `2 critical findings, 1 warning`.
    pub fn headline(&self) -> String {
        let counted = COUNTED.iter().filter_map(|(severity, noun)| {
            let number = self.findings.iter().filter(|it| it.severity == *severity).count();
            let plural = if number == 1 { "" } else { "s" };
            (number > 0).then(|| format!("{number} {noun}{plural}"))
        });
        let counted: Vec<_> = counted.collect();
        if counted.is_empty() { "nothing to do".to_owned() } else { counted.join(", ") }
    }

    /// Everybody who was looked at: the proxies, then the servers.
    pub fn examined(&self) -> impl Iterator<Item = &ServerReport> {
        self.proxies.iter().chain(&self.servers)
    }

    /// How many that are, in words: `1 proxy and 3 servers`.
    pub fn counted(&self) -> String {
        let servers = match self.servers.len() {
            1 => "1 server".to_owned(),
            number => format!("{number} servers"),
        };
        match self.proxies.len() {
            0 => servers,
            1 => format!("1 proxy and {servers}"),
            number => format!("{number} proxies and {servers}"),
        }
    }

    /// The same, each of its texts as `show` gives it.
    #[must_use]
    pub fn shown(&self, show: impl Fn(&str) -> String) -> Self {
        let servers = |them: &[ServerReport]| them.iter().map(|it| it.shown(&show)).collect();
        Self {
            servers: servers(&self.servers),
            proxies: servers(&self.proxies),
            findings: self.findings.iter().map(|it| shown(it, &show)).collect(),
            ..self.clone()
        }
    }
}

/// A finding, each of its texts as `show` gives it.
fn shown(finding: &Finding, show: &impl Fn(&str) -> String) -> Finding {
    let all = |texts: &[String]| texts.iter().map(|it| show(it)).collect();
    let evidence = |it: &Evidence| Evidence {
        what: show(&it.what),
        value: show(&it.value),
        source: show(&it.source),
    };
    let remedy = |it: &Remedy| Remedy { words: show(&it.words), commands: all(&it.commands) };
    let change = |it: &Change| Change {
        words: show(&it.words),
        command: all(&it.command),
        before: it.before.clone(),
        undo: it.undo.as_deref().map(show),
        lasting: it.lasting.as_deref().map(show),
    };
    Finding {
        check: finding.check,
        server: finding.server.as_deref().map(show),
        severity: finding.severity,
        summary: show(&finding.summary),
        evidence: finding.evidence.iter().map(evidence).collect(),
        remedies: finding.remedies.iter().map(remedy).collect(),
        change: finding.change.as_ref().map(change),
    }
}

impl ServerReport {
    fn new(facts: &ServerFacts, findings: &[Finding]) -> Self {
        Self {
            protocol: match facts.target.protocol {
                Protocol::Memcached => "memcached",
                Protocol::Redis(_) => "redis",
            },
            version: facts.version().map(str::to_owned),
            probe: ProbeReport::of(&facts.probe),
            vitals: Vitals::of(facts),
            ..Self::seen(&facts.target.name, facts.took, &facts.gaps, findings)
        }
    }

    fn of_proxy(facts: &ProxyFacts, findings: &[Finding]) -> Self {
        let status = facts.view().map(|view| &view.status);
        let vitals = Vitals {
            uptime_s: status.map(|it| it.uptime_seconds),
            connections: status.and_then(|it| it.sessions_open).map(|it| it as u64),
            ..Vitals::default()
        };
        Self {
            version: status.map(|it| it.version.clone()),
            vitals,
            ..Self::seen(&facts.name, facts.took, &facts.gaps, findings)
        }
    }

    /// What is known of anybody who was looked at; as of a proxy.
    fn seen(name: &str, took: Duration, gaps: &[Gap], findings: &[Finding]) -> Self {
        let gap = |it: &Gap| GapReport { what: it.what.clone(), why: it.why.clone() };
        Self {
            name: name.to_owned(),
            protocol: "evenkeel",
            version: None,
            verdict: Verdict::of(findings.iter().filter(|it| it.server.as_deref() == Some(name))),
            took_ms: millis(took),
            probe: None,
            vitals: Vitals::default(),
            gaps: gaps.iter().map(gap).collect(),
        }
    }

    fn shown(&self, show: &impl Fn(&str) -> String) -> Self {
        let gap = |it: &GapReport| GapReport { what: show(&it.what), why: show(&it.why) };
        Self {
            name: show(&self.name),
            version: self.version.as_deref().map(show),
            gaps: self.gaps.iter().map(gap).collect(),
            ..self.clone()
        }
    }
}

impl ProbeReport {
    fn of(probe: &Probe) -> Option<Self> {
        let requests = probe.steps().count();
        let failed = probe.steps().filter(|it| it.outcome != Outcome::Good).count();
        let latencies_us: Vec<_> = probe.latencies().into_iter().map(micros).collect();
        // The smallest that so many per cent are not above.
        let at = |percent: usize| {
            let above = (latencies_us.len() * percent).div_ceil(100);
            latencies_us.get(above.checked_sub(1)?).copied()
        };
        let [median_us, p99_us, max_us] = [50, 99, 100].map(at);
        let (requests, failed) = (requests as u64, failed as u64);
        (requests > 0).then_some(Self { requests, failed, median_us, p99_us, max_us, latencies_us })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What a headline counts.
const COUNTED: [(Severity, &str); 3] = [
    (Severity::Critical, "critical finding"),
    (Severity::Unknown, "unknown"),
    (Severity::Warning, "warning"),
];
