//! What holds for every distribution.

use proptest::prelude::*;

use super::*;

fn settings() -> impl Strategy<Value = Settings> {
    let schemes = Scheme::NAMES.map(|(_, scheme)| scheme);
    let with_hash = |(scheme, nth): (Scheme, usize)| {
        let settings = Settings::new(scheme);
        match scheme.hashes() {
            [] => settings,
            hashes => settings.with_hash(hashes[nth % hashes.len()].1).unwrap(),
        }
    };
    (prop::sample::select(schemes.to_vec()), 0..13_usize).prop_map(with_hash)
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
    Distribution::new(&Settings::new(scheme), members).unwrap()
}

proptest! {
    #[test]
    fn an_order_has_every_member_once_and_home_first(
        settings in settings(), members in members(1..12), key in key(),
    ) {
        let distribution = Distribution::new(&settings, &members).unwrap();
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
        let distribution = Distribution::new(&settings, &members).unwrap();
        let usable = |member: MemberIdx| mask & (1 << member.0) != 0;
        let first = distribution.order(&key).into_iter().find(|&member| usable(member));
        prop_assert_eq!(distribution.pick(&key, usable), first);
    }

    #[test]
    fn an_explanation_agrees_with_the_pick(
        settings in settings(), members in members(1..12), key in key(),
    ) {
        let distribution = Distribution::new(&settings, &members).unwrap();
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
    for scheme in CONSISTENT {
        for len in [2, 5, 12] {
            assert!(share_moved_needlessly(scheme, len) == 0.0, "{scheme} of {len}");
        }
    }
}

#[test]
fn removing_a_ketama_member_moves_few_more_where_counts_are_rounded() {
    let share = share_moved_needlessly(Scheme::Ketama, 26);
    assert!(share > 0.0 && share < 0.03, "26 members have 160 points each, 25 have 156: {share}");
}

#[track_caller]
fn check_balance(settings: &Settings, len: usize, tolerance: f64) {
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
        check_balance(&Settings::new(Scheme::Ketama), len, 0.35);
        check_balance(&by_md5(Scheme::Ketama), len, 0.35);
        check_balance(&by_md5(Scheme::TwemproxyModula), len, 0.1);
        for scheme in CONSISTENT {
            check_balance(&Settings::new(scheme), len, 0.35);
        }
        for scheme in [Scheme::LibmemcachedModula, Scheme::PythonMemcached, Scheme::Gomemcache] {
            check_balance(&Settings::new(scheme), len, 0.1);
        }
    }
}

#[test]
fn the_keys_of_a_failed_member_spread_over_all_others() {
    let members = equal_members(6);
    // By its nature array-mod sends them all to the next: docs/routing.md warns of it.
    let schemes = Scheme::NAMES.into_iter().map(|(_, scheme)| scheme);
    for scheme in schemes.filter(|scheme| *scheme != Scheme::SpymemcachedArrayMod) {
        let distribution = build(scheme, &members);
        let failed = MemberIdx(2);
        let mut counts = [0_u32; 6];
        for key in keys().filter(|key| distribution.home(key) == failed) {
            let next = distribution.pick(&key, |member| member != failed).unwrap();
            counts[next.as_usize()] += 1;
        }
        assert_eq!(counts[failed.as_usize()], 0);
        let total: u32 = counts.iter().sum();
        assert!(total > 1000, "{scheme}: {counts:?}");
        let others = counts.iter().enumerate().filter(|(member, _)| *member != 2);
        for (_, &count) in others {
            assert!(count * 20 > total && count * 2 < total, "{scheme}: {counts:?}");
        }
    }
}

#[test]
fn weights_are_shares_where_a_scheme_has_them() {
    let members = [1, 1, 2, 4].into_iter().zip(equal_members(4));
    let members: Vec<_> = members
        .map(|(weight, member)| member.with_weight(Weight::try_from(weight).unwrap()))
        .collect();
    for (_, scheme) in Scheme::NAMES.into_iter().filter(|(_, scheme)| scheme.is_weighted()) {
        // Of four slots in a row the 32-bit FNV of numbered keys prefers some.
        let settings =
            if scheme == Scheme::TwemproxyModula { by_md5(scheme) } else { Settings::new(scheme) };
        let distribution = Distribution::new(&settings, &members).unwrap();
        let mut counts = [0_f64; 4];
        for key in keys() {
            counts[distribution.home(&key).as_usize()] += 1.0 / 20_000.0;
        }
        for (count, share) in counts.iter().zip([0.125, 0.125, 0.25, 0.5]) {
            assert!((count - share).abs() < 0.1, "{scheme}: {counts:?}");
        }
    }
}

fn by_md5(scheme: Scheme) -> Settings {
    Settings::new(scheme).with_hash(HashFunction::Md5).unwrap()
}

/// The schemes in which a member that comes last or leaves moves no other's keys.
const CONSISTENT: [Scheme; 12] = [
    Scheme::Ketama,
    Scheme::LibmemcachedConsistent,
    Scheme::LibmemcachedKetama,
    Scheme::SpymemcachedKetama,
    Scheme::SpymemcachedWeightedKetama,
    Scheme::Pymemcache,
    Scheme::PymemcacheBytes,
    Scheme::Libmc,
    Scheme::Dalli,
    Scheme::McrouterCh3,
    Scheme::McrouterWeightedCh3,
    Scheme::Jump,
];

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
        let distribution = Distribution::new(&settings, &equal_members(9)).unwrap();
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
    assert_eq!(explain(Scheme::LibmemcachedModula), Place::Slot { hash, slot, slots_len: 3 });
    let Place::Point { hash: key_hash, point } = explain(Scheme::LibmemcachedConsistent) else {
        panic!("a ring has points");
    };
    assert_eq!(key_hash, hash);
    assert!(point >= hash, "the next point of 300 does not wrap for this key");
    assert!(matches!(explain(Scheme::Pymemcache), Place::Score(_)));
}

#[track_caller]
fn check_refused(scheme: Scheme, members: &[Member], message: &str) {
    let error = Distribution::new(&Settings::new(scheme), members).unwrap_err();
    assert_eq!(error.to_string(), message);
}

#[test]
fn the_number_of_members_is_bounded() {
    check_refused(Scheme::LibmemcachedModula, &[], "no servers to distribute keys over");
    let most: Vec<_> = (0..4096).map(|port| Member::new("a", port)).collect();
    assert_eq!(build(Scheme::Ketama, &most).members_len(), 4096);
    let too_many: Vec<_> = (0..4097).map(|port| Member::new("a", port)).collect();
    check_refused(
        Scheme::LibmemcachedModula,
        &too_many,
        "4097 servers are more than the limit of 4096",
    );
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
    build(Scheme::Pymemcache, &name_is_a_host);
}

#[test]
fn weights_are_bounded_where_they_make_a_table() {
    let heavy = [Member::new("a", 1), Member::new("b", 1).with_weight(Weight::MAX)];
    let message = "a total weight of 1000001 is more than the limit of 65536";
    check_refused(Scheme::TwemproxyModula, &heavy, message);
    build(Scheme::LibmemcachedModula, &heavy);
}
