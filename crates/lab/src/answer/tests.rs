//! What the real memcached cannot be asked, because its clock cannot be moved or its answer is
//! ours alone. The rest is in `tests/differential`.

use evenkeel_core::protocol::parse::{ParseLimits, Parsed, parse_request};

use super::*;
use crate::store::StoreLimits;
use crate::store::clock::UnixTime;

const START: u64 = 2_000_000_000;

/// A store that is asked in text.
struct Desk {
    store: Store,
    facts: ServerFacts,
}

impl Desk {
    fn new() -> Self {
        let now = UnixTime::from_seconds(START);
        let facts = ServerFacts { pid: 42, ..ServerFacts::default() };
        Self { store: Store::new(StoreLimits::default(), now), facts }
    }

    #[track_caller]
    fn ask(&mut self, text: &str) -> String {
        let mut output = Vec::new();
        match parse_request(text.as_bytes(), 0, &ParseLimits::default()) {
            Parsed::Request { request, .. } => {
                answer(&mut self.store, &self.facts, &request, &mut output);
            }
            other => panic!("{text:?} is no request: {other:?}"),
        }
        String::from_utf8(output).unwrap()
    }

    fn advance(&mut self, seconds: u64) {
        let now = self.store.now().as_seconds() + seconds;
        self.store.advance_to(UnixTime::from_seconds(now));
    }
}

#[test]
fn the_time_left_counts_down() {
    let mut desk = Desk::new();
    desk.ask("ms a 1 T100\r\n1\r\n");
    desk.advance(40);
    assert_eq!(desk.ask("mg a t\r\n"), "HD t60\r\n");
    assert_eq!(desk.ask("me a\r\n"), "ME a exp=-60 la=0 cas=1 fetch=yes cls=1 size=61\r\n");
    desk.advance(60);
    assert_eq!(desk.ask("mg a t\r\n"), "EN\r\n");
}

#[test]
fn the_last_access_is_told_from_before_the_request() {
    let mut desk = Desk::new();
    desk.ask("ms a 1\r\n1\r\n");
    desk.advance(10);
    assert_eq!(desk.ask("mg a l h u\r\n"), "HD l10 h0\r\n");
    assert_eq!(desk.ask("mg a l h\r\n"), "HD l10 h0\r\n");
    desk.advance(5);
    assert_eq!(desk.ask("mg a l h\r\n"), "HD l5 h1\r\n");
}

#[test]
fn one_caller_wins_the_right_to_recache_an_item_that_is_about_to_expire() {
    let mut desk = Desk::new();
    desk.ask("ms a 1 T100\r\n1\r\n");
    assert_eq!(desk.ask("mg a R30\r\n"), "HD\r\n");
    desk.advance(70);
    assert_eq!(desk.ask("mg a R30\r\n"), "HD\r\n", "30 seconds are left, not fewer");
    desk.advance(1);
    assert_eq!(desk.ask("mg a R30\r\n"), "HD W\r\n");
    assert_eq!(desk.ask("mg a R30\r\n"), "HD Z\r\n");
}

#[test]
fn statistics_count_what_was_asked() {
    let mut desk = Desk::new();
    desk.ask("set a 0 0 1\r\n1\r\n");
    desk.ask("get a b\r\n");
    desk.ask("delete b\r\n");
    let stats = desk.ask("stats\r\n");
    for line in [
        "STAT pid 42\r\n",
        "STAT uptime 0\r\n",
        "STAT cmd_get 2\r\n",
        "STAT get_hits 1\r\n",
        "STAT get_misses 1\r\n",
        "STAT cmd_set 1\r\n",
        "STAT delete_misses 1\r\n",
        "STAT curr_items 1\r\n",
    ] {
        assert!(stats.contains(line), "{line:?} in {stats}");
    }
    assert!(stats.ends_with("END\r\n"));
    assert_eq!(desk.ask("stats reset\r\n"), "RESET\r\n");
    assert!(desk.ask("stats\r\n").contains("STAT cmd_get 0\r\n"));
}

#[test]
fn statistics_are_named_as_in_memcached() {
    let mut desk = Desk::new();
    for kind in ["settings", "items", "slabs", "sizes", "conns"] {
        assert!(desk.ask(&format!("stats {kind}\r\n")).ends_with("END\r\n"), "{kind}");
    }
}

#[test]
fn a_retrieval_can_be_answered_in_parts() {
    let mut desk = Desk::new();
    for key in ["a", "b", "c"] {
        desk.ask(&format!("set {key} 0 0 10\r\n{}\r\n", key.repeat(10)));
    }
    let whole = desk.ask("get a b missing c\r\n");
    let line = b"get a b missing c\r\n";
    let Parsed::Request { request: Request::Retrieve { how, keys }, .. } =
        parse_request(line, 0, &ParseLimits::default())
    else {
        panic!("{line:?} is a retrieval");
    };
    let (mut parts, mut done, mut count) = (Vec::new(), Some(0), 0);
    while let Some(idx) = done {
        let mut output = Vec::new();
        done = retrieve(&mut desk.store, how, keys, idx, 1, &mut output);
        parts.extend_from_slice(&output);
        count += 1;
    }
    assert_eq!(String::from_utf8(parts).unwrap(), whole);
    assert_eq!(count, 3, "one for each value; the end goes with the last");
}
