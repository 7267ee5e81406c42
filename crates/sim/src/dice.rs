//! Chance, drawn from a seed.
//!
//! Every part of the world has dice of its own, so that one part's draws do not shift another's.

use std::time::Duration;

use evenkeel_core::random::Random;

/// How likely something is, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance(u32);

impl Chance {
    /// It does not happen.
    pub const NEVER: Self = Self(0);

    /// So many times in a hundred.
    pub const fn percent(percent: u32) -> Self {
        Self(percent * 10_000)
    }

    /// So many times in a thousand.
    pub const fn permille(permille: u32) -> Self {
        Self(permille * 1000)
    }
}

/// A source of draws that depends on its seed alone.
#[derive(Clone, Debug)]
pub struct Dice(Random);

impl Dice {
    /// Dice for a seed.
    pub const fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// Other dice, whose draws are independent of those that follow here.
    pub fn fork(&mut self) -> Self {
        Self::new(self.0.next_u64())
    }

    /// A seed for something that has a generator of its own.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Whether something of this likelihood happens now.
    pub fn happens(&mut self, chance: Chance) -> bool {
        self.0.below(1_000_000) < u64::from(chance.0)
    }

    /// A number in `0..bound`; `bound` is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.below(bound as u64)).expect("below a usize")
    }

    /// A number in `min..=max`.
    pub fn between(&mut self, min: usize, max: usize) -> usize {
        min + self.below(max - min + 1)
    }

    /// A duration from `min` to `max`, both included.
    pub fn duration(&mut self, min: Duration, max: Duration) -> Duration {
        let span = max.saturating_sub(min);
        let span = u64::try_from(span.as_nanos()).expect("a simulated duration is short");
        min + Duration::from_nanos(self.0.below(span + 1))
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_met_as_often_as_it_says() {
        let mut dice = Dice::new(3);
        let met = (0..10_000).filter(|_| dice.happens(Chance::percent(20))).count();
        assert!((1800..2200).contains(&met), "{met}");
        assert!(!(0..1000).any(|_| dice.happens(Chance::NEVER)));
        assert!((0..1000).all(|_| dice.happens(Chance::percent(100))));
    }

    #[test]
    fn both_ends_of_a_range_are_drawn() {
        let mut dice = Dice::new(3);
        let drawn: Vec<_> = (0..100).map(|_| dice.between(2, 4)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&2), Some(&4)));
    }
}
