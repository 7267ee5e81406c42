//! A seeded generator for jitter.
//!
//! The generator is `SplitMix64` (Steele, Lea, Flood 2014): small, quick, and the same for the same seed. Not for
//! secrets. Drivers give the seed; the simulator thereby reproduces a run.

use std::time::Duration;

/// The generator.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers depend on `seed` alone.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform over all of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`. `bound` is at least 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below 0");
        // The bias is below 1 in 2^32 for the small bounds used here.
        self.next_u64() % bound
    }

    /// `duration` changed by at most `percent` per cent up or down.
    pub fn jittered(&mut self, duration: Duration, percent: u32) -> Duration {
        let share = self.below(2 * u64::from(percent) + 1);
        let share = 100 - i64::from(percent) + i64::try_from(share).expect("a small number");
        duration * u32::try_from(share.max(0)).expect("between 0 and 200") / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.next_u64(), random.next_u64(), random.next_u64()]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let mut random = Random::new(1);
        let second = Duration::from_secs(1);
        let all: Vec<_> = (0..1000).map(|_| random.jittered(second, 20)).collect();
        assert!(all.iter().all(|it| (800..=1200).contains(&it.as_millis())));
        assert!(all.iter().any(|it| it.as_millis() < 820));
        assert!(all.iter().any(|it| it.as_millis() > 1180));
        assert_eq!(random.jittered(second, 0), second);
    }
}
