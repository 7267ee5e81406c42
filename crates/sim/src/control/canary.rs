//! One canary: `set`, `get`, compare and `delete` of our own key, on a connection of its own; then
//! `stats`, to see who answers.

use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::failure::Failure;
use evenkeel_core::health::{self, CanaryId, CanaryReport, Identity};
use evenkeel_core::protocol::response::Invalid;

use crate::agenda::Notice;
use crate::network::{End, LinkId, Peer, Read};
use crate::scene::Scene;

/// A canary on its way. The driver of a canary closes its link in the end.
#[derive(Debug)]
pub(super) struct Canary {
    /// Which one it is.
    pub id: CanaryId,
    /// Its link.
    pub link: LinkId,
    /// When it was sent.
    pub started_at: Instant,
    /// When it has failed.
    pub deadline: Instant,
    /// Which of its requests it is at.
    step: Step,
    is_write_refused: bool,
    /// How long its requests took, once it only asks who answered.
    latency: Option<Duration>,
    input: Vec<u8>,
}

/// How far a canary has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to wait for.
    Waiting,
    /// It has come back.
    Over(CanaryReport),
}

/// A canary's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Set,
    Get,
    Delete,
    Stats,
}

impl Canary {
    /// Sends a canary.
    pub(super) fn start(scene: &mut Scene, server: usize, canary: health::Canary) -> Self {
        let link = scene.connect(Peer::Prober(server), Peer::Server(server));
        let started_at = scene.now();
        let deadline = started_at + scene.options.pool.health.canary_timeout;
        Self {
            id: canary.id,
            link,
            deadline,
            started_at,
            step: Step::Set,
            is_write_refused: false,
            latency: None,
            input: Vec::new(),
        }
    }

    /// It is told something about its link.
    pub(super) fn handle_notice(&mut self, scene: &mut Scene, notice: Notice) -> Progress {
        match notice {
            Notice::Connected => self.ask(scene),
            Notice::Refused => self.fail(Failure::Refused),
            Notice::Readable => self.read(scene),
            Notice::Writable | Notice::Opened => Progress::Waiting,
        }
    }

    /// What is concluded if nothing more comes in time.
    pub(super) fn report_of_silence(&self) -> CanaryReport {
        self.latency.map_or(CanaryReport::Bad(Failure::Timeout), |it| self.report(it, None))
    }

    /// Each canary has a key of its own: the late `delete` of one that hung must not look like a
    /// loss to the next.
    fn key(&self) -> String {
        format!("evenkeel-canary-{}", self.started_at.as_nanos())
    }

    fn ask(&mut self, scene: &mut Scene) -> Progress {
        let key = self.key();
        let request = match self.step {
            Step::Set => format!("set {key} 0 60 4\r\nsong\r\n"),
            Step::Get => format!("get {key}\r\n"),
            Step::Delete => format!("delete {key}\r\n"),
            Step::Stats => "stats\r\n".to_owned(),
        };
        let mut rest = request.as_bytes();
        // Its few bytes always find room; a kernel that takes them one by one is asked again.
        for _ in 0..request.len() {
            let len = scene.write(self.link, End::Near, rest);
            rest = &rest[len..];
        }
        Progress::Waiting
    }

    /// What a server in order says.
    fn expected(&self) -> String {
        let key = self.key();
        match (self.step, self.is_write_refused) {
            (Step::Set, _) => "STORED\r\n".to_owned(),
            (Step::Get, false) => format!("VALUE {key} 0 4\r\nsong\r\nEND\r\n"),
            (Step::Get, true) | (Step::Stats, _) => "END\r\n".to_owned(),
            (Step::Delete, false) => "DELETED\r\n".to_owned(),
            (Step::Delete, true) => "NOT_FOUND\r\n".to_owned(),
        }
    }

    fn read(&mut self, scene: &mut Scene) -> Progress {
        match scene.read(self.link, End::Near, 4096) {
            Read::Bytes(bytes) => self.input.extend_from_slice(&bytes),
            Read::Nothing => return Progress::Waiting,
            Read::Eof => return self.fail(Failure::Closed),
            Read::Reset => return self.fail(Failure::Reset),
        }
        if self.step == Step::Stats {
            return self.read_stats();
        }
        let expected = self.expected();
        if self.input == expected.as_bytes() {
            return self.go_on(scene);
        }
        if expected.as_bytes().starts_with(&self.input) {
            return Progress::Waiting;
        }
        if !self.input.starts_with(b"SERVER_ERROR") {
            return self.fail(Failure::Garbled(Invalid::Unexpected));
        }
        match self.step {
            _ if !self.input.ends_with(b"\r\n") => Progress::Waiting,
            Step::Set => {
                self.is_write_refused = true;
                self.go_on(scene)
            }
            Step::Get | Step::Delete | Step::Stats => self.fail(Failure::ServerError),
        }
    }

    fn go_on(&mut self, scene: &mut Scene) -> Progress {
        self.input.clear();
        self.step = match self.step {
            Step::Set => Step::Get,
            Step::Get => Step::Delete,
            Step::Delete | Step::Stats => {
                self.latency = Some(scene.now() - self.started_at);
                Step::Stats
            }
        };
        self.ask(scene)
    }

    fn read_stats(&mut self) -> Progress {
        if !self.input.ends_with(b"END\r\n") {
            return Progress::Waiting;
        }
        let latency = self.latency.expect("it is measured before the last step");
        Progress::Over(self.report(latency, Identity::from_stats(&self.input)))
    }

    fn report(&self, latency: Duration, identity: Option<Identity>) -> CanaryReport {
        if self.is_write_refused {
            CanaryReport::WritesRefused { latency, identity }
        } else {
            CanaryReport::Good { latency, identity }
        }
    }

    /// A server that does not say who it is has no identity, and is none the worse for it.
    fn fail(&self, failure: Failure) -> Progress {
        let report = self.latency.map_or(CanaryReport::Bad(failure), |it| self.report(it, None));
        Progress::Over(report)
    }

    /// Lets go of its link.
    pub(super) fn close(&self, scene: &mut Scene) {
        scene.close(self.link, End::Near);
    }
}
