//! What breaks, when, and for how long.

use std::time::Duration;

use evenkeel_core::routing::ServerId;

use crate::agenda::Event;
use crate::dice::{Chance, Dice};
use crate::network::{Direction, Peer};
use crate::options::Phase;
use crate::scene::Scene;
use crate::server::{Condition, Lie, Server};
use crate::trace::Note;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// The process ends, connections are reset, and it comes back empty.
    Crash,
    /// The process stands still and goes on later, with all that was sent to it.
    Hang,
    /// Everything takes longer, by less than a timeout or by more.
    Slow,
    /// Connects, and all connections or some, are lost in silence, in one direction or both.
    Blackhole,
    /// What is sent arrives later, on all connections or on some.
    Stall,
    /// Connections are reset.
    Cut,
    /// Responses break off.
    Truncate,
    /// Responses are malformed.
    Garble,
    /// There is more than was asked for.
    Surplus,
    /// Responses get lost, so that the next ones come in their places.
    Skip,
    /// Responses come twice, so that the next ones come late.
    Repeat,
    /// Responses change places.
    Swap,
    /// Requests are answered `SERVER_ERROR`.
    Error,
    /// Only those that store a value are.
    Full,
    /// Requests are carried out and never answered, but for `version`; connects are accepted.
    /// In the end the connections that wait for an answer are reset.
    Mute,
    /// Connections are reset and connects refused, and what was stored is kept.
    Refuse,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Crash,
        Self::Hang,
        Self::Slow,
        Self::Blackhole,
        Self::Stall,
        Self::Cut,
        Self::Truncate,
        Self::Garble,
        Self::Surplus,
        Self::Skip,
        Self::Repeat,
        Self::Swap,
        Self::Error,
        Self::Full,
        Self::Mute,
        Self::Refuse,
    ];

    /// Whether well-formed responses come where others belong. What carries no key can then be
    /// taken for another's, by anybody.
    pub fn disorders(&self) -> bool {
        matches!(self, Self::Surplus | Self::Skip | Self::Repeat | Self::Swap)
    }
}

/// Breaks things.
#[derive(Debug)]
pub struct Breaker {
    dice: Dice,
    /// The fault that each server has, by number; `None` if it is well.
    faults: Vec<Option<u64>>,
    /// The server that was struck last, and for how long.
    last: Option<(usize, Duration)>,
    /// The next fault strikes another server than the last.
    is_following: bool,
    /// How many faults there have been.
    pub broken: u64,
}

/// How long, at most, after a fault is mended the one comes that follows it to another server.
const FOLLOW_PAUSE_MAX: Duration = Duration::from_millis(500);

impl Breaker {
    /// Nothing is broken yet; the first fault is entered.
    pub fn new(scene: &mut Scene, dice: Dice) -> Self {
        let faults = vec![None; scene.options.servers_len()];
        let mut breaker = Self { dice, faults, last: None, is_following: false, broken: 0 };
        breaker.plan(scene);
        breaker
    }

    fn plan(&mut self, scene: &mut Scene) {
        let faults = &scene.options.faults;
        if faults.kinds.is_empty() {
            return;
        }
        self.is_following = self.dice.happens(faults.follow_chance);
        let pause_max = match self.last {
            Some((_, interval)) if self.is_following => interval + FOLLOW_PAUSE_MAX,
            _ => faults.pause_max,
        };
        scene.soon(pause_max, &mut self.dice, Event::Break);
    }

    /// Breaks something, if this is still the time for it.
    pub fn strike(&mut self, scene: &mut Scene, servers: &mut [Server]) {
        if scene.phase != Phase::Chaos {
            return;
        }
        let kind = self.dice.pick(&scene.options.faults.kinds);
        if self.dice.happens(scene.options.faults.everywhere_chance) {
            for server in servers {
                self.strike_server(scene, server, kind);
            }
        } else {
            let victim = self.victim(servers.len());
            self.strike_server(scene, &mut servers[victim], kind);
        }
        self.plan(scene);
    }

    /// Which server is struck: any, or any but the last.
    fn victim(&mut self, servers_len: usize) -> usize {
        match self.last {
            Some((last, _)) if self.is_following && servers_len > 1 => {
                (last + self.dice.between(1, servers_len - 1)) % servers_len
            }
            _ => self.dice.below(servers_len),
        }
    }

    fn strike_server(&mut self, scene: &mut Scene, server: &mut Server, kind: FaultKind) {
        if server.condition() != Condition::Well {
            return;
        }
        let number = server.number();
        self.broken += 1;
        scene.note(Note::Broken(number, kind));
        let interval = self.dice.duration(Duration::ZERO, scene.options.faults.interval_max);
        self.last = Some((number, interval));
        let condition = self.condition(scene, number, kind, interval);
        if condition == Condition::Well {
            return;
        }
        server.suffer(scene, condition);
        self.faults[number] = Some(self.broken);
        let id = ServerId(u16::try_from(number).expect("there are few servers"));
        scene.agenda.after(interval, Event::Mend { server: id, fault: self.broken });
    }

    /// What a fault does to the server; faults that only concern its links leave it well.
    fn condition(
        &mut self,
        scene: &mut Scene,
        server: usize,
        kind: FaultKind,
        interval: Duration,
    ) -> Condition {
        let chance = scene.options.faults.lie_chance;
        let lying = |lie| Condition::Lying(lie, chance);
        match kind {
            FaultKind::Crash => Condition::Crashed,
            FaultKind::Hang => Condition::Hung,
            FaultKind::Slow => {
                Condition::Slow(Duration::from_millis(self.dice.pick(&[5, 50, 300, 600])))
            }
            FaultKind::Blackhole => {
                self.black_hole(scene, server);
                Condition::Unreachable
            }
            FaultKind::Stall => {
                self.stall(scene, server, interval);
                Condition::Well
            }
            FaultKind::Cut => {
                self.cut(scene, server);
                Condition::Well
            }
            FaultKind::Truncate => lying(Lie::Truncate),
            FaultKind::Garble => lying(Lie::Garble),
            FaultKind::Surplus => lying(Lie::Surplus),
            FaultKind::Skip => lying(Lie::Skip),
            FaultKind::Repeat => lying(Lie::Repeat),
            FaultKind::Swap => lying(Lie::Swap),
            FaultKind::Error => lying(Lie::Error),
            FaultKind::Full => lying(Lie::Full),
            FaultKind::Mute => Condition::Lying(Lie::Mute, Chance::percent(100)),
            FaultKind::Refuse => Condition::Refusing,
        }
    }

    fn black_hole(&mut self, scene: &mut Scene, server: usize) {
        let direction = self.direction();
        let share = self.share();
        for link in scene.network.links_to(Peer::Server(server)) {
            if self.dice.happens(share) {
                scene.network.black_hole(&mut scene.agenda, link, direction);
            }
        }
    }

    fn stall(&mut self, scene: &mut Scene, server: usize, interval: Duration) {
        let direction = self.direction();
        let share = self.share();
        for link in scene.network.links_to(Peer::Server(server)) {
            if self.dice.happens(share) {
                let until = scene.now() + self.dice.duration(Duration::ZERO, interval);
                scene.network.stall(link, direction, until);
            }
        }
    }

    /// How many of a server's links a fault of the network concerns: all, or each by chance, so
    /// that what is sent on one overtakes what is sent on another.
    fn share(&mut self) -> Chance {
        Chance::percent(self.dice.pick(&[50, 100]))
    }

    fn direction(&mut self) -> Direction {
        self.dice.pick(&[Direction::ToNear, Direction::ToFar, Direction::Both])
    }

    fn cut(&mut self, scene: &mut Scene, server: usize) {
        for link in scene.network.links_to(Peer::Server(server)) {
            if self.dice.happens(Chance::percent(70)) {
                scene.network.cut(&mut scene.agenda, link);
            }
        }
    }

    /// Mends a server if it still has this fault.
    pub fn mend(&mut self, scene: &mut Scene, server: &mut Server, fault: u64) {
        if self.faults[server.number()] == Some(fault) {
            self.mend_anyway(scene, server);
        }
    }

    /// Mends whatever is broken.
    pub fn mend_all(&mut self, scene: &mut Scene, servers: &mut [Server]) {
        for server in servers {
            if self.faults[server.number()].is_some() {
                self.mend_anyway(scene, server);
            }
        }
    }

    fn mend_anyway(&mut self, scene: &mut Scene, server: &mut Server) {
        self.faults[server.number()] = None;
        scene.note(Note::Mended(server.number()));
        server.recover(scene);
    }
}
