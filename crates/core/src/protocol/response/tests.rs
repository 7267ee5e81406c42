//! One behaviour a test; every response at every split point.

use proptest::prelude::*;

use super::*;

const GET: Expect = Expect::Retrieval { has_cas: false };

#[track_caller]
fn check_last(input: &[u8], expect: Expect, wanted: Status) {
    match parse_response(input, expect, b"a") {
        ParsedResponse::Last { response, len } => {
            assert_eq!((response.status, len), (wanted, input.len()));
        }
        other => panic!("{other:?}"),
    }
    check_split_points(input, expect);
}

#[track_caller]
fn check_split_points(input: &[u8], expect: Expect) {
    for split in 0..input.len() {
        match parse_response(&input[..split], expect, b"a") {
            ParsedResponse::Incomplete { needed } => {
                assert!(needed > split && needed <= input.len(), "split {split}: {needed}");
            }
            other => panic!("split {split}: {other:?}"),
        }
    }
}

#[track_caller]
fn check_invalid(input: &[u8], expect: Expect, wanted: Invalid) {
    assert_eq!(parse_response(input, expect, b"a"), ParsedResponse::Invalid(wanted));
}

#[test]
fn a_retrieval_is_values_and_then_end() {
    let value = b"VALUE a 0 3\r\nx\r\n\r\n";
    assert_eq!(
        parse_response(value, GET, b""),
        ParsedResponse::Value { key: b"a", len: value.len() }
    );
    check_split_points(value, GET);
    check_last(b"END\r\n", GET, Status::End);
    let cas = b"VALUE a 0 1 77\r\nx\r\n";
    let expect = Expect::Retrieval { has_cas: true };
    assert_eq!(
        parse_response(cas, expect, b""),
        ParsedResponse::Value { key: b"a", len: cas.len() }
    );
    check_invalid(cas, GET, Invalid::Unexpected);
    check_invalid(value, expect, Invalid::Unexpected);
}

#[test]
fn each_command_has_its_own_answers() {
    check_last(b"STORED\r\n", Expect::Store, Status::Done);
    check_last(b"NOT_STORED\r\n", Expect::Store, Status::NotStored);
    check_last(b"EXISTS\r\n", Expect::Store, Status::Exists);
    check_last(b"NOT_FOUND\r\n", Expect::Store, Status::NotFound);
    check_last(b"DELETED\r\n", Expect::Delete, Status::Done);
    check_last(b"TOUCHED\r\n", Expect::Touch, Status::Done);
    check_last(b"18446744073709551615\r\n", Expect::Arithmetic, Status::Done);
    check_last(b"5  \r\n", Expect::Arithmetic, Status::Done);
    check_last(b"OK\r\n", Expect::FlushAll, Status::Done);
    for expect in [GET, Expect::Delete, Expect::Touch, Expect::Arithmetic, Expect::FlushAll] {
        check_invalid(b"STORED\r\n", expect, Invalid::Unexpected);
    }
    for expect in [Expect::Store, Expect::Delete, Expect::Touch, Expect::Arithmetic] {
        check_invalid(b"END\r\n", expect, Invalid::Unexpected);
        check_invalid(b"OK\r\n", expect, Invalid::Unexpected);
        check_invalid(b"VALUE a 0 1\r\nx\r\n", expect, Invalid::Unexpected);
    }
    check_invalid(b"5\r\n", Expect::Store, Invalid::Unexpected);
}

#[test]
fn an_error_line_answers_anything() {
    let metas = [MetaOp::Get, MetaOp::Set].map(Expect::Meta);
    for expect in [GET, Expect::Store, Expect::Arithmetic].into_iter().chain(metas) {
        check_last(b"ERROR\r\n", expect, Status::Error(ErrorKind::UnknownCommand));
        check_last(b"CLIENT_ERROR x\r\n", expect, Status::Error(ErrorKind::Client));
        check_last(b"SERVER_ERROR busy\r\n", expect, Status::Error(ErrorKind::Server));
        let refused = b"ERROR Too many open connections\r\n";
        check_last(refused, expect, Status::Error(ErrorKind::Server));
    }
    check_last(
        b"SERVER_ERROR object too large for cache\r\n",
        Expect::Store,
        Status::Error(ErrorKind::TooLarge),
    );
}

#[test]
fn a_key_that_came_in_base64_may_be_named_in_other_ways() {
    let named = |line: &[u8], op, asked: &[u8]| {
        matches!(parse_response(line, Expect::Meta(op), asked), ParsedResponse::Last { .. })
    };
    assert!(named(b"HD kYQ== b\r\n", MetaOp::Get, b"Y-Q=="));
    assert!(named(b"HD kAAECIA== b\r\n", MetaOp::Get, b"AAECIA=="));
    // memcached has forgotten that it came in base64.
    assert!(named(b"HD k\0\x01\x02  W\r\n", MetaOp::Get, b"AAECIA=="));
    assert!(named(b"ME \0\x01\x02  exp=-1\r\n", MetaOp::Debug, b"AAECIA=="));
    assert!(!named(b"HD k\0\x01\x03  W\r\n", MetaOp::Get, b"AQECIA=="));
    // "a b" and "a\nb": nobody has asked for them to be named.
    assert!(named(b"HD\r\n", MetaOp::Get, b"YSBi"));
    assert!(named(b"HD\r\n", MetaOp::Get, b"YQpi"));
    assert!(!named(b"HD\r\n", MetaOp::Set, b"YQpi"));
}

#[test]
fn an_error_is_passed_on_whole() {
    let line = b"CLIENT_ERROR error decoding key";
    let response = Response { status: Status::Error(ErrorKind::Client), line, value: None };
    let mut output = Vec::new();
    response.write(false, &mut output);
    assert_eq!(output, b"CLIENT_ERROR error decoding key\r\n");
}

#[test]
fn meta_responses_must_name_the_key_that_was_asked() {
    let meta = Expect::Meta;
    check_last(b"VA 1 ka t-1\r\nx\r\n", meta(MetaOp::Get), Status::Hit);
    check_last(b"HD ka\r\n", meta(MetaOp::Get), Status::Hit);
    check_last(b"EN\r\n", meta(MetaOp::Get), Status::Miss);
    check_last(b"HD ka\r\n", meta(MetaOp::Set), Status::Done);
    check_last(b"NS ka\r\n", meta(MetaOp::Set), Status::NotStored);
    check_last(b"NF ka\r\n", meta(MetaOp::Delete), Status::NotFound);
    check_last(b"EX\r\n", meta(MetaOp::Delete), Status::Exists);
    check_last(b"ME a exp=-1\r\n", meta(MetaOp::Debug), Status::Hit);
    check_invalid(b"HD kb\r\n", meta(MetaOp::Set), Invalid::OtherKey);
    check_invalid(b"HD\r\n", meta(MetaOp::Set), Invalid::OtherKey);
    check_invalid(b"VA 1 kb\r\nx\r\n", meta(MetaOp::Get), Invalid::OtherKey);
    check_invalid(b"ME b exp=-1\r\n", meta(MetaOp::Debug), Invalid::OtherKey);
    check_invalid(b"EN\r\n", meta(MetaOp::Set), Invalid::Unexpected);
    check_invalid(b"VA x ka\r\n", meta(MetaOp::Get), Invalid::Unexpected);
}

#[test]
fn a_key_may_come_back_in_base64_or_plain() {
    let check = |asked: &[u8], line: &[u8]| {
        let parsed = parse_response(line, Expect::Meta(MetaOp::Get), asked);
        assert!(matches!(parsed, ParsedResponse::Last { .. }), "{parsed:?}");
    };
    check(b"YWI=", b"HD kYWI= b\r\n");
    check(b"YWI=", b"HD kab\r\n");
    check(b"ab", b"HD kYWI= b\r\n");
}

#[test]
fn the_key_is_taken_out_for_a_caller_that_did_not_ask_for_it() {
    let written = |line: &[u8], returns_key| {
        let parsed = parse_response(line, Expect::Meta(MetaOp::Get), b"YWI=");
        let ParsedResponse::Last { response, .. } = parsed else { panic!("{parsed:?}") };
        let mut output = Vec::new();
        response.write(returns_key, &mut output);
        String::from_utf8(output).unwrap()
    };
    let line = b"VA 1 t-1 kYWI= b O7\r\nx\r\n";
    assert_eq!(written(line, true), "VA 1 t-1 kYWI= b O7\r\nx\r\n");
    assert_eq!(written(line, false), "VA 1 t-1 O7\r\nx\r\n");
    assert_eq!(written(b"HD kab\r\n", false), "HD\r\n");
}

#[test]
fn a_value_that_does_not_end_where_it_should_is_invalid() {
    check_invalid(b"VALUE a 0 1\r\nxyz\r\n", GET, Invalid::BadValue);
    check_invalid(b"VALUE a 0 1073741825\r\n", GET, Invalid::BadValue);
    check_invalid(b"VALUE a 0 18446744073709551616\r\n", GET, Invalid::Unexpected);
    check_invalid(b"VA 1 ka\r\nxyz\r\n", Expect::Meta(MetaOp::Get), Invalid::BadValue);
}

#[test]
fn a_line_may_not_be_endless() {
    let endless = vec![b'x'; RESPONSE_LINE_LEN_MAX + 1];
    check_invalid(&endless, GET, Invalid::LineTooLong);
    let within = vec![b'x'; RESPONSE_LINE_LEN_MAX];
    assert!(matches!(parse_response(&within, GET, b""), ParsedResponse::Incomplete { .. }));
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(
        input in proptest::collection::vec(any::<u8>(), 0..200),
        start in prop_oneof![
            Just(""), Just("VALUE a 0 3\r\n"), Just("VA 3 ka\r\n"), Just("HD "), Just("END")
        ],
    ) {
        let mut bytes = start.as_bytes().to_vec();
        bytes.extend(input);
        for expect in [GET, Expect::Store, Expect::Arithmetic, Expect::Meta(MetaOp::Get)] {
            match parse_response(&bytes, expect, b"a") {
                ParsedResponse::Incomplete { needed } => prop_assert!(needed > bytes.len()),
                ParsedResponse::Value { len, .. } | ParsedResponse::Last { len, .. } => {
                    prop_assert!(len > 0 && len <= bytes.len());
                }
                ParsedResponse::Invalid(_) => {}
            }
        }
    }
}

/// How they may begin, to get further than chance does.
const HEADS: &[&[u8]] = &[b"", b"VALUE a 0 1", b"VALUE key 1 2\r\nxx\r\n"];

/// Bits of a retrieval's response, right and wrong, in any order.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const FRAGMENTS: &[&[u8]] = &[
        b"VALUE ",
        b"VALUE",
        b"END\r\n",
        b"END",
        b"a",
        b"key",
        b" ",
        b" 0",
        b" 1",
        b" 2",
        b" -1",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"x",
        b"xx",
        b" 18446744073709551616",
        b" 00000000000000000000001",
    ];
    prop::collection::vec(prop::sample::select(FRAGMENTS), 1..10).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn what_is_read_in_one_pass_is_read_as_the_grammar_has_it(
        head in prop::sample::select(HEADS),
        rest in fragments(),
        has_cas: bool,
    ) {
        let input = [head, &rest].concat();
        if let Some(parsed) = ordinary_retrieval(&input, has_cas) {
            prop_assert_eq!(parsed, parse_any(&input, Expect::Retrieval { has_cas }, b"a"));
        }
    }
}
