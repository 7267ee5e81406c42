//! What lies over everything else: the keys, and questions.

use evenkeel_core::event::Order as OrderName;
use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Padding, Paragraph, Wrap};

use crate::top::board::Order;

pub(super) fn draw_help(frame: &mut Frame<'_>) {
    let lines: Vec<_> =
        HELP.iter().map(|(keys, what)| Line::from(format!("{keys:<12}{what}"))).collect();
    draw_box(frame, " keys ", 72, lines);
}

pub(super) fn draw_question(frame: &mut Frame<'_>, order: &Order) {
    let Order { what, pool, server } = order;
    let (question, effect) = match what {
        OrderName::Drain => ("Drain", UNUSED),
        OrderName::Eject => ("Eject", UNUSED),
        OrderName::Readmit => ("Readmit", "It is used as soon as it proves that it works."),
        OrderName::Flush => ("Flush", "Everything that it holds will be lost."),
    };
    let lines = vec![
        Line::from(format!("{question} {pool}/{server}?")),
        Line::from(effect),
        Line::from(""),
        Line::from("y yes   n no"),
    ];
    draw_box(frame, " sure? ", 72, lines);
}

fn draw_box(frame: &mut Frame<'_>, title: &str, width: u16, lines: Vec<Line<'_>>) {
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let area = centred(frame.area(), width, height);
    let block = Block::bordered().title(title).padding(Padding::horizontal(1));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block).wrap(Wrap { trim: false }), area);
}

fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let [column] = Layout::horizontal([Constraint::Max(width)]).flex(Flex::Center).areas(area);
    let [area] = Layout::vertical([Constraint::Max(height)]).flex(Flex::Center).areas(column);
    area
}

const UNUSED: &str = "It is sent nothing until it is readmitted; its keys go elsewhere.";

const HELP: [(&str, &str); 16] = [
    ("↑ ↓ j k", "choose a server (PgUp, PgDn, Home, End, too)"),
    ("d", "drain it: nothing is sent to it until it is readmitted"),
    ("r", "readmit it: it is used as soon as it proves itself"),
    ("f", "flush it: everything that it holds is lost"),
    ("s  S", "sort by the next column; turn the order round"),
    ("q  Ctrl-C", "quit"),
    ("Ctrl-Z", "suspend"),
    ("", ""),
    ("state", "up, suspect, down or drained; ret. 40 %: returning,"),
    ("", "and it has got back so many of its keys;"),
    ("", "-write: it is sent no writes; *flush: it is emptied"),
    ("", "before it is used"),
    ("hits", "of the keys read in the last 10 s, those that it had"),
    ("mispl.", "keys of which it may hold an old value"),
    ("last min", "p99 second by second; a bar is three times the one"),
    ("", "below: ▁ < 100 µs  ▃ 316 µs  ▅ 3.2 ms  ▇ 32 ms and more"),
];
