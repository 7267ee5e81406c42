//! A model server: memcached's semantics over many connections, and everything that can go wrong
//! with a server.
//!
//! It reads what a connection has, carries out every whole request in order, and writes the
//! responses in that order. Hung, it does nothing, while the bytes wait in its socket buffers;
//! when it goes on, it carries out what its callers have long given up.

mod lie;
mod process;
mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_core::protocol::request::MetaOp;
use evenkeel_core::protocol::{ParseLimits, Parsed, Request, parse_request};

pub use self::lie::Lie;
use self::lie::{Memory, Told};
use self::process::Process;
use self::store::Store;
use crate::agenda::{Event, Notice};
use crate::checker::Promise;
use crate::dice::{Chance, Dice};
use crate::network::{End, LinkId, Read};
use crate::options::Options;
use crate::sabotage::Sabotage;
use crate::scene::Scene;
use crate::trace::{Note, shortened};

/// See the module's documentation.
#[derive(Debug)]
pub struct Server {
    number: usize,
    condition: Condition,
    store: Store,
    connections: BTreeMap<LinkId, Connection>,
    process: Process,
    /// How many requests it has carried out.
    pub served: u64,
    dice: Dice,
}

/// What is the matter with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Well,
    /// Its process is gone: nobody listens.
    Crashed,
    /// Nobody can connect, and it goes on holding what it has.
    Refusing,
    /// Its process stands still: the kernel goes on accepting connections and bytes.
    Hung,
    /// It takes up to so much longer for everything.
    Slow(Duration),
    /// It spoils responses, each with this chance.
    Lying(Lie, Chance),
    /// Nothing reaches it or comes from it that was not there before: connecting has no answer.
    Unreachable,
}

#[derive(Debug, Default)]
struct Connection {
    input: Vec<u8>,
    output: Vec<u8>,
    memory: Memory,
    /// [`Event::Serve`] is on its way.
    is_due: bool,
    /// The peer sends nothing more.
    is_ended: bool,
    /// Nothing more is read: what is in `output` is the last.
    is_finishing: bool,
}

/// How long a healthy server takes at most.
const SERVICE_INTERVAL_MAX: Duration = Duration::from_micros(100);

/// Where keys change their homes, servers count apart. A CAS token that a key's home gave before fits
/// the new home's value if that one has come to the same number. That is known, and as rare as a
/// server's count is long; here, where counts are short on purpose, it would be all there is to see.
const TOKENS_OF_A_SERVER: u64 = 1 << 20;

/// What a model server accepts. Callers are held to less.
const LIMITS: ParseLimits = ParseLimits { item_size_max: 1024 * 1024, keys_per_get_max: 10_000 };

impl Server {
    /// A server that is well and empty.
    pub fn new(number: usize, options: &Options, mut dice: Dice) -> Self {
        let is_moving = options.membership.pause_max.is_some();
        let tokens_start = if is_moving { number as u64 * TOKENS_OF_A_SERVER } else { 0 };
        Self {
            process: Process::new(number, &mut dice),
            number,
            condition: Condition::Well,
            store: Store::counting_after(tokens_start),
            connections: BTreeMap::new(),
            served: 0,
            dice,
        }
    }

    /// Its number.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What is the matter with it.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// Whether a connect is accepted; `None` if it gets no answer at all.
    pub fn answers_connect(&self) -> Option<bool> {
        match self.condition {
            Condition::Unreachable => None,
            Condition::Crashed | Condition::Refusing => Some(false),
            Condition::Well | Condition::Hung | Condition::Slow(_) | Condition::Lying(..) => {
                Some(true)
            }
        }
    }

    /// Something is the matter from now on.
    pub fn suffer(&mut self, scene: &mut Scene, condition: Condition) {
        if condition == Condition::Crashed {
            self.store.clear();
        }
        if matches!(condition, Condition::Crashed | Condition::Refusing) {
            for (link, _) in std::mem::take(&mut self.connections) {
                scene.abort(link, End::Far);
            }
        }
        if condition == Condition::Hung {
            self.process.stop(scene.now());
        }
        self.condition = condition;
    }

    /// It is well again. If its process had gone, it is empty; if it had stood still, it goes on
    /// where it was; if it had been mute, it is rid of those who wait for its answers.
    pub fn recover(&mut self, scene: &mut Scene) {
        match self.condition {
            Condition::Crashed => self.process.restart(scene.now()),
            Condition::Hung => self.process.go_on(scene.now(), &mut self.dice),
            Condition::Well
            | Condition::Refusing
            | Condition::Slow(_)
            | Condition::Lying(..)
            | Condition::Unreachable => {}
        }
        self.condition = Condition::Well;
        for (link, _) in
            self.connections.extract_if(.., |_, connection| connection.memory.is_mute())
        {
            scene.abort(link, End::Far);
        }
        let links: Vec<_> = self.connections.keys().copied().collect();
        for link in links {
            self.schedule(scene, link);
        }
    }

    /// It is told something about a link.
    pub fn handle_notice(&mut self, scene: &mut Scene, link: LinkId, notice: Notice) {
        if notice == Notice::Opened {
            self.connections.insert(link, Connection::default());
        }
        self.schedule(scene, link);
    }

    fn schedule(&mut self, scene: &mut Scene, link: LinkId) {
        let interval_max = match self.condition {
            Condition::Hung | Condition::Crashed | Condition::Refusing => return,
            Condition::Slow(interval) => interval,
            Condition::Well | Condition::Lying(..) | Condition::Unreachable => SERVICE_INTERVAL_MAX,
        };
        let Some(connection) = self.connections.get_mut(&link) else { return };
        if !std::mem::replace(&mut connection.is_due, true) {
            let event = Event::Serve { server: self.number, link };
            scene.soon(interval_max, &mut self.dice, event);
        }
    }

    /// It looks at a connection.
    pub fn serve(&mut self, scene: &mut Scene, link: LinkId) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        connection.is_due = false;
        if self.condition == Condition::Hung {
            return;
        }
        match scene.read(link, End::Far, READ_LEN_MAX) {
            Read::Bytes(bytes) => {
                connection.input.extend_from_slice(&bytes);
                self.schedule(scene, link);
            }
            Read::Nothing => {}
            Read::Eof => connection.is_ended = true,
            Read::Reset => {
                self.connections.remove(&link);
                return scene.close(link, End::Far);
            }
        }
        self.carry_out(scene, link);
        self.write(scene, link);
    }

    /// Carries out every whole request that a connection has.
    fn carry_out(&mut self, scene: &mut Scene, link: LinkId) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let mut input = std::mem::take(&mut connection.input);
        let mut at = 0;
        loop {
            match parse_request(&input[at..], 0, &LIMITS) {
                Parsed::Request { request, len } => {
                    self.respond(scene, link, &request, &input[at..at + len]);
                    at += len;
                }
                Parsed::Incomplete { .. } => break,
                Parsed::Refused(refused) => {
                    // What a worker sends is always well formed.
                    let what = format!("a server is sent {}", shortened(&input[at..]));
                    scene.report(Promise::P1, what);
                    at += refused.len;
                }
            }
        }
        input.drain(..at);
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.input = input;
        }
    }

    /// Carries out one request and says what is to be said, or what is not.
    fn respond(&mut self, scene: &mut Scene, link: LinkId, request: &Request<'_>, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        if connection.is_finishing {
            return;
        }
        let lie = match self.condition {
            Condition::Lying(lie, chance) if applies(lie, request) && self.dice.happens(chance) => {
                Some(lie)
            }
            _ => None,
        };
        let response = match lie {
            Some(Lie::Error | Lie::Full) => Vec::new(),
            _ if matches!(request, Request::Stats { .. }) => self.process.stats(scene.now()),
            _ => self.store.execute(scene.now(), request),
        };
        let told = match lie {
            Some(lie) => connection.memory.lie(lie, response, &mut self.dice),
            None => connection.memory.tell(response),
        };
        let (Told::Bytes(said) | Told::Last(said)) = &told;
        scene.note(Note::Served(self.number, link, bytes, said));
        connection.output.extend_from_slice(said);
        connection.is_finishing = matches!(told, Told::Last(_));
        self.served += 1;
        let mixes_up = scene.options.sabotage == Some(Sabotage::MixUpValues);
        if mixes_up && self.dice.happens(Chance::percent(1)) {
            self.store.mix_up();
        }
    }

    fn write(&mut self, scene: &mut Scene, link: LinkId) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        if !connection.output.is_empty() {
            let len = scene.write(link, End::Far, &connection.output);
            connection.output.drain(..len);
        }
        let is_done = connection.is_ended || connection.is_finishing;
        if is_done && connection.output.is_empty() {
            self.connections.remove(&link);
            scene.close(link, End::Far);
        }
    }
}

/// Whether a lie concerns this request.
fn applies(lie: Lie, request: &Request<'_>) -> bool {
    match lie {
        Lie::Full => match request {
            Request::Store { .. } => true,
            Request::Meta(meta) => meta.op == MetaOp::Set,
            _ => false,
        },
        Lie::Mute => *request != Request::Version,
        Lie::Truncate
        | Lie::Garble
        | Lie::Surplus
        | Lie::Skip
        | Lie::Repeat
        | Lie::Swap
        | Lie::Error => true,
    }
}

const READ_LEN_MAX: usize = 8 * 1024;
