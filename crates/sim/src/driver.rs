//! A worker's driver: what the proxy's event loop does, against the simulated network.
//!
//! It does what the documentation of [`evenkeel_core::worker`] asks of a driver and nothing else,
//! in as unkind a way as a kernel may: turns come late, reads give parts, writes take parts, and
//! several things are ready at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::failure::Failure;
use evenkeel_core::id::{ExchangeId, SessionId};
use evenkeel_core::protocol::{Parsed, parse_request};
use evenkeel_core::routing::{PrefixRoutes, RoutingTable};
use evenkeel_core::slow::SlowSettings;
use evenkeel_core::time::earliest;
use evenkeel_core::worker::{Action, Counters, Worker, WorkerSettings};

use crate::agenda::{Event, Notice};
use crate::calls::{CallName, Order, Wanted};
use crate::dice::{Chance, Dice};
use crate::network::{End, LinkId, Peer, Read};
use crate::recovery::SharedMaps;
use crate::routes::{FIRST, prefix_routes};
use crate::sabotage::Sabotage;
use crate::scene::Scene;
use crate::trace::Note;

/// A worker and its driver.
#[derive(Debug)]
pub struct Driver {
    number: usize,
    worker: Worker,
    /// What has become ready since the last turn.
    inbox: VecDeque<(LinkId, Notice)>,
    /// When the next turn is.
    turn_at: Option<Instant>,
    /// The link of each connection.
    servers: BTreeMap<ConnectionId, LinkId>,
    sessions: BTreeMap<LinkId, Seat>,
    links: BTreeMap<SessionId, LinkId>,
    /// Where sessions' requests go, and where they are going to go next.
    routes: [Arc<PrefixRoutes>; 2],
    /// The calls that have not ended.
    calls: BTreeMap<CallName, ExchangeId>,
    dice: Dice,
}

/// A session's place at the driver.
#[derive(Clone, Copy, Debug)]
struct Seat {
    id: SessionId,
    /// How many bytes of answers have been written.
    written: u64,
    /// There was something to read when it was not to be read.
    is_put_off: bool,
}

/// What `stats` says here.
const STATS: &[u8] = b"END\r\n";

/// How long a hung connection is listened to. Shorter than it would be, so that runs can be.
const PARKED_TIMEOUT_MIN: Duration = Duration::from_secs(1);
const PARKED_TIMEOUT_MAX: Duration = Duration::from_secs(4);

/// The most bytes of one read.
const READ_LEN_MAX: usize = 16 * 1024;

impl Driver {
    /// How long after the last request a key may be misplaced: its server's hung connection is
    /// given up, a canary is good, and the grace has passed.
    pub const SETTLE_INTERVAL: Duration = Duration::from_secs(8);

    /// A driver for a new worker.
    pub fn new(
        number: usize,
        scene: &mut Scene,
        (table, maps): (Arc<RoutingTable>, SharedMaps),
        mut dice: Dice,
    ) -> Self {
        let settings = WorkerSettings {
            seed: dice.seed(),
            unix_time_at_zero: Duration::ZERO,
            parked_timeout: dice.duration(PARKED_TIMEOUT_MIN, PARKED_TIMEOUT_MAX),
            slow: SlowSettings::NEVER,
        };
        let worker = Worker::new(scene.now(), table, settings, Arc::new(maps));
        let mut driver = Self {
            number,
            worker,
            inbox: VecDeque::new(),
            turn_at: None,
            servers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            links: BTreeMap::new(),
            routes: prefix_routes(&scene.options),
            calls: BTreeMap::new(),
            dice,
        };
        driver.wake(scene, scene.now());
        driver
    }

    /// What the worker has done.
    pub fn counters(&self) -> &Counters {
        self.worker.counters()
    }

    /// Has a turn taken at `at`, or a little later.
    fn wake(&mut self, scene: &mut Scene, at: Instant) {
        let latency_max = scene.options.driver.turn_latency_max;
        let late = self.dice.duration(Duration::ZERO, latency_max);
        let at = at.max(scene.now()) + late;
        if self.turn_at.is_none_or(|planned| at < planned) {
            self.turn_at = Some(at);
            scene.agenda.at(at, Event::Turn { worker: self.number });
        }
    }

    /// It is told something about a link.
    pub fn handle_notice(&mut self, scene: &mut Scene, link: LinkId, notice: Notice) {
        self.inbox.push_back((link, notice));
        self.wake(scene, scene.now());
    }

    /// A table has been published.
    pub fn handle_table(&mut self, scene: &mut Scene, table: Arc<RoutingTable>) {
        self.worker.handle_table(scene.now(), table);
        self.tell_callers(scene);
        self.wake(scene, scene.now());
    }

    /// A caller wants something. What has ended by it is told at once.
    pub fn handle_order(&mut self, scene: &mut Scene, order: &Order) {
        match &order.what {
            Wanted::Submit { encoded, deadline } => {
                let parsed = parse_request(encoded, 0, &scene.options.limits.parse);
                let Parsed::Request { request, .. } = parsed else {
                    unreachable!("callers make no bad requests: {parsed:?}");
                };
                let name = (FIRST, order.name.0);
                let id = self.worker.call(scene.now(), name, &request, *deadline);
                self.calls.insert(order.name, id);
            }
            Wanted::GiveUp => match self.calls.remove(&order.name) {
                Some(id) => self.worker.drop_call(id),
                // It has ended in the moment in which it was given up.
                None => scene.calls.settled.retain(|(name, _)| *name != order.name),
            },
        }
        self.tell_callers(scene);
        self.wake(scene, scene.now());
    }

    fn tell_callers(&mut self, scene: &mut Scene) {
        for (name, result) in self.worker.drain_settled() {
            self.calls.remove(&CallName(name));
            scene.calls.settled.push_back((CallName(name), result));
        }
    }

    /// Takes a turn, if this is the time of one.
    pub fn turn(&mut self, scene: &mut Scene) {
        if self.turn_at != Some(scene.now()) {
            return;
        }
        self.turn_at = None;
        if scene.options.second.is_some() && self.dice.happens(REROUTE_CHANCE) {
            self.reroute();
        }
        let due = self.worker.next_timeout();
        self.worker.handle_turn(scene.now(), due);
        let timers_first = self.dice.happens(Chance::percent(50));
        if timers_first {
            self.fire_timers(scene);
        }
        for _ in 0..self.inbox.len() {
            let (link, notice) = self.inbox.pop_front().expect("it was counted");
            self.take(scene, link, notice);
            // A driver may look for actions after every input, or only after the last.
            if self.dice.happens(Chance::percent(50)) {
                self.act(scene);
            }
        }
        if !timers_first {
            self.fire_timers(scene);
        }
        self.settle(scene);
        self.plan(scene);
    }

    fn fire_timers(&mut self, scene: &mut Scene) {
        let now = match scene.options.sabotage {
            Some(Sabotage::IgnoreTimeouts) => return,
            Some(Sabotage::DelayTimeouts) => {
                let nanos = scene.now().as_nanos().saturating_sub(200_000_000);
                Instant::from_nanos(nanos)
            }
            _ => scene.now(),
        };
        self.worker.handle_timeout(now);
    }

    fn plan(&mut self, scene: &mut Scene) {
        let mut at = match scene.options.sabotage {
            Some(Sabotage::IgnoreTimeouts) => None,
            Some(Sabotage::DelayTimeouts) => {
                self.worker.next_timeout().map(|at| at + Duration::from_millis(200))
            }
            _ => self.worker.next_timeout(),
        };
        if !self.inbox.is_empty() {
            at = earliest(at, Some(scene.now()));
        }
        if let Some(at) = at {
            self.wake(scene, at);
        }
    }

    /// Other routes have been published: sessions stay, and have them from now on.
    fn reroute(&mut self) {
        self.routes.swap(0, 1);
        for id in self.links.keys() {
            self.worker.handle_session_moved(*id, Arc::clone(&self.routes[0]));
        }
    }

    // Inputs.

    fn take(&mut self, scene: &mut Scene, link: LinkId, notice: Notice) {
        if let Some(id) = self.connection_of(link) {
            return self.take_from_server(scene, link, id, notice);
        }
        match notice {
            Notice::Opened => self.open_session(scene, link),
            Notice::Readable => self.read_session(scene, link),
            Notice::Writable => self.write_session(scene, link),
            // Of a link to a server, that the worker has let go of since.
            Notice::Connected | Notice::Refused => {}
        }
    }

    fn connection_of(&self, link: LinkId) -> Option<ConnectionId> {
        self.servers.iter().find(|(_, held)| **held == link).map(|(id, _)| *id)
    }

    fn take_from_server(
        &mut self,
        scene: &mut Scene,
        link: LinkId,
        id: ConnectionId,
        notice: Notice,
    ) {
        match notice {
            Notice::Connected => self.worker.handle_connected(scene.now(), id),
            Notice::Refused => self.lose(scene, id, Failure::Refused),
            Notice::Readable => self.read_server(scene, link, id),
            Notice::Writable => self.write_server(scene, id),
            Notice::Opened => unreachable!("a driver connects to servers, not they to it"),
        }
    }

    /// The link has ended. The driver lets go of it and tells the worker.
    fn lose(&mut self, scene: &mut Scene, id: ConnectionId, failure: Failure) {
        if let Some(link) = self.servers.remove(&id) {
            scene.close(link, End::Near);
        }
        self.worker.handle_server_lost(scene.now(), id, failure);
    }

    fn read_server(&mut self, scene: &mut Scene, link: LinkId, id: ConnectionId) {
        let len_max = self.read_len_max(scene);
        match scene.read(link, End::Near, len_max) {
            Read::Bytes(bytes) => {
                self.worker.handle_server_bytes(scene.now(), id, &bytes);
                self.inbox.push_back((link, Notice::Readable));
            }
            Read::Nothing => {}
            Read::Eof => self.lose(scene, id, Failure::Closed),
            Read::Reset => self.lose(scene, id, Failure::Reset),
        }
    }

    fn read_len_max(&mut self, scene: &Scene) -> usize {
        if self.dice.happens(scene.options.driver.partial_read_chance) {
            return self.dice.between(1, 40);
        }
        READ_LEN_MAX
    }

    fn open_session(&mut self, scene: &mut Scene, link: LinkId) {
        let id =
            self.worker.handle_session_opened(Arc::clone(&self.routes[0]), scene.options.limits);
        self.sessions.insert(link, Seat { id, written: 0, is_put_off: false });
        self.links.insert(id, link);
    }

    fn read_session(&mut self, scene: &mut Scene, link: LinkId) {
        let Some(seat) = self.sessions.get_mut(&link) else { return };
        let id = seat.id;
        if !self.worker.wants_input(id) {
            seat.is_put_off = true;
            if scene.network.is_reset(link, End::Far) {
                self.worker.handle_session_closed(id);
                self.let_go(scene, link);
            }
            return;
        }
        let len_max = self.read_len_max(scene);
        match scene.read(link, End::Far, len_max) {
            Read::Bytes(bytes) => {
                let before = self.requests();
                self.worker.handle_session_bytes(scene.now(), id, &bytes);
                self.note_received(scene, link, before);
                self.inbox.push_back((link, Notice::Readable));
            }
            Read::Nothing => {}
            Read::Eof => self.worker.handle_session_eof(id),
            Read::Reset => {
                self.worker.handle_session_closed(id);
                self.let_go(scene, link);
            }
        }
    }

    fn requests(&self) -> u64 {
        let counters = self.worker.counters();
        counters.requests + counters.refused
    }

    fn note_received(&self, scene: &mut Scene, link: LinkId, before: u64) {
        let len = self.requests() - before;
        scene.checker.ledgers.note_received(link, scene.agenda.now(), len);
    }

    fn let_go(&mut self, scene: &mut Scene, link: LinkId) {
        if let Some(seat) = self.sessions.remove(&link) {
            self.links.remove(&seat.id);
            scene.checker.note_let_go(scene.agenda.now(), link);
            scene.close(link, End::Far);
        }
    }

    // Outputs.

    /// Takes from the worker until it has nothing more.
    fn settle(&mut self, scene: &mut Scene) {
        loop {
            self.act(scene);
            let mut is_idle = true;
            while let Some(id) = self.worker.poll_connection_to_write() {
                is_idle = false;
                self.write_server(scene, id);
            }
            let before = self.requests();
            if let Some(id) = self.worker.poll_session_to_write(scene.now()) {
                is_idle = false;
                if let Some(&link) = self.links.get(&id) {
                    self.note_received(scene, link, before);
                    self.write_session(scene, link);
                }
            }
            if is_idle {
                break;
            }
        }
        self.tell_callers(scene);
        for report in self.worker.drain_reports() {
            let lag_max = scene.options.control.evidence_lag_max;
            scene.soon(lag_max, &mut self.dice, Event::Evidence(Box::new(report)));
        }
        for (link, seat) in &mut self.sessions {
            if seat.is_put_off && self.worker.wants_input(seat.id) {
                seat.is_put_off = false;
                self.inbox.push_back((*link, Notice::Readable));
            }
        }
    }

    fn act(&mut self, scene: &mut Scene) {
        while let Some(action) = self.worker.poll_action() {
            scene.note(Note::Action(self.number, action));
            match action {
                Action::Connect(id) => {
                    let peer = Peer::Server(usize::from(id.server.0));
                    let link = scene.connect(Peer::Worker(self.number), peer);
                    let before = self.servers.insert(id, link);
                    assert_eq!(before, None, "no two connections have one name");
                }
                Action::Disconnect(id) => {
                    if let Some(link) = self.servers.remove(&id) {
                        scene.abort(link, End::Near);
                    }
                }
                Action::CloseSession(id) => {
                    if let Some(&link) = self.links.get(&id) {
                        self.let_go(scene, link);
                    }
                }
                Action::Stats(exchange) => self.worker.answer_stats(exchange, STATS),
            }
        }
    }

    fn write_server(&mut self, scene: &mut Scene, id: ConnectionId) {
        let Some(&link) = self.servers.get(&id) else { return };
        let output = self.worker.connection_output(id);
        if !output.is_empty() {
            let len = scene.write(link, End::Near, output);
            self.worker.handle_server_written(id, len);
        }
    }

    fn write_session(&mut self, scene: &mut Scene, link: LinkId) {
        let Some(seat) = self.sessions.get_mut(&link) else { return };
        let output = self.worker.session_output(seat.id);
        let produced = seat.written + output.len() as u64;
        scene.checker.ledgers.note_produced(link, scene.agenda.now(), produced);
        let mut len = output.len();
        let spoils = self.dice.happens(SPOIL_CHANCE) && !output.is_empty();
        match scene.options.sabotage {
            Some(Sabotage::DropAnswers) if spoils => {}
            Some(Sabotage::RepeatAnswers) if spoils => {
                scene.write(link, End::Far, output);
                len = scene.write(link, End::Far, output);
            }
            _ if output.is_empty() => {}
            _ => len = scene.write(link, End::Far, output),
        }
        seat.written += len as u64;
        self.worker.handle_session_written(seat.id, len);
    }
}

/// In which share of a worker's turns its sessions get other routes.
const REROUTE_CHANCE: Chance = Chance::permille(5);

/// How often a driver that spoils answers spoils one.
const SPOIL_CHANCE: Chance = Chance::percent(2);
