//! Text → values, one reader a language.
//!
//! None of them runs, expands or includes anything.

mod ini;
mod json;
mod python;
mod ruby;
mod yaml;

use std::ops::ControlFlow;

use tree_sitter::{Language, ParseOptions, Parser, Tree};

pub(crate) use ini::read_ini;
pub(crate) use json::read_json;
pub(crate) use python::read_python;
pub(crate) use ruby::read_ruby;
pub(crate) use yaml::read_yaml;

use crate::value::Entry;

/// Something that a program sets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// Whether it stands under a condition, or in a function: it may never be done.
    pub(crate) is_conditional: bool,
}

impl Found {
    pub(crate) fn always(entry: Entry) -> Self {
        Self { entry, is_conditional: false }
    }
}

/// Why a text is not what it should be, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unreadable {
    /// From 1.
    pub(crate) line: usize,
    pub(crate) why: String,
}

/// The syntax tree of a program. What is no program of that language has a tree of errors; what
/// takes too long to make sense of, which nothing that runs does, has none.
fn parse(language: &Language, text: &str) -> Result<Tree, Unreadable> {
    let mut parser = Parser::new();
    parser.set_language(language).expect("the grammar is of a version that tree-sitter reads");
    let mut turns_left = PARSE_TURNS_MIN + text.len();
    let mut go_on = |_: &tree_sitter::ParseState| {
        turns_left = turns_left.saturating_sub(1);
        if turns_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut go_on);
    let bytes = text.as_bytes();
    let mut bytes_left = READ_BYTES_MIN + text.len() * READS_MAX;
    let mut rest = |from: usize, _| {
        let to = (from + CHUNK_LEN).min(bytes.len());
        let chunk = bytes.get(from..to).unwrap_or_default();
        let is_within = bytes_left >= chunk.len();
        bytes_left = bytes_left.saturating_sub(chunk.len());
        if is_within { chunk } else { &[] }
    };
    let tree = parser.parse_with_options(&mut rest, None, Some(options));
    let is_whole = bytes_left > 0;
    tree.filter(|_| is_whole).ok_or_else(|| {
        let why = "no sense can be made of it within the time of any program that runs: give the \
                   part about caches";
        Unreadable::new(1, why)
    })
}

/// The parser asks once in a hundred steps whether it may go on; a program takes far fewer than a
/// hundred steps a byte.
const PARSE_TURNS_MIN: usize = 1000;

/// How much of a text the parser is given at once. Within a step it may look for the end of a
/// literal to the end of the text, and again in the next one: that is seen by what it reads.
const CHUNK_LEN: usize = 4096;

/// How often a text may be read in all, and how many bytes of a short one.
const READS_MAX: usize = 50;
const READ_BYTES_MIN: usize = 1 << 20;

impl Unreadable {
    fn new(line: usize, why: impl Into<String>) -> Self {
        Self { line, why: why.into() }
    }

    fn too_deep(line: usize) -> Self {
        Self::new(line, format!("it is nested more than {} levels deep", super::value::DEPTH_MAX))
    }
}
