//! Where in a source something stands.

use std::fmt;
use std::rc::Rc;

/// A line of a source; in JSON its path too, because all may be one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the source is called.
    pub file: Rc<str>,
    /// From 1.
    pub line: usize,
    /// The way to it from the outermost value, `$.route.children[0]`; empty but for JSON.
    pub path: String,
}

impl Place {
    /// A line of a source.
    pub(crate) fn new(file: &Rc<str>, line: usize) -> Self {
        Self { file: Rc::clone(file), line, path: String::new() }
    }

    pub(crate) fn with_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }
}

impl fmt::Display for Place {
    /// `FILE:LINE`, and the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, " {}", self.path) }
    }
}
