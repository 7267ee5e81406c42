//! What side-by-side comparisons have in common.
//!
//! Programs that are started and end with us, the spread of figures over rounds, and a page that
//! tells them. What is compared, and how it is measured, is for each comparison to say: `compare`
//! here, for proxies, and `bench/clients`, for client libraries.

pub mod program;

pub mod spread;

pub mod markdown;
