//! Writes that look at what is there first: the store commands and arithmetic.

use evenkeel_core::protocol::number;

use crate::store::item::{Freshness, Item, KeyForm, Recache, item_size};
use crate::store::{Store, clock::UnixTime};

/// A value and how it is to be stored.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// Where.
    pub key: &'a [u8],
    /// What.
    pub value: &'a [u8],
    /// Under which condition.
    pub mode: Mode,
    /// The CAS token the item must have; 0 for any.
    pub cas: u64,
    /// What becomes of a token older than the item's.
    pub older_cas: OlderCas,
    /// The caller's number.
    pub client_flags: u32,
    /// When the item expires, as on the wire.
    pub exptime: i64,
    /// How the key was written.
    pub key_form: KeyForm,
}

/// The condition of a [`Write`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None.
    Set,
    /// There is no item.
    Add,
    /// There is an item.
    Replace,
    /// There is an item; the value goes after the item's own.
    Append,
    /// There is an item; the value goes before the item's own.
    Prepend,
    /// The item has the given CAS token.
    Cas,
}

/// What becomes of a write whose CAS token is older than the item's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OlderCas {
    /// It is refused.
    Refused,
    /// [`Mode::Cas`] stores it, marked out of date, with the item's expiry (`ms` with `I`).
    StoredAsStale,
}

/// What became of a [`Write`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The item now has the value and this CAS token.
    Stored(u64),
    /// The condition does not hold.
    NotStored,
    /// The item has another CAS token.
    Exists,
    /// A CAS token was given and there is no item.
    NotFound,
    /// The value is over the limit.
    TooLarge,
}

/// A sum to be done on an item.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'a> {
    /// Which item.
    pub key: &'a [u8],
    /// Up or down.
    pub direction: Direction,
    /// How far.
    pub amount: u64,
    /// The CAS token the item must have; 0 for any.
    pub cas: u64,
}

/// Which way a [`Delta`] goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Up, wrapping past 64 bits.
    Up,
    /// Down, stopping at 0.
    Down,
}

/// What became of a [`Delta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summed {
    /// The item now has this number.
    Number {
        /// The number.
        number: u64,
        /// What became of the item.
        origin: NumberOrigin,
    },
    /// There is no item.
    NotFound,
    /// The item's value is no number.
    NotANumber,
    /// The item has another CAS token.
    Exists,
}

/// Where the item comes from that holds a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberOrigin {
    /// It was there, and had room for the number.
    Kept,
    /// Another has taken its place, because the number needs more digits.
    Renewed,
    /// It has just been made.
    Vivified,
}

/// How a write's CAS token compares with the item's.
enum CasCheck {
    NotAsked,
    Matches,
    Older,
    Differs,
}

impl Store {
    /// Stores a value if its condition holds.
    pub fn write(&mut self, write: &Write<'_>) -> Written {
        self.counters.set_cmds += 1;
        self.drop_if_expired(write.key);
        if self.is_too_large(write.key, write.client_flags, write.value.len()) {
            self.counters.too_large += 1;
            return self.refuse_too_large(write);
        }
        let written = match self.items.peek(write.key) {
            Some(old) => match overwrite(write, old, self.now) {
                Ok(item) => self.link_joined(write.key, item),
                Err(refused) => refused,
            },
            None => self.write_new(write),
        };
        self.count_cas(write.mode, written);
        written
    }

    /// Adds to or subtracts from an item's number.
    pub fn sum(&mut self, delta: &Delta<'_>) -> Summed {
        self.drop_if_expired(delta.key);
        let summed = self.sum_uncounted(delta);
        let counter = match (delta.direction, summed) {
            (Direction::Up, Summed::Number { .. }) => &mut self.counters.incr_hits,
            (Direction::Up, Summed::NotFound) => &mut self.counters.incr_misses,
            (Direction::Down, Summed::Number { .. }) => &mut self.counters.decr_hits,
            (Direction::Down, Summed::NotFound) => &mut self.counters.decr_misses,
            (Direction::Up | Direction::Down, Summed::NotANumber | Summed::Exists) => {
                return summed;
            }
        };
        *counter += 1;
        summed
    }

    fn sum_uncounted(&mut self, delta: &Delta<'_>) -> Summed {
        let (now, cas) = (self.now, self.cas_last + 1);
        let Some(mut item) = self.items.peek_mut(delta.key) else {
            return Summed::NotFound;
        };
        if item.value.is_empty() {
            return Summed::NotANumber;
        }
        if delta.cas != 0 && delta.cas != item.cas {
            return Summed::Exists;
        }
        // To memcached it is a C string. Padding after a shrunk number is space.
        let text = item.value.split(|byte| *byte == 0).next().unwrap_or_default();
        let Some(number) = number::unsigned(text) else {
            return Summed::NotANumber;
        };
        let number = match delta.direction {
            Direction::Up => number.wrapping_add(delta.amount),
            Direction::Down => number.saturating_sub(delta.amount),
        };
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        let mut origin = NumberOrigin::Kept;
        if digits.len() <= item.value.len() {
            let (front, padding) = item.value.split_at_mut(digits.len());
            front.copy_from_slice(digits);
            padding.fill(b' ');
            item.accessed_at = now;
        } else {
            // memcached makes a new item here, without the marks of the old one.
            let renewed = Item {
                value: digits.into(),
                expires_at: item.expires_at,
                ..unmarked(now, item.client_flags, KeyForm::Plain)
            };
            *item = renewed;
            origin = NumberOrigin::Renewed;
        }
        item.cas = cas;
        drop(item);
        self.cas_last = cas;
        Summed::Number { number, origin }
    }

    fn write_new(&mut self, write: &Write<'_>) -> Written {
        match write.mode {
            Mode::Set | Mode::Add => {
                let item = Item {
                    value: write.value.into(),
                    expires_at: self.now.expiry(write.exptime),
                    ..unmarked(self.now, write.client_flags, write.key_form)
                };
                self.link(write.key, item)
            }
            Mode::Cas => Written::NotFound,
            Mode::Replace | Mode::Append | Mode::Prepend => Written::NotStored,
        }
    }

    /// Links an item whose value may have grown past the limit by being joined with another.
    fn link_joined(&mut self, key: &[u8], item: Item) -> Written {
        if self.is_too_large(key, item.client_flags, item.value.len()) {
            return Written::NotStored;
        }
        self.link(key, item)
    }

    fn link(&mut self, key: &[u8], mut item: Item) -> Written {
        item.cas = self.next_cas();
        let stored = Written::Stored(item.cas);
        self.items.insert_with_lifecycle(key.into(), item, &mut self.counters.evictions);
        self.counters.total_items += 1;
        stored
    }

    fn refuse_too_large(&mut self, write: &Write<'_>) -> Written {
        match write.mode {
            Mode::Set => {
                self.items.remove(write.key);
            }
            Mode::Add | Mode::Replace | Mode::Append | Mode::Prepend | Mode::Cas => {}
        }
        Written::TooLarge
    }

    fn is_too_large(&self, key: &[u8], client_flags: u32, value_len: usize) -> bool {
        item_size(key.len(), client_flags, value_len) > self.limits.item_size_max
    }

    fn count_cas(&mut self, mode: Mode, written: Written) {
        let counter = match (mode, written) {
            (Mode::Cas, Written::Stored(_)) => &mut self.counters.cas_hits,
            (Mode::Cas, Written::Exists) => &mut self.counters.cas_badval,
            (Mode::Cas, Written::NotFound) => &mut self.counters.cas_misses,
            _ => return,
        };
        *counter += 1;
    }
}

/// The item that takes the place of `old`, or why none does.
fn overwrite(write: &Write<'_>, old: &Item, now: UnixTime) -> Result<Item, Written> {
    let check = cas_check(write, old);
    let fresh = Item {
        value: Box::default(),
        expires_at: now.expiry(write.exptime),
        ..unmarked(now, write.client_flags, write.key_form)
    };
    let joined = |value: Vec<u8>| Item {
        value: value.into(),
        expires_at: old.expires_at,
        // A joined item is written without the form of its key, by memcached too.
        ..unmarked(now, old.client_flags, KeyForm::Plain)
    };
    match (write.mode, check) {
        (Mode::Add, _) => Err(Written::NotStored),
        (Mode::Set | Mode::Replace, _) | (Mode::Cas, CasCheck::Matches) => {
            Ok(Item { value: write.value.into(), ..fresh })
        }
        (Mode::Cas, CasCheck::Older) => Ok(Item {
            value: write.value.into(),
            expires_at: old.expires_at,
            freshness: Freshness::Stale,
            recache: old.recache,
            ..fresh
        }),
        (Mode::Append, CasCheck::NotAsked | CasCheck::Matches) => {
            Ok(joined([&old.value, write.value].concat()))
        }
        (Mode::Prepend, CasCheck::NotAsked | CasCheck::Matches) => {
            Ok(joined([write.value, &old.value].concat()))
        }
        (Mode::Cas, CasCheck::NotAsked | CasCheck::Differs)
        | (Mode::Append | Mode::Prepend, CasCheck::Older | CasCheck::Differs) => {
            Err(Written::Exists)
        }
    }
}

fn cas_check(write: &Write<'_>, old: &Item) -> CasCheck {
    if write.cas == 0 {
        CasCheck::NotAsked
    } else if write.cas == old.cas {
        CasCheck::Matches
    } else if write.older_cas == OlderCas::StoredAsStale && write.cas < old.cas {
        CasCheck::Older
    } else {
        CasCheck::Differs
    }
}

/// A new item without a value. Its CAS token is given when it is linked.
fn unmarked(now: UnixTime, client_flags: u32, key_form: KeyForm) -> Item {
    Item {
        value: Box::default(),
        client_flags,
        cas: 0,
        expires_at: None,
        accessed_at: now,
        is_fetched: false,
        freshness: Freshness::Fresh,
        recache: Recache::Free,
        key_form,
    }
}
