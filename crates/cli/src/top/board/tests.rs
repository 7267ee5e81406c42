use evenkeel_api::{PoolHistory, ServerHistory};

use super::*;
use crate::samples;
use crate::top::sort::SortBy;

fn look() -> Look {
    Look {
        status: samples::status(),
        history: None,
        events: samples::events(),
        is_restarted: false,
    }
}

fn board() -> Board {
    let mut board = Board::new("127.0.0.1:9311".to_owned());
    board.handle_look(look(), Instant::now());
    board
}

fn press(board: &mut Board, code: KeyCode) -> Effect {
    board.handle_key(KeyEvent::from(code))
}

fn selected(board: &Board) -> &str {
    &board.selected_server().expect("one is chosen").name
}

#[test]
fn arrows_choose_a_server_and_stop_at_the_ends() {
    let mut board = board();
    assert_eq!(selected(&board), "10.0.0.1:11211");
    for (code, name) in [
        (KeyCode::Up, "10.0.0.1:11211"),
        (KeyCode::Down, "b"),
        (KeyCode::Char('j'), "c"),
        (KeyCode::Down, "c"),
        (KeyCode::Char('k'), "b"),
        (KeyCode::PageDown, "c"),
        (KeyCode::PageUp, "10.0.0.1:11211"),
        (KeyCode::End, "c"),
        (KeyCode::Home, "10.0.0.1:11211"),
    ] {
        assert_eq!(press(&mut board, code), Effect::None);
        assert_eq!(selected(&board), name, "{code:?}");
    }
}

#[test]
fn the_chosen_server_stays_chosen_when_the_order_changes() {
    let mut board = board();
    press(&mut board, KeyCode::Down);
    board.sort = Sort { by: SortBy::State, is_reversed: false };
    assert_eq!(selected(&board), "b");
    assert_eq!(board.selected_place(), Some(0));
}

#[test]
fn another_is_chosen_when_the_chosen_one_has_left() {
    let mut board = board();
    press(&mut board, KeyCode::End);
    let mut look = look();
    look.status.pools[0].servers.pop();
    board.handle_look(look, Instant::now());
    assert_eq!(selected(&board), "10.0.0.1:11211");
}

#[test]
fn nothing_is_ordered_without_a_yes() {
    let mut board = board();
    press(&mut board, KeyCode::Down);
    for code in [KeyCode::Char('n'), KeyCode::Esc, KeyCode::Char('q')] {
        press(&mut board, KeyCode::Char('d'));
        assert!(matches!(board.overlay, Overlay::Question(_)));
        assert_eq!(press(&mut board, code), Effect::None, "{code:?}");
        assert_eq!(board.overlay, Overlay::None);
    }
    for code in [KeyCode::Enter, KeyCode::Char(' '), KeyCode::Char('d')] {
        press(&mut board, KeyCode::Char('d'));
        assert_eq!(press(&mut board, code), Effect::None, "{code:?}");
        assert!(matches!(board.overlay, Overlay::Question(_)), "{code:?}");
        press(&mut board, KeyCode::Esc);
    }
}

#[test]
fn a_yes_gives_the_order_about_the_server_that_was_asked_about() {
    for (key, what) in [('d', OrderName::Drain), ('r', OrderName::Readmit), ('f', OrderName::Flush)]
    {
        let mut board = board();
        press(&mut board, KeyCode::Down);
        press(&mut board, KeyCode::Char(key));
        // What was chosen may have left in the meantime.
        let mut look = look();
        look.status.pools[0].servers.remove(1);
        board.handle_look(look, Instant::now());
        let (pool, server) = ("main".to_owned(), "b".to_owned());
        let expected = Effect::Order(Order { what, pool, server });
        assert_eq!(press(&mut board, KeyCode::Char('y')), expected);
    }
}

#[test]
fn without_a_server_there_is_no_question() {
    let mut board = Board::new(String::new());
    for key in ['d', 'r', 'f', 's', 'j', 'k'] {
        assert_eq!(press(&mut board, KeyCode::Char(key)), Effect::None);
        assert_eq!(board.overlay, Overlay::None);
    }
}

#[test]
fn any_key_closes_the_help() {
    let mut board = board();
    press(&mut board, KeyCode::Char('?'));
    assert_eq!(board.overlay, Overlay::Help);
    assert_eq!(press(&mut board, KeyCode::Char('q')), Effect::None);
    assert_eq!(board.overlay, Overlay::None);
    assert_eq!(press(&mut board, KeyCode::Char('q')), Effect::Quit);
}

#[test]
fn ctrl_c_quits_and_ctrl_z_suspends_whatever_is_open() {
    let mut board = board();
    press(&mut board, KeyCode::Char('d'));
    let with_control = |key| KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
    assert_eq!(board.handle_key(with_control('d')), Effect::None);
    assert_eq!(board.handle_key(with_control('z')), Effect::Suspend);
    assert_eq!(board.handle_key(with_control('c')), Effect::Quit);
}

#[test]
fn events_are_kept_up_to_a_bound_and_begin_anew_with_the_process() {
    let mut board = board();
    let now = Instant::now();
    let one = samples::events().remove(0);
    let events = (0..600).map(|number| Event { number, ..one.clone() }).collect();
    board.handle_look(Look { events, ..look() }, now);
    assert_eq!(board.events.len(), EVENTS_MAX);
    assert_eq!(board.events.back().map(|event| event.number), Some(599));
    board.handle_look(Look { is_restarted: true, ..look() }, now);
    assert_eq!(board.events.len(), samples::events().len());
    assert_eq!(board.notice(now).unwrap().text, "the proxy has been restarted");
}

#[test]
fn a_silence_lasts_from_its_first_moment_to_the_next_answer() {
    let mut board = board();
    let start = Instant::now();
    board.handle_silence("refused".to_owned(), start);
    board.handle_silence("no answer".to_owned(), start + Duration::from_secs(5));
    assert_eq!(board.silence, Some((start, "no answer".to_owned())));
    assert!(board.status.is_some(), "what was known last stays");
    board.handle_look(look(), start);
    assert_eq!(board.silence, None);
    assert_eq!(board.notice(start).unwrap().text, "the proxy answers again");
}

#[test]
fn what_became_of_an_order_is_said_for_a_while() {
    let mut board = board();
    let now = Instant::now();
    board.handle_outcome(Err("no".to_owned()), now);
    let notice = Notice { text: "no".to_owned(), is_failure: true };
    assert_eq!(board.notice(now), Some(&notice));
    assert_eq!(board.notice(now + NOTICE_TIME), None);
}

#[test]
fn latencies_are_those_of_the_history() {
    let mut board = board();
    let server = ServerHistory {
        server: "b".to_owned(),
        state: vec![None],
        requests: vec![None],
        errors: vec![None],
        p50_us: vec![Some(1)],
        p95_us: vec![Some(2)],
        p99_us: vec![Some(3)],
    };
    let pool = PoolHistory {
        pool: "main".to_owned(),
        hit_percent: vec![None],
        misplaced_keys: vec![None],
        servers: vec![server],
    };
    let history = History {
        first_at: "2026-11-22T03:00:12.000Z".to_owned(),
        interval_seconds: 1,
        len: 1,
        pools: vec![pool],
    };
    board.handle_look(Look { history: Some(history), ..look() }, Instant::now());
    let latencies = |name: &str| {
        let servers = board.servers();
        let server = servers.iter().find(|server| server.name == name).unwrap();
        board.latencies(server).to_vec()
    };
    assert_eq!(latencies("b"), [Some(3)]);
    assert_eq!(latencies("c"), []);
}
