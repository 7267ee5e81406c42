//! What base64 stands for to memcached, and what it says to bad flags.

use super::*;

#[track_caller]
fn check_decoded(text: &[u8], expected: Option<&[u8]>) {
    let decoded = DecodedKey::new(text);
    assert_eq!(decoded.as_ref().map(DecodedKey::as_slice), expected, "{}", text.escape_ascii());
}

#[test]
fn base64_is_decoded_as_memcached_does() {
    check_decoded(b"YQ==", Some(b"a"));
    check_decoded(b"YWI=", Some(b"ab"));
    check_decoded(b"YWJj", Some(b"abc"));
    check_decoded(b"AA==", Some(b"\0"));
    check_decoded(b"Y-Q_==\t", Some(b"a"));
    check_decoded(b"YR==", Some(b"a"));
    check_decoded(b"YQ==YQ==", Some(b"a"));
    check_decoded(b"=YWJ", Some(&[1, 0x85]));
    for text in [&b""[..], b"YQ=", b"Y===", b"====", b"!!!!", b"YWJjY"] {
        check_decoded(text, None);
    }
    check_decoded(&[b'A'; 248], Some(&[0; 186]));
    check_decoded(&[b'A'; 252], None);
}

#[test]
fn of_several_faults_memcached_tells_one() {
    let check = |flags: &[u8], expected| assert_eq!(fault(b"!", flags), expected, "{flags:?}");
    check(b"v k O1", None);
    check(b"Tx Mxx", Some(Refusal::BadModeLength));
    check(b"Mxx Tx", Some(Refusal::BadToken));
    check(b"Fx", Some(Refusal::BadFormat));
    check(b"Tx Fx", Some(Refusal::BadToken));
    check(b"b Jx", Some(Refusal::BadInitial));
    check(b"Dx b", Some(Refusal::BadBase64));
    check(b"Tx z v v", Some(Refusal::BadFlag));
    check(b"v v z", Some(Refusal::DuplicateFlag));
    check(b"\xff", Some(Refusal::DuplicateFlag));
    check(b"1", Some(Refusal::BadFlag));
}
