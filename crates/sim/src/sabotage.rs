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
    /// Reads go where the table says, whatever is known of their key.
    ReadByTable,
    /// Misplaced keys are marked when the response has come, not before sending.
    MarkLate,
    /// A step of cleaning counts whatever has happened to the key since it began.
    IgnoreGeneration,
    /// Keys are cleaned while writes to them are in flight.
    CleanInFlight,
    /// The last holder is said to be cleaned, and is not.
    LeaveHolder,
    /// A holder that another takes over from is not taken to be stale.
    TrustFormerHolder,
    /// A write without an answer is taken for one that was answered.
    ForgetUnknownFate,
    /// Writes that may still be carried out are not waited for.
    IgnoreLateWrites,
    /// When servers join or leave, each worker changes over when its table comes.
    ChangeOneByOne,
    /// Keys are diverted to servers that were their homes before others joined or left.
    DivertToFormerHomes,
    /// A server that joins is not flushed.
    TrustJoining,
    /// One of two prefixes that lead to the same items is not stripped.
    KeepPrefix,
    /// Keys of one prefix go to another pool than their route's.
    TakeOtherPool,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::MixUpValues,
        Self::DropAnswers,
        Self::RepeatAnswers,
        Self::IgnoreTimeouts,
        Self::DelayTimeouts,
        Self::FailReads,
        Self::NeverReadmit,
        Self::ReadByTable,
        Self::MarkLate,
        Self::IgnoreGeneration,
        Self::CleanInFlight,
        Self::LeaveHolder,
        Self::TrustFormerHolder,
        Self::ForgetUnknownFate,
        Self::IgnoreLateWrites,
        Self::ChangeOneByOne,
        Self::DivertToFormerHomes,
        Self::TrustJoining,
        Self::KeepPrefix,
        Self::TakeOtherPool,
    ];
}
