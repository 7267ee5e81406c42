//! Which server a key belongs to, and which ones follow when that one cannot be used.
//!
//! A [`Distribution`] is built once from a pool's members and [`Settings`] and never changes: a
//! server that fails is skipped, not removed, so that no other server's keys move. It gives for
//! each key an order of all members, home first. It knows nothing of health: the caller says
//! which members are usable, and is given the first such in the key's order.
//!
//! Homes are bit for bit those of the client or proxy a [`Scheme`] is named after, so that
//! Evenkeel can take its place over a full cache. `docs/routing.md` says which settings match
//! which client; `tests/golden_distribution` checks it on maps taken from them.
//!
//! | part | what it does |
//! |---|---|
//! | [`Scheme`] | the names of a configuration, and what can be set for each |
//! | [`Settings`] | a scheme with its settings |
//! | [`Member`] | what a server is to a distribution: a text to hash, and a weight |
//! | [`HashTag`], `key_parts` | the part of a key that is hashed |
//! | [`HashFunction`] | the hash functions of 32 bits |
//! | `placing` | what every family answers, and the one order that is made of it |
//! | `scoring` | the same for families by score |
//! | `twemproxy` … `jump` | the families, one file each: text, points or table, ties, failover order, source |
//! | `ring`, `points` | lookup and walk; how points are made |
//! | `table` | lookup; the ranking that follows where a client has no order of its own |
//! | `furc` … `spooky` | the hashes that only some families have |
//!
//! # Cost
//! On the data path nothing is allocated for a key that can be sent. A ring or table costs the hash
//! of the key and one or two cache lines; a distribution by score costs one hash a member. What
//! follows an unusable home costs more: a few points of the ring for each member skipped, or the
//! length of the table.
//!
//! A key is any bytes. What a family does with one that is not UTF-8 is said in its file, where it
//! matters.

mod scheme;
mod settings;

mod member;

mod hash_tag;
mod key_parts;

mod placing;
mod scoring;

mod twemproxy;

mod libmemcached;

mod spymemcached;

mod pecl;

mod pymemcache;

mod python_memcached;

mod emcache;

mod libmc;

mod gomemcache;

mod dalli;

mod mcrouter;

mod jump;

mod points;
mod ring;

mod table;

mod hash;

mod furc;
mod murmur3;
mod murmur3_x64;
mod murmur64a;
mod spooky;

use std::fmt;

pub use self::hash::HashFunction;
pub use self::hash_tag::{HashTag, InvalidHashTag};
pub use self::key_parts::{InvalidKeyText, KeyText, Salt};
pub use self::member::{InvalidWeight, Member, Weight};
pub use self::scheme::{Scheme, UnknownHash, UnknownScheme};
pub use self::settings::{NameFormat, Settings, UnusedSetting};

use self::dalli::Dalli;
use self::emcache::Emcache;
use self::jump::Jump;
use self::key_parts::KeyParts;
use self::mcrouter::Mcrouter;
use self::pecl::Pecl;
use self::placing::Placing;
use self::pymemcache::{Keys, Pymemcache};
use self::python_memcached::PythonMemcached;
use self::ring::HashedRing;
use self::spymemcached::{ArrayMod, Ketama};
use self::table::HashedTable;

/// The most members a distribution takes.
pub const MEMBERS_MAX: usize = 4096;

/// A member by its place in the list a [`Distribution`] was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberIdx(pub u16);

impl MemberIdx {
    /// The place as an index into that list.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }

    /// The first `len` members.
    fn first(len: usize) -> impl Iterator<Item = Self> {
        (0..=u16::MAX).take(len).map(Self)
    }
}

impl From<u16> for MemberIdx {
    fn from(idx: u16) -> Self {
        Self(idx)
    }
}

impl fmt::Display for MemberIdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Key → members in order, home first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// `None` if keys are hashed whole.
    key_parts: Option<KeyParts>,
    placement: Placement,
    members_len: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Placement {
    /// twemproxy's and libmemcached's rings, and libmc's.
    Ring(HashedRing),
    /// twemproxy's and libmemcached's tables, and gomemcache's.
    Table(HashedTable),
    ArrayMod(ArrayMod),
    SpymemcachedKetama(Ketama),
    Pecl(Pecl),
    Pymemcache(Pymemcache),
    PythonMemcached(PythonMemcached),
    Emcache(Emcache),
    Dalli(Dalli),
    Mcrouter(Mcrouter),
    Jump(Jump),
}

/// Asks the placement that it is, whichever that is.
macro_rules! ask {
    ($placement:expr, $placing:ident => $question:expr) => {
        match $placement {
            Placement::Ring($placing) => $question,
            Placement::Table($placing) => $question,
            Placement::ArrayMod($placing) => $question,
            Placement::SpymemcachedKetama($placing) => $question,
            Placement::Pecl($placing) => $question,
            Placement::Pymemcache($placing) => $question,
            Placement::PythonMemcached($placing) => $question,
            Placement::Emcache($placing) => $question,
            Placement::Dalli($placing) => $question,
            Placement::Mcrouter($placing) => $question,
            Placement::Jump($placing) => $question,
        }
    };
}

impl Distribution {
    /// The distribution of keys over `members`, whose order decides their [`MemberIdx`].
    pub fn new(settings: &Settings, members: &[Member]) -> Result<Self, BuildError> {
        if members.is_empty() {
            return Err(BuildError::NoMembers);
        }
        if members.len() > MEMBERS_MAX {
            return Err(BuildError::TooManyMembers { members_len: members.len() });
        }
        reject_duplicates(settings, members)?;
        let key_parts = settings.key_parts();
        Ok(Self {
            key_parts: (!key_parts.is_whole()).then_some(key_parts),
            placement: Placement::new(settings, members)?,
            members_len: members.len(),
        })
    }

    /// Whether both hash the same part of every key.
    pub fn hashes_same_part(&self, other: &Self) -> bool {
        self.key_parts == other.key_parts
    }

    /// How many members there are. All have a place in every key's order.
    pub const fn members_len(&self) -> usize {
        self.members_len
    }

    /// The first member in the key's order that is usable; `None` if none is.
    ///
    /// `usable` must give a member one answer throughout the call. It is asked about home first
    /// where that is cheap, but in no promised order, not about every member, and about some
    /// perhaps more than once: it is a question, not a visit.
    #[inline]
    pub fn pick(&self, key: &[u8], mut usable: impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        let hashed = self.hashed_part(key);
        ask!(&self.placement, placing => placing.pick(hashed, &mut usable))
    }

    /// The member that the key belongs to when all are usable.
    #[inline]
    pub fn home(&self, key: &[u8]) -> MemberIdx {
        let hashed = self.hashed_part(key);
        ask!(&self.placement, placing => placing.home(hashed))
    }

    /// Every member once, home first: who has the key, who has it if that one cannot be used,
    /// and so on. Allocates and takes one [`Distribution::pick`] a member: for explanations.
    pub fn order(&self, key: &[u8]) -> Vec<MemberIdx> {
        let mut order = Vec::with_capacity(self.members_len);
        let mut is_left = vec![true; self.members_len];
        while let Some(next) = self.pick(key, |member| is_left[member.as_usize()]) {
            is_left[next.as_usize()] = false;
            order.push(next);
        }
        order
    }

    /// Why the key is where it is.
    pub fn explain<'k>(&self, key: &'k [u8]) -> Explanation<'k> {
        let hashed = self.hashed_part(key);
        Explanation {
            hashed,
            place: ask!(&self.placement, placing => placing.place(hashed)),
            tries: ask!(&self.placement, placing => placing.tries(hashed).collect()),
            order: self.order(key),
        }
    }

    #[inline]
    fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        self.key_parts.as_ref().map_or(key, |key_parts| key_parts.of(key))
    }
}

impl Placement {
    fn new(settings: &Settings, members: &[Member]) -> Result<Self, BuildError> {
        let hash = || settings.hash().expect("settings hold a hash for a scheme that has one");
        Ok(match settings.scheme() {
            Scheme::Ketama => Self::Ring(twemproxy::ketama(members, hash())),
            Scheme::TwemproxyModula => Self::Table(twemproxy::modula(members, hash())?),
            Scheme::LibmemcachedModula => Self::Table(libmemcached::modula(members, hash())),
            Scheme::LibmemcachedConsistent => {
                let point_hash = settings.point_hash().unwrap_or_else(hash);
                Self::Ring(libmemcached::consistent(members, hash(), point_hash))
            }
            Scheme::LibmemcachedKetama => Self::Ring(libmemcached::ketama(members, hash())),
            Scheme::SpymemcachedArrayMod => Self::ArrayMod(ArrayMod::new(members, hash())),
            Scheme::SpymemcachedKetama => {
                Self::SpymemcachedKetama(Ketama::unweighted(members, settings, hash()))
            }
            Scheme::SpymemcachedWeightedKetama => {
                Self::SpymemcachedKetama(Ketama::weighted(members, settings, hash()))
            }
            Scheme::PeclStandard => Self::Pecl(Pecl::standard(members, hash())?),
            Scheme::PeclConsistent => Self::Pecl(Pecl::consistent(members, hash())?),
            Scheme::Pymemcache => Self::Pymemcache(Pymemcache::new(members, Keys::Str)),
            Scheme::PymemcacheBytes => Self::Pymemcache(Pymemcache::new(members, Keys::Bytes)),
            Scheme::PythonMemcached => Self::PythonMemcached(PythonMemcached::new(members)?),
            Scheme::Emcache => Self::Emcache(Emcache::new(members)),
            Scheme::Libmc => Self::Ring(libmc::ring(members, hash())),
            Scheme::Gomemcache => Self::Table(gomemcache::table(members)?),
            Scheme::Dalli => Self::Dalli(Dalli::new(members)),
            Scheme::McrouterCh3 => Self::Mcrouter(Mcrouter::ch3(members, settings)),
            Scheme::McrouterWeightedCh3 => {
                Self::Mcrouter(Mcrouter::weighted_ch3(members, settings))
            }
            Scheme::McrouterCrc32 => Self::Mcrouter(Mcrouter::crc32(members, settings)),
            Scheme::Jump => Self::Jump(Jump::new(members.len())),
        })
    }
}

/// What led a key to its home, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'k> {
    /// The part of the key that was hashed: all of it, unless a setting leaves some out.
    pub hashed: &'k [u8],
    /// Where the hash led.
    pub place: Place,
    /// Whom the client that the scheme is named after tries after home, one after another, repeats
    /// among them. Empty if it has no such order, or one that follows from the place alone.
    pub tries: Vec<MemberIdx>,
    /// Every member once, home first.
    pub order: Vec<MemberIdx>,
}

impl Explanation<'_> {
    /// The member that the key belongs to when all are usable.
    pub fn home(&self) -> MemberIdx {
        self.order[0]
    }
}

/// Where a key's hash leads, by kind of distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a ring: the first point at or after the hash, round past the end.
    Point {
        /// The key's hash.
        hash: u32,
        /// The point's value.
        point: u32,
    },
    /// On a ring: the last point at or before the hash, round past the beginning.
    PointBelow {
        /// The key's hash.
        hash: u32,
        /// The point's value.
        point: u32,
    },
    /// In a table: the hash modulo the table's length.
    Slot {
        /// The key's hash.
        hash: u32,
        /// The slot.
        slot: usize,
        /// The table's length.
        slots_len: usize,
    },
    /// A hash that names a member by its place in the list.
    Choice {
        /// The place, counted from 0.
        idx: usize,
        /// How many members there are.
        len: usize,
    },
    /// By score: the highest, of home and key together.
    Score(u32),
}

/// Why no distribution could be built.
///
/// The caller is at fault (the members do not fit the scheme); nothing was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The list of members is empty.
    #[error("no servers to distribute keys over")]
    NoMembers,
    /// The list of members is longer than [`MEMBERS_MAX`].
    #[error("{members_len} servers are more than the limit of {MEMBERS_MAX}")]
    TooManyMembers {
        /// Its length.
        members_len: usize,
    },
    /// Two members are one and the same to the scheme.
    #[error("servers {first} and {second} (counted from 0) are both known as {text:?}")]
    DuplicateText {
        /// The text that stands for both: their name, or host and port.
        text: String,
        /// The first of the two.
        first: MemberIdx,
        /// The second.
        second: MemberIdx,
    },
    /// The weights add up to more than a table may have slots.
    #[error("a total weight of {total_weight} is more than the limit of {limit}", limit = table::SLOTS_MAX)]
    TotalWeightTooLarge {
        /// The sum of the weights.
        total_weight: u32,
    },
}

fn reject_duplicates(settings: &Settings, members: &[Member]) -> Result<(), BuildError> {
    let texts = members.iter().map(|member| settings.text(member));
    let mut sorted: Vec<_> = texts.zip(MemberIdx::first(members.len())).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some([(text, first), (_, second)]) => {
            Err(BuildError::DuplicateText { text: text.clone(), first: *first, second: *second })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
