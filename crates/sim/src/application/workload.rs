//! What an application thinks of asking.
//!
//! Mostly anything about any key. To meet old values it also does what is most likely to show
//! them: it reads what somebody else has just changed, writes again what failed, uses keys as
//! locks, and keeps tokens for long.

use evenkeel_core::protocol::request::{MetaOp, Retrieval, StoreOp};

use super::answer::{Found, Said};
use super::ask::{Ask, Content, Fixed, Kind, MetaAsk, Voice};
use crate::checker::{Change, History};
use crate::dice::{Chance, Dice};
use crate::options::{LoadOptions, Mix};
use crate::value::{Key, Way, What};

/// The workload of one application.
#[derive(Debug)]
pub(super) struct Workload {
    load: LoadOptions,
    dice: Dice,
    /// The number of the next opaque; unlike those of other applications.
    next_opaque: u32,
    /// How many more keys than usual are drawn from.
    pub extra_keys_len: usize,
    /// Tokens that values had, for `cas`.
    tokens: Vec<Token>,
    /// The key of a change that failed.
    failed: Option<Key>,
    /// Keys may be named as routes have it.
    has_routes: bool,
}

/// A token that a value had.
#[derive(Clone, Copy, Debug)]
struct Token {
    key: Key,
    cas: u64,
    /// The write whose value it was; a counter's number does not say.
    write: Option<u32>,
}

/// How many tokens an application keeps.
const TOKENS_MAX: usize = 16;

/// How many keys everybody uses.
const HOT_KEYS_LEN: usize = 2;

/// How many keys are locks.
const LOCKS_LEN: usize = 4;

/// Locks are shared keys from this one on.
const LOCKS_START: usize = 10_000;

impl Workload {
    /// The workload of application number `application`.
    pub(super) fn new(application: usize, load: LoadOptions, has_routes: bool, dice: Dice) -> Self {
        let first = u32::try_from(application).expect("there are few applications") * 1_000_000;
        let (tokens, failed) = (Vec::new(), None);
        Self { load, dice, next_opaque: first, extra_keys_len: 0, tokens, failed, has_routes }
    }

    /// One way after the other to name keys.
    pub(super) fn way_of(&self, idx: usize) -> Way {
        if self.has_routes { Way::SETTLED[idx % Way::SETTLED.len()] } else { Way::Plain }
    }

    /// A key, by any name that it may have.
    fn named(&mut self, what: What) -> Key {
        if !self.has_routes || !self.dice.happens(self.load.routed_chance) {
            return Key { what, way: Way::Plain };
        }
        let way = match self.dice.below(8) {
            idx if idx < Way::SETTLED.len() => Way::SETTLED[idx],
            5 => Way::Roaming,
            6 => Way::East,
            _ => Way::West,
        };
        Key { what, way }
    }

    /// The same item, by any of its names.
    fn renamed(&mut self, key: Key) -> Key {
        let names: &[Way] = match key.item().way {
            Way::Plain if self.has_routes => &[Way::Plain, Way::Back],
            Way::East => &[Way::East, Way::West],
            _ => return key,
        };
        Key { way: self.dice.pick(names), ..key }
    }

    /// It has been answered.
    pub(super) fn learn(&mut self, ask: &Ask, said: &Said) {
        match said {
            Said::Values(found) | Said::Some(found, _) => self.keep_token(found),
            Said::Failed(_) | Said::Unavailable(_) => {
                let key = ask.change().and_then(Change::key);
                self.failed = key.or(self.failed);
            }
            Said::Done | Said::NotDone | Said::Number(..) => {}
        }
    }

    fn keep_token(&mut self, found: &[Found]) {
        let token = |it: &Found| Some(Token { key: it.key, cas: it.cas?, write: it.write_id() });
        let Some(token) = found.iter().find_map(token) else { return };
        if self.tokens.len() < TOKENS_MAX {
            self.tokens.push(token);
        } else {
            let idx = self.dice.below(TOKENS_MAX);
            self.tokens[idx] = token;
        }
    }

    /// The next request.
    pub(super) fn draw(&mut self, history: &mut History) -> Ask {
        if self.load.mix == Mix::Sets {
            let key = self.shared_key();
            return Ask::new(self.set(key, history));
        }
        if let Some(ask) = self.draw_special(history) {
            return ask;
        }
        if self.dice.happens(self.load.meta_chance) {
            return self.draw_meta(history);
        }
        match self.dice.below(20) {
            0..9 => Ask::new(self.draw_retrieval()),
            9..15 => self.draw_store(history),
            15..17 => {
                let key = self.any_key();
                self.spoken(Kind::Delete(key), Voice::Noreply)
            }
            17..19 => {
                let (key, delta) = (self.counter(), self.dice.between(1, 9) as u64);
                self.spoken(Kind::Increment(key, delta), Voice::Noreply)
            }
            _ => {
                let (key, exptime) = (self.any_key(), self.dice.pick(&[0, 1, 100, -1]));
                self.spoken(Kind::Touch(key, exptime), Voice::Noreply)
            }
        }
    }

    /// Something that is asked for a reason of its own.
    fn draw_special(&mut self, history: &mut History) -> Option<Ask> {
        if self.dice.happens(self.load.bad_chance) {
            return Some(Ask::new(Kind::Fixed(self.dice.pick(&Fixed::BAD))));
        }
        if self.dice.happens(self.load.flush_chance) {
            return Some(self.spoken(Kind::FlushAll, Voice::Noreply));
        }
        if self.dice.happens(Chance::percent(3)) {
            return Some(Ask::new(Kind::Fixed(self.dice.pick(&Fixed::PLAIN))));
        }
        if self.dice.happens(self.load.lock_chance) {
            return Some(self.draw_lock(history));
        }
        if let Some(key) = history.last_changed
            && (self.has_routes || key.way == Way::Plain)
            && self.dice.happens(self.load.echo_chance)
        {
            let key = self.renamed(key);
            let how = self.dice.pick(&[Retrieval::Get, Retrieval::Gets]);
            return Some(Ask::new(Kind::Retrieve { how, keys: vec![key] }));
        }
        let failed = self.failed.take_if(|_| self.dice.happens(Chance::percent(50)));
        failed.map(|key| {
            let key = self.renamed(key);
            self.draw_again(key, history)
        })
    }

    /// Takes a lock, gives one back, or looks who has it.
    fn draw_lock(&mut self, history: &mut History) -> Ask {
        let idx = LOCKS_START + self.dice.below(LOCKS_LEN);
        let key = self.named(What::Shared(u16::try_from(idx).expect("few keys")));
        Ask::new(match self.dice.below(5) {
            0..2 => {
                let content = self.content(key, history);
                Kind::Store { op: StoreOp::Add, key, content, exptime: 0 }
            }
            2..4 => Kind::Delete(key),
            _ => Kind::Retrieve { how: Retrieval::Get, keys: vec![key] },
        })
    }

    /// Changes again what could not be changed.
    fn draw_again(&mut self, key: Key, history: &mut History) -> Ask {
        Ask::new(match self.dice.below(3) {
            0 => Kind::Delete(key),
            _ => self.set(key, history),
        })
    }

    fn set(&mut self, key: Key, history: &mut History) -> Kind {
        let (content, exptime) = (self.content(key, history), self.exptime());
        Kind::Store { op: StoreOp::Set, key, content, exptime }
    }

    fn exptime(&mut self) -> i64 {
        if self.dice.happens(self.load.expiring_chance) { self.dice.pick(&[1, 2, 5]) } else { 0 }
    }

    fn spoken(&mut self, kind: Kind, other: Voice) -> Ask {
        let voice = if self.dice.happens(self.load.quiet_chance) { other } else { Voice::Full };
        Ask { voice, ..Ask::new(kind) }
    }

    fn draw_retrieval(&mut self) -> Kind {
        let len = if self.dice.happens(Chance::percent(50)) {
            1
        } else {
            self.dice.between(1, self.load.keys_per_get_max)
        };
        let keys = (0..len).map(|_| self.any_key()).collect();
        let how = match self.dice.below(8) {
            0..5 => Retrieval::Get,
            5..7 => Retrieval::Gets,
            _ => Retrieval::Gat(self.dice.pick(&[0, 1, 60])),
        };
        Kind::Retrieve { how, keys }
    }

    fn draw_store(&mut self, history: &mut History) -> Ask {
        let token = self.token();
        let (key, op) = if let Some(token) = token {
            (self.renamed(token.key), StoreOp::Cas(token.cas))
        } else {
            let ops = [StoreOp::Set, StoreOp::Set, StoreOp::Set, StoreOp::Add, StoreOp::Replace];
            (self.any_key(), self.dice.pick(&ops))
        };
        let (content, exptime) = (self.content(key, history), self.exptime());
        let ask = self.spoken(Kind::Store { op, key, content, exptime }, Voice::Noreply);
        Ask { token_of: token.and_then(|token| token.write), ..ask }
    }

    /// Now and then a token, be it the last seen or an old one.
    fn token(&mut self) -> Option<Token> {
        if self.tokens.is_empty() || !self.dice.happens(Chance::percent(20)) {
            return None;
        }
        let idx = self.dice.below(self.tokens.len());
        Some(self.tokens.swap_remove(idx))
    }

    fn draw_meta(&mut self, history: &mut History) -> Ask {
        let op = match self.dice.below(10) {
            0..5 => MetaOp::Get,
            5..8 => MetaOp::Set,
            8 => MetaOp::Delete,
            _ => MetaOp::Arithmetic,
        };
        let key = if op == MetaOp::Arithmetic { self.counter() } else { self.any_key() };
        let returned: &[&str] = match op {
            MetaOp::Get => &["v", "vf", "fv", "vcf", "fvs", "", "t", "tc"],
            MetaOp::Arithmetic => &["", "v"],
            MetaOp::Set | MetaOp::Delete | MetaOp::Debug => &[""],
        };
        let mut meta = MetaAsk {
            op,
            key,
            content: (op == MetaOp::Set).then(|| self.content(key, history)),
            exptime: if op == MetaOp::Set { self.exptime() } else { 0 },
            opaque: self.dice.happens(Chance::percent(50)).then(|| self.opaque()),
            is_base64: self.dice.happens(Chance::percent(20)),
            returns_key: self.dice.happens(Chance::percent(30)),
            returned: self.dice.pick(returned),
        };
        // Of a key that has no pool for long it cannot be told whether a read of it may be an error.
        if !self.dice.happens(self.load.quiet_chance) || !key.is_settled() {
            return Ask::new(Kind::Meta(meta));
        }
        // Without an opaque nobody could tell whose answer it is.
        meta.opaque = Some(self.opaque());
        Ask { voice: Voice::Quiet, ..Ask::new(Kind::Meta(meta)) }
    }

    fn opaque(&mut self) -> u32 {
        self.next_opaque += 1;
        self.next_opaque
    }

    fn any_key(&mut self) -> Key {
        if self.dice.happens(Chance::percent(15)) { self.counter() } else { self.shared_key() }
    }

    fn shared_key(&mut self) -> Key {
        let is_hot = self.dice.happens(self.load.hot_chance);
        let len = if is_hot { HOT_KEYS_LEN } else { self.load.keys_len + self.extra_keys_len };
        let what = What::Shared(u16::try_from(self.dice.below(len)).expect("few keys"));
        self.named(what)
    }

    fn counter(&mut self) -> Key {
        let len = self.load.keys_len.div_ceil(4);
        let what = What::Counter(u16::try_from(self.dice.below(len)).expect("few counters"));
        self.named(what)
    }

    fn content(&mut self, key: Key, history: &mut History) -> Content {
        match key.what {
            What::Counter(_) => Content::Number(key.number() + self.dice.below(1000) as u64),
            What::Shared(_) | What::Own { .. } => {
                let is_big = self.dice.happens(self.load.big_chance);
                let len_max = if is_big { LoadOptions::BIG_LEN_MAX } else { 100 };
                Content::Write(history.open(key, self.dice.below(len_max)))
            }
        }
    }
}
