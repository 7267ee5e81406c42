//! What happened, as a hash that tells two runs apart and as lines for people.

use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};

use evenkeel_core::Instant;
use evenkeel_core::event::Event;
use evenkeel_core::health::CanaryReport;
use evenkeel_core::report::Report;
use evenkeel_core::worker::Action;

use crate::agenda::Notice;
use crate::control::{Change, Step};
use crate::faults::FaultKind;
use crate::network::{LinkId, Peer};
use crate::options::Phase;

/// Something worth telling. Numbers are those of applications, workers and servers.
#[derive(Clone, Copy, Debug)]
pub enum Note<'a> {
    /// A phase began.
    Phase(Phase),
    /// Somebody was told something about a link.
    Told(Peer, LinkId, Notice),
    /// An application sent a request.
    Asked(usize, &'a [u8]),
    /// An application was given an answer.
    Answered(usize, &'a [u8]),
    /// An application did something else than to ask.
    Behaved(usize, &'static str),
    /// A worker told its driver to do something.
    Action(usize, Action),
    /// A worker was given a table, by its version.
    Table(usize, usize),
    /// The control plane learnt something from a worker.
    Evidence(&'a Report),
    /// A server was tried, and how that went.
    Canary(usize, CanaryReport),
    /// A server was sent so many steps of cleaning.
    Sweep(usize, usize),
    /// Something happened to a server.
    Event(Event),
    /// A change of who is in the pool has come so far.
    Membership(Change, Step),
    /// A server broke.
    Broken(usize, FaultKind),
    /// A server was mended.
    Mended(usize),
    /// A server was given a request, and sent this.
    Served(usize, LinkId, &'a [u8], &'a [u8]),
}

/// Takes the lines of a trace.
pub type Sink = Box<dyn FnMut(&str)>;

/// The trace of a run.
pub struct Trace {
    hash: Fnv,
    sink: Option<Sink>,
}

impl Trace {
    /// A trace that hands its lines to `sink`, if there is one.
    pub fn new(sink: Option<Sink>) -> Self {
        Self { hash: Fnv(FNV_START), sink }
    }

    /// Something happened.
    pub fn note(&mut self, now: Instant, note: Note<'_>) {
        now.hash(&mut self.hash);
        note.add_to(&mut self.hash);
        if let Some(sink) = &mut self.sink {
            let micros = now.as_nanos() / 1000;
            sink(&format!("{:>5}.{:06} {note}", micros / 1_000_000, micros % 1_000_000));
        }
    }

    /// The same for two runs in which the same happened.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

impl Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("hash", &self.hash()).finish_non_exhaustive()
    }
}

impl Note<'_> {
    /// The frequent ones by what tells them apart, the rare ones by their words.
    fn add_to(&self, hash: &mut Fnv) {
        std::mem::discriminant(self).hash(hash);
        match self {
            Self::Told(peer, link, notice) => (peer, link, notice).hash(hash),
            Self::Asked(application, bytes) | Self::Answered(application, bytes) => {
                (application, bytes).hash(hash);
            }
            Self::Served(server, link, request, response) => {
                (server, link, request, response).hash(hash);
            }
            Self::Phase(_)
            | Self::Behaved(..)
            | Self::Action(..)
            | Self::Table(..)
            | Self::Evidence(_)
            | Self::Canary(..)
            | Self::Sweep(..)
            | Self::Event(_)
            | Self::Membership(..)
            | Self::Broken(..)
            | Self::Mended(_) => hash.write(format!("{self:?}").as_bytes()),
        }
    }
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Phase(phase) => write!(f, "-- {phase:?}"),
            Self::Told(peer, link, notice) => write!(f, "{peer:?} {link:?} {notice:?}"),
            Self::Asked(number, bytes) => write!(f, "application {number} > {}", shortened(bytes)),
            Self::Answered(number, bytes) => {
                write!(f, "application {number} < {}", shortened(bytes))
            }
            Self::Behaved(number, how) => write!(f, "application {number} {how}"),
            Self::Action(number, action) => write!(f, "worker {number} {action:?}"),
            Self::Table(number, version) => write!(f, "worker {number} has table {version}"),
            Self::Evidence(report) => write!(f, "evidence {report:?}"),
            Self::Canary(number, result) => write!(f, "canary of server {number}: {result:?}"),
            Self::Sweep(number, len) => write!(f, "sweep of {len} at server {number}"),
            Self::Event(event) => write!(f, "server {} {}", event.server.0, event.what),
            Self::Membership(change, step) => write!(f, "== {change}: {step:?}"),
            Self::Broken(number, kind) => write!(f, "!! server {number} {kind:?}"),
            Self::Mended(number) => write!(f, "!! server {number} mended"),
            Self::Served(number, link, request, response) => {
                let (request, response) = (shortened(request), shortened(response));
                write!(f, "server {number} {link:?} {request} => {response}")
            }
        }
    }
}

/// The bytes as text, on one line and not too long.
pub fn shortened(bytes: &[u8]) -> String {
    const LEN_MAX: usize = 100;
    let shown = bytes[..bytes.len().min(LEN_MAX)].escape_ascii();
    if bytes.len() > LEN_MAX {
        format!("{shown}... ({} bytes)", bytes.len())
    } else {
        shown.to_string()
    }
}

/// The hash of Fowler, Noll and Vo, 64 bits, variant 1a: the same everywhere and for ever.
struct Fnv(u64);

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        // Eight bytes at a time: only equality matters, and traces are long.
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            self.0 = (self.0 ^ word).wrapping_mul(FNV_PRIME);
            self.0 ^= self.0 >> 29;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
