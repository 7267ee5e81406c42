//! What standard output can show: colours or none, so many columns or any number; and tables.
//!
//! Colours only underline what words say.

use std::env;
use std::io::{self, IsTerminal};

use ratatui::crossterm::terminal;

use crate::text;

/// What standard output can show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paper {
    is_coloured: bool,
    /// The columns of a terminal; anything else takes what comes.
    columns: Option<usize>,
    /// The lines of a terminal.
    rows: Option<usize>,
}

/// How a text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Doubtful,
    Bad,
    Faint,
    Strong,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

/// Rows under a heading, their columns aligned: the first to the left, the others as they say.
pub(crate) struct Table {
    heading: Vec<(&'static str, Side)>,
    rows: Vec<Vec<Cell>>,
}

/// To which side a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Paper {
    /// Of this process.
    pub(crate) fn of_stdout() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let says = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = if is_terminal { terminal::size().ok() } else { None };
        // A terminal that does not know its size says 0.
        let known = |number: u16| (number > 0).then_some(number.into());
        Self {
            is_coloured: is_terminal && !is_dumb && !says("NO_COLOR"),
            columns: size.and_then(|(columns, _)| known(columns)),
            rows: size.and_then(|(_, rows)| known(rows)),
        }
    }

    /// The same, of this size where there is no terminal that has one.
    pub(crate) fn or_sized(self, columns: usize, rows: usize) -> Self {
        let (columns, rows) = (self.columns.or(Some(columns)), self.rows.or(Some(rows)));
        Self { columns, rows, ..self }
    }

    /// How many columns there are; any number where there is no terminal.
    pub(crate) fn columns(self) -> usize {
        self.columns.unwrap_or(usize::MAX)
    }

    /// How many lines can be seen at once.
    pub(crate) fn rows(self) -> usize {
        self.rows.unwrap_or(usize::MAX)
    }

    /// The text in its colour.
    pub(crate) fn paint(self, text: &str, tone: Tone) -> String {
        match tone.code() {
            Some(code) if self.is_coloured && !text.is_empty() => {
                format!("\x1b[{code}m{text}\x1b[0m")
            }
            Some(_) | None => text.to_owned(),
        }
    }

    /// A text that is too long for one line in several, all but the first so far to the right.
    pub(crate) fn wrap(self, text: &str, indent: usize) -> String {
        let Some(columns) = self.columns else { return text.to_owned() };
        let lines = text::wrapped(text, columns.saturating_sub(indent).max(20));
        lines.join(&format!("\n{}", " ".repeat(indent)))
    }
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Doubtful => Some("33"),
            Self::Bad => Some("1;31"),
            Self::Faint => Some("2"),
            Self::Strong => Some("1"),
        }
    }

    /// How a state of a server is meant.
    pub(crate) fn of_state(state: &str) -> Self {
        match state {
            "up" => Self::Good,
            "down" => Self::Bad,
            _ => Self::Doubtful,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

impl Cell {
    /// A text in its colour.
    pub(crate) fn of(text: &str, tone: Tone) -> Self {
        Self { text: text.to_owned(), tone }
    }
}

impl Table {
    pub(crate) fn new(heading: &[(&'static str, Side)]) -> Self {
        Self { heading: heading.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.heading.len(), "a row has a cell for each column");
        self.rows.push(row);
    }

    /// Its lines. What is too wide for the terminal has its first column cut.
    pub(crate) fn lines(&self, paper: Paper) -> Vec<String> {
        let (widths, gap) = self.widths(paper.columns);
        let heading =
            self.heading.iter().map(|(title, _)| Cell::of(title, Tone::Faint)).collect::<Vec<_>>();
        let mut lines = Vec::new();
        for row in [&heading].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (idx, cell) in row.iter().enumerate() {
                let text = text::fitted_name(&cell.text, widths[idx]);
                let blank = " ".repeat(widths[idx] - text::width(&text));
                let painted = paper.paint(&text, cell.tone);
                let gap = if idx == 0 { "" } else { gap };
                match self.heading[idx].1 {
                    Side::Left => line.extend([gap, &painted, &blank]),
                    Side::Right => line.extend([gap, &blank, &painted]),
                }
            }
            lines.push(line.trim_end().to_owned());
        }
        lines
    }

    /// How wide the columns are, and what is between them.
    fn widths(&self, columns: Option<usize>) -> (Vec<usize>, &'static str) {
        let width = |idx: usize| {
            let cells = self.rows.iter().map(|row| text::width(&row[idx].text));
            cells.fold(self.heading[idx].0.len(), usize::max)
        };
        let mut widths: Vec<_> = (0..self.heading.len()).map(width).collect();
        let columns = columns.unwrap_or(usize::MAX);
        let all = |gap: &str| widths.iter().sum::<usize>() + gap.len() * (widths.len() - 1);
        let gap = if all("  ") <= columns { "  " } else { " " };
        let too_much = all(gap).saturating_sub(columns);
        widths[0] = widths[0].saturating_sub(too_much).max(FIRST_MIN.min(widths[0]));
        (widths, gap)
    }
}

/// How much of the first column is always shown.
const FIRST_MIN: usize = 12;

#[cfg(test)]
impl Paper {
    /// A file, or a terminal of so many columns.
    pub(crate) fn plain(columns: Option<usize>) -> Self {
        Self { is_coloured: false, columns, rows: None }
    }

    /// A terminal with colours.
    pub(crate) fn coloured() -> Self {
        Self { is_coloured: true, columns: Some(80), rows: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(&[("server", Side::Left), ("state", Side::Left), ("rate", Side::Right)]);
        for (server, state, rate) in [("a", "up", "1,234"), ("server-漢字-long", "down", "0")] {
            let state = Cell::of(state, Tone::of_state(state));
            table.push(vec![server.to_owned().into(), state, rate.to_owned().into()]);
        }
        table
    }

    #[test]
    fn columns_are_aligned_to_their_sides() {
        assert_eq!(
            table().lines(Paper::plain(None)),
            [
                "server            state   rate",
                "a                 up     1,234",
                "server-漢字-long  down       0"
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_has_the_first_column_cut() {
        for line in table().lines(Paper::plain(Some(24))) {
            assert!(text::width(&line) <= 24, "{line}");
        }
        for columns in [24, 1] {
            let lines = table().lines(Paper::plain(Some(columns)));
            assert!(lines[2].starts_with("server…-long"), "{lines:?}");
        }
    }

    #[test]
    fn colours_change_no_column() {
        let mut lines = table().lines(Paper::coloured()).join("\n");
        assert!(lines.contains("\x1b[1;31mdown\x1b[0m"), "{lines:?}");
        for code in ["\x1b[1;31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"] {
            lines = lines.replace(code, "");
        }
        assert_eq!(lines, table().lines(Paper::plain(None)).join("\n"));
    }
}
