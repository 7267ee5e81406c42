//! Which server a key belongs to, and which ones follow when that one cannot be used.
//!
//! A [`Distribution`] is built once from a pool's members and [`Settings`] and never changes: a
//! server that fails is skipped, not removed, so that no other server's keys move. It gives for
//! each key an order of all members, home first. It knows nothing of health: the caller says
//! which members are usable, and is given the first such in the key's order.
//!
//! Homes are bit for bit those of the client or proxy a [`Scheme`] is named after, so that
//! Evenkeel can take its place over a full cache. `docs/routing.md` says which settings match
//! which client; `tests/golden_distribution.rs` checks it on maps taken from them.
//!
//! | part | what it does |
//! |---|---|
//! | [`Scheme`], [`Settings`] | names and settings of a configuration |
//! | [`Member`] | what a server is to a distribution: a text to hash, and a weight |
//! | [`HashFunction`] | the hash functions of twemproxy and libmemcached |
//! | [`HashTag`] | the part of a key that is hashed |
//! | `ketama` | the points of the ring distributions |
//! | `ring` | lookup and walk |
//! | `modula` | the table distributions |
//! | `rendezvous` | the distribution by score |
//!
//! # Cost
//! On the data path nothing is allocated. A ring or table costs the hash of the key and one or
//! two cache lines; rendezvous costs one hash a member. The walk past an unusable home costs
//! more: a few points of the ring for each member skipped, or the length of the table.

mod scheme;

mod member;

mod hash;
mod hash_tag;
mod murmur3;

mod ketama;
mod ring;

mod modula;

mod rendezvous;

use std::fmt;

pub use self::hash::{HashFunction, UnknownHash};
pub use self::hash_tag::{HashTag, InvalidHashTag};
pub use self::member::{InvalidWeight, Member, Weight};
pub use self::scheme::{Scheme, Settings, UnknownScheme, UnusedSetting};

use self::modula::Modula;
use self::rendezvous::Rendezvous;
use self::ring::Ring;

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
    hash_tag: Option<HashTag>,
    placement: Placement,
    members_len: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Placement {
    Ring { hash: HashFunction, ring: Ring },
    Modula { hash: HashFunction, table: Modula },
    Rendezvous(Rendezvous),
}

impl Distribution {
    /// The distribution of keys over `members`, whose order decides their [`MemberIdx`].
    pub fn new(settings: Settings, members: &[Member]) -> Result<Self, BuildError> {
        if members.is_empty() {
            return Err(BuildError::NoMembers);
        }
        if members.len() > MEMBERS_MAX {
            return Err(BuildError::TooManyMembers { members_len: members.len() });
        }
        reject_duplicates(settings.scheme(), members)?;
        Ok(Self {
            hash_tag: settings.hash_tag(),
            placement: Placement::new(settings, members)?,
            members_len: members.len(),
        })
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
    pub fn pick(&self, key: &[u8], usable: impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        let hashed = self.hashed_part(key);
        match &self.placement {
            Placement::Ring { hash, ring } => ring.pick(hash.hash(hashed), usable),
            Placement::Modula { hash, table } => table.pick(hash.hash(hashed), usable),
            Placement::Rendezvous(rendezvous) => rendezvous.pick(hashed, usable),
        }
    }

    /// The member that the key belongs to when all are usable.
    #[inline]
    pub fn home(&self, key: &[u8]) -> MemberIdx {
        self.pick(key, |_| true).expect("a distribution has at least one member")
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
        let place = match &self.placement {
            Placement::Ring { hash, ring } => {
                let hash = hash.hash(hashed);
                Place::Point { hash, point: ring.point(hash).value }
            }
            Placement::Modula { hash, table } => {
                let hash = hash.hash(hashed);
                Place::Slot { hash, slot: table.slot(hash), slots_len: table.slots_len() }
            }
            Placement::Rendezvous(rendezvous) => Place::Score(rendezvous.score(hashed)),
        };
        Explanation { hashed, place, order: self.order(key) }
    }

    #[inline]
    fn hashed_part<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        self.hash_tag.map_or(key, |hash_tag| hash_tag.hashed_part(key))
    }
}

impl Placement {
    fn new(settings: Settings, members: &[Member]) -> Result<Self, BuildError> {
        let hash = || settings.hash().expect("settings hold a hash for a scheme that has one");
        Ok(match settings.scheme() {
            Scheme::Ketama => Self::Ring { hash: hash(), ring: ketama::weighted_ring(members) },
            Scheme::Consistent => {
                let point_hash = settings.point_hash().unwrap_or_else(hash);
                Self::Ring { hash: hash(), ring: ketama::unweighted_ring(members, point_hash) }
            }
            Scheme::Modula => Self::Modula { hash: hash(), table: Modula::in_list_order(members) },
            Scheme::TwemproxyModula => {
                Self::Modula { hash: hash(), table: Modula::sorted_by_name(members)? }
            }
            Scheme::Rendezvous => Self::Rendezvous(Rendezvous::new(members)),
        })
    }
}

/// What led a key to its home, step by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'k> {
    /// The part of the key that was hashed: all of it, unless there is a hash tag.
    pub hashed: &'k [u8],
    /// Where the hash led.
    pub place: Place,
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
    /// In a table: the hash modulo the table's length.
    Slot {
        /// The key's hash.
        hash: u32,
        /// The slot.
        slot: usize,
        /// The table's length.
        slots_len: usize,
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
    #[error("a total weight of {total_weight} is more than the limit of {limit}", limit = modula::SLOTS_MAX)]
    TotalWeightTooLarge {
        /// The sum of the weights.
        total_weight: u32,
    },
}

fn reject_duplicates(scheme: Scheme, members: &[Member]) -> Result<(), BuildError> {
    let texts = members.iter().map(|member| match scheme {
        Scheme::Ketama | Scheme::Consistent | Scheme::TwemproxyModula => member.ring_text(),
        Scheme::Modula | Scheme::Rendezvous => member.full_text(),
    });
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn settings() -> impl Strategy<Value = Settings> {
        let schemes = Scheme::NAMES.map(|(_, scheme)| scheme);
        let hashes = HashFunction::NAMES.map(|(_, hash)| hash);
        (prop::sample::select(schemes.to_vec()), prop::sample::select(hashes.to_vec())).prop_map(
            |(scheme, hash)| {
                let settings = Settings::new(scheme);
                settings.with_hash(hash).unwrap_or(settings)
            },
        )
    }

    fn members(len: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Member>> {
        prop::collection::vec(1..5_u32, len).prop_map(|weights| {
            let members = (1..).zip(weights).map(|(number, weight)| {
                let weight = Weight::try_from(weight).unwrap();
                Member::new(format!("10.0.0.{number}"), 11211).with_weight(weight)
            });
            members.collect()
        })
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            "[!-~]{1,250}".prop_map(String::into_bytes),
            "[à-ÿЀ-я]{1,60}".prop_map(String::into_bytes),
            prop::collection::vec(0x21..=0xff_u8, 1..=250),
        ]
    }

    fn equal_members(len: usize) -> Vec<Member> {
        (1..=len).map(|number| Member::new(format!("10.0.0.{number}"), 11211)).collect()
    }

    fn keys() -> impl Iterator<Item = Vec<u8>> {
        (0..20_000).map(|number| format!("user:{number}").into_bytes())
    }

    fn build(scheme: Scheme, members: &[Member]) -> Distribution {
        Distribution::new(Settings::new(scheme), members).unwrap()
    }

    proptest! {
        #[test]
        fn an_order_has_every_member_once_and_home_first(
            settings in settings(), members in members(1..12), key in key(),
        ) {
            let distribution = Distribution::new(settings, &members).unwrap();
            let order = distribution.order(&key);
            prop_assert_eq!(order[0], distribution.home(&key));
            prop_assert_eq!(Some(order[0]), distribution.pick(&key, |_| true));
            let mut sorted = order;
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(MemberIdx::first(members.len())));
        }

        #[test]
        fn the_pick_is_the_first_usable_in_the_order(
            settings in settings(), members in members(1..12), key in key(), mask: u16,
        ) {
            let distribution = Distribution::new(settings, &members).unwrap();
            let usable = |member: MemberIdx| mask & (1 << member.0) != 0;
            let first = distribution.order(&key).into_iter().find(|&member| usable(member));
            prop_assert_eq!(distribution.pick(&key, usable), first);
        }

        #[test]
        fn an_explanation_agrees_with_the_pick(
            settings in settings(), members in members(1..12), key in key(),
        ) {
            let distribution = Distribution::new(settings, &members).unwrap();
            let explanation = distribution.explain(&key);
            prop_assert_eq!(explanation.home(), distribution.home(&key));
            prop_assert_eq!(explanation.order, distribution.order(&key));
        }
    }

    /// The share of keys that change their member, other than those of the last, when the last
    /// of `len` members is taken out of the configuration.
    fn share_moved_needlessly(scheme: Scheme, len: usize) -> f64 {
        let members = equal_members(len);
        let before = build(scheme, &members);
        let after = build(scheme, &members[..len - 1]);
        let gone = MemberIdx::first(len).last().unwrap();
        let (mut stayed, mut moved) = (0_u32, 0_u32);
        for key in keys().filter(|key| before.home(key) != gone) {
            if before.home(&key) == after.home(&key) { stayed += 1 } else { moved += 1 }
        }
        f64::from(moved) / f64::from(stayed + moved)
    }

    #[test]
    fn removing_a_member_moves_only_its_own_keys() {
        for scheme in [Scheme::Ketama, Scheme::Consistent, Scheme::Rendezvous] {
            for len in [2, 5, 12] {
                assert!(share_moved_needlessly(scheme, len) == 0.0, "{scheme} of {len}");
            }
        }
    }

    #[test]
    fn removing_a_ketama_member_moves_few_more_where_counts_are_rounded() {
        let share = share_moved_needlessly(Scheme::Ketama, 26);
        assert!(
            share > 0.0 && share < 0.03,
            "26 members have 160 points each, 25 have 156: {share}"
        );
    }

    #[track_caller]
    fn check_balance(settings: Settings, len: usize, tolerance: f64) {
        let distribution = Distribution::new(settings, &equal_members(len)).unwrap();
        let mut counts = vec![0_u32; len];
        for key in keys() {
            counts[distribution.home(&key).as_usize()] += 1;
        }
        let fair = 20_000.0 / f64::from(u32::try_from(len).unwrap());
        for &count in &counts {
            let deviation = (f64::from(count) / fair - 1.0).abs();
            assert!(deviation < tolerance, "{} of {len}: {counts:?}", settings.scheme());
        }
    }

    #[test]
    fn equal_members_have_about_equal_shares() {
        for len in [2, 5, 10] {
            let ketama = Settings::new(Scheme::Ketama);
            check_balance(ketama, len, 0.35);
            check_balance(ketama.with_hash(HashFunction::Md5).unwrap(), len, 0.35);
            check_balance(Settings::new(Scheme::Consistent), len, 0.35);
            check_balance(Settings::new(Scheme::Modula), len, 0.1);
            let twemproxy_modula = Settings::new(Scheme::TwemproxyModula);
            check_balance(twemproxy_modula.with_hash(HashFunction::Md5).unwrap(), len, 0.1);
            check_balance(Settings::new(Scheme::Rendezvous), len, 0.1);
        }
    }

    #[test]
    fn numbered_keys_are_lopsided_by_the_default_hash_of_twemproxy_modula() {
        // Not a wish but what twemproxy does: docs/routing.md warns of it.
        let distribution = build(Scheme::TwemproxyModula, &equal_members(5));
        let mut counts = [0_u32; 5];
        for key in keys() {
            counts[distribution.home(&key).as_usize()] += 1;
        }
        assert_eq!(counts, [5100, 5100, 2690, 3310, 3800]);
    }

    #[test]
    fn a_member_without_points_is_last_in_every_order() {
        let members = [Member::new("a", 1), Member::new("b", 1).with_weight(Weight::MAX)];
        let distribution = build(Scheme::Ketama, &members);
        assert_eq!(distribution.order(b"key"), [1, 0].map(MemberIdx));
        assert_eq!(distribution.pick(b"key", |member| member.0 == 0), Some(MemberIdx(0)));
    }

    #[test]
    fn a_hash_tag_puts_keys_together_in_every_scheme() {
        for (_, scheme) in Scheme::NAMES {
            let settings = Settings::new(scheme).with_hash_tag("{}".parse().unwrap());
            let distribution = Distribution::new(settings, &equal_members(9)).unwrap();
            let order = distribution.order(b"42");
            for key in [&b"user:{42}:name"[..], b"{42}", b"mail{42}{43}"] {
                assert_eq!(distribution.order(key), order, "{scheme}");
                assert_eq!(distribution.explain(key).hashed, b"42");
            }
        }
    }

    #[test]
    fn an_explanation_names_the_point_or_slot() {
        let explain = |scheme| build(scheme, &equal_members(3)).explain(b"user:1").place;
        let hash = HashFunction::OneAtATime.hash(b"user:1");
        let slot = hash as usize % 3;
        assert_eq!(explain(Scheme::Modula), Place::Slot { hash, slot, slots_len: 3 });
        let Place::Point { hash: key_hash, point } = explain(Scheme::Consistent) else {
            panic!("a ring has points");
        };
        assert_eq!(key_hash, hash);
        assert!(point >= hash, "the next point of 300 does not wrap for this key");
        assert!(matches!(explain(Scheme::Rendezvous), Place::Score(_)));
    }

    #[track_caller]
    fn check_refused(scheme: Scheme, members: &[Member], message: &str) {
        let error = Distribution::new(Settings::new(scheme), members).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn the_number_of_members_is_bounded() {
        check_refused(Scheme::Modula, &[], "no servers to distribute keys over");
        let most: Vec<_> = (0..4096).map(|port| Member::new("a", port)).collect();
        assert_eq!(build(Scheme::Ketama, &most).members_len(), 4096);
        let too_many: Vec<_> = (0..4097).map(|port| Member::new("a", port)).collect();
        check_refused(Scheme::Modula, &too_many, "4097 servers are more than the limit of 4096");
    }

    #[test]
    fn members_that_look_the_same_are_refused() {
        let twice = [Member::new("b", 1), Member::new("a", 1), Member::new("b", 1)];
        let message = "servers 0 and 2 (counted from 0) are both known as \"b:1\"";
        for (_, scheme) in Scheme::NAMES {
            check_refused(scheme, &twice, message);
        }
        let name_is_a_host = [Member::new("a", 11211), Member::new("b", 1).with_name("a")];
        let message = "servers 0 and 1 (counted from 0) are both known as \"a\"";
        check_refused(Scheme::Ketama, &name_is_a_host, message);
        build(Scheme::Rendezvous, &name_is_a_host);
    }

    #[test]
    fn weights_are_bounded_where_they_make_a_table() {
        let heavy = [Member::new("a", 1), Member::new("b", 1).with_weight(Weight::MAX)];
        let message = "a total weight of 1000001 is more than the limit of 65536";
        check_refused(Scheme::TwemproxyModula, &heavy, message);
        build(Scheme::Modula, &heavy);
    }
}
