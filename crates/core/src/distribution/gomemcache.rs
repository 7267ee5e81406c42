//! gomemcache's `ServerList`.
//!
//! | | |
//! |---|---|
//! | text | none: the order of the list counts |
//! | placement | table of `weight` slots in a row, for a server that is listed so many times |
//! | key hash | CRC-32 |
//! | failover order | ours: see [`super::table`]; gomemcache has none |
//!
//! # Source
//! `memcache/selector.go` of gomemcache, 2014 and 2025 alike.

use super::BuildError;
use super::hash::HashFunction;
use super::member::Member;
use super::table::{HashedTable, Table};

/// gomemcache's list.
pub(super) fn table(members: &[Member]) -> Result<HashedTable, BuildError> {
    let table = Table::by_weight_in_list_order(members)?;
    Ok(HashedTable { hash: HashFunction::Crc32, table })
}
