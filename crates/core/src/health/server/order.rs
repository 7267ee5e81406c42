//! What an operator says about a server.

use std::time::Duration;

use super::{Down, Health, State, Writes};
use crate::event::{Evidence, Happening, Order, Rule};
use crate::health::probation::{Flap, Probation};
use crate::time::Instant;

impl Health {
    /// An operator has said something.
    pub fn handle_order(&mut self, now: Instant, order: Order) {
        self.happenings.push((now, Happening::Ordered(order)));
        match order {
            Order::Drain => self.drain(now, Rule::Drain),
            Order::Eject => self.drain(now, Rule::Eject),
            Order::Readmit => self.readmit(now),
            // What a server holds says nothing about its health: recovery sees to it.
            Order::Flush => {}
        }
    }

    fn drain(&mut self, now: Instant, rule: Rule) {
        if self.state != State::Drained {
            self.change(now, State::Drained, rule, Evidence::Operator);
            self.canary_at = now + self.config.canary_interval;
        }
    }

    fn readmit(&mut self, now: Instant) {
        if let Writes::Ejected { .. } = self.writes {
            self.writes_flap = Flap::default();
            let (probation, _) = Probation::begin(now, Duration::ZERO, &self.config);
            self.writes = Writes::Ejected { since: now, probation, canary_at: now };
        }
        let (is_soft, is_slow) = match self.state {
            State::Down(down) => (down.is_soft, down.is_slow),
            State::Drained => (false, false),
            State::Up | State::Suspect { .. } | State::Returning { .. } => return,
        };
        self.flap = Flap::default();
        let (probation, _) = Probation::begin(now, Duration::ZERO, &self.config);
        let down = State::Down(Down { probation, is_soft, is_slow, flap_before: self.flap });
        if self.state == State::Drained {
            self.change(now, down, Rule::Readmit, Evidence::Operator);
        }
        self.state = down;
        self.canary = None;
        self.canary_at = now;
    }
}
