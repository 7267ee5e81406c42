//! One canary: `set`, `get`, compare and `delete` of our own key, on a connection of its own.

use evenkeel_core::Instant;
use evenkeel_core::failure::Failure;
use evenkeel_core::health::CanaryId;
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
    step: usize,
    input: Vec<u8>,
}

/// How far a canary has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more to wait for.
    Waiting,
    /// It is good.
    Good,
    /// It has failed.
    Bad(Failure),
}

/// How many requests a canary takes.
const STEPS_LEN: usize = 3;

/// What is sent at a step, and what a server in order says to it.
///
/// Each canary has a key of its own: the late `delete` of one that hung must not look like a loss
/// to the next.
fn step(idx: usize, started_at: Instant) -> (String, String) {
    let key = format!("evenkeel-canary-{}", started_at.as_nanos());
    match idx {
        0 => (format!("set {key} 0 60 4\r\nsong\r\n"), "STORED\r\n".to_owned()),
        1 => (format!("get {key}\r\n"), format!("VALUE {key} 0 4\r\nsong\r\nEND\r\n")),
        _ => (format!("delete {key}\r\n"), "DELETED\r\n".to_owned()),
    }
}

impl Canary {
    /// Sends a canary.
    pub(super) fn start(scene: &mut Scene, server: usize, id: CanaryId) -> Self {
        let link = scene.connect(Peer::Prober(server), Peer::Server(server));
        let started_at = scene.now();
        let deadline = started_at + scene.options.pool.health.canary_timeout;
        Self { id, link, started_at, deadline, step: 0, input: Vec::new() }
    }

    /// It is told something about its link.
    pub(super) fn handle_notice(&mut self, scene: &mut Scene, notice: Notice) -> Progress {
        match notice {
            Notice::Connected => self.ask(scene),
            Notice::Refused => Progress::Bad(Failure::Refused),
            Notice::Readable => self.read(scene),
            Notice::Writable | Notice::Opened => Progress::Waiting,
        }
    }

    fn ask(&mut self, scene: &mut Scene) -> Progress {
        let (request, _) = step(self.step, self.started_at);
        let mut rest = request.as_bytes();
        // Its few bytes always find room; a kernel that takes them one by one is asked again.
        for _ in 0..request.len() {
            let len = scene.write(self.link, End::Near, rest);
            rest = &rest[len..];
        }
        Progress::Waiting
    }

    fn read(&mut self, scene: &mut Scene) -> Progress {
        match scene.read(self.link, End::Near, 4096) {
            Read::Bytes(bytes) => self.input.extend_from_slice(&bytes),
            Read::Nothing => return Progress::Waiting,
            Read::Eof => return Progress::Bad(Failure::Closed),
            Read::Reset => return Progress::Bad(Failure::Reset),
        }
        let (_, expected) = step(self.step, self.started_at);
        if self.input == expected.as_bytes() {
            self.input.clear();
            self.step += 1;
            return if self.step == STEPS_LEN { Progress::Good } else { self.ask(scene) };
        }
        if expected.as_bytes().starts_with(&self.input) {
            return Progress::Waiting;
        }
        Progress::Bad(if self.input.starts_with(b"SERVER_ERROR") {
            Failure::ServerError
        } else {
            Failure::Garbled(Invalid::Unexpected)
        })
    }

    /// Lets go of its link.
    pub(super) fn close(&self, scene: &mut Scene) {
        scene.close(self.link, End::Near);
    }
}
