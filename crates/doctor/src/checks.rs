//! The checks: pure functions of what was seen.
//!
//! A threshold is a named constant beside its check, and in the check's `rule` in words. A check
//! that lacks the numbers it needs finds nothing: the gap is told by itself.

pub(crate) mod reach;
pub(crate) mod serve;
