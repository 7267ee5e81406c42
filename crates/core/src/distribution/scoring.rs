//! Distributions by score: each member has one for each key, and the highest is home.
//!
//! It decides who wins among candidates that are usable; the score is the family's.

use super::placing::Placing;
use super::{MemberIdx, Place};

/// A family whose members have a score for each key.
pub(super) trait Scoring {
    /// Every member's score for a key, in the order in which equal scores count.
    fn scores(&self, hashed: &[u8]) -> impl Iterator<Item = (u32, MemberIdx)>;
}

/// The next highest score follows, which sends a failed member's keys to all others. Linear in the
/// members.
impl<S: Scoring> Placing for S {
    fn home(&self, hashed: &[u8]) -> MemberIdx {
        self.rest(hashed, &mut |_| true).expect("a distribution has at least one member")
    }

    fn rest(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        highest(self.scores(hashed), usable).map(|(_, member)| member)
    }

    fn place(&self, hashed: &[u8]) -> Place {
        let highest = highest(self.scores(hashed), &mut |_| true);
        Place::Score(highest.map_or(0, |(score, _)| score))
    }

    #[inline]
    fn pick(&self, hashed: &[u8], usable: &mut impl FnMut(MemberIdx) -> bool) -> Option<MemberIdx> {
        self.rest(hashed, usable)
    }
}

#[inline]
fn highest(
    scores: impl Iterator<Item = (u32, MemberIdx)>,
    usable: &mut impl FnMut(MemberIdx) -> bool,
) -> Option<(u32, MemberIdx)> {
    let mut best: Option<(u32, MemberIdx)> = None;
    for (score, member) in scores {
        let is_better = best.is_none_or(|(best_score, _)| score > best_score);
        if is_better && usable(member) {
            best = Some((score, member));
        }
    }
    best
}
