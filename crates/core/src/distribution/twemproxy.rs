//! twemproxy's `ketama` and `modula`.
//!
//! | | `ketama` | `twemproxy-modula` |
//! |---|---|---|
//! | text | [`Member::ring_text`] | the same, for sorting |
//! | placement | ring of weighted MD5 points | table of `weight` slots in a row |
//! | key hash | `fnv1a_64`, whole | `fnv1a_64` |
//! | ties | the first by name | none |
//! | failover order | the following points of the ring | ours: see [`super::table`] |
//!
//! twemproxy sorts the servers by name before anything else: shorter ones first, then by bytes. So
//! the order of the list never matters.
//!
//! twemproxy itself builds ring or table again from the servers left when it ejects one. Ours stays,
//! so that no other key moves; the ring then gives the same servers as long as the counts of points
//! do not change.
//!
//! # Source
//! `nc_server.c`, `nc_ketama.c` and `nc_modula.c` of twemproxy 0.5.0.

use super::BuildError;
use super::hash::HashFunction;
use super::member::Member;
use super::points::{Named, weighted_points};
use super::ring::{HashedRing, Ring};
use super::table::{HashedTable, Table};

/// The ring of `ketama`.
pub(super) fn ketama(members: &[Member], hash: HashFunction) -> HashedRing {
    let points = weighted_points(&sorted_by_name(members));
    HashedRing { hash, ring: Ring::new(points, members.len()) }
}

/// The table of `modula`.
pub(super) fn modula(members: &[Member], hash: HashFunction) -> Result<HashedTable, BuildError> {
    let sorted = sorted_by_name(members);
    let table = Table::by_weight(members, sorted.iter().map(|each| each.idx))?;
    Ok(HashedTable { hash, table })
}

fn sorted_by_name(members: &[Member]) -> Vec<Named<'_>> {
    let mut named = Named::all(members, Member::ring_text);
    named.sort_by(|a, b| (a.text.len(), &a.text).cmp(&(b.text.len(), &b.text)));
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_names_come_first_then_by_bytes() {
        let members = ["bb", "c", "aa", "b"].map(|host| Member::new(host, 11211));
        let order: Vec<_> = sorted_by_name(&members).iter().map(|each| each.idx.0).collect();
        assert_eq!(order, [3, 1, 2, 0]);
    }
}
