//! An application that is part of the worker's process: each request is a call.
//!
//! Its tasks wait for nobody but their own call, so that several calls are outstanding at once
//! and end in any order. Now and then a task gives its call up, as a future that is dropped does,
//! or has less time than the pool gives.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::call::CallResult;

use super::answer::Strictness;
use super::ask::{Ask, Kind, Voice};
use super::outcome::read_result;
use super::{Application, PENDING_MAX};
use crate::calls::{CallName, Order, Wanted};
use crate::checker::Promise;
use crate::dice::Chance;
use crate::scene::Scene;
use crate::trace::Note;

/// The calls of one application.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    /// How many it has made.
    made_len: u32,
    /// Those that somebody waits for.
    pub pending: BTreeMap<CallName, Pending>,
}

/// A call that somebody waits for.
#[derive(Debug)]
pub(super) struct Pending {
    pub ask: Ask,
    worker: usize,
    submitted_at: Instant,
}

/// The shortest time that a caller gives a call.
const DEADLINE_MIN: Duration = Duration::from_micros(200);

impl Application {
    fn outstanding(&mut self) -> &mut Outstanding {
        self.calls.as_mut().expect("only a caller comes here")
    }

    /// Makes some calls, and may give up some.
    pub(super) fn act_as_caller(&mut self, scene: &mut Scene) {
        let load = scene.options.load.clone();
        if self.dice.happens(load.leave_chance) {
            self.note(scene, "gives everything up");
            return self.give_up(scene, Chance::percent(100));
        }
        let room = PENDING_MAX.saturating_sub(self.outstanding().pending.len());
        for _ in 0..self.dice.between(1, load.burst_max).min(room) {
            let mut ask = self.draw_call(scene);
            if self.dice.happens(load.hurry_chance) {
                let pool = scene.options.pool.deadline;
                ask.deadline = Some(self.dice.duration(DEADLINE_MIN, pool));
            }
            self.call(scene, ask);
        }
        if self.dice.happens(load.give_up_chance) {
            self.note(scene, "gives up some calls");
            self.give_up(scene, Chance::percent(50));
        }
    }

    /// The next request of those that servers are sent.
    fn draw_call(&mut self, scene: &mut Scene) -> Ask {
        // A call is for one pool: it flushes nothing of the other.
        let has_second = scene.options.second.is_some();
        loop {
            let ask = self.workload.draw(&mut scene.checker.history);
            let is_left_out = match ask.kind {
                Kind::Fixed(_) | Kind::Quit => true,
                Kind::FlushAll => has_second,
                _ => false,
            };
            if !is_left_out {
                return ask;
            }
        }
    }

    pub(super) fn call(&mut self, scene: &mut Scene, mut ask: Ask) {
        let mut encoded = Vec::new();
        ask.encode(&mut encoded);
        scene.checker.note_asked(&ask);
        scene.note(Note::Asked(self.number, &encoded));
        let worker = self.dice.below(scene.options.workers_len);
        let application = self.number;
        let outstanding = self.outstanding();
        let name = CallName::new(application, outstanding.made_len);
        outstanding.made_len += 1;
        let submitted_at = scene.now();
        let what = Wanted::Submit { encoded, deadline: ask.deadline };
        scene.calls.orders.push_back(Order { worker, name, what });
        if ask.voice == Voice::Noreply {
            return scene.checker.note_unheard(&ask, submitted_at);
        }
        // Data is there for who asked quietly, too.
        ask.voice = Voice::Full;
        outstanding.pending.insert(name, Pending { ask, worker, submitted_at });
    }

    /// Gives calls up, each with this chance.
    fn give_up(&mut self, scene: &mut Scene, chance: Chance) {
        let mut pending = std::mem::take(&mut self.outstanding().pending);
        let is_given_up = |_: &CallName, _: &mut Pending| self.dice.happens(chance);
        for (name, Pending { ask, worker, submitted_at }) in pending.extract_if(.., is_given_up) {
            scene.checker.note_given_up(&ask, submitted_at);
            scene.calls.orders.push_back(Order { worker, name, what: Wanted::GiveUp });
        }
        self.outstanding().pending = pending;
    }

    /// A call has ended.
    pub fn handle_settled(&mut self, scene: &mut Scene, name: CallName, result: CallResult) {
        let Some(Pending { ask, submitted_at, .. }) = self.outstanding().pending.remove(&name)
        else {
            let what = format!("{name:?} ends in {result:?}, and nobody waits for it");
            return scene.report(Promise::P1, what);
        };
        let strictness = Strictness::of(&scene.options, &ask);
        match read_result(&ask, result, strictness) {
            Err(what) => scene.report(Promise::P1, what),
            Ok(said) => {
                let text = said.to_string();
                scene.note(Note::Answered(self.number, text.as_bytes()));
                scene.checker.judge_call(scene.agenda.now(), &ask, &said, submitted_at);
                self.workload.learn(&ask, &said);
            }
        }
        self.demand_next(scene);
    }
}
