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
//! - Fractions that are all 0.1 or less, a fraction of 0 and one of more than six digits cannot be
//!   said so: 0.1 and 0.05 as 10 and 5 would be 1.0 and 0.5, which places keys elsewhere.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::distribution::{Scheme, Weight};

    /// mcrouter's weighted hash over members of these weights.
    fn weighted(weights: &[u32]) -> Mcrouter {
        let members = weights
            .iter()
            .map(|&weight| Member::new("m", 1).with_weight(Weight::try_from(weight).unwrap()));
        let members: Vec<_> = members.collect();
        Mcrouter::weighted_ch3(&members, &Settings::new(Scheme::McrouterWeightedCh3))
    }

    #[track_caller]
    fn check_sum(mcrouter: &Mcrouter, key: impl Fn(u32) -> String, sum: u32) {
        let homes = (0..10_000).map(|number| mcrouter.home(key(number).as_bytes()));
        let found = homes.fold(0_u32, |sum, home| sum.wrapping_mul(31).wrapping_add(home.0.into()));
        assert_eq!(found, sum);
    }

    #[test]
    fn the_sums_of_mcrouters_tests_hold() {
        // From `bulkChecksumHalfWeights` and `longKeyBulkChecksumHalfWeights` in
        // `WeightedCh3HashFuncTest.cpp`: every weight is 0.5.
        let short = |number| format!("k{number}");
        check_sum(&weighted(&[5; 2]), short, 2_395_690_262);
        check_sum(&weighted(&[5; 10]), short, 547_444_706);
        check_sum(&weighted(&[5; 1000]), short, 1_336_857_622);
        let long: String = ('A'..='Z').cycle().take(128).collect();
        let long = |number| format!("{long}{number}");
        check_sum(&weighted(&[5; 2]), long, 3_784_301_429);
        check_sum(&weighted(&[5; 100]), long, 4_273_108_085);
    }

    #[test]
    fn the_counts_of_mcrouters_tests_hold() {
        // From `randomWeights` and `reducedWeight` there.
        let mcrouter = weighted(&[429, 541, 117, 998, 283, 65, 109, 42, 676, 943]);
        let mut counts = [0; 10];
        for number in 0..10_000 {
            counts[mcrouter.home(number.to_string().as_bytes()).as_usize()] += 1;
        }
        assert_eq!(counts, [1016, 1252, 288, 2354, 661, 195, 247, 122, 1668, 2197]);
        let mcrouter = weighted(&[10, 10, 7]);
        let mut counts = [0; 3];
        for number in 0..1000 {
            counts[mcrouter.home(number.to_string().as_bytes()).as_usize()] += 1;
        }
        assert_eq!(counts, [341, 371, 288]);
    }

    #[test]
    fn weights_are_fractions_of_the_next_power_of_ten() {
        let all = u32::MAX;
        assert_eq!(*weighted(&[1, 1]).acceptances(), [all, all]);
        assert_eq!(*weighted(&[10, 3]).acceptances(), [all, 1_288_490_188]);
        assert_eq!(*weighted(&[5, 1]).acceptances(), [all / 2, all / 10]);
        assert_eq!(*weighted(&[1_000_000]).acceptances(), [all]);
    }

    impl Mcrouter {
        fn acceptances(&self) -> &[u32] {
            match &self.function {
                Function::WeightedCh3(acceptances) => acceptances,
                Function::Ch3 | Function::Crc32 => &[],
            }
        }
    }

    #[test]
    fn a_salt_is_hashed_after_the_key() {
        let members: Vec<_> = (0..9).map(|port| Member::new("m", port)).collect();
        let plain = Settings::new(Scheme::McrouterCrc32);
        let salted = plain.clone().with_salt("-x".parse().unwrap()).unwrap();
        let [plain, salted] = [plain, salted].map(|it| Mcrouter::crc32(&members, &it));
        for key in ["a", "user:1", "user:2"] {
            let with_salt = format!("{key}-x");
            assert_eq!(salted.home(key.as_bytes()), plain.home(with_salt.as_bytes()));
        }
        assert_eq!(plain.home(b"123456789"), MemberIdx((0x4bf4_3926 % 9) as u16));
    }

    #[test]
    fn the_crc32_answers_of_mcrouters_tests_hold() {
        // From `Crc32HashTest.cpp`; some are for more servers than there can be here.
        assert_eq!(crc31(b"sample") % 100, 7);
        assert_eq!(crc31(b"") % 100, 0);
        assert_eq!(crc31(b"sample") % ((1 << 30) - 1), 822_834_884);
        let mut key: Vec<u8> = (0x80..=0xff).chain(0..=0x7f).collect();
        assert_eq!(crc31(&key) % 99_999, 11_697);
        key.reverse();
        assert_eq!(crc31(&key) % 99_999, 97_630);
    }

    #[test]
    fn a_key_that_nobody_accepts_belongs_to_the_last_try() {
        // From `zeroWeight` in `WeightedCh3HashFuncTest.cpp`; a weight of 0 is none of ours.
        let mut mcrouter = weighted(&[1; 100]);
        mcrouter.function = Function::WeightedCh3([0; 100].into());
        assert_eq!(mcrouter.home(b"sample"), MemberIdx(59));
        assert_eq!(mcrouter.home(b""), MemberIdx(45));
    }

    #[test]
    fn a_salt_stands_between_the_key_and_the_number_of_a_try() {
        let plain = weighted(&[1000, 1, 300]);
        let salted = Mcrouter { salt: Some(":s".parse().unwrap()), ..plain.clone() };
        for number in 0..200 {
            let (key, with_salt) = (number.to_string(), format!("{number}:s"));
            assert_eq!(salted.home(key.as_bytes()), plain.home(with_salt.as_bytes()));
            assert!(salted.tries(key.as_bytes()).eq(plain.tries(with_salt.as_bytes())));
        }
    }

    #[test]
    fn the_longest_key_with_the_longest_salt_stays_on_the_stack() {
        let salt = Some("s".repeat(249).parse().unwrap());
        let salted = Mcrouter { salt, ..weighted(&[1]) };
        let mut numbered = salted.with_salted(&[b'k'; 250], Numbered::of);
        assert_eq!(numbered.with(TRIES_MAX - 2).len(), 501);
        assert!(!numbered.text.spilled());
    }

    proptest! {
        #[test]
        fn more_weight_for_one_takes_keys_for_it_and_moves_no_other(
            key in "[!-~]{1,250}",
            mut weights in prop::collection::vec(1..=1000_u32, 1..20),
            at: prop::sample::Index,
            more in 1..=1000_u32,
        ) {
            // One that keeps the power of ten as it is.
            weights.push(1000);
            let at = at.index(weights.len());
            let before = weighted(&weights).home(key.as_bytes());
            weights[at] = weights[at].max(more);
            let after = weighted(&weights).home(key.as_bytes());
            prop_assert!(after == before || after.as_usize() == at);
        }
    }
}
