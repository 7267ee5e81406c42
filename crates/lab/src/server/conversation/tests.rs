use proptest::prelude::*;

use super::*;
use crate::server::MetaCommands;
use crate::store::StoreLimits;
use crate::store::clock::UnixTime;

const LIMITS: StoreLimits = StoreLimits { memory_max: 4 * 1024 * 1024, item_size_max: 1024 * 1024 };

fn store() -> Store {
    Store::new(LIMITS, UnixTime::from_seconds(2_000_000_000))
}

/// Feeds `chunks` as a session would, and returns all output and the last pause.
///
/// Checks the bounds that the session relies on at every step.
fn converse<'a>(store: &mut Store, chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, Pause) {
    let facts = ServerFacts::default();
    let mut conversation = Conversation::new(LIMITS.item_size_max, MetaCommands::Known);
    let (mut output, mut pause) = (Vec::new(), Pause::Input(1));
    for chunk in chunks {
        conversation.input.extend_from_slice(chunk);
        loop {
            pause = conversation.answer(store, &facts);
            let len_max = OUTPUT_LEN_MAX + LIMITS.item_size_max + 64 * 1024;
            assert!(conversation.output.len() <= len_max, "{} bytes", conversation.output.len());
            output.append(&mut conversation.output);
            if pause != Pause::Output {
                break;
            }
        }
        if pause == Pause::Close {
            break;
        }
        assert!(conversation.input.len() <= 3 * 1024 * 1024 + chunk.len());
    }
    (output, pause)
}

#[track_caller]
fn check(input: &[u8], answer: &str) {
    let whole = converse(&mut store(), [input].into_iter()).0;
    assert_eq!(String::from_utf8_lossy(&whole), answer);
    for split in 1..input.len() {
        let (front, back) = input.split_at(split);
        let parts = converse(&mut store(), [front, back].into_iter()).0;
        assert_eq!(String::from_utf8_lossy(&parts), answer, "split at {split}");
    }
    let bytes = converse(&mut store(), input.chunks(1)).0;
    assert_eq!(String::from_utf8_lossy(&bytes), answer, "byte by byte");
}

#[test]
fn requests_are_answered_in_order_however_they_are_cut() {
    check(
        b"set a 0 0 3\r\nabc\r\nget a b\r\nmg a v k\r\nset a 0 0 1 noreply\r\nx\r\nnonsense\r\nget a\n",
        "STORED\r\nVALUE a 0 3\r\nabc\r\nEND\r\nVA 3 ka\r\nabc\r\nERROR\r\nVALUE a 0 1\r\nx\r\nEND\r\n",
    );
}

#[test]
fn the_binary_protocol_ends_the_session_however_it_is_cut() {
    check(
        b"\x80\0\0\0xy\r\n999 get\r\nget a\r\n",
        "CLIENT_ERROR the binary protocol is not spoken here\r\n",
    );
}

#[test]
fn a_refused_value_is_swallowed_however_it_is_cut() {
    check(
        b"set a 0 x 12\r\nget b\r\nget c\r\nget d\r\n",
        "CLIENT_ERROR bad command line format\r\nEND\r\n",
    );
}

#[test]
fn nothing_is_answered_after_quit() {
    let (output, pause) = converse(&mut store(), [&b"get a\r\nquit\r\nget b\r\n"[..]].into_iter());
    assert_eq!((&output[..], pause), (&b"END\r\n"[..], Pause::Close));
}

#[test]
fn an_oversized_value_is_refused_before_it_arrives_and_drops_the_old_one() {
    let mut store = store();
    let value = vec![b'v'; 2_000_000];
    let input = [
        b"set a 0 0 1\r\n1\r\nset a 0 0 2000000\r\n".to_vec(),
        value.clone(),
        b"\r\nget a\r\nms b 2000000\r\n".to_vec(),
        value,
        b"\r\nmn\r\n".to_vec(),
    ]
    .concat();
    let (output, _) = converse(&mut store, input.chunks(16 * 1024));
    let too_large = "SERVER_ERROR object too large for cache\r\n";
    let expected = format!("STORED\r\n{too_large}END\r\n{too_large}MN\r\n");
    assert_eq!(String::from_utf8(output).unwrap(), expected);
}

#[test]
fn a_line_without_end_closes_the_session() {
    let endless = vec![b'a'; 100_000];
    assert_eq!(converse(&mut store(), endless.chunks(1000)).1, Pause::Close);
    let endless = [&b"get "[..], &b"k ".repeat(4_000_000)].concat();
    assert_eq!(converse(&mut store(), endless.chunks(16 * 1024)).1, Pause::Close);
}

#[test]
fn many_large_values_come_in_parts_and_complete() {
    let mut store = store();
    let len = 300_000;
    let set = [format!("set a 0 0 {len}\r\n").into_bytes(), vec![b'v'; len], b"\r\n".to_vec()];
    converse(&mut store, [&set.concat()[..]].into_iter());
    let get = format!("get{}\r\n", " a".repeat(40));
    let (output, pause) = converse(&mut store, [get.as_bytes()].into_iter());
    assert_eq!(pause, Pause::Input(1));
    assert_eq!(output.len(), 40 * (len + "VALUE a 0 300000\r\n\r\n".len()) + "END\r\n".len());
}

/// Words that come close to requests.
fn nearly_requests() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "get ",
        "gets ",
        "gat ",
        "set ",
        "add ",
        "cas ",
        "append ",
        "incr ",
        "touch ",
        "delete ",
        "mg ",
        "ms ",
        "md ",
        "ma ",
        "me ",
        "mn",
        "flush_all ",
        "verbosity ",
        "stats ",
        "version",
        "a ",
        "b ",
        "0 ",
        "1 ",
        "2 ",
        "-1 ",
        "99999999999999999999 ",
        "noreply",
        "\r\n",
        "\n",
        "\r",
        " ",
        "v ",
        "k ",
        "b ",
        "q ",
        "t ",
        "c ",
        "N30 ",
        "R30 ",
        "T-1 ",
        "I ",
        "MA ",
        "C1 ",
        "O1 ",
        "YQ== ",
        "J5 ",
        "D3 ",
        "xy\r\n",
        "x\r\n",
    ];
    let word = prop_oneof![
        9 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(word, 0..80).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_it_panic_or_grow(input in prop::collection::vec(any::<u8>(), 0..5000)) {
        converse(&mut store(), input.chunks(100));
    }

    #[test]
    fn what_comes_close_to_requests_is_answered_the_same_however_it_is_cut(
        input in nearly_requests(),
        len in 1_usize..40,
    ) {
        let mut stores = (store(), store());
        let whole = converse(&mut stores.0, [&input[..]].into_iter());
        let parts = converse(&mut stores.1, input.chunks(len));
        // How soon an endless line is noticed may depend on the cut; its length is bounded here.
        prop_assert_eq!(whole.0.escape_ascii().to_string(), parts.0.escape_ascii().to_string());
        prop_assert_eq!(stores.0.counters(), stores.1.counters());
    }
}
