//! Values as other clients write them, and ours as they must find them.

use std::fmt::Debug;

use bytes::Bytes;

use super::*;

use Dialect::{Dalli, Evenkeel, PhpMemcache, PhpMemcached, Python, SpyMemcached};

/// Reads what another client wrote.
#[track_caller]
fn read<T>(codec: impl Decode<T> + Copy, dialect: Dialect, flags: u32, bytes: &[u8]) -> T {
    codec.decode(Value::new(flags, bytes.to_vec()), dialect).unwrap()
}

#[track_caller]
fn refuse<T: Debug>(
    codec: impl Decode<T> + Copy,
    dialect: Dialect,
    flags: u32,
    bytes: &[u8],
) -> String {
    codec.decode(Value::new(flags, bytes.to_vec()), dialect).unwrap_err().to_string()
}

/// Writes, behind bytes that are there already.
#[track_caller]
fn write<T: ?Sized>(codec: impl Encode<T> + Copy, dialect: Dialect, value: &T) -> (u32, Vec<u8>) {
    let mut output = b"before".to_vec();
    let flags = codec.encode(value, dialect, &mut output).unwrap();
    assert!(output.starts_with(b"before"));
    (flags, output.split_off(6))
}

/// The value is read as it was written, in every dialect that has flags for it.
#[track_caller]
fn round_trip<T: ?Sized + Debug, U: PartialEq<T> + Debug>(
    codec: impl Encode<T> + Decode<U> + Copy,
    value: &T,
) {
    for dialect in Dialect::ALL {
        let mut output = Vec::new();
        match codec.encode(value, dialect, &mut output) {
            Ok(flags) => assert_eq!(&read(codec, dialect, flags, &output), value, "{dialect}"),
            Err(EncodeError::NoFlags { .. }) => assert_ne!(dialect, Evenkeel),
            Err(error) => panic!("{dialect}: {error}"),
        }
    }
}

/// Flags and bytes as each client wrote them, the value read from memcached as it lies there.
/// pymemcache 4.0.0 (`pickle_serde`, `compressed_serde`), python-memcached 1.62, pylibmc 1.6.3,
/// php-memcached 3.2.0, PECL memcache 4.0.5.2.
#[test]
fn text_that_other_clients_wrote_is_read() {
    for (dialect, flags) in [
        (Python, 16),      // all three
        (Evenkeel, 16),    // the same
        (PhpMemcached, 0), // set("text", "grün")
        (PhpMemcache, 0),  // set("text", "grün")
        (SpyMemcached, 0), // from its code
        (Dalli, 0),        // raw: true; from its code
    ] {
        assert_eq!(read(Text, dialect, flags, "grün".as_bytes()), "grün");
        assert_eq!(read(Text, dialect, flags, b""), "");
    }
    // pymemcache without a serde.
    assert_eq!(read(Text, Python, 0, b"x"), "x");
}

#[test]
fn integers_that_other_clients_wrote_are_read() {
    for (dialect, flags, bytes) in [
        (Python, 2, &b"-42"[..]), // pymemcache, python-memcached
        (Python, 4, b"-42"),      // pylibmc
        (Evenkeel, 2, b"-42"),
        (Evenkeel, 4, b"-42"),
        (PhpMemcached, 1, b"-42"),
        (PhpMemcache, 768, b"-42"),
        (Dalli, 0, b"-42"), // raw: true; from its code
        // From the code of spymemcached's `TranscoderUtils`.
        (SpyMemcached, 0x200, &[0xff, 0xff, 0xff, 0xd6]),
        (SpyMemcached, 0x300, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd6]),
        (SpyMemcached, 0x500, &[0xd6]),
        (SpyMemcached, 0, b"-42"), // a counter
    ] {
        assert_eq!(read::<i64>(Integer, dialect, flags, bytes), -42, "{dialect} {flags:#x}");
        assert_eq!(read::<i8>(Integer, dialect, flags, bytes), -42, "{dialect} {flags:#x}");
    }
    // pylibmc's True.
    assert_eq!(read::<u8>(Integer, Python, 2, b"1"), 1);
    // Python's 2 ** 70.
    let too_large = refuse::<i64>(Integer, Python, 2, b"1180591620717411303424");
    assert_eq!(
        too_large,
        "the value is no i64 in an integer (22 bytes, flags 0x2): \
         not a whole number from -9223372036854775808 to 9223372036854775807"
    );
}

#[test]
fn bytes_and_json_that_other_clients_wrote_are_read() {
    for dialect in Dialect::ALL {
        assert_eq!(read::<Bytes>(Raw, dialect, 0, b"\x00\xff"), &b"\x00\xff"[..]);
        assert_eq!(read::<Vec<u8>>(Raw, dialect, 0, b""), b"");
    }
    // Text is bytes too.
    assert_eq!(read::<Bytes>(Raw, Python, 16, "grün".as_bytes()), "grün".as_bytes());
    assert_eq!(read::<Bytes>(Raw, SpyMemcached, 0x800, b"\x01"), &b"\x01"[..]);
}

#[test]
fn what_other_clients_wrote_in_formats_of_their_own_is_refused_by_name() {
    for (dialect, flags, bytes, name) in [
        (Python, 1, &b"\x80\x05N."[..], "a Python pickle"),
        (Evenkeel, 1, b"N.", "a Python pickle"),
        (Python, 24, b"x\x9c\xed\xc21\r", "compressed with zlib"),
        (Evenkeel, 8, b"x\x9c\xed\xc21\r", "compressed with zlib"),
        (PhpMemcached, 4, b"a:1:{i:0;i:1;}", "a value serialized by PHP"),
        (PhpMemcached, 5, b"\x00\x00\x00\x02\x14\x01\x06\x00\x06\x01", "igbinary"),
        (PhpMemcached, 7, b"\x91\x01", "MessagePack"),
        (PhpMemcached, 80, b"\xa0\x0f\x00\x00\x01ab", "compressed with FastLZ"),
        (PhpMemcached, 48, b"\xa0\x0f\x00\x00x\x9c", "compressed with zlib"),
        (PhpMemcached, 2, b".1", "a floating-point number"),
        (PhpMemcached, 3, b"", "a boolean"),
        (PhpMemcache, 1, b"N;", "a value serialized by PHP"),
        (PhpMemcache, 2, b"x\x9c\xed\xc21\r", "compressed with zlib"),
        (SpyMemcached, 1, b"\xac\xed", "a serialized Java object"),
        (Dalli, 1, b"\x04\x08", "a marshalled Ruby object"),
    ] {
        for message in [
            refuse::<Bytes>(Raw, dialect, flags, bytes),
            refuse(Text, dialect, flags, bytes),
            refuse::<i64>(Integer, dialect, flags, bytes),
        ] {
            assert!(message.contains(name), "{dialect} {flags:#x}: {message}");
        }
    }
    assert_eq!(
        refuse(Text, Python, 1, b"N."),
        "text was asked for, and the value is a Python pickle (flags 0x1 in the dialect python): \
         read it raw, or write it with its writer's plain types and without compression"
    );
}

#[test]
fn what_another_codec_wrote_is_refused() {
    assert_eq!(
        refuse(Text, PhpMemcached, 1, b"42"),
        "text was asked for, and the value is an integer \
         (flags 0x1 in the dialect php-memcached)"
    );
    assert!(refuse::<i32>(Integer, Python, 16, b"42").contains("the value is text"));
    assert!(refuse::<Bytes>(Raw, Evenkeel, 2, b"42").contains("the value is an integer"));
    assert!(refuse(Text, Evenkeel, 0x454b_0060, b"{}").contains("the value is JSON"));
    assert!(refuse::<Bytes>(Raw, Evenkeel, 0x454b_0080, b"\x01").contains("is Postcard"));
    assert!(refuse::<Bytes>(Raw, Evenkeel, 0x454b_0100, b"\x01").contains("with LZ4 by Evenkeel"));
}

#[test]
fn others_find_text_and_integers_as_they_write_them() {
    for (dialect, text, integer) in [
        (Evenkeel, 16, (2, &b"-42"[..])),
        (Python, 16, (2, b"-42")),
        (PhpMemcached, 0, (1, b"-42")),
        (PhpMemcache, 0, (768, b"-42")),
        (Dalli, 0, (0, b"-42")),
        (SpyMemcached, 0, (0x300, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xd6])),
    ] {
        assert_eq!(write(Text, dialect, "grün"), (text, "grün".into()));
        assert_eq!(write(Integer, dialect, &-42_i32), (integer.0, integer.1.to_vec()));
    }
    // Java leaves leading zeros out: nothing is left of 0.
    assert_eq!(write(Integer, SpyMemcached, &0_u8), (0x300, vec![]));
    assert_eq!(write(Integer, SpyMemcached, &258_u16), (0x300, vec![1, 2]));
}

#[test]
fn what_is_written_is_read_in_every_dialect() {
    round_trip::<[u8], Vec<u8>>(Raw, b"\x00\r\n\xff");
    round_trip::<str, String>(Text, "grün\r\n");
    for number in [0, 1, -1, 127, 128, -128, -129, i64::MAX, i64::MIN] {
        round_trip::<i64, i64>(Integer, &number);
    }
    round_trip::<usize, usize>(Integer, &usize::from(u16::MAX));
}

#[test]
fn an_integer_that_other_programs_cannot_hold_is_not_written() {
    for dialect in Dialect::ALL {
        let mut output = b"before".to_vec();
        match Integer.encode(&u64::MAX, dialect, &mut output) {
            Ok(flags) => {
                assert_eq!(read::<u64>(Integer, dialect, flags, &output[6..]), u64::MAX);
                assert!(matches!(dialect, Evenkeel | Python | Dalli), "{dialect}");
            }
            Err(error) => {
                assert_eq!(
                    error.to_string(),
                    format!(
                        "18446744073709551615 is not from -9223372036854775808 to \
                         9223372036854775807, which is what {dialect} can read"
                    )
                );
                assert_eq!(output, b"before");
            }
        }
    }
}

#[test]
fn an_integer_stops_at_the_bounds_of_its_type() {
    assert_eq!(read::<u8>(Integer, Evenkeel, 2, b"255"), 255);
    assert_eq!(
        refuse::<u8>(Integer, Evenkeel, 2, b"256"),
        "the value is no u8 in an integer (3 bytes, flags 0x2): not a whole number from 0 to 255"
    );
    assert!(refuse::<u64>(Integer, Evenkeel, 2, b"-1").contains("from 0 to"));
}

#[test]
fn an_integer_is_digits_and_what_decr_leaves_behind_them() {
    // memcached 1.6.18: set 10, decr 1.
    assert_eq!(read::<u64>(Integer, Evenkeel, 0, b"9 "), 9);
    for bytes in [&b""[..], b" ", b"-", b"+1", b" 1", b"1.5", b"1e3", b"0x1", b"1\n", b"\xff"] {
        refuse::<i64>(Integer, Evenkeel, 2, bytes);
    }
}

#[test]
fn a_packed_integer_that_is_too_long_is_refused() {
    for (flags, len) in [(0x200, 5), (0x300, 9), (0x500, 2), (0x500, 0)] {
        refuse::<i64>(Integer, SpyMemcached, flags, &vec![1; len]);
    }
    assert_eq!(read::<i64>(Integer, SpyMemcached, 0x300, b""), 0);
    assert_eq!(read::<i64>(Integer, SpyMemcached, 0x200, b"1"), 49, "no digit, although it could");
}

#[test]
fn bytes_that_are_no_text_are_refused_with_the_place() {
    assert_eq!(
        refuse(Text, Python, 16, b"gr\xfcn"),
        "the value is no alloc::string::String in text (4 bytes, flags 0x10): \
         invalid utf-8 sequence of 1 bytes from index 2"
    );
}

#[cfg(feature = "json")]
mod json {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn json_is_written_and_read_in_every_dialect() {
        round_trip::<Vec<u8>, Vec<u8>>(Json, &vec![1, 2]);
        round_trip::<str, String>(Json, "grün");
        assert_eq!(write(Json, Evenkeel, &[1]), (0x454b_0060, b"[1]".to_vec()));
        assert_eq!(write(Json, PhpMemcached, &[1]), (6, b"[1]".to_vec()));
        // As text, where there are no flags for it.
        assert_eq!(write(Json, Python, &[1]), (16, b"[1]".to_vec()));
    }

    #[test]
    fn json_that_php_wrote_is_read() {
        // php-memcached 3.2.0, SERIALIZER_JSON: [1, 'a' => 2].
        let map: BTreeMap<String, u8> = read(Json, PhpMemcached, 6, br#"{"0":1,"a":2}"#);
        assert_eq!(map, BTreeMap::from([("0".to_owned(), 1), ("a".to_owned(), 2)]));
        // Written with flags 0 by a program that says nothing.
        assert_eq!(read::<Vec<u8>>(Json, Evenkeel, 0, b"[1]"), [1]);
    }

    #[test]
    fn what_is_no_json_of_the_type_is_refused() {
        assert!(
            refuse::<u8>(Json, Evenkeel, 16, b"5")
                .contains("JSON was asked for, and the value is text")
        );
        assert!(refuse::<u8>(Json, Evenkeel, 2, b"5").contains("the value is an integer"));
        assert_eq!(
            refuse::<u8>(Json, Evenkeel, 0x454b_0060, b"256"),
            "the value is no u8 in JSON (3 bytes, flags 0x454b0060): \
             invalid value: integer `256`, expected u8 at line 1 column 3"
        );
        refuse::<u8>(Json, Evenkeel, 0x454b_0060, b"5 6");
        let deep = "[".repeat(100_000);
        refuse::<serde_json::Value>(Json, Evenkeel, 0x454b_0060, deep.as_bytes());
    }

    #[test]
    fn what_json_cannot_hold_leaves_the_output_as_it_was() {
        let mut output = b"before".to_vec();
        let map = BTreeMap::from([(vec![1_u8], 1_u8)]);
        let error = Json.encode(&map, Evenkeel, &mut output).unwrap_err().to_string();
        assert!(error.ends_with("cannot be written as JSON: key must be a string"), "{error}");
        assert_eq!(output, b"before");
    }
}

#[cfg(feature = "postcard")]
mod postcard {
    use serde::Serializer;

    use super::*;

    #[test]
    fn postcard_is_read_as_it_was_written() {
        round_trip::<Vec<u64>, Vec<u64>>(Postcard, &vec![1, u64::MAX]);
        assert_eq!(
            write(Postcard, Evenkeel, &(300_u16, "a")),
            (0x454b_0080, b"\xac\x02\x01a".to_vec())
        );
    }

    #[test]
    fn only_our_own_flags_are_for_postcard() {
        let error = Postcard.encode(&1_u8, Python, &mut Vec::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Postcard cannot be written in the dialect python: \
             use another codec, or the dialect evenkeel"
        );
        for flags in [0, 2, 16, 0x454b_0060] {
            refuse::<u8>(Postcard, Evenkeel, flags, b"\x01");
        }
    }

    #[test]
    fn bytes_of_another_type_are_refused_if_it_shows() {
        let check = |bytes: &[u8]| refuse::<(String, u8)>(Postcard, Evenkeel, 0x454b_0080, bytes);
        let message = check(b"\x01a\x07\x00");
        assert!(message.ends_with("1 bytes too many: is it of another type?"), "{message}");
        for len in 0..3 {
            check(&b"\x01a\x07"[..len]);
        }
        // A length that is not there must not be made room for.
        check(b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    }

    #[test]
    fn what_cannot_be_written_leaves_the_output_as_it_was() {
        struct Half;
        impl serde::Serialize for Half {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // A sequence whose length is not known.
                serializer.collect_seq("ab".chars().filter(|it| *it != 'b'))
            }
        }
        let mut output = b"before".to_vec();
        let error = Postcard.encode(&("x", Half), Evenkeel, &mut output).unwrap_err();
        assert!(matches!(error, EncodeError::Serialize { kind: Kind::Postcard, .. }), "{error}");
        assert_eq!(output, b"before");
    }
}
