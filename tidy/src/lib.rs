//! What the tidy rules read: the repository's own files, and Rust source without its literals.
//!
//! The rules themselves are in `tests/tidy.rs`. Nothing here parses Rust: [`scan`] blanks
//! comments and literals and counts braces, which is enough for lengths and words.

mod repository;
pub mod scan;

pub use repository::{File, read_files, root};
