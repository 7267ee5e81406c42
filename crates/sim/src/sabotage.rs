//! Doing one thing wrong on purpose, so that a checker that finds nothing is known to look.

/// What is done wrong. Each is something that no fault of a server or of the network explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Servers store another key's value under a key, so that values reach the wrong request.
    MixUpValues,
    /// Now and then a worker's driver throws answers away that it should write.
    DropAnswers,
    /// Now and then it writes answers twice.
    RepeatAnswers,
    /// Timers never fire.
    IgnoreTimeouts,
    /// Timers fire a fifth of a second late.
    DelayTimeouts,
    /// Reads that cannot be served are errors although they should be misses.
    FailReads,
    /// A server that was ejected stays so for the workers.
    NeverReadmit,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MixUpValues,
        Self::DropAnswers,
        Self::RepeatAnswers,
        Self::IgnoreTimeouts,
        Self::DelayTimeouts,
        Self::FailReads,
        Self::NeverReadmit,
    ];
}
