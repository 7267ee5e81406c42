//! Flags as other clients write them, and back.

use super::*;

use Dialect::{Dalli, Evenkeel, PhpMemcache, PhpMemcached, Python, SpyMemcached};

const KINDS: [Kind; 7] = [
    Kind::Bytes,
    Kind::Text,
    Kind::Integer,
    Kind::Float,
    Kind::Boolean,
    Kind::Json,
    Kind::Postcard,
];

#[track_caller]
fn check(dialect: Dialect, flags: u32, kind: Result<Kind, Unreadable>) {
    assert_eq!(dialect.kind(flags), kind, "{dialect}: {flags:#x}");
}

#[test]
fn flags_of_another_kind_of_writer_are_read_as_what_they_are() {
    // Captured: pymemcache 4.0.0 (`pickle_serde`, `compressed_serde`), python-memcached 1.62,
    // pylibmc 1.6.3.
    for dialect in [Python, Evenkeel] {
        check(dialect, 0, Ok(Kind::Bytes));
        check(dialect, 1, Err(Unreadable::Pickle));
        check(dialect, 2, Ok(Kind::Integer));
        check(dialect, 4, Ok(Kind::Integer));
        check(dialect, 8, Err(Unreadable::Zlib));
        check(dialect, 9, Err(Unreadable::Zlib));
        check(dialect, 16, Ok(Kind::Text));
        check(dialect, 24, Err(Unreadable::Zlib));
    }
    // Captured: php-memcached 3.2.0; zstd (3.3.0 and later) from its code.
    check(PhpMemcached, 0, Ok(Kind::Bytes));
    check(PhpMemcached, 1, Ok(Kind::Integer));
    check(PhpMemcached, 2, Ok(Kind::Float));
    check(PhpMemcached, 3, Ok(Kind::Boolean));
    check(PhpMemcached, 4, Err(Unreadable::PhpSerialized));
    check(PhpMemcached, 5, Err(Unreadable::Igbinary));
    check(PhpMemcached, 6, Ok(Kind::Json));
    check(PhpMemcached, 7, Err(Unreadable::Msgpack));
    check(PhpMemcached, 80, Err(Unreadable::FastLz));
    check(PhpMemcached, 48, Err(Unreadable::Zlib));
    check(PhpMemcached, 52, Err(Unreadable::Zlib));
    check(PhpMemcached, 144, Err(Unreadable::Zstd));
    // Captured: PECL memcache 4.0.5.2.
    check(PhpMemcache, 0, Ok(Kind::Bytes));
    check(PhpMemcache, 1, Err(Unreadable::PhpSerialized));
    check(PhpMemcache, 2, Err(Unreadable::Zlib));
    check(PhpMemcache, 256, Ok(Kind::Boolean));
    check(PhpMemcache, 768, Ok(Kind::Integer));
    check(PhpMemcache, 1792, Ok(Kind::Float));
    // From the code of `SerializingTranscoder`.
    check(SpyMemcached, 0, Ok(Kind::Bytes));
    check(SpyMemcached, 1, Err(Unreadable::JavaSerialized));
    check(SpyMemcached, 2, Err(Unreadable::Gzip));
    check(SpyMemcached, 3, Err(Unreadable::Gzip));
    check(SpyMemcached, 0x100, Ok(Kind::Boolean));
    check(SpyMemcached, 0x200, Ok(Kind::Integer));
    check(SpyMemcached, 0x300, Ok(Kind::Integer));
    check(SpyMemcached, 0x400, Err(Unreadable::JavaDate));
    check(SpyMemcached, 0x500, Ok(Kind::Integer));
    check(SpyMemcached, 0x600, Ok(Kind::Float));
    check(SpyMemcached, 0x700, Ok(Kind::Float));
    check(SpyMemcached, 0x800, Ok(Kind::Bytes));
    check(SpyMemcached, 0x802, Err(Unreadable::Gzip));
    // From the code of `ValueSerializer` and `ValueCompressor`.
    check(Dalli, 0, Ok(Kind::Bytes));
    check(Dalli, 1, Err(Unreadable::RubyMarshal));
    check(Dalli, 2, Err(Unreadable::Zlib));
    check(Dalli, 3, Err(Unreadable::Zlib));
}

#[test]
fn flags_that_nobody_writes_are_of_no_known_kind() {
    for (dialect, flags) in [
        (Evenkeel, 3),
        (Evenkeel, 32),
        (Evenkeel, 0x454b_0001),
        (Evenkeel, 0x454b_0200),
        (Evenkeel, 0x454b_00a0),
        (Evenkeel, u32::MAX),
        (Python, 0x454b_0060),
        (PhpMemcached, 8),
        (PhpMemcached, 32),
        (PhpMemcache, 512),
        (SpyMemcached, 0x900),
        (Dalli, 4),
    ] {
        check(dialect, flags, Err(Unreadable::Unknown));
    }
}

#[test]
fn the_upper_half_is_the_applications_own_in_php() {
    check(PhpMemcached, 0xffff_0001, Ok(Kind::Integer));
    check(PhpMemcache, 0x0001_0300, Ok(Kind::Integer));
}

#[test]
fn what_is_written_is_read_as_what_it_was() {
    for dialect in Dialect::ALL {
        for kind in KINDS {
            let Some(flags) = dialect.flags(kind) else { continue };
            // Flags 0 say nothing, and more than one kind may have them.
            let expected = if flags == 0 { Kind::Bytes } else { kind };
            check(dialect, flags, Ok(expected));
        }
    }
}

#[test]
fn bytes_text_and_integers_can_be_written_in_every_dialect() {
    let flags = |dialect: Dialect| {
        [Kind::Bytes, Kind::Text, Kind::Integer].map(|kind| dialect.flags(kind).unwrap())
    };
    assert_eq!(flags(Evenkeel), [0, 16, 2]);
    assert_eq!(flags(Python), [0, 16, 2]);
    assert_eq!(flags(PhpMemcached), [0, 0, 1]);
    assert_eq!(flags(PhpMemcache), [0, 0, 768]);
    assert_eq!(flags(SpyMemcached), [0x800, 0, 0x300]);
    assert_eq!(flags(Dalli), [0, 0, 0]);
}

#[test]
fn our_own_marks_have_no_bit_that_a_python_client_reads() {
    assert_eq!(Evenkeel.flags(Kind::Json), Some(0x454b_0060));
    assert_eq!(Evenkeel.flags(Kind::Postcard), Some(0x454b_0080));
    for kind in KINDS {
        for flags in [own::flags(kind, false), own::flags(kind, true)].into_iter().flatten() {
            assert_eq!(flags & 0x1f, 0, "{kind}");
        }
    }
}

#[test]
fn a_compressed_value_of_ours_is_refused_by_name() {
    for kind in KINDS {
        if let Some(flags) = own::flags(kind, true) {
            check(Evenkeel, flags, Err(Unreadable::Lz4));
        }
    }
}

#[cfg(feature = "lz4")]
#[test]
fn compressing_and_decompressing_give_the_flags_back_or_nothing() {
    for kind in KINDS {
        let Some(flags) = Evenkeel.flags(kind) else { continue };
        let compressed = Evenkeel.compressed(flags).unwrap();
        assert_eq!(Evenkeel.decompressed(compressed), Some(flags), "{kind}");
        assert_eq!(Evenkeel.decompressed(flags), None, "{kind}");
        assert_eq!(Evenkeel.compressed(compressed), None, "not twice");
    }
    // Flags of the application's own, or another dialect's: nothing could say it.
    assert_eq!(Evenkeel.compressed(1), None);
    assert_eq!(Evenkeel.compressed(1 << 20), None);
    assert_eq!(PhpMemcached.compressed(0), None);
    assert_eq!(PhpMemcached.decompressed(0x454b_0120), None);
}
