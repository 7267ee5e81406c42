//! How much recovery has done.

/// How much there has been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecoveryTally {
    /// Writes and deletes that were sent elsewhere than home, or found an entry.
    pub marked: u64,
    /// Writes and deletes whose fate is unknown, or that were refused and tried elsewhere.
    pub unknown: u64,
    /// Deletes that were remembered because no server could take them.
    pub remembered: u64,
    /// Entries dropped because their keys are home again.
    pub cleaned: u64,
    /// Entries given up because there were too many.
    pub overflowed: u64,
}

impl std::ops::Add for RecoveryTally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            marked: self.marked + other.marked,
            unknown: self.unknown + other.unknown,
            remembered: self.remembered + other.remembered,
            cleaned: self.cleaned + other.cleaned,
            overflowed: self.overflowed + other.overflowed,
        }
    }
}
