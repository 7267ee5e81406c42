//! One behaviour a test; every request at every split point.

use proptest::prelude::*;

use super::*;
use crate::protocol::encode;
use crate::protocol::meta::DecodedKey;
use crate::protocol::request::{MetaOp, MetaRequest};

const LIMITS: ParseLimits = ParseLimits { item_size_max: 1000, keys_per_get_max: 3 };

fn parse(input: &[u8]) -> Parsed<'_> {
    parse_request(input, 0, &LIMITS)
}

#[track_caller]
fn check(input: &[u8], wanted: Request<'_>) {
    assert_eq!(parse(input), Parsed::Request { request: wanted, len: input.len() });
    check_split_points(input);
    let mut and_more = input.to_vec();
    and_more.extend_from_slice(b"get x\r\n");
    assert_eq!(parse(&and_more), Parsed::Request { request: wanted, len: input.len() });
}

/// Every shorter input is incomplete and says so in a way that lets the caller go on.
#[track_caller]
fn check_split_points(input: &[u8]) {
    for split in 0..input.len() {
        match parse(&input[..split]) {
            Parsed::Incomplete { needed, scanned } => {
                assert!(needed > split && needed <= input.len(), "split {split}: {needed}");
                let resumed = parse_request(input, scanned, &LIMITS);
                assert_eq!(resumed, parse(input), "split {split}");
            }
            other => panic!("split {split}: {other:?}"),
        }
    }
}

#[track_caller]
fn check_refused(input: &[u8], refusal: Refusal, len: usize, swallow: u64) {
    match parse(input) {
        Parsed::Refused(refused) => {
            assert_eq!((refused.refusal, refused.len, refused.swallow), (refusal, len, swallow));
        }
        other => panic!("{other:?}"),
    }
}

/// Refused, all of it, with nothing to swallow.
#[track_caller]
fn check_refused_whole(input: &[u8], refusal: Refusal) {
    check_refused(input, refusal, input.len(), 0);
}

fn keys(raw: &[u8]) -> Keys<'_> {
    Keys::from_checked(raw, Tokens::new(raw).count())
}

fn set<'a>(key: &'a [u8], value: &'a [u8]) -> Request<'a> {
    Request::Store { op: StoreOp::Set, key, client_flags: 0, exptime: 0, value, noreply: false }
}

#[test]
fn retrievals_name_one_or_more_keys() {
    let retrieve = |how, raw| Request::Retrieve { how, keys: keys(raw) };
    check(b"get a\r\n", retrieve(Retrieval::Get, b"a"));
    check(b"get a\n", retrieve(Retrieval::Get, b"a"));
    check(b"  get  a \r\n", retrieve(Retrieval::Get, b"a"));
    check(b"get a b a\r\n", retrieve(Retrieval::Get, b"a b a"));
    check(b"gets a b\r\n", retrieve(Retrieval::Gets, b"a b"));
    check(b"gat 30 a\r\n", retrieve(Retrieval::Gat(30), b"a"));
    check(b"gats -1 a b\r\n", retrieve(Retrieval::Gats(-1), b"a b"));
    assert_eq!(keys(b"a  b a ").iter().collect::<Vec<_>>(), [b"a", b"b", b"a"]);
}

#[test]
fn store_commands_carry_their_value() {
    check(b"set a 0 0 1\r\nx\r\n", set(b"a", b"x"));
    check(b"set a 0 0 0\r\n\r\n", set(b"a", b""));
    check(b"set a 0 0 1 whatever\r\nx\r\n", set(b"a", b"x"));
    let op = StoreOp::Cas(u64::MAX);
    let (key, value) = (&b"a"[..], &b"\r\n\0"[..]);
    check(
        b"cas a 4294967295 -1 3 18446744073709551615 noreply\r\n\r\n\0\r\n",
        Request::Store { op, key, client_flags: u32::MAX, exptime: -1, value, noreply: true },
    );
    for (name, op) in [
        ("add", StoreOp::Add),
        ("replace", StoreOp::Replace),
        ("append", StoreOp::Append),
        ("prepend", StoreOp::Prepend),
    ] {
        let input = format!("{name} a 1 2 2\r\nxy\r\n");
        let value = b"xy";
        check(
            input.as_bytes(),
            Request::Store { op, key, client_flags: 1, exptime: 2, value, noreply: false },
        );
    }
}

#[test]
fn short_commands_parse() {
    let key = &b"a"[..];
    check(b"delete a\r\n", Request::Delete { key, noreply: false });
    check(b"delete a 0\r\n", Request::Delete { key, noreply: false });
    check(b"delete a 0 noreply\r\n", Request::Delete { key, noreply: true });
    check(b"delete a noreply\r\n", Request::Delete { key, noreply: true });
    let (op, delta) = (ArithmeticOp::Incr, u64::MAX);
    check(
        b"incr a 18446744073709551615\r\n",
        Request::Arithmetic { op, key, delta, noreply: false },
    );
    let op = ArithmeticOp::Decr;
    check(b"decr a 1 noreply\r\n", Request::Arithmetic { op, key, delta: 1, noreply: true });
    check(b"touch a 9\r\n", Request::Touch { key, exptime: 9, noreply: false });
    check(b"flush_all\r\n", Request::FlushAll { delay: 0, noreply: false });
    check(b"flush_all 5 noreply\r\n", Request::FlushAll { delay: 5, noreply: true });
    check(b"flush_all 0 0\r\n", Request::FlushAll { delay: 0, noreply: false });
    check(b"flush_all noreply\r\n", Request::FlushAll { delay: 0, noreply: true });
    check(b"verbosity 1 noreply\r\n", Request::Verbosity { noreply: true });
    check(b"version\r\n", Request::Version);
    check(b"stats settings\r\n", Request::Stats { arg: b"settings" });
    check(b"mn\r\n", Request::MetaNoop);
    check(b"quit\r\n", Request::Quit);
}

#[test]
fn meta_requests_keep_their_flags_as_written() {
    let plain = MetaRequest {
        op: MetaOp::Get,
        key: b"a",
        flags: b"v t",
        value: None,
        base64_key: false,
        quiet: false,
        returns_key: false,
    };
    check(b"mg a v t\r\n", Request::Meta(plain));
    let flags = &b"q k O9 b"[..];
    let all = MetaRequest { flags, quiet: true, returns_key: true, base64_key: true, ..plain };
    check(b"mg YQ== q k O9 b\r\n", Request::Meta(MetaRequest { key: b"YQ==", ..all }));
    let set = MetaRequest { op: MetaOp::Set, flags: b"T0", value: Some(b"xy"), ..plain };
    check(b"ms a 2 T0\r\nxy\r\n", Request::Meta(set));
    let plain = MetaRequest { flags: b"", ..plain };
    check(b"md a\r\n", Request::Meta(MetaRequest { op: MetaOp::Delete, ..plain }));
    check(b"ma a\r\n", Request::Meta(MetaRequest { op: MetaOp::Arithmetic, ..plain }));
    check(b"me a\r\n", Request::Meta(MetaRequest { op: MetaOp::Debug, ..plain }));
}

#[test]
fn a_base64_key_is_known_by_what_it_stands_for() {
    let Parsed::Request { request: Request::Meta(meta), .. } = parse(b"mg YWI= b\r\n") else {
        panic!("parses");
    };
    meta.with_real_key(|key| assert_eq!(key, b"ab"));
}

#[test]
fn bad_lines_get_memcacheds_words() {
    check_refused_whole(b"\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"GET a\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"get\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"set a 0 0\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"set a 0 0 -1\r\n", Refusal::BadFormat);
    check_refused_whole(b"set a 0 0 x\r\n", Refusal::BadFormat);
    check_refused_whole(b"gat x a\r\n", Refusal::BadExptime);
    check_refused_whole(b"touch a x\r\n", Refusal::BadExptime);
    check_refused_whole(b"incr a\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"incr a -1\r\n", Refusal::BadDelta);
    check_refused_whole(b"delete a 5\r\n", Refusal::DeleteUsage);
    check_refused_whole(b"gat 5\r\n", Refusal::NoKeys);
    check_refused_whole(b"GET / HTTP/1.1\r\n", Refusal::Http);
    check_refused_whole(b"set / HTTP/1.1\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"mg a z v v\r\n", Refusal::BadFlag);
    check_refused_whole(b"delete a 0 0 0\r\n", Refusal::UnknownCommand);
    check_refused_whole(b"flush_all x\r\n", Refusal::BadExptime);
    check_refused_whole(b"verbosity x\r\n", Refusal::BadFormat);
    check_refused_whole(b"mg a v v\r\n", Refusal::DuplicateFlag);
    check_refused_whole(b"md a q q\r\n", Refusal::BadOrDuplicateFlag);
    check_refused_whole(b"me\r\n", Refusal::BadFormat);
    check_refused_whole(b"ms a\r\n", Refusal::BadFormat);
    check_refused_whole(b"watch\r\n", Refusal::PerServer);
}

#[test]
fn a_key_has_at_most_250_bytes() {
    let longest = "k".repeat(250);
    check(format!("delete {longest}\r\n").as_bytes(), {
        Request::Delete { key: longest.as_bytes(), noreply: false }
    });
    let too_long = "k".repeat(251);
    for command in ["get a ", "delete ", "mg ", "gat 0 "] {
        check_refused_whole(format!("{command}{too_long}\r\n").as_bytes(), Refusal::BadFormat);
    }
}

#[test]
fn a_line_ends_before_a_nul() {
    check(b"get a\0b c\r\n", Request::Retrieve { how: Retrieval::Get, keys: keys(b"a") });
    check_refused_whole(b"\0get a\r\n", Refusal::UnknownCommand);
}

#[test]
fn numbers_are_read_as_memcached_reads_them() {
    let key = b"a";
    let request =
        |delta| Request::Arithmetic { op: ArithmeticOp::Incr, key, delta, noreply: false };
    check(b"incr a +5\r\n", request(5));
    check(b"incr a 5\tx\r\n", request(5));
    check(b"touch a 4294967301\r\n", Request::Touch { key, exptime: 5, noreply: false });
    let set = |client_flags, exptime| Request::Store {
        op: StoreOp::Set,
        key,
        client_flags,
        exptime,
        value: b"x",
        noreply: false,
    };
    check(b"set a 4294967301 0 1\r\nx\r\n", set(5, 0));
    check(b"set a 0 4000000000 +1\r\nx\r\n", set(0, -294_967_296));
    check(b"set a 0 0 000000000000000000000001\r\nx\r\n", set(0, 0));
}

#[test]
fn a_length_of_two_gibibytes_and_more_is_swallowed_whatever_memcached_makes_of_it() {
    check_refused(b"set a 0 0 2147483645\r\n", Refusal::TooLarge, 22, 2_147_483_647);
    check_refused(b"set a 0 0 2147483646\r\n", Refusal::BadFormat, 22, 2_147_483_648);
    check_refused(b"set a 0 0 4294967297\r\n", Refusal::BadFormat, 22, 4_294_967_299);
    check_refused(b"ms a 4294967297\r\n", Refusal::BadFormat, 17, 4_294_967_299);
    check_refused_whole(b"set a 0 0 -4294967295\r\n", Refusal::BadFormat);
    check_refused_whole(b"set a 0 0 9223372036854775808\r\n", Refusal::BadFormat);
}

#[test]
fn noreply_at_the_end_silences_a_refused_line() {
    let noreply = |input: &'static [u8]| match parse(input) {
        Parsed::Refused(refused) => refused.noreply,
        other => panic!("{other:?}"),
    };
    for input in [
        &b"touch a noreply\r\n"[..],
        b"incr a noreply\r\n",
        b"delete a b noreply\r\n",
        b"flush_all x noreply\r\n",
        b"verbosity noreply\r\n",
        b"set a 0 0 noreply\r\n",
    ] {
        assert!(noreply(input), "{}", input.escape_ascii());
    }
    // The number of words is wrong, and nobody looks at them.
    assert!(!noreply(b"touch noreply\r\n"));
    assert!(!noreply(b"set a 0 noreply\r\n"));
    assert!(!noreply(b"delete a noreply 0\r\n"));
}

#[test]
fn a_value_too_large_is_told_after_what_is_wrong_with_its_line() {
    check_refused(b"set a x 0 1001\r\n", Refusal::BadFormat, 16, 1003);
    check_refused(b"ms a 1001 Tx\r\n", Refusal::BadToken, 14, 1003);
    check_refused(b"ms a 1001 MX\r\n", Refusal::BadMode, 14, 1003);
    check_refused(b"ms a 1001 E5\r\n", Refusal::TooLarge, 14, 1003);
}

#[test]
fn more_flags_than_a_server_counts_are_never_sent() {
    let flags = "b c f h l s t u v O1 N0 R0 T0 F0 C0 I";
    let refused = |input: String, refusal| check_refused(input.as_bytes(), refusal, input.len(), 0);
    refused(format!("mg YQ== {flags} P\r\n"), Refusal::TooManyFlagsOfGet);
    refused(format!("md YQ== {flags} P\r\n"), Refusal::TooManyFlags);
    // Its value would be run as commands.
    refused(format!("ms YQ== 1 {flags}\r\nx\r\n"), Refusal::TooManyFlags);
    assert!(matches!(parse(format!("mg YQ== {flags} k\r\n").as_bytes()), Parsed::Request { .. }));
}

#[test]
fn a_key_that_would_end_a_line_is_never_asked_to_be_named() {
    check_refused_whole(b"me YQpi b\r\n", Refusal::BadFormat);
    let sent = |input: &'static [u8]| {
        let Parsed::Request { request, .. } = parse(input) else { panic!("parses") };
        let mut output = Vec::new();
        encode::request(&request, &mut output);
        String::from_utf8(output).expect("it is text")
    };
    assert_eq!(sent(b"mg YQpi b k v\r\n"), "mg YQpi b v\r\n");
    assert_eq!(sent(b"mg YSBi b v\r\n"), "mg YSBi b v\r\n");
    assert_eq!(sent(b"mg YSBi b k v\r\n"), "mg YSBi b k v\r\n");
    assert_eq!(sent(b"md YQpi b\r\n"), "md YQpi b k\r\n");
}

#[test]
fn one_key_more_than_allowed_is_refused() {
    check(b"get a b c\r\n", Request::Retrieve { how: Retrieval::Get, keys: keys(b"a b c") });
    check_refused_whole(b"get a b c d\r\n", Refusal::TooManyKeys);
}

#[test]
fn a_value_of_just_the_limit_is_taken_and_one_byte_more_is_swallowed() {
    let value = vec![b'x'; 1000];
    let mut input = b"set a 0 0 1000\r\n".to_vec();
    input.extend_from_slice(&value);
    input.extend_from_slice(b"\r\n");
    assert_eq!(parse(&input), Parsed::Request { request: set(b"a", &value), len: input.len() });
    check_refused(b"set a 0 0 1001\r\nxx", Refusal::TooLarge, 16, 1003);
    check_refused(b"add a 0 0 1073741824\r\n", Refusal::TooLarge, 22, 1_073_741_826);
}

#[test]
fn an_oversized_set_still_removes_the_old_value() {
    let invalidates = |input: &'static [u8]| match parse(input) {
        Parsed::Refused(refused) => refused.invalidates,
        other => panic!("{other:?}"),
    };
    let delete = Request::Delete { key: b"a", noreply: false };
    assert_eq!(invalidates(b"set a 0 0 1001\r\n"), Some(delete));
    assert_eq!(invalidates(b"add a 0 0 1001\r\n"), None);
    match invalidates(b"ms YQ== 1001 b k T0\r\n") {
        Some(Request::Meta(meta)) => {
            assert_eq!((meta.op, meta.key, meta.flags), (MetaOp::Delete, &b"YQ=="[..], &b"b"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_oversized_set_of_a_bad_key_removes_nothing() {
    let input = format!("set {} 0 0 1001\r\n", "k".repeat(251));
    match parse(input.as_bytes()) {
        Parsed::Refused(refused) => assert_eq!(refused.invalidates, None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_store_never_runs_its_value_as_commands() {
    check_refused(b"set a b 0 11\r\n", Refusal::BadFormat, 14, 13);
    check_refused_whole(b"set a b 0 9\r\nflush_all\r\n", Refusal::BadFormat);
    let long_key = format!("set {} 0 0 9\r\nflush_all\r\n", "k".repeat(251));
    check_refused_whole(long_key.as_bytes(), Refusal::BadFormat);
}

#[test]
fn a_value_longer_than_announced_is_a_bad_data_chunk() {
    check_refused(b"set a 0 0 3\r\nabcdef\r\n", Refusal::BadDataChunk, 18, 0);
    check_refused(b"ms a 3\r\nabcdef\r\n", Refusal::BadDataChunk, 13, 0);
}

#[test]
fn noreply_silences_a_refused_value() {
    for input in [&b"set a 0 0 3 noreply\r\nabcdef\r\n"[..], b"set a 0 0 x noreply\r\n"] {
        match parse(input) {
            Parsed::Refused(refused) => assert!(refused.noreply),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_endless_line_is_refused_at_its_limit() {
    let line = vec![b'x'; LINE_LEN_MAX];
    assert!(matches!(parse(&line), Parsed::Incomplete { .. }));
    let line = vec![b'x'; LINE_LEN_MAX + 1];
    check_refused_whole(&line, Refusal::LineTooLong);
    let mut get = b"get ".to_vec();
    get.resize(line_len_max(b"get", &LIMITS), b'x');
    assert!(matches!(parse(&get), Parsed::Incomplete { .. }));
    get.push(b'x');
    check_refused_whole(&get, Refusal::LineTooLong);
}

#[test]
fn the_binary_protocol_is_told_by_its_first_byte() {
    check_refused_whole(b"\x80", Refusal::BinaryProtocol);
    check_refused_whole(b"\x80\x00\x00\x03\nkey", Refusal::BinaryProtocol);
    assert!(Refusal::BinaryProtocol.ends_session());
    assert!(matches!(parse(b"\x7f"), Parsed::Incomplete { .. }));
}

#[test]
fn a_server_is_always_asked_for_one_response_that_names_its_key() {
    let encoded = |input: &'static [u8]| {
        let Parsed::Request { request, .. } = parse(input) else { panic!("parses") };
        let mut output = Vec::new();
        let span = encode::request(&request, &mut output);
        (String::from_utf8(output.clone()).unwrap(), output[span].to_vec())
    };
    let check = |input, wanted: &str, key: &[u8]| {
        assert_eq!(encoded(input), (wanted.to_owned(), key.to_vec()));
    };
    check(b"get  a  b \r\n", "get a b\r\n", b"a b");
    check(b"gats 5 a\r\n", "gats 5 a\r\n", b"a");
    check(b"set a 1 2 1 noreply\r\nx\r\n", "set a 1 2 1\r\nx\r\n", b"a");
    check(b"cas a 1 2 1 7 noreply\r\nx\r\n", "cas a 1 2 1 7\r\nx\r\n", b"a");
    check(b"delete a noreply\r\n", "delete a\r\n", b"a");
    check(b"incr a 5 noreply\r\n", "incr a 5\r\n", b"a");
    check(b"touch a 5 noreply\r\n", "touch a 5\r\n", b"a");
    check(b"mg a q v\r\n", "mg a v k\r\n", b"a");
    check(b"mg a qx vx\r\n", "mg a vx k\r\n", b"a");
    check(b"ms a 1 q k T9\r\nx\r\n", "ms a 1 k T9\r\nx\r\n", b"a");
    check(b"me a\r\n", "me a\r\n", b"a");
    check(b"me a x b\r\n", "me a\r\n", b"a");
    check(b"flush_all 3 noreply\r\n", "flush_all 3\r\n", b"");
}

#[test]
fn a_key_of_any_bytes_can_be_deleted() {
    let mut longest = [b'k'; KEY_LEN_MAX];
    longest[7] = b'\r';
    let base64 = DecodedKey::new(&[b'A'; 248]).expect("it is base64");
    for key in [b"k", &longest[..], b"k\r", b"\r", b"a b", b"a\n", base64.as_slice()] {
        let mut output = Vec::new();
        encode::delete(key, &mut output);
        let Parsed::Request { request, len } = parse(&output) else { panic!("{output:?}") };
        assert_eq!(len, output.len());
        match request {
            Request::Meta(meta) => meta.with_real_key(|real| assert_eq!(real, key)),
            other => assert_eq!(other.key(), Some(key)),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic_and_with_progress(
        input in proptest::collection::vec(any::<u8>(), 0..300)
    ) {
        match parse(&input) {
            Parsed::Incomplete { needed, scanned } => {
                prop_assert!(needed > input.len());
                prop_assert!(scanned <= input.len());
            }
            Parsed::Request { len, .. } | Parsed::Refused(Refused { len, .. }) => {
                prop_assert!(len > 0 && len <= input.len());
            }
        }
    }

    #[test]
    fn bytes_that_look_like_commands_are_judged_the_same_at_every_split(
        words in proptest::collection::vec(
            prop_oneof![
                Just("get"), Just("set"), Just("ms"), Just("mg"), Just("a"), Just("0"), Just("1"),
                Just("noreply"), Just("q"), Just("b"), Just("\r\n"), Just("x"), Just("cas"),
            ],
            1..12,
        )
    ) {
        let input = words.join(" ").into_bytes();
        let whole = parse(&input);
        for split in 0..input.len() {
            if let Parsed::Incomplete { scanned, .. } = parse(&input[..split]) {
                prop_assert_eq!(parse_request(&input, scanned, &LIMITS), whole);
            }
        }
    }
}

/// How they may begin, to get further than chance does.
const HEADS: &[&[u8]] = &[b"", b"get a", b"gets a b", b"set a 0 0 1", b"set a 0 0 2\r\n"];

/// Bits of requests, right and wrong, in any order.
fn fragments() -> impl Strategy<Value = Vec<u8>> {
    const FRAGMENTS: &[&[u8]] = &[
        b"get ",
        b"gets ",
        b"set ",
        b"get",
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
        b"\x01",
        b"\t",
        b"x",
        b"xx",
        b" noreply",
        b" 4294967296",
        b" 9223372036854775808",
        b" 18446744073709551616",
        b" 1001",
        b"\x80",
        &[b'k'; 250],
    ];
    prop::collection::vec(prop::sample::select(FRAGMENTS), 1..12).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn what_is_read_in_one_pass_is_read_as_the_grammar_has_it(
        head in prop::sample::select(HEADS),
        rest in fragments(),
    ) {
        let input = [head, &rest].concat();
        if let Some(parsed) = ordinary::request(&input, &LIMITS) {
            prop_assert_eq!(parsed, parse_any(&input, 0, &LIMITS));
        }
    }
}
