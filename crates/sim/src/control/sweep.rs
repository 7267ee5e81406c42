//! One sweep: steps of cleaning at one server, sent together on a connection of their own.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::recovery::Cleaning;

use crate::agenda::Notice;
use crate::network::{End, LinkId, Peer, Read};
use crate::scene::Scene;

/// A sweep on its way. Whoever started it closes its link in the end.
#[derive(Debug)]
pub(super) struct Sweep {
    /// Its link.
    pub link: LinkId,
    /// When what has not been answered has failed.
    pub deadline: Instant,
    /// Steps that have not been answered, oldest first.
    pub steps: VecDeque<Cleaning>,
    /// What has not been written.
    output: Vec<u8>,
    input: Vec<u8>,
    is_connected: bool,
}

/// How far a sweep has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// These were taken, and there may be more to come.
    Taken(Vec<Cleaning>),
    /// Nothing more will be.
    Over,
}

/// How long a sweep takes at most.
const SWEEP_TIMEOUT: Duration = Duration::from_millis(250);

impl Sweep {
    /// Sends a sweep.
    pub(super) fn start(scene: &mut Scene, server: usize, steps: Vec<Cleaning>) -> Self {
        let link = scene.connect(Peer::Prober(server), Peer::Server(server));
        let mut output = Vec::new();
        for cleaning in &steps {
            match cleaning.step.key() {
                Some(key) => output.extend([b"delete ", key, b"\r\n"].concat()),
                None => output.extend(b"flush_all\r\n"),
            }
        }
        Self {
            link,
            deadline: scene.now() + SWEEP_TIMEOUT,
            steps: steps.into(),
            output,
            input: Vec::new(),
            is_connected: false,
        }
    }

    /// It is told something about its link.
    pub(super) fn handle_notice(&mut self, scene: &mut Scene, notice: Notice) -> Progress {
        match notice {
            Notice::Refused => return Progress::Over,
            Notice::Readable => return self.read(scene),
            Notice::Connected => self.is_connected = true,
            Notice::Writable | Notice::Opened => {}
        }
        if self.is_connected {
            let len = scene.write(self.link, End::Near, &self.output);
            self.output.drain(..len);
        }
        Progress::Taken(Vec::new())
    }

    fn read(&mut self, scene: &mut Scene) -> Progress {
        loop {
            match scene.read(self.link, End::Near, 4096) {
                Read::Bytes(bytes) => self.input.extend_from_slice(&bytes),
                Read::Eof | Read::Reset if self.input.is_empty() => return Progress::Over,
                // What came before the end still counts.
                Read::Nothing | Read::Eof | Read::Reset => break,
            }
        }
        let mut taken = Vec::new();
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<_> = self.input.drain(..=end).collect();
            let Some(cleaning) = self.steps.pop_front() else { return Progress::Over };
            if matches!(&line[..], b"DELETED\r\n" | b"NOT_FOUND\r\n" | b"OK\r\n") {
                taken.push(cleaning);
            }
        }
        Progress::Taken(taken)
    }

    /// Lets go of its link.
    pub(super) fn close(&self, scene: &mut Scene) {
        scene.abort(self.link, End::Near);
    }
}
