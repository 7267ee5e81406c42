//! A simulated application: it keeps a session, pipelines requests, and reads its answers
//! strictly.
//!
//! It behaves as applications do on a bad day: it goes away in the middle of a request, half
//! closes and waits, quits, and stops reading for a while. What it is answered it hands to the
//! checker, with the request it takes it for; an answer that fits no request is a breach of P1.
//!
//! A *caller* has no session: each of its requests is a call.

mod answer;
mod ask;
mod caller;
mod outcome;
mod workload;

use std::collections::VecDeque;
use std::time::Duration;

pub use self::answer::{Found, Said};
pub use self::ask::{Ask, Content, Demand, Kind, Voice};

use self::answer::{Reading, Strictness, read_answer};
use self::ask::Fixed;
use self::caller::Outstanding;
use self::workload::Workload;
use crate::agenda::{Event, Notice};
use crate::checker::Promise;
use crate::dice::{Chance, Dice};
use crate::network::{End, LinkId, Peer, Read};
use crate::options::Phase;
use crate::scene::Scene;
use crate::trace::{Note, shortened};
use crate::value::{Key, What};
use evenkeel_core::protocol::request::{Retrieval, StoreOp};

/// See the module's documentation.
#[derive(Debug)]
pub struct Application {
    number: usize,
    workload: Workload,
    dice: Dice,
    session: Option<Session>,
    /// The calls of a caller, who never has a session.
    calls: Option<Outstanding>,
    /// While it is deaf it reads nothing.
    is_deaf: bool,
    /// What it is going to demand in the end, one request after the other.
    demands: VecDeque<Ask>,
}

/// One session, from connecting to its end.
#[derive(Debug)]
struct Session {
    link: LinkId,
    /// Bytes of requests that have not been written.
    output: Vec<u8>,
    /// Bytes of an answer that is not all there.
    input: Vec<u8>,
    /// How many bytes `input` must hold before it is worth another look.
    needed: usize,
    /// How many bytes of answers have been read and understood.
    position: u64,
    /// Requests that have no answer yet, oldest first.
    pending: VecDeque<Ask>,
    /// The last request was a quiet one.
    is_quiet: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Open,
    /// It sends nothing more, and is owed the answers to what it sent.
    Leaving(Farewell),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    /// It has said `quit`.
    Quit,
    /// It half closes once everything is written.
    Shut,
    /// It has half closed.
    IsShut,
}

/// An application with so many unanswered requests sends no more for now.
const PENDING_MAX: usize = 200;

/// How many more keys are used once everything is mended.
const RECOVERY_KEYS_LEN: usize = 100;

/// Every application writes and reads so many keys of its own at the end.
const OWN_KEYS_LEN: u16 = 12;

impl Application {
    /// An application that has not connected yet.
    pub fn new(number: usize, scene: &mut Scene, mut dice: Dice) -> Self {
        let calls = (number < scene.options.callers_len).then(Outstanding::default);
        let has_routes = calls.is_none() && scene.options.second.is_some();
        let load = scene.options.load.clone();
        let workload = Workload::new(number, load, has_routes, dice.fork());
        scene.soon(Duration::from_millis(5), &mut dice, Event::Act { application: number });
        let demands = VecDeque::new();
        Self { number, workload, dice, session: None, calls, is_deaf: false, demands }
    }

    fn note(&self, scene: &mut Scene, how: &'static str) {
        scene.note(Note::Behaved(self.number, how));
    }

    /// It is time to do something.
    pub fn act(&mut self, scene: &mut Scene) {
        if self.is_deaf {
            self.is_deaf = false;
            self.read(scene);
        }
        if !matches!(scene.phase, Phase::Chaos | Phase::Recovery) {
            return;
        }
        let mut pause = scene.options.load.pause_max;
        match self.session.as_ref().map(|session| session.stage) {
            None if self.calls.is_some() => self.act_as_caller(scene),
            None => self.connect(scene),
            Some(Stage::Connecting | Stage::Leaving(_)) => {}
            Some(Stage::Open) => pause = pause.max(self.act_in_session(scene)),
        }
        scene.soon(pause, &mut self.dice, Event::Act { application: self.number });
    }

    /// Does something with an open session; returns how long to rest then, at most.
    fn act_in_session(&mut self, scene: &mut Scene) -> Duration {
        let load = &scene.options.load;
        let (burst_max, deaf_interval_max) = (load.burst_max, load.deaf_interval_max);
        if self.dice.happens(load.leave_chance) {
            self.leave(scene);
        } else if self.dice.happens(load.deaf_chance) {
            self.note(scene, "stops reading");
            self.send_burst(scene, burst_max * 10);
            self.is_deaf = true;
            return deaf_interval_max;
        } else {
            self.send_burst(scene, burst_max);
        }
        Duration::ZERO
    }

    fn connect(&mut self, scene: &mut Scene) {
        let worker = self.dice.below(scene.options.workers_len);
        let link = scene.connect(Peer::Application(self.number), Peer::Worker(worker));
        self.session = Some(Session {
            link,
            output: Vec::new(),
            input: Vec::new(),
            needed: 0,
            position: 0,
            pending: VecDeque::new(),
            is_quiet: false,
            stage: Stage::Connecting,
        });
    }

    fn leave(&mut self, scene: &mut Scene) {
        match self.dice.below(4) {
            0 => {
                self.note(scene, "quits");
                self.ask(scene, Ask::new(Kind::Quit));
                self.farewell(Farewell::Quit);
            }
            1 => {
                self.note(scene, "half closes");
                self.farewell(Farewell::Shut);
            }
            2 => {
                self.note(scene, "goes away in the middle of a request");
                self.send_burst(scene, 2);
                let session = self.session.as_mut().expect("only open sessions are left");
                let cut = session.output.len() / 2;
                session.output.truncate(cut);
                self.write(scene);
                self.forget(scene, Gone::Closed);
            }
            _ => {
                self.note(scene, "resets");
                self.forget(scene, Gone::Aborted);
            }
        }
        self.write(scene);
    }

    fn farewell(&mut self, farewell: Farewell) {
        if let Some(session) = &mut self.session {
            session.stage = Stage::Leaving(farewell);
        }
    }

    fn forget(&mut self, scene: &mut Scene, gone: Gone) {
        let Some(session) = self.session.take() else { return };
        scene.checker.forget(scene.agenda.now(), session.link, &session.pending);
        match gone {
            Gone::Closed => scene.close(session.link, End::Near),
            Gone::Aborted => scene.abort(session.link, End::Near),
        }
    }

    fn send_burst(&mut self, scene: &mut Scene, burst_max: usize) {
        let pending_len = self.session.as_ref().map_or(0, |session| session.pending.len());
        let room = PENDING_MAX.saturating_sub(pending_len);
        for _ in 0..self.dice.between(1, burst_max).min(room) {
            let ask = self.workload.draw(&mut scene.checker.history);
            self.ask(scene, ask);
        }
        // Now and then only when the next burst comes, with the first of it in one piece.
        if !self.dice.happens(Chance::percent(10)) {
            self.write(scene);
        }
    }

    fn ask(&mut self, scene: &mut Scene, ask: Ask) {
        let Some(session) = &mut self.session else { return };
        // An error line does not say which request it is for. After quiet requests only what
        // `mn` fences off can be told to be theirs.
        let is_fence = std::mem::replace(&mut session.is_quiet, ask.voice != Voice::Full);
        if is_fence && ask.voice == Voice::Full {
            self.send(scene, Ask::new(Kind::Fixed(Fixed::NOOP)));
        }
        self.send(scene, ask);
    }

    fn send(&mut self, scene: &mut Scene, ask: Ask) {
        let Some(session) = &mut self.session else { return };
        let start = session.output.len();
        ask.encode(&mut session.output);
        scene.checker.note_asked(&ask);
        let encoded = &session.output[start..];
        scene.note(Note::Asked(self.number, encoded));
        session.pending.push_back(ask);
    }

    fn write(&mut self, scene: &mut Scene) {
        let Some(session) = &mut self.session else { return };
        if session.stage == Stage::Connecting {
            return;
        }
        if !session.output.is_empty() {
            let len = scene.write(session.link, End::Near, &session.output);
            session.output.drain(..len);
        }
        if session.output.is_empty() && session.stage == Stage::Leaving(Farewell::Shut) {
            session.stage = Stage::Leaving(Farewell::IsShut);
            scene.network.shut(&mut scene.agenda, session.link, End::Near);
        }
    }

    /// It is told something about its link.
    pub fn handle_notice(&mut self, scene: &mut Scene, link: LinkId, notice: Notice) {
        let Some(session) = self.session.as_mut().filter(|session| session.link == link) else {
            return;
        };
        match notice {
            Notice::Connected => {
                session.stage = Stage::Open;
                self.write(scene);
            }
            Notice::Readable => self.read(scene),
            Notice::Writable => self.write(scene),
            Notice::Refused => {
                scene.report(Promise::P2, "a session is refused".to_owned());
            }
            Notice::Opened => unreachable!("nobody connects to an application"),
        }
    }

    fn read(&mut self, scene: &mut Scene) {
        while !self.is_deaf
            && let Some(session) = &mut self.session
        {
            match scene.read(session.link, End::Near, READ_LEN_MAX) {
                Read::Bytes(bytes) => {
                    session.input.extend_from_slice(&bytes);
                    self.understand(scene);
                }
                Read::Nothing => break,
                ending @ (Read::Eof | Read::Reset) => return self.handle_end(scene, &ending),
            }
        }
    }

    fn understand(&mut self, scene: &mut Scene) {
        let Some(session) = &mut self.session else { return };
        if session.input.len() < session.needed {
            return;
        }
        session.needed = 0;
        let mut at = 0;
        while at < session.input.len() {
            let input = &session.input[at..];
            let Some(ask) = session.pending.front() else {
                let what = format!("{} answers nothing that was asked", shortened(input));
                return scene.report(Promise::P1, what);
            };
            match read_answer(ask, input, Strictness::of(&scene.options, ask)) {
                Reading::Incomplete { needed } => {
                    session.needed = needed;
                    break;
                }
                Reading::Silence => scene.checker.note_unanswered(session.link, ask),
                Reading::Wrong(what) => return scene.report(Promise::P1, what),
                Reading::Answer { said, len } => {
                    let answer = &input[..len];
                    scene.note(Note::Answered(self.number, answer));
                    session.position += len as u64;
                    let ledgers = &mut scene.checker.ledgers;
                    let taken = ledgers.take_answered(session.link, session.position);
                    let now = scene.agenda.now();
                    scene.checker.judge_answer(now, session.link, ask, &said, taken);
                    self.workload.learn(ask, &said);
                    at += len;
                }
            }
            session.pending.pop_front();
        }
        session.input.drain(..at);
        self.demand_next(scene);
    }

    /// The worker has ended the session.
    fn handle_end(&mut self, scene: &mut Scene, ending: &Read) {
        let Some(session) = &mut self.session else { return };
        let link = session.link;
        if let Some(ask) = session.pending.iter().find(|ask| !ask.may_be_silent()) {
            let what = format!("the session ends ({ending:?}) with {ask} unanswered");
            scene.report(Promise::P1, what);
        } else if !matches!(session.stage, Stage::Leaving(_)) {
            scene.report(Promise::P1, format!("the session {link:?} is ended unasked"));
        }
        self.note(scene, "is let go");
        self.forget(scene, Gone::Closed);
    }

    /// A phase begins in which it has something to do at once.
    pub fn begin(&mut self, scene: &mut Scene, phase: Phase) {
        match phase {
            Phase::Chaos => {}
            // Enough keys to use every connection: what was lost in silence is to be found out.
            Phase::Recovery => self.workload.extra_keys_len = RECOVERY_KEYS_LEN,
            Phase::Drain => {
                self.is_deaf = false;
                if self.is_open() {
                    self.ask(scene, Ask::new(Kind::Fixed(Fixed::NOOP)));
                }
                self.read(scene);
                self.write(scene);
            }
            Phase::Service => {
                self.check_quiet(scene);
                self.demand_service(scene);
            }
            Phase::End => self.check_quiet(scene),
        }
    }

    fn is_open(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.stage == Stage::Open)
    }

    /// Everything must have been said.
    fn check_quiet(&mut self, scene: &mut Scene) {
        if let Some(calls) = &self.calls {
            let mut pending = calls.pending.values().map(|it| &it.ask).chain(&self.demands);
            if let Some(ask) = pending.next() {
                let what = format!("all is over, and a caller waits for the end of {ask}");
                scene.report(Promise::P2, what);
            }
            return;
        }
        let Some(session) = &self.session else { return };
        if let Some(ask) = session.pending.front().or(self.demands.front()) {
            let (len, unsent_len) = (session.pending.len(), session.output.len());
            let what = format!(
                "all is over, and application {} has {len} requests unanswered ({unsent_len} \
                 bytes not even taken), next {ask}",
                self.number
            );
            scene.report(Promise::P2, what);
        } else if session.stage != Stage::Open {
            let what = format!(
                "all is over, and application {} is still {:?}",
                self.number, session.stage
            );
            scene.report(Promise::P2, what);
        }
    }

    /// Writes and reads keys of its own, all of which must succeed.
    fn demand_service(&mut self, scene: &mut Scene) {
        if self.session.is_none() && self.calls.is_none() {
            self.connect(scene);
        }
        let application = u16::try_from(self.number).expect("there are few applications");
        let keys: Vec<_> = (0..OWN_KEYS_LEN)
            .map(|idx| Key {
                what: What::Own { application, idx },
                way: self.workload.way_of(usize::from(idx)),
            })
            .collect();
        for &key in &keys {
            let content = Content::Write(scene.checker.history.open(key, 20));
            let set = Kind::Store { op: StoreOp::Set, key, content, exptime: 0 };
            let get = Kind::Retrieve { how: Retrieval::Get, keys: vec![key] };
            self.demands.extend([Ask::demanding(set), Ask::demanding(get)]);
        }
        let all = Kind::Retrieve { how: Retrieval::Gets, keys };
        self.demands.push_back(Ask::demanding(all));
        self.demand_next(scene);
    }

    /// Demands the next thing once the last was answered, so that no limit explains a failure.
    fn demand_next(&mut self, scene: &mut Scene) {
        let is_idle = match &self.calls {
            Some(calls) => calls.pending.is_empty(),
            None => self.session.as_ref().is_some_and(|session| session.pending.is_empty()),
        };
        if is_idle && let Some(ask) = self.demands.pop_front() {
            if self.calls.is_some() {
                return self.call(scene, ask);
            }
            self.ask(scene, ask);
            self.write(scene);
        }
    }
}

/// How an application lets go of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    Closed,
    Aborted,
}

const READ_LEN_MAX: usize = 16 * 1024;
