//! Which requests get to a place in mcrouter's tree, and which have been sent elsewhere before.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

/// Which requests a part of the tree is for.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// What keys begin with.
    pub(super) prefix: String,
    /// Whether the prefix is a `/region/cluster/` that servers are not sent.
    pub(super) is_routing: bool,
    /// All, if none are named.
    pub(super) operations: Option<Vec<&'static str>>,
    /// What keys begin with that a handle further out has sent elsewhere.
    pub(super) elsewhere: BTreeSet<String>,
}

impl Scope {
    pub(super) fn of_routing(prefix: String) -> Self {
        Self { prefix, is_routing: true, ..Self::default() }
    }

    /// Of a selector's prefixes that one's: longer ones are chosen before it.
    pub(super) fn narrowed(&self, prefix: &str, all: &BTreeSet<String>) -> Self {
        let longer = all.range::<str, _>((Excluded(prefix), Unbounded));
        let longer = longer.take_while(|it| it.starts_with(prefix)).cloned().collect();
        let operations = self.operations.clone();
        Self { prefix: prefix.to_owned(), operations, elsewhere: longer, ..Self::default() }
    }

    /// What is chosen before keys that begin with `prefix`, if anything is.
    pub(super) fn chosen_before<'k>(&self, prefix: &'k str) -> Option<&'k str> {
        let ends = prefix.char_indices().map(|(at, char)| at + char.len_utf8());
        ends.map(|end| &prefix[..end]).find(|it| self.elsewhere.contains(*it))
    }
}
