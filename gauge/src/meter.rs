//! Where callgrind starts to count, where it stops, and where it writes down what it has.
//!
//! Callgrind knows these places by the names of the functions, so they must stay functions.

use std::hint::black_box;

/// What callgrind is told to collect in.
pub(crate) const COUNTED: &str = "*meter::counted*";

/// What callgrind is told to write its counts before.
pub(crate) const END_OF_STAGE: &str = "*meter::end_of_stage*";

/// Does `work`, and counts it.
#[inline(never)]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
    // Were `work` the last thing here, it would be jumped to and never return here.
    black_box(work())
}

/// All that has been counted since the last call belongs to one stage.
#[inline(never)]
pub(crate) fn end_of_stage() {
    black_box(());
}
