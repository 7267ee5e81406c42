use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use super::*;

/// Runs `test` with calls of each kind. Where the kernel forbids `io_uring`, that is one kind.
#[track_caller]
fn check(test: impl Fn(Calls)) {
    test(Calls::one_by_one());
    if let Ok(calls) = Calls::together() {
        test(calls);
    }
}

fn pairs(len: usize) -> (Vec<UnixStream>, Vec<UnixStream>) {
    (0..len).map(|_| UnixStream::pair().unwrap()).unzip()
}

type Received = Vec<(usize, Result<Vec<u8>, io::ErrorKind>)>;

/// Receives from each socket, in as many rounds as it takes. A socket's token is its place.
fn receive(calls: &mut Calls, sockets: &[UnixStream]) -> Received {
    let mut received = Vec::new();
    for chunk in sockets.iter().enumerate().collect::<Vec<_>>().chunks(calls.receives_max()) {
        calls.receive(chunk.iter().map(|(idx, socket)| (*idx, socket.as_fd())));
        received.extend(calls.received().map(|(token, result)| {
            (token, result.map(<[u8]>::to_vec).map_err(|error| error.kind()))
        }));
    }
    received
}

fn send(calls: &mut Calls, messages: &[(&UnixStream, &[u8])]) -> Vec<Result<usize, io::ErrorKind>> {
    let messages = messages.iter().enumerate();
    calls.send(messages.map(|(idx, (socket, bytes))| (idx, socket.as_fd(), *bytes)));
    let sent = calls.sent().enumerate();
    sent.map(|(idx, (token, result))| {
        assert_eq!(token, idx, "in their order");
        result.map_err(|error| error.kind())
    })
    .collect()
}

#[test]
fn what_many_peers_have_sent_is_received_under_their_names() {
    check(|mut calls| {
        let (ours, theirs) = pairs(100);
        for (idx, theirs) in theirs.iter().enumerate() {
            (&*theirs).write_all(format!("from {idx}").as_bytes()).unwrap();
        }
        let expected: Received =
            (0..100).map(|idx| (idx, Ok(format!("from {idx}").into_bytes()))).collect();
        assert_eq!(receive(&mut calls, &ours), expected);
    });
}

#[test]
fn where_nothing_has_come_nothing_is_waited_for() {
    check(|mut calls| {
        let (ours, theirs) = pairs(3);
        (&theirs[1]).write_all(b"x").unwrap();
        let nothing = Err(io::ErrorKind::WouldBlock);
        let expected = vec![(0, nothing.clone()), (1, Ok(b"x".to_vec())), (2, nothing)];
        assert_eq!(receive(&mut calls, &ours), expected);
    });
}

#[test]
fn what_a_peer_sends_has_an_end() {
    check(|mut calls| {
        let (ours, theirs) = pairs(2);
        (&theirs[0]).write_all(b"last").unwrap();
        drop(theirs);
        let expected = vec![(0, Ok(b"last".to_vec())), (1, Ok(Vec::new()))];
        assert_eq!(receive(&mut calls, &ours), expected);
        let expected = vec![(0, Ok(Vec::new())), (1, Ok(Vec::new()))];
        assert_eq!(receive(&mut calls, &ours), expected);
    });
}

#[test]
fn more_than_fits_is_left_for_the_next_time() {
    check(|mut calls| {
        let (ours, theirs) = pairs(2);
        let long: Vec<u8> = (0..=255).cycle().take(RECEIVE_LEN_MAX + 3).collect();
        (&theirs[0]).write_all(&long).unwrap();
        (&theirs[1]).write_all(b"short").unwrap();
        let (first, rest) = long.split_at(RECEIVE_LEN_MAX);
        let expected = vec![(0, Ok(first.to_vec())), (1, Ok(b"short".to_vec()))];
        assert_eq!(receive(&mut calls, &ours), expected);
        let expected = vec![(0, Ok(rest.to_vec())), (1, Err(io::ErrorKind::WouldBlock))];
        assert_eq!(receive(&mut calls, &ours), expected);
    });
}

#[test]
#[should_panic(expected = "the caller asks how many there may be")]
fn more_sockets_than_allowed_are_a_mistake() {
    let mut calls = Calls::one_by_one();
    let (ours, _theirs) = pairs(2);
    calls.receive(ours.iter().map(|socket| (0, socket.as_fd())));
}

#[test]
fn messages_leave_in_their_order_however_many() {
    // A socket takes some 200 small messages before it is full.
    const SOCKETS: usize = 5;
    check(|mut calls| {
        let (ours, mut theirs) = pairs(SOCKETS);
        for len in [1, 2, CALLS_MAX - 1, CALLS_MAX, CALLS_MAX + 1, 2 * CALLS_MAX + 7] {
            let words: Vec<_> = (0..len).map(|idx| format!("{idx} ").into_bytes()).collect();
            let to = ours.iter().cycle();
            let messages: Vec<_> = to.zip(words.iter().map(Vec::as_slice)).collect();
            let sent = send(&mut calls, &messages);
            assert!(sent.iter().zip(&words).all(|(sent, word)| *sent == Ok(word.len())), "{len}");
            for (idx, theirs) in theirs.iter_mut().enumerate() {
                let expected: Vec<_> = words.iter().skip(idx).step_by(SOCKETS).cloned().collect();
                let mut read = vec![0; expected.concat().len()];
                theirs.read_exact(&mut read).unwrap();
                assert_eq!(read, expected.concat());
            }
        }
    });
}

#[test]
fn a_full_socket_takes_a_part_and_then_nothing() {
    check(|mut calls| {
        let (ours, theirs) = pairs(2);
        let long = vec![b'x'; 16 * 1024 * 1024];
        let sent = send(&mut calls, &[(&ours[0], &long), (&ours[1], b"y")]);
        assert!(matches!(sent[0], Ok(1..) if sent[0] < Ok(long.len())), "{:?}", sent[0]);
        assert_eq!(sent[1], Ok(1));
        let sent = send(&mut calls, &[(&ours[0], &long), (&ours[1], b"z")]);
        assert_eq!(sent, [Err(io::ErrorKind::WouldBlock), Ok(1)]);
        let mut read = [0; 2];
        (&theirs[1]).read_exact(&mut read).unwrap();
        assert_eq!(&read, b"yz");
    });
}

#[test]
fn one_lost_peer_keeps_no_other_from_its_message() {
    check(|mut calls| {
        let (ours, mut theirs) = pairs(3);
        drop(theirs.remove(1));
        let sent = send(&mut calls, &[(&ours[0], b"a"), (&ours[1], b"b"), (&ours[2], b"c")]);
        assert_eq!(sent, [Ok(1), Err(io::ErrorKind::BrokenPipe), Ok(1)]);
    });
}

#[test]
fn nothing_to_do_leaves_no_outcome() {
    check(|mut calls| {
        let (ours, _theirs) = pairs(1);
        assert_eq!(send(&mut calls, &[(&ours[0], b"a")]), [Ok(1)]);
        calls.receive(iter::empty());
        assert_eq!(calls.received().count(), 0);
        calls.send(iter::empty());
        assert_eq!(calls.sent().count(), 0);
    });
}

#[test]
fn a_ring_that_fails_is_given_up_and_nothing_is_lost() {
    let Ok(ring) = Ring::disabled() else { return };
    let mut calls = Calls::new(Some(ring), RECEIVES_MAX);
    let (ours, theirs) = pairs(2);
    let messages: [(_, &[u8]); 2] = [(&ours[0], b"a"), (&ours[1], b"b")];
    assert!(calls.are_together());
    assert_eq!(send(&mut calls, &messages), [Err(io::ErrorKind::Interrupted); 2]);
    assert!(!calls.are_together());
    assert_eq!(send(&mut calls, &messages), [Ok(1), Ok(1)]);
    let mut read = [0; 1];
    (&theirs[1]).read_exact(&mut read).unwrap();
    assert_eq!(&read, b"b", "and nothing twice");
    theirs[1].set_nonblocking(true).unwrap();
    assert!((&theirs[1]).read(&mut read).is_err());
}
