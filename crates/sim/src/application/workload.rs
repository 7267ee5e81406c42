//! What an application thinks of asking.

use std::collections::VecDeque;

use evenkeel_core::protocol::request::{MetaOp, Retrieval, StoreOp};

use super::answer::{Found, Said};
use super::ask::{Ask, Content, Fixed, Kind, MetaAsk, Voice};
use crate::checker::History;
use crate::dice::{Chance, Dice};
use crate::options::{LoadOptions, Mix};
use crate::value::Key;

/// The workload of one application.
#[derive(Debug)]
pub(super) struct Workload {
    load: LoadOptions,
    dice: Dice,
    /// The number of the next opaque; unlike those of other applications.
    next_opaque: u32,
    /// How many more keys than usual are drawn from.
    pub extra_keys_len: usize,
    /// Tokens that values had, for `cas`; the last seen is the last.
    tokens: VecDeque<Token>,
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
const TOKENS_MAX: usize = 8;

impl Workload {
    /// The workload of application number `application`.
    pub(super) fn new(application: usize, load: LoadOptions, dice: Dice) -> Self {
        let first = u32::try_from(application).expect("there are few applications") * 1_000_000;
        Self { load, dice, next_opaque: first, extra_keys_len: 0, tokens: VecDeque::new() }
    }

    /// It has been told something.
    pub(super) fn learn(&mut self, said: &Said) {
        let Said::Values(found) = said else { return };
        let token = |it: &Found| Some(Token { key: it.key, cas: it.cas?, write: it.write_id() });
        if let Some(token) = found.iter().find_map(token) {
            if self.tokens.len() == TOKENS_MAX {
                self.tokens.pop_front();
            }
            self.tokens.push_back(token);
        }
    }

    /// The next request.
    pub(super) fn draw(&mut self, history: &mut History) -> Ask {
        let load = &self.load;
        if load.mix == Mix::Sets {
            let key = self.shared_key();
            let content = self.content(key, history);
            return Ask::new(Kind::Store { op: StoreOp::Set, key, content });
        }
        if self.dice.happens(load.bad_chance) {
            return Ask::new(Kind::Fixed(self.dice.pick(&Fixed::BAD)));
        }
        if self.dice.happens(load.flush_chance) {
            return self.spoken(Kind::FlushAll, Voice::Noreply);
        }
        if self.dice.happens(Chance::percent(3)) {
            return Ask::new(Kind::Fixed(self.dice.pick(&Fixed::PLAIN)));
        }
        if self.dice.happens(load.meta_chance) {
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
            (token.key, StoreOp::Cas(token.cas))
        } else {
            let ops = [StoreOp::Set, StoreOp::Set, StoreOp::Set, StoreOp::Add, StoreOp::Replace];
            (self.any_key(), self.dice.pick(&ops))
        };
        let content = self.content(key, history);
        let ask = self.spoken(Kind::Store { op, key, content }, Voice::Noreply);
        Ask { token_of: token.and_then(|token| token.write), ..ask }
    }

    /// Now and then a token: mostly the last seen, sometimes one that was kept for long.
    fn token(&mut self) -> Option<Token> {
        if self.tokens.is_empty() || !self.dice.happens(Chance::percent(20)) {
            return None;
        }
        if self.dice.happens(Chance::percent(50)) {
            self.tokens.pop_back()
        } else {
            self.tokens.pop_front()
        }
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
            opaque: self.dice.happens(Chance::percent(50)).then(|| self.opaque()),
            is_base64: self.dice.happens(Chance::percent(20)),
            returns_key: self.dice.happens(Chance::percent(30)),
            returned: self.dice.pick(returned),
        };
        if !self.dice.happens(self.load.quiet_chance) {
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
        let len = self.load.keys_len + self.extra_keys_len;
        Key::Shared(u16::try_from(self.dice.below(len)).expect("few keys"))
    }

    fn counter(&mut self) -> Key {
        let len = self.load.keys_len.div_ceil(4);
        Key::Counter(u16::try_from(self.dice.below(len)).expect("few counters"))
    }

    fn content(&mut self, key: Key, history: &mut History) -> Content {
        match key {
            Key::Counter(_) => Content::Number(key.number() + self.dice.below(1000) as u64),
            Key::Shared(_) | Key::Own { .. } => {
                let is_big = self.dice.happens(self.load.big_chance);
                let len_max = if is_big { LoadOptions::BIG_LEN_MAX } else { 100 };
                Content::Write(history.open(key, self.dice.below(len_max)))
            }
        }
    }
}
