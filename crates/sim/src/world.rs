//! The world: everything that takes part in a run, and the loop that lets it happen.
//!
//! # Phases
//! | phase | what happens | what is demanded at its end |
//! |---|---|---|
//! | Chaos | traffic, and things break | |
//! | Recovery | everything is mended; traffic goes on | |
//! | Drain | applications only collect what they are owed | nothing is unanswered |
//! | Service | every application writes and reads keys of its own | each succeeds; every server is Up; no key is misplaced |
//!
//! What is promised of every answer is checked throughout.

use std::fmt;

use evenkeel_core::routing::PoolId;
use evenkeel_core::worker::Counters;

use crate::agenda::{Event, Notice};
use crate::application::Application;
use crate::checker::{Promise, Tally, Violation};
use crate::control::Control;
use crate::dice::Dice;
use crate::driver::Driver;
use crate::faults::Breaker;
use crate::network::{End, LinkId, Peer};
use crate::options::{Options, Phase};
use crate::recovery::SharedMaps;
use crate::scene::Scene;
use crate::server::Server;
use crate::trace::{Note, Sink};

/// Everything that takes part in a run.
#[derive(Debug)]
pub struct World {
    seed: u64,
    scene: Scene,
    drivers: Vec<Driver>,
    /// For each pool.
    controls: Vec<Control>,
    servers: Vec<Server>,
    applications: Vec<Application>,
    breaker: Breaker,
    events: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The seed that gives this run again.
    pub seed: u64,
    /// The same for two runs in which the same happened.
    pub trace_hash: u64,
    /// The first promise that was broken.
    pub violation: Option<Violation>,
    /// What happened, in numbers.
    pub totals: Totals,
}

/// What happened, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What applications asked and were told.
    pub tally: Tally,
    /// What the workers counted, added up.
    pub late_responses: u64,
    /// Requests sent elsewhere than to their key's home.
    pub diverted: u64,
    /// Values made misses because their session did not read.
    pub values_dropped: u64,
    /// Requests carried out by servers.
    pub served: u64,
    /// Faults.
    pub faults: u64,
    /// Servers taken out of use.
    pub ejections: u64,
    /// Times that servers joined or left.
    pub changes: u64,
    /// Events of the simulation.
    pub events: u64,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.tally.asked += other.tally.asked;
        self.tally.answered += other.tally.answered;
        self.tally.values += other.tally.values;
        self.tally.failed += other.tally.failed;
        self.tally.given_up += other.tally.given_up;
        self.late_responses += other.late_responses;
        self.diverted += other.diverted;
        self.values_dropped += other.values_dropped;
        self.served += other.served;
        self.faults += other.faults;
        self.ejections += other.ejections;
        self.changes += other.changes;
        self.events += other.events;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { asked, answered, values, failed, given_up } = self.tally;
        write!(
            f,
            "{asked} requests, {answered} answers with {values} values and {failed} errors, "
        )?;
        write!(f, "{given_up} given up; ")?;
        write!(f, "{} faults, {} ejections, ", self.faults, self.ejections)?;
        write!(f, "{} changes of servers, ", self.changes)?;
        write!(f, "{} diverted, {} late responses, ", self.diverted, self.late_responses)?;
        write!(f, "{} values dropped; {} events", self.values_dropped, self.events)
    }
}

/// More events than any run has that does not go round in circles.
const EVENTS_MAX: u64 = 20_000_000;

impl World {
    /// The world at the start of a run.
    pub fn new(seed: u64, options: Options, sink: Option<Sink>) -> Self {
        let mut dice = Dice::new(seed);
        let servers_len = options.servers_len();
        let (workers_len, applications_len) = (options.workers_len, options.applications_len);
        let pools = options.pools();
        let mut scene = Scene::new(options, dice.fork(), sink);
        let mut server = |number| Server::new(number, &scene.options, dice.fork());
        let servers = (0..servers_len).map(&mut server).collect();
        let mut control = |pool: &PoolId| Control::new(&mut scene, *pool, dice.fork());
        let mut controls: Vec<_> = pools.iter().map(&mut control).collect();
        let mut driver = |number| {
            let maps = controls.iter().map(|it| it.map().clone()).collect();
            let shared = (scene.tables.table(0), SharedMaps(maps));
            Driver::new(number, &mut scene, shared, dice.fork())
        };
        let drivers = (0..workers_len).map(&mut driver).collect();
        let mut application = |number| Application::new(number, &mut scene, dice.fork());
        let applications = (0..applications_len).map(&mut application).collect();
        let breaker = Breaker::new(&mut scene, dice.fork());
        controls[0].start_changes(&mut scene, dice.fork());
        enter_phases(&mut scene);
        Self { seed, scene, drivers, controls, servers, applications, breaker, events: 0 }
    }

    /// Lets everything happen, until a promise is broken or all is over.
    pub fn run(mut self) -> Verdict {
        while self.scene.phase != Phase::End && self.scene.checker.violation().is_none() {
            let event = self.scene.agenda.pop().expect("the phases have not all begun");
            self.events += 1;
            if self.events > EVENTS_MAX {
                self.scene.report(Promise::P2, format!("no end after {EVENTS_MAX} events"));
            }
            self.happen(event);
            self.pass_calls();
        }
        Verdict {
            seed: self.seed,
            trace_hash: self.scene.trace_hash(),
            violation: self.scene.checker.violation().cloned(),
            totals: self.totals(),
        }
    }

    fn totals(&self) -> Totals {
        let counted = |count: fn(&Counters) -> u64| {
            self.drivers.iter().map(|driver| count(driver.counters())).sum()
        };
        Totals {
            tally: self.scene.checker.tally,
            late_responses: counted(|it| it.late_responses),
            diverted: counted(|it| it.diverted),
            values_dropped: counted(|it| it.values_dropped),
            served: self.servers.iter().map(|server| server.served).sum(),
            faults: self.breaker.broken,
            ejections: self.controls.iter().map(|it| it.ejections).sum(),
            changes: self.controls.iter().map(|it| it.changes).sum(),
            events: self.events,
        }
    }

    fn happen(&mut self, event: Event) {
        let scene = &mut self.scene;
        match event {
            Event::Arrive { link, to } => {
                if scene.network.arrive(&mut scene.agenda, link, to) {
                    self.tell(link, to, Notice::Readable);
                }
            }
            Event::Connect { link } => self.connect(link),
            Event::Notice { link, to, notice } => self.tell(link, to, notice),
            Event::GiveUp { link } => {
                if scene.network.give_up(link) {
                    self.tell(link, End::Near, Notice::Readable);
                }
            }
            Event::Turn { worker } => self.drivers[worker].turn(scene),
            Event::Serve { server, link } => self.servers[server].serve(scene, link),
            Event::Act { application } => self.applications[application].act(scene),
            Event::Evidence(report) => {
                let pool = scene.options.pool_of_server(usize::from(report.server().0));
                self.controls[usize::from(pool.0)].handle_evidence(scene, &report);
            }
            Event::Control(pool) => self.controls[usize::from(pool.0)].handle_timer(scene),
            Event::Publish { worker, version } => {
                scene.note(Note::Table(worker, version));
                let table = scene.tables.table(version);
                self.drivers[worker].handle_table(scene, table);
                self.controls[0].handle_seen(scene, worker, version);
            }
            Event::Reconfigure => self.controls[0].handle_reconfiguration(scene),
            Event::Handover => self.controls[0].step_handover(scene),
            Event::Break => self.breaker.strike(scene, &mut self.servers),
            Event::Mend { server, fault } => {
                let server = &mut self.servers[usize::from(server.0)];
                self.breaker.mend(scene, server, fault);
            }
            Event::Begin(phase) => self.begin(phase),
        }
    }

    /// Passes calls between callers and workers until nobody wants more.
    fn pass_calls(&mut self) {
        loop {
            while let Some(order) = self.scene.calls.orders.pop_front() {
                self.drivers[order.worker].handle_order(&mut self.scene, &order);
            }
            let Some((name, result)) = self.scene.calls.settled.pop_front() else { break };
            self.applications[name.application()].handle_settled(&mut self.scene, name, result);
        }
    }

    fn tell(&mut self, link: LinkId, to: End, notice: Notice) {
        let scene = &mut self.scene;
        let Some(peer) = scene.network.peer(link, to) else { return };
        scene.note(Note::Told(peer, link, notice));
        match peer {
            Peer::Application(number) => {
                self.applications[number].handle_notice(scene, link, notice);
            }
            Peer::Worker(number) => self.drivers[number].handle_notice(scene, link, notice),
            Peer::Server(number) => self.servers[number].handle_notice(scene, link, notice),
            Peer::Prober(server) => {
                let pool = scene.options.pool_of_server(server);
                self.controls[usize::from(pool.0)].handle_notice(scene, server, link, notice);
            }
        }
    }

    fn connect(&mut self, link: LinkId) {
        let answer = match self.scene.network.peer(link, End::Far) {
            Some(Peer::Server(number)) => self.servers[number].answers_connect(),
            Some(_) => Some(true),
            None => None,
        };
        let Some(is_listening) = answer else { return };
        self.scene.network.answer_connect(&mut self.scene.agenda, link, is_listening);
        if is_listening {
            self.tell(link, End::Far, Notice::Opened);
        }
    }

    fn begin(&mut self, phase: Phase) {
        let scene = &mut self.scene;
        scene.phase = phase;
        scene.note(Note::Phase(phase));
        match phase {
            Phase::Chaos | Phase::Drain => {}
            Phase::Recovery => self.breaker.mend_all(scene, &mut self.servers),
            Phase::Service => self.controls.iter().for_each(|it| it.demand_health(scene)),
            Phase::End => {
                for control in &self.controls {
                    control.demand_health(scene);
                    control.demand_order(scene);
                }
            }
        }
        for application in &mut self.applications {
            application.begin(scene, phase);
        }
    }
}

fn enter_phases(scene: &mut Scene) {
    let options = &scene.options;
    let recovery = options.chaos_interval;
    let drain = recovery + options.recovery_interval();
    let service = drain + options.drain_interval();
    let end = service + options.drain_interval() + Driver::SETTLE_INTERVAL;
    let phases = [
        (recovery, Phase::Recovery),
        (drain, Phase::Drain),
        (service, Phase::Service),
        (end, Phase::End),
    ];
    for (interval, phase) in phases {
        scene.agenda.after(interval, Event::Begin(phase));
    }
}
