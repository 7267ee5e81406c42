//! Where a fault stands, for people: line, column and the line itself.
//!
//! Lines and columns count from 1, columns in characters. What is shown of the file cannot steer
//! a terminal, and a long line is cut to a window around the fault.

use std::fmt;
use std::ops::Range;

use super::FAULTS_MAX;

/// A file and all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultyFile {
    /// What the file is called.
    pub file: String,
    /// Its faults, at least one, at most [`FAULTS_MAX`], in the order of their places.
    pub faults: Vec<FileFault>,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, without capital and full stop.
    pub message: String,
    /// What to do about it, likewise.
    pub remedy: String,
    excerpt: Excerpt,
}

/// A fault whose place is still an offset into the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The bytes at fault.
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl FaultyFile {
    pub(super) fn new(file: &str, text: &str, mut findings: Vec<Finding>) -> Self {
        assert!(!findings.is_empty(), "a faulty file has a fault");
        findings.sort_by_key(|finding| finding.span.start);
        findings.truncate(FAULTS_MAX);
        let faults = findings.into_iter().map(|finding| FileFault::new(text, finding)).collect();
        Self { file: file.to_owned(), faults }
    }
}

impl fmt::Display for FaultyFile {
    /// For each fault `FILE:LINE:COLUMN: what is wrong; what to do`, and the line it is in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, fault) in self.faults.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:{fault}", self.file)?;
        }
        if self.faults.len() >= FAULTS_MAX {
            write!(f, "\n{}: there may be more than these {FAULTS_MAX} faults", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for FaultyFile {}

impl FileFault {
    fn new(text: &str, finding: Finding) -> Self {
        let start = text.floor_char_boundary(finding.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_len = text[line_start..].find('\n').unwrap_or(text.len() - line_start);
        let line = text[line_start..line_start + line_len].trim_end_matches('\r');
        let before_len = text[line_start..start].chars().count();
        let end = text.floor_char_boundary(finding.span.end.max(start));
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: before_len + 1,
            message: cut(finding.message),
            remedy: cut(finding.remedy),
            excerpt: Excerpt::new(line, before_len, text[start..end].chars().count()),
        }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, message, remedy, excerpt } = self;
        write!(f, "{line}:{column}: {message}; {remedy}")?;
        if excerpt.is_blank() {
            return Ok(());
        }
        let number = format!("{line:>5}");
        write!(f, "\n{number} | {}", excerpt.text)?;
        let (indent, marks) = (" ".repeat(excerpt.mark_at), "^".repeat(excerpt.mark_len));
        write!(f, "\n{:width$} | {indent}{marks}", "", width = number.len())
    }
}

/// The most characters of a message, which may quote a value that is long; enough to name every
/// distribution.
const MESSAGE_CHARS_MAX: usize = 600;

fn cut(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARS_MAX) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// What is shown of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    mark_at: usize,
    /// At least 1.
    mark_len: usize,
}

impl Excerpt {
    /// The most characters of a line that are shown.
    const CHARS_MAX: usize = 100;
    /// How many of them stand before the fault, if the line must be cut.
    const CHARS_BEFORE: usize = 40;

    fn new(line: &str, before_len: usize, fault_len: usize) -> Self {
        let chars: Vec<char> = line.chars().map(harmless).collect();
        let skipped = if chars.len() <= Self::CHARS_MAX {
            0
        } else {
            before_len.saturating_sub(Self::CHARS_BEFORE)
        };
        let end = chars.len().min(skipped + Self::CHARS_MAX);
        let prefix = if skipped > 0 { "…" } else { "" };
        let suffix = if end < chars.len() { "…" } else { "" };
        let shown: String = chars[skipped.min(end)..end].iter().collect();
        let mark_len_max = end.saturating_sub(before_len).max(1);
        Self {
            text: format!("{prefix}{shown}{suffix}"),
            mark_at: before_len - skipped + prefix.chars().count(),
            mark_len: fault_len.clamp(1, mark_len_max),
        }
    }

    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// The character, or what is shown in its place.
fn harmless(char: char) -> char {
    match char {
        '\t' => ' ',
        char if char.is_control() => '\u{fffd}',
        char => char,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str, span: Range<usize>) -> FileFault {
        let finding = Finding { span, message: "wrong".into(), remedy: "mend it".into() };
        FaultyFile::new("f", text, vec![finding]).faults.remove(0)
    }

    #[track_caller]
    fn check_place(text: &str, offset: usize, line: usize, column: usize) {
        let fault = fault(text, offset..offset);
        assert_eq!((fault.line, fault.column), (line, column));
    }

    #[test]
    fn places_count_from_1_in_characters() {
        let text = "ab\ncäd\r\n\te";
        check_place(text, 0, 1, 1);
        check_place(text, 1, 1, 2);
        check_place(text, 2, 1, 3);
        check_place(text, 3, 2, 1);
        check_place(text, 6, 2, 3);
        check_place(text, text.len() - 1, 3, 2);
        check_place(text, text.len(), 3, 3);
        check_place(text, text.len() + 9, 3, 3);
        check_place("", 0, 1, 1);
        check_place("a\n", 2, 2, 1);
    }

    #[test]
    fn an_offset_inside_a_character_is_that_characters() {
        check_place("ää", 3, 1, 2);
    }

    #[test]
    fn a_fault_is_shown_with_its_line_and_marked() {
        assert_eq!(
            fault("a\nb = 1\r\nc", 6..7).to_string(),
            "2:5: wrong; mend it\n    2 | b = 1\n      |     ^"
        );
        assert_eq!(
            fault("abc = [\n1]", 6..10).to_string(),
            "1:7: wrong; mend it\n    1 | abc = [\n      |       ^"
        );
        assert_eq!(
            fault("abcd", 1..3).to_string(),
            "1:2: wrong; mend it\n    1 | abcd\n      |  ^^"
        );
    }

    #[test]
    fn a_blank_line_is_not_shown() {
        assert_eq!(fault("", 0..0).to_string(), "1:1: wrong; mend it");
        assert_eq!(fault(" \t\n", 1..1).to_string(), "1:2: wrong; mend it");
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal() {
        let shown = fault("\u{1b}[2J\ta\u{7}", 6..7).to_string();
        assert_eq!(shown, "1:7: wrong; mend it\n    1 | \u{fffd}[2J a\u{fffd}\n      |       ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let text = format!("{}X{}", "a".repeat(200), "b".repeat(200));
        let expected = format!(
            "1:201: wrong; mend it\n    1 | …{}X{}…\n      | {}^",
            "a".repeat(40),
            "b".repeat(59),
            " ".repeat(41)
        );
        assert_eq!(fault(&text, 200..201).to_string(), expected);
        let whole = "a".repeat(100);
        assert!(fault(&whole, 99..100).to_string().contains(&whole));
    }

    #[test]
    fn faults_are_in_the_order_of_their_places() {
        let finding = |start: usize| Finding {
            span: start..start,
            message: format!("at {start}"),
            remedy: "mend it".into(),
        };
        let file = FaultyFile::new("x.toml", "a\n\nb", vec![finding(3), finding(0)]);
        assert_eq!(
            file.to_string(),
            "x.toml:1:1: at 0; mend it\n    1 | a\n      | ^\n\
             x.toml:3:1: at 3; mend it\n    3 | b\n      | ^"
        );
    }
}
