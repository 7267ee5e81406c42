//! How outcomes are worded and parts are merged. One behaviour a test.

use super::*;
use crate::protocol::response::{ErrorKind, ParsedResponse, parse_response};
use crate::protocol::{ParseLimits, Parsed, parse_request};

fn wording_with(request: &str, on_unavailable: OnUnavailable) -> Wording {
    let parsed = parse_request(request.as_bytes(), 0, &ParseLimits::default());
    let Parsed::Request { request, .. } = parsed else { panic!("{parsed:?}") };
    Wording::new(&request, on_unavailable, Vec::new())
}

fn wording(request: &str) -> Wording {
    wording_with(request, OnUnavailable::Miss)
}

/// What the caller of `request` is told when a server says `response`.
#[track_caller]
fn check_response(request: &str, response: &str, wanted: &str) {
    let parsed = parse_request(request.as_bytes(), 0, &ParseLimits::default());
    let Parsed::Request { request: asked, .. } = parsed else { panic!("{parsed:?}") };
    let expect = response::Expect::of(&asked).unwrap();
    let key = request.split([' ', '\r']).nth(1).unwrap_or_default();
    let parsed = parse_response(response.as_bytes(), expect, key.as_bytes());
    let ParsedResponse::Last { response, .. } = parsed else { panic!("{parsed:?}") };
    let mut output = Vec::new();
    wording(request).write_response(b"", &response, &mut output);
    assert_eq!(String::from_utf8(output).unwrap(), wanted, "{request}");
}

#[track_caller]
fn check_failure(request: &str, on_unavailable: OnUnavailable, wanted: &str) {
    let mut output = Vec::new();
    wording_with(request, on_unavailable).write_failure(Failure::Reset, &mut output);
    assert_eq!(String::from_utf8(output).unwrap(), wanted, "{request}");
}

// Responses.

#[test]
fn a_response_is_passed_on_in_the_servers_words() {
    check_response("set a 0 0 0\r\n\r\n", "STORED\r\n", "STORED\r\n");
    check_response("set a 0 0 0\r\n\r\n", "SERVER_ERROR no\r\n", "SERVER_ERROR no\r\n");
    check_response("incr a 1\r\n", "12  \r\n", "12  \r\n");
    check_response("flush_all\r\n", "OK\r\n", "OK\r\n");
    check_response("get a\r\n", "END\r\n", "END\r\n");
    check_response("get a\r\n", "CLIENT_ERROR no\r\n", "CLIENT_ERROR no\r\n");
}

#[test]
fn noreply_hears_nothing_not_even_an_error() {
    for (request, response) in [
        ("set a 0 0 0 noreply\r\n\r\n", "SERVER_ERROR no\r\n"),
        ("delete a noreply\r\n", "DELETED\r\n"),
        ("incr a 1 noreply\r\n", "NOT_FOUND\r\n"),
        ("touch a 1 noreply\r\n", "TOUCHED\r\n"),
        ("flush_all noreply\r\n", "OK\r\n"),
    ] {
        check_response(request, response, "");
        check_failure(request, OnUnavailable::Error, "");
    }
}

#[test]
fn a_quiet_request_hears_what_is_not_ordinary() {
    for (request, response, wanted) in [
        ("mg a v q\r\n", "EN\r\n", ""),
        ("mg a v q\r\n", "VA 1 ka\r\nx\r\n", "VA 1\r\nx\r\n"),
        ("mg a q\r\n", "HD ka\r\n", "HD\r\n"),
        ("ms a 0 q\r\n\r\n", "HD ka\r\n", ""),
        ("ms a 0 q\r\n\r\n", "NS ka\r\n", "NS\r\n"),
        ("md a q\r\n", "HD ka\r\n", ""),
        ("md a q\r\n", "NF ka\r\n", "NF\r\n"),
        ("ma a q\r\n", "HD ka\r\n", ""),
        ("ma a q v\r\n", "VA 1 ka\r\n5\r\n", ""),
        ("ma a q\r\n", "NF ka\r\n", "NF\r\n"),
        ("me a q\r\n", "EN\r\n", "EN\r\n"),
        ("mg a v q\r\n", "SERVER_ERROR no\r\n", "SERVER_ERROR no\r\n"),
    ] {
        check_response(request, response, wanted);
    }
}

#[test]
fn the_key_of_a_meta_response_is_shown_to_who_asked_for_it() {
    check_response("mg a v\r\n", "VA 1 ka f0\r\nx\r\n", "VA 1 f0\r\nx\r\n");
    check_response("mg a v k\r\n", "VA 1 ka\r\nx\r\n", "VA 1 ka\r\nx\r\n");
    check_response("mg YQ== b v\r\n", "VA 1 kYQ== b\r\nx\r\n", "VA 1\r\nx\r\n");
    check_response("mg YQ== b v k\r\n", "VA 1 kYQ== b\r\nx\r\n", "VA 1 kYQ== b\r\nx\r\n");
    check_response("me a\r\n", "ME a exp=-1\r\n", "ME a exp=-1\r\n");
}

#[test]
fn only_a_server_error_to_a_read_is_a_failure() {
    let statuses = [
        (Status::Error(ErrorKind::Server), true),
        (Status::Error(ErrorKind::Client), false),
        (Status::Error(ErrorKind::TooLarge), false),
        (Status::Error(ErrorKind::UnknownCommand), false),
        (Status::End, false),
        (Status::Miss, false),
    ];
    for (status, is_failure) in statuses {
        assert_eq!(wording("get a\r\n").is_failure(status), is_failure, "{status:?}");
        assert_eq!(wording("mg a\r\n").is_failure(status), is_failure, "{status:?}");
        assert!(!wording("set a 0 0 0\r\n\r\n").is_failure(status), "{status:?}");
    }
}

// Failures.

#[test]
fn a_read_that_failed_is_a_miss() {
    for (request, wanted) in [
        ("get a\r\n", "END\r\n"),
        ("gats 1 a\r\n", "END\r\n"),
        ("mg a v\r\n", "EN\r\n"),
        ("mg a v k O1\r\n", "EN ka O1\r\n"),
        ("mg a O1 v k\r\n", "EN O1 ka\r\n"),
        ("mg YQ== b k\r\n", "EN kYQ== b\r\n"),
        ("mg YQ== b O1\r\n", "EN O1\r\n"),
        ("mg a v q\r\n", ""),
        ("me a\r\n", "EN\r\n"),
    ] {
        check_failure(request, OnUnavailable::Miss, wanted);
    }
}

#[test]
fn a_read_that_failed_is_an_error_if_the_pool_says_so() {
    for request in ["get a\r\n", "mg a v\r\n", "mg a v q\r\n", "me a\r\n"] {
        let wanted = "SERVER_ERROR evenkeel: connection reset\r\n";
        check_failure(request, OnUnavailable::Error, wanted);
    }
}

#[test]
fn a_write_that_failed_says_so() {
    for request in [
        "set a 0 0 0\r\n\r\n",
        "delete a\r\n",
        "incr a 1\r\n",
        "touch a 1\r\n",
        "flush_all\r\n",
        "ms a 0 q\r\n\r\n",
        "md a q\r\n",
        "ma a\r\n",
    ] {
        let wanted = "SERVER_ERROR evenkeel: connection reset\r\n";
        check_failure(request, OnUnavailable::Miss, wanted);
    }
}

#[test]
fn fixed_words_are_said_whatever_comes() {
    let mut output = Vec::new();
    let wording = Wording::fixed(b"NO\r\n", false);
    wording.write_failure(Failure::Reset, &mut output);
    let response = Response { status: Status::Done, line: b"DELETED", value: None };
    wording.write_response(b"", &response, &mut output);
    assert_eq!(output, b"NO\r\nNO\r\n");
    output.clear();
    Wording::fixed(b"NO\r\n", true).write_failure(Failure::Reset, &mut output);
    Wording::fixed(b"NO\r\n", true).write_response(b"", &response, &mut output);
    assert_eq!(output, b"");
}

// Parts.

/// A split over parts of (keys, those of them found, in order), for keys that went to these parts.
fn split(parts: &[(&str, &[&str])], part_of_key: &[Option<u16>]) -> Split {
    let parts = parts.iter().map(|(keys, found)| {
        let mut part = Part::default();
        let mut found = found.iter().peekable();
        for key in keys.split(' ') {
            let value = format!("VALUE {key} 0 1\r\nx\r\n");
            let value = if found.next_if_eq(&&key).is_some() { value.as_bytes() } else { b"" };
            part.value_lens.push(u32::try_from(value.len()).unwrap());
            part.body.extend_from_slice(value);
        }
        part
    });
    Split { parts: parts.collect(), part_of_key: part_of_key.to_vec(), ..Split::default() }
}

#[track_caller]
fn check_merged(mut split: Split, wanted: &[&str]) {
    let mut output = Vec::new();
    split.write(&wording("get a b\r\n"), &mut output);
    let output = String::from_utf8(output).unwrap();
    let (values, end) = output.split_at(output.len() - "END\r\n".len());
    assert_eq!(end, "END\r\n");
    let keys: Vec<_> = values.lines().step_by(2).map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(keys, wanted.iter().copied().map(Some).collect::<Vec<_>>());
}

#[test]
fn values_are_merged_in_the_order_of_the_keys() {
    let parts: &[(&str, &[&str])] = &[("a c e", &["a", "c", "e"]), ("b d", &["b", "d"])];
    let order = [0, 1, 0, 1, 0].map(Some);
    check_merged(split(parts, &order), &["a", "b", "c", "d", "e"]);
}

#[test]
fn misses_are_left_out() {
    let parts: &[(&str, &[&str])] = &[("a c e", &["e"]), ("b d", &["b"])];
    check_merged(split(parts, &[0, 1, 0, 1, 0].map(Some)), &["b", "e"]);
    let parts: &[(&str, &[&str])] = &[("a", &[]), ("b", &["b"])];
    check_merged(split(parts, &[Some(0), None, Some(1)]), &["b"]);
}

#[test]
fn a_key_named_twice_takes_one_value_each_time() {
    let parts: &[(&str, &[&str])] = &[("a b a", &["a", "b", "a"])];
    check_merged(split(parts, &[0, 0, 0].map(Some)), &["a", "b", "a"]);
}

#[test]
fn a_part_without_outcome_contributes_misses() {
    let mut parts = split(&[("a", &["a"])], &[Some(0), Some(1)]);
    parts.parts.push(Part::default());
    check_merged(parts, &["a"]);
}

#[test]
fn one_part_that_failed_is_an_error_if_the_pool_says_so() {
    let mut parts = split(&[("a", &["a"]), ("", &[])], &[Some(0), Some(1)]);
    parts.note_failure(Failure::Reset, OnUnavailable::Miss);
    parts.note_failure(Failure::Timeout, OnUnavailable::Error);
    let mut output = Vec::new();
    parts.write(&wording("get a b\r\n"), &mut output);
    assert_eq!(output, b"SERVER_ERROR evenkeel: timed out\r\n");
}

#[test]
fn values_of_keys_without_their_prefixes_have_them_again() {
    let mut parts = split(&[("1 2 1", &["1", "2", "1"])], &[Some(0), None, Some(0), Some(0)]);
    parts.stripped_keys = vec![(0, 2), (1, 3), (3, 1)];
    parts.stripped = b"a:bc:x".to_vec();
    check_merged(parts, &["a:1", "2", "x1"]);
}

#[test]
fn flush_all_is_done_if_every_part_is() {
    for (request, failure, wanted) in [
        ("flush_all\r\n", None, "OK\r\n"),
        ("flush_all\r\n", Some(Failure::Reset), "SERVER_ERROR evenkeel: connection reset\r\n"),
        ("flush_all noreply\r\n", None, ""),
        ("flush_all noreply\r\n", Some(Failure::Reset), ""),
    ] {
        let mut output = Vec::new();
        Split { failure, ..Split::default() }.write(&wording(request), &mut output);
        assert_eq!(String::from_utf8(output).unwrap(), wanted);
    }
}

#[test]
fn the_first_outcome_of_a_part_is_the_one_that_counts() {
    let mut exchange =
        Exchange::new(Asker::Session(SessionId::default()), Instant::ZERO, wording("get a b\r\n"));
    exchange.split = Some(Box::new(split(&[("a", &[]), ("b", &[])], &[Some(0), Some(1)])));
    assert!(exchange.waits_for(0) && exchange.waits_for(1));
    exchange.split.as_mut().unwrap().parts[0].has_outcome = true;
    assert!(!exchange.waits_for(0) && exchange.waits_for(1));
}
