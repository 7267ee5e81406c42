//! Servers that should be alike.

/// Servers among which keys are distributed, or that were named together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What they are together: `pool main`, `all memcached servers named`.
    pub name: String,
    /// Keys are distributed over them: each must be another server.
    pub is_pool: bool,
    /// Who they are.
    pub members: Vec<Member>,
}

/// A server of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its name among [`crate::Examination::servers`].
    pub server: String,
    /// How many keys it has in proportion to the others: those of a pool may differ in memory by
    /// design, and then differ in this.
    pub weight: u32,
}
