//! Faults of TOML itself, reduced to those that are not the consequence of another.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use super::FAULTS_MAX;
use super::place::Finding;

/// The faults of a text's syntax, and the parts of the text that they make doubtful.
pub(super) struct SyntaxFaults {
    findings: Vec<Finding>,
    /// In these bytes nothing else is reported.
    doubtful: Vec<Range<usize>>,
}

impl SyntaxFaults {
    /// Keeps the first fault of each line and of each list in `root`.
    pub(super) fn new(text: &str, root: &DeTable<'_>, errors: &[Error]) -> Self {
        let mut values = Values::default();
        values.collect(text, root);
        let mut errors: Vec<_> = errors.iter().map(|error| (span_of(error), error)).collect();
        errors.sort_by_key(|(span, _)| span.start);
        let mut faults = Self { findings: Vec::new(), doubtful: Vec::new() };
        for (span, error) in errors {
            if faults.findings.len() < FAULTS_MAX && faults.is_clear_of(&span) {
                faults.findings.push(values.finding(text, &span, error));
                faults.doubtful.push(lines_of(text, &span));
                faults.doubtful.extend(values.list_around(&span).cloned());
            }
        }
        faults
    }

    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether a fault in these bytes is not the consequence of one of these.
    pub(super) fn is_clear_of(&self, span: &Range<usize>) -> bool {
        self.doubtful.iter().all(|part| span.end < part.start || part.end < span.start)
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}

/// The fault of a file that is no text, after `offset` bytes that are.
pub(super) fn not_utf8(offset: usize) -> Finding {
    Finding {
        span: offset..offset + 1,
        message: "this byte is not UTF-8".to_owned(),
        remedy: "save the file as UTF-8 text".to_owned(),
    }
}

fn span_of(error: &Error) -> Range<usize> {
    error.span().unwrap_or(0..0)
}

/// Where the values are that explain a fault in them.
#[derive(Default)]
struct Values {
    /// The outermost lists.
    lists: Vec<Range<usize>>,
    /// Strings without quotes.
    unquoted: Vec<Range<usize>>,
}

impl Values {
    fn collect(&mut self, text: &str, table: &DeTable<'_>) {
        for (_, value) in table {
            match value.get_ref() {
                DeValue::Table(inner) => self.collect(text, inner),
                DeValue::Array(_) => self.lists.push(value.span()),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => {
                    let span = value.span();
                    self.unquoted.extend(is_unquoted(&text[span.clone()]).then_some(span));
                }
            }
        }
    }

    fn list_around(&self, span: &Range<usize>) -> Option<&Range<usize>> {
        self.lists.iter().find(|list| encloses(list, span))
    }

    fn finding(&self, text: &str, span: &Range<usize>, error: &Error) -> Finding {
        if let Some(value) = self.unquoted.iter().find(|value| encloses(value, span)) {
            return Finding {
                span: value.clone(),
                message: "this value needs quotes".to_owned(),
                remedy: format!("write {:?}", &text[value.clone()]),
            };
        }
        let (problem, remedy) = worded(error.message());
        let list_line = self.list_around(span).map(|list| line_of(text, list.start));
        let message = match list_line {
            Some(line) if line != line_of(text, span.start) => {
                format!("{problem} (in the list that begins in line {line})")
            }
            Some(_) | None => problem,
        };
        Finding { span: span.clone(), message, remedy }
    }
}

/// Whether a value is written bare and is nothing that TOML has without quotes.
fn is_unquoted(written: &str) -> bool {
    let is_of_number = |char: char| char.is_ascii_hexdigit() || "+-_.xob".contains(char);
    let is_number = written.chars().all(is_of_number) && written.matches('.').count() < 2;
    !is_number && !written.starts_with(['"', '\''])
}

fn encloses(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// From the start of the span's first line to the end of its last.
fn lines_of(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |len| span.end + len);
    start..end
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// The parser's message as what is wrong and what to do.
fn worded(message: &str) -> (String, String) {
    let (problem, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let remedy = match expected {
        "literal string" => "put it in quotes".to_owned(),
        "nothing" => "remove it".to_owned(),
        "" if problem == "duplicate key" => "remove one of the two".to_owned(),
        "" => "write it as TOML asks".to_owned(),
        expected => format!("expected {expected}"),
    };
    (problem.to_owned(), remedy)
}
