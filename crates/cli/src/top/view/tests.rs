use evenkeel_api::ServerReport;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::*;
use crate::samples;
use crate::top::watch::Look;

fn board() -> Board {
    let mut board = Board::new("127.0.0.1:9311".to_owned());
    let look = Look {
        status: samples::status(),
        history: Some(samples::history()),
        events: samples::events(),
        is_restarted: false,
    };
    board.handle_look(look, Instant::now());
    board
}

/// What a screen of this size shows, without the blanks at the ends of lines.
fn drawn(board: &Board, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let colours = Colours { are_wanted: true };
    terminal.draw(|frame| draw(frame, board, Instant::now(), colours)).unwrap();
    let cells = terminal.backend().buffer().content();
    let lines = cells.chunks(width.into()).map(|line| {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn press(board: &mut Board, key: char) {
    board.handle_key(KeyEvent::from(KeyCode::Char(key)));
}

#[track_caller]
fn check_drawn(board: &Board, expected: &str) {
    let shown = drawn(board, 80, 24);
    assert_eq!(shown, expected, "\n{shown}\n");
}

#[test]
fn everything_fits_80_columns_and_24_lines() {
    let mut board = board();
    press(&mut board, 'j');
    check_drawn(&board, include_str!("tests/whole.txt").trim_end_matches('\n'));
}

#[test]
fn a_question_lies_over_the_rest() {
    let mut board = board();
    press(&mut board, 'f');
    check_drawn(&board, include_str!("tests/question.txt").trim_end_matches('\n'));
}

#[test]
fn the_help_fits_80_columns_and_24_lines() {
    let mut board = board();
    press(&mut board, '?');
    check_drawn(&board, include_str!("tests/help.txt").trim_end_matches('\n'));
}

#[test]
fn a_proxy_that_does_not_answer_is_told_so() {
    let mut board = board();
    board.handle_silence("connection refused".to_owned(), Instant::now());
    let shown = drawn(&board, 80, 24);
    assert!(
        shown.contains("no answer for 0s, what is shown is old: connection refused"),
        "{shown}"
    );
    assert!(shown.contains("10.0.0.1:11211"), "{shown}");
}

#[test]
fn a_server_says_of_itself_what_it_knows() {
    let server = samples::server("a", "up");
    assert_eq!(
        details(&server),
        "2 of 2 connections to it; p50 71.0 µs, p95 400 µs; it says: version 1.6.18, \
         up for 1d 01h, memory 43 MiB of 64 MiB, 120 of 1,024 connections, 0 evictions"
    );
    let report = ServerReport { version: None, evictions: None, ..ServerReport::default() };
    let silent = Server { report: Some(report), ..server };
    assert_eq!(details(&silent), "2 of 2 connections to it; p50 71.0 µs, p95 400 µs");
}

#[test]
fn what_became_of_an_order_stands_in_place_of_the_keys() {
    let mut board = board();
    board.handle_outcome(Ok("main/b: drain is ordered".to_owned()), Instant::now());
    let shown = drawn(&board, 80, 24);
    assert!(shown.ends_with("\nmain/b: drain is ordered"), "{shown}");
}

#[test]
fn a_refused_reload_is_told() {
    let mut board = board();
    let status = board.status.as_mut().unwrap();
    status.last_reload = Some(evenkeel_api::Reload {
        at: "2026-11-22T03:00:01.000Z".to_owned(),
        outcome: ReloadOutcome::Refused,
        changes: Vec::new(),
        warnings: Vec::new(),
        faults: vec!["evenkeel.toml:3:8: no".to_owned()],
    });
    let shown = drawn(&board, 80, 24);
    let expected = "\nthe reload at 2026-11-22 03:00:01 was refused: evenkeel.toml:3:8: no\n";
    assert!(shown.contains(expected), "{shown}");
}

#[test]
fn the_column_that_is_sorted_by_is_marked() {
    let mut board = board();
    press(&mut board, 's');
    assert!(drawn(&board, 80, 24).contains("server▾"));
    press(&mut board, 'S');
    assert!(drawn(&board, 80, 24).contains("server▴"));
}

#[test]
fn a_wide_screen_has_a_longer_line() {
    let shown = drawn(&board(), 140, 24);
    assert!(shown.contains(&"▁▂▃▄▅▆▇█".repeat(5)), "{shown}");
}

#[test]
fn several_pools_are_told_apart() {
    let mut board = board();
    let status = board.status.as_mut().unwrap();
    let mut other = status.pools[0].clone();
    other.name = "other".to_owned();
    for server in &mut other.servers {
        server.pool = "other".to_owned();
    }
    status.pools.push(other);
    let shown = drawn(&board, 100, 24);
    assert!(shown.contains("main/b") && shown.contains("other/b"), "{shown}");
}

#[test]
fn the_chosen_server_is_always_in_sight() {
    let mut board = board();
    let servers = &mut board.status.as_mut().unwrap().pools[0].servers;
    *servers = (0..500).map(|idx| samples::server(&format!("server-{idx}"), "up")).collect();
    board.handle_key(KeyEvent::from(KeyCode::End));
    let shown = drawn(&board, 80, 24);
    assert!(shown.contains(">server-499"), "{shown}");
}

#[test]
fn no_size_is_too_small_and_none_too_large() {
    let mut board = board();
    for key in ['j', '?', ' ', 'd'] {
        press(&mut board, key);
        for width in (1..100).step_by(7).chain([2, 300]) {
            for height in (1..25).step_by(3).chain([2, 100]) {
                drawn(&board, width, height);
            }
        }
    }
    drawn(&Board::new(String::new()), 80, 24);
}

#[test]
fn without_colours_words_say_the_same() {
    let board = board();
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let colours = Colours { are_wanted: false };
    terminal.draw(|frame| draw(frame, &board, Instant::now(), colours)).unwrap();
    let cells = terminal.backend().buffer().content();
    assert!(cells.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}
