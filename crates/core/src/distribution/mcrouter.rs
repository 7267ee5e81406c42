//! mcrouter's hash functions.
//!
//! | | `mcrouter-ch3` | `mcrouter-weighted-ch3` | `mcrouter-crc32` |
//! |---|---|---|---|
//! | text | none | none | none |
//! | placement | [`furc_hash`] of the key | the same, accepted by weight, else tried again with a number behind the key | the lower 31 bits of CRC-32 modulo the number of servers |
//! | failover order | ours: see [`super::table`] | the following tries, then ours | ours |
//!
//! The order of the list counts in all of them. In mcrouter failover is a matter of routes, not of
//! the hash.
//!
//! Which part of a key is hashed: see [`super::key_parts`]; a salt is appended to it.
//!
//! # Weights
//! mcrouter's are fractions up to 1. Ours are whole numbers, divided by the smallest power of ten
//! that is not below the largest: 10 and 3 are 1.0 and 0.3, to the last bit.
//!
//! # Hard cases
//! - A weighted key that nothing accepts in 32 tries belongs to the last one's server.
//!
//! # Source
//! `Ch3HashFunc.h`, `WeightedCh3HashFunc.cpp`, `Crc32HashFunc.h` and `HashUtil.h` in `mcrouter/lib`.

use super::furc::furc_hash;
use super::hash::HashFunction;
use super::key_parts::Salt;
use super::member::Member;
use super::placing::{Joined, Placing, decimal, joined};
use super::settings::Settings;
use super::spooky::spooky32;
use super::table::Table;
use super::{MemberIdx, Place};

/// One of mcrouter's hash functions over a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mcrouter {
    function: Function,
    salt: Option<Salt>,
    members_len: u16,
    others: Table,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Function {
    Ch3,
    /// For each member, below what its hash must be to be accepted.
    WeightedCh3(Box<[u32]>),
    Crc32,
}

impl Mcrouter {
    pub(super) fn ch3(members: &[Member], settings: &Settings) -> Self {
        Self::new(Function::Ch3, members, settings)
    }

    pub(super) fn weighted_ch3(members: &[Member], settings: &Settings) -> Self {
        Self::new(Function::WeightedCh3(acceptances(members)), members, settings)
    }

    pub(super) fn crc32(members: &[Member], settings: &Settings) -> Self {
        Self::new(Function::Crc32, members, settings)
    }

    fn new(function: Function, members: &[Member], settings: &Settings) -> Self {
        let members_len = u16::try_from(members.len()).expect("members are limited in number");
        let salt = settings.salt().cloned();
        Self { function, salt, members_len, others: Table::in_list_order(members.len()) }
    }

    fn furc(&self, text: &[u8]) -> MemberIdx {
        let number = furc_hash(text, self.members_len.into());
        MemberIdx(u16::try_from(number).expect("it is below the number of members"))
    }

    /// What is hashed.
    fn with_salted<T>(&self, hashed: &[u8], and: impl FnOnce(&[u8]) -> T) -> T {
        match &self.salt {
            None => and(hashed),
            Some(salt) => and(&joined(hashed, salt.as_str().as_bytes(), b"")),
        }
    }

    fn accepted_or_last(&self, text: &[u8], acceptances: &[u32]) -> MemberIdx {
        // Most keys are accepted at once, and need no room for a number.
        let member = self.furc(text);
        if is_accepted(text, acceptances[member.as_usize()]) {
            return member;
        }
        let mut numbered = Numbered::of(text);
        let mut last = member;
        for number in 0..TRIES_MAX - 1 {
            let text = numbered.with(number);
            last = self.furc(text);
            if is_accepted(text, acceptances[last.as_usize()]) {
                break;
            }
        }
        last
    }
}

impl Placing for Mcrouter {
    #[inline]
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.with_salted(hashed, |text| match &self.function {
            Function::Ch3 => self.furc(text),
            Function::WeightedCh3(acceptances) => self.accepted_or_last(text, acceptances),
            Function::Crc32 => self.others.member(crc31(text)),
        })
    }

    fn tries(&self, hashed: &[u8]) -> impl Iterator<Item = MemberIdx> {
        let acceptances: &[u32] = match &self.function {
            Function::WeightedCh3(acceptances) => acceptances,
            Function::Ch3 | Function::Crc32 => &[],
        };
        let mut numbered = self.with_salted(hashed, Numbered::of);
        let numbers = 0..if acceptances.is_empty() { 0 } else { TRIES_MAX - 1 };
        numbers.filter_map(move |number| {
            let text = numbered.with(number);
            let member = self.furc(text);
            is_accepted(text, acceptances[member.as_usize()]).then_some(member)
        })
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.others.ranked(HashFunction::Crc32.hash(hashed), usable)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        match &self.function {
            Function::Crc32 => self.with_salted(hashed, |text| self.others.place(crc31(text))),
            Function::Ch3 | Function::WeightedCh3(_) => {
                Place::Choice { idx: self.home(hashed).as_usize(), len: self.members_len.into() }
            }
        }
    }
}

fn crc31(text: &[u8]) -> u32 {
    HashFunction::Crc32.hash(text) & 0x7fff_ffff
}

fn is_accepted(text: &[u8], acceptance: u32) -> bool {
    spooky32(text, ACCEPTANCE_SEED) < acceptance
}

/// For each member its weight as a share of all hashes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "as in C++: at most the largest of 32 bits, and not negative"
)]
fn acceptances(members: &[Member]) -> Box<[u32]> {
    let weights = members.iter().map(|member| member.weight.as_u32());
    let largest = weights.clone().max().unwrap_or(1);
    let mut one = 1_u32;
    while one < largest {
        one *= 10;
    }
    let share = |weight: u32| (f64::from(weight) / f64::from(one) * f64::from(u32::MAX)) as u32;
    weights.map(share).collect()
}

/// A text with a number behind it.
struct Numbered {
    text: Joined,
    plain_len: usize,
}

impl Numbered {
    fn of(text: &[u8]) -> Self {
        Self { text: Joined::from_slice(text), plain_len: text.len() }
    }

    /// The text with this number's digits behind it, the last digit first.
    fn with(&mut self, number: u32) -> &[u8] {
        self.text.truncate(self.plain_len);
        self.text.extend(decimal(number).into_iter().rev());
        &self.text
    }
}

const TRIES_MAX: u32 = 32;

const ACCEPTANCE_SEED: u32 = 0xface_2014;
