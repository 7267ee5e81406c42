//! What each request asks for: drawn from the seed and the request's number alone.
//!
//! So a request is the same whichever thread sends it, and however many requests there are.

use crate::{KeyChoice, Workload};

/// Numbers that look random, from a beginning (splitmix64).
pub(crate) struct Draws(u64);

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
}

/// Draws requests of one workload.
pub(crate) struct Chooser {
    seed: u64,
    reads_percent: u8,
    keys: usize,
    zipf: Option<Zipf>,
}

impl Draws {
    pub(crate) fn new(start: u64) -> Self {
        Self(start)
    }

    fn next(&mut self) -> u64 {
        let drawn = mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN);
        drawn
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        pick(self.next(), count)
    }

    /// A number from 0 to 1, without 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    fn fraction(&mut self) -> f64 {
        const STEPS: f64 = (1_u64 << 53) as f64;
        (self.next() >> 11) as f64 / STEPS
    }
}

impl Chooser {
    pub(crate) fn new(workload: &Workload) -> Self {
        let zipf = match workload.key_choice {
            KeyChoice::Uniform => None,
            KeyChoice::Zipf { exponent } => Some(Zipf::new(workload.keys, exponent)),
        };
        let Workload { seed, reads_percent, keys, .. } = *workload;
        Self { seed: mix(seed), reads_percent, keys, zipf }
    }

    /// The kind of the request with this number, and the draws that its keys come from.
    pub(crate) fn begin(&self, number: u64) -> (Kind, Draws) {
        let mut draws = Draws::new(self.seed.wrapping_add(mix(number)));
        let is_read = draws.below(100) < usize::from(self.reads_percent);
        (if is_read { Kind::Read } else { Kind::Write }, draws)
    }

    /// The number of a key.
    pub(crate) fn key(&self, draws: &mut Draws) -> u32 {
        let idx = match &self.zipf {
            None => draws.below(self.keys),
            Some(zipf) => zipf.draw(draws),
        };
        key_number(idx)
    }

    /// Appends the numbers of so many different keys.
    pub(crate) fn keys(&self, draws: &mut Draws, count: usize, keys: &mut Vec<u32>) {
        let start = keys.len();
        let first = self.key(draws);
        keys.push(first);
        for position in 1..count {
            let mut key = match self.zipf {
                // Neighbours are strangers to every hash; drawing each would change nothing.
                None => key_number((first as usize + position) % self.keys),
                Some(_) => self.key(draws),
            };
            while self.zipf.is_some() && keys[start..].contains(&key) {
                key = key_number((key as usize + 1) % self.keys);
            }
            keys.push(key);
        }
    }
}

/// Draws numbers below a count, 0 the most often, n in proportion to 1/(n+1)ˢ.
///
/// By rejection from a curve above the steps of the distribution that is easily inverted: 1 up
/// to 1, x⁻ˢ beyond (Jason Crease, "Rejection sampling the Zipf distribution", 2017; the crate
/// `rand_distr` has the same). No table: a draw costs three powers, whatever the count.
struct Zipf {
    exponent: f64,
    count: usize,
    /// The area under the curve.
    area: f64,
}

impl Zipf {
    #[expect(clippy::cast_precision_loss, reason = "there are fewer keys than 2^52")]
    fn new(count: usize, exponent: f64) -> Self {
        let len = count as f64;
        let rest = 1.0 - exponent;
        let area =
            if is_one(exponent) { 1.0 + len.ln() } else { (len.powf(rest) - exponent) / rest };
        Self { exponent, count, area }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is from 0 to the count"
    )]
    fn draw(&self, draws: &mut Draws) -> usize {
        loop {
            let place = self.place(draws.fraction() * self.area);
            let rank = (place + 1.0).floor();
            let under = rank.powf(-self.exponent);
            let ratio = if rank > 1.0 { under * place.powf(self.exponent) } else { under };
            // Rounding can carry the last place one past the end.
            if draws.fraction() < ratio && rank as usize <= self.count {
                return rank as usize - 1;
            }
        }
    }

    /// Where the curve has so much area to its left.
    fn place(&self, area: f64) -> f64 {
        if area <= 1.0 {
            area
        } else if is_one(self.exponent) {
            (area - 1.0).exp()
        } else {
            let rest = 1.0 - self.exponent;
            (area * rest + self.exponent).powf(1.0 / rest)
        }
    }
}

/// At one the formula has a pole, and near it no digits left.
fn is_one(exponent: f64) -> bool {
    (exponent - 1.0).abs() < 1e-9
}

/// Spreads a number over all 64 bits (splitmix64's finisher).
pub(crate) fn mix(number: u64) -> u64 {
    let mut x = number.wrapping_add(GOLDEN);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One of `count` things, chosen by a number that is spread over all 64 bits.
pub(crate) fn pick(number: u64, count: usize) -> usize {
    let scaled = (u128::from(number) * count as u128) >> 64;
    usize::try_from(scaled).expect("it is less than the count")
}

fn key_number(idx: usize) -> u32 {
    u32::try_from(idx).expect("there are fewer keys than 2^32")
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u64 = 200_000;

    fn chooser(key_choice: KeyChoice, keys: usize) -> Chooser {
        Chooser::new(&Workload { keys, key_choice, ..Workload::default() })
    }

    /// Draws many keys: how many of a thousand each is.
    fn shares(chooser: &Chooser) -> Vec<f64> {
        let mut counts = vec![0_u32; chooser.keys];
        for number in 0..DRAWS {
            let (_, mut draws) = chooser.begin(number);
            counts[chooser.key(&mut draws) as usize] += 1;
        }
        counts.into_iter().map(|count| f64::from(count) * 1000.0 / 200_000.0).collect()
    }

    #[track_caller]
    fn check_shares(found: &[f64], expected: &[f64]) {
        for (rank, (found, expected)) in found.iter().zip(expected).enumerate() {
            // Five standard deviations of a count, in thousandths.
            let bound = 5.0 * (expected * 1000.0 / 200_000.0).sqrt();
            assert!((found - expected).abs() < bound, "{rank}: {found} for {expected}");
        }
    }

    #[test]
    fn uniform_keys_are_equally_frequent() {
        check_shares(&shares(&chooser(KeyChoice::Uniform, 50)), &[20.0; 50]);
    }

    #[test]
    fn zipf_keys_are_as_frequent_as_the_formula_says() {
        for exponent in [0.0, 0.5, 0.99, 1.0, 1.2, 3.0] {
            let weights: Vec<_> = (1..=50).map(|rank| f64::from(rank).powf(-exponent)).collect();
            let sum: f64 = weights.iter().sum();
            let expected: Vec<_> = weights.iter().map(|weight| weight * 1000.0 / sum).collect();
            check_shares(&shares(&chooser(KeyChoice::Zipf { exponent }, 50)), &expected);
        }
    }

    #[test]
    fn every_zipf_draw_ends_and_is_a_key() {
        for keys in [1, 2, 1_000_000] {
            for exponent in [0.0, 0.999_999_999_9, 1.000_001, Workload::ZIPF_EXPONENT_MAX] {
                let chooser = chooser(KeyChoice::Zipf { exponent }, keys);
                for number in 0..1000 {
                    let (_, mut draws) = chooser.begin(number);
                    assert!((chooser.key(&mut draws) as usize) < keys, "{keys} {exponent}");
                }
            }
        }
    }

    #[test]
    fn the_keys_of_a_read_are_all_different() {
        for key_choice in [KeyChoice::Uniform, KeyChoice::Zipf { exponent: 2.0 }] {
            for keys in [24, 1000] {
                let chooser = chooser(key_choice, keys);
                for number in 0..100 {
                    let mut found = vec![7];
                    let (_, mut draws) = chooser.begin(number);
                    chooser.keys(&mut draws, 24, &mut found);
                    let mut own = found.split_off(1);
                    own.sort_unstable();
                    own.dedup();
                    assert_eq!((own.len(), found), (24, vec![7]), "what was there stays");
                }
            }
        }
    }

    #[test]
    fn a_request_is_given_by_the_seed_and_its_number() {
        let drawn = |seed, number| {
            let chooser = Chooser::new(&Workload { seed, ..Workload::default() });
            let (kind, mut draws) = chooser.begin(number);
            (kind, chooser.key(&mut draws))
        };
        assert_eq!(drawn(1, 5), drawn(1, 5));
        let differing = (0..100).filter(|number| drawn(1, *number) != drawn(2, *number)).count();
        assert!(differing > 90, "{differing} of 100 requests depend on the seed");
    }

    #[test]
    fn reads_have_the_share_that_was_asked_for() {
        for reads_percent in [0, 30, 100] {
            let chooser = Chooser::new(&Workload { reads_percent, ..Workload::default() });
            let reads = (0..10_000).filter(|number| chooser.begin(*number).0 == Kind::Read);
            assert!(reads.count().abs_diff(usize::from(reads_percent) * 100) < 250);
        }
    }
}
