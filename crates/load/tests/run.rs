//! The load generator against servers that behave in known ways.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use evenkeel_load::{Length, Pace, RunError, Workload, fill, run};

/// How the server treats reads; writes are always stored.
#[derive(Clone, Copy)]
enum Manner {
    Right,
    OneByteWrong,
    AlwaysEmpty,
    Refuses,
    /// Closes the connection instead of answering each hundredth read.
    ClosesNowAndThen,
    /// Answers the hundredth read after this time, and everything else at once.
    PausesOnce(Duration),
}

fn workload() -> Workload {
    Workload { connections: 4, keys: 100, ..Workload::default() }
}

#[test]
fn every_request_is_answered_and_every_key_found() {
    for (batch, keys_per_read) in [(1, 1), (16, 1), (3, 24)] {
        let address = serve(Manner::Right);
        let pace = Pace::Closed { batch };
        let workload = Workload { pace, keys_per_read, ..workload() };
        fill(address, &workload).expect("every key is stored");
        let report = run(address, &workload, Length::Requests(1000)).expect("it answers");
        assert_eq!(report.answered(), 1000, "{report:?}");
        assert_eq!(report.hits, report.reads.len() * keys_per_read as u64, "{report:?}");
        assert_eq!((report.stored, report.misses), (report.writes.len(), 0), "{report:?}");
        assert_eq!((report.wrong, report.lost, report.errors), (0, 0, 0), "{report:?}");
        assert!((800..=970).contains(&report.reads.len()), "nine in ten are reads: {report:?}");
    }
}

#[test]
fn a_wrong_byte_is_counted_and_its_connection_not_trusted_again() {
    let address = serve(Manner::OneByteWrong);
    let workload = Workload { reads_percent: 100, ..workload() };
    fill(address, &workload).expect("every key is stored");
    let report = run(address, &workload, Length::Requests(50)).expect("it answers");
    assert_eq!((report.wrong, report.lost, report.hits), (50, 50, 0), "{report:?}");
    assert!(report.faults[0].starts_with("wrong: the data of VALUE"), "{report:?}");
}

#[test]
fn misses_and_refusals_are_counted_apart() {
    let workload = Workload { reads_percent: 100, ..workload() };
    let report = run(serve(Manner::AlwaysEmpty), &workload, Length::Requests(50));
    assert_eq!(report.expect("it answers").misses, 50);
    let report = run(serve(Manner::Refuses), &workload, Length::Requests(50)).expect("it answers");
    assert_eq!((report.errors, report.misses), (50, 0), "{report:?}");
    assert_eq!(report.faults[0], "refused: SERVER_ERROR busy");
}

#[test]
fn lost_connections_are_made_again_and_their_requests_counted() {
    let address = serve(Manner::ClosesNowAndThen);
    let pace = Pace::Closed { batch: 4 };
    let workload = Workload { reads_percent: 100, pace, ..workload() };
    fill(address, &workload).expect("every key is stored");
    let report = run(address, &workload, Length::Requests(1000)).expect("it answers");
    assert_eq!(report.answered() + report.lost, 1000, "{report:?}");
    assert!((9..=40).contains(&report.lost), "a batch is lost each time: {report:?}");
}

#[test]
fn open_pace_counts_the_wait_that_a_pause_causes() {
    let pause = Duration::from_millis(300);
    let address = serve(Manner::PausesOnce(pause));
    let pace = Pace::Open { rate: 1000 };
    let workload = Workload { connections: 1, pace, reads_percent: 100, ..workload() };
    fill(address, &workload).expect("every key is stored");
    let report = run(address, &workload, Length::Requests(1000)).expect("it answers");
    assert_eq!(report.answered(), 1000, "{report:?}");
    // 300 requests were due while nothing was answered: a fifth of all waited over 100 ms.
    assert!(report.latency(0.8) > pause / 3, "{:?}", report.latency(0.8));
    assert!(report.elapsed >= Duration::from_millis(990), "{report:?}");
}

#[test]
fn a_run_lasts_as_long_as_it_was_told() {
    let address = serve(Manner::Right);
    let workload = workload();
    fill(address, &workload).expect("every key is stored");
    let length = Duration::from_millis(200);
    let report = run(address, &workload, Length::Time(length)).expect("it answers");
    assert!(report.answered() > 0 && report.elapsed < 2 * length, "{report:?}");
}

#[test]
fn a_target_that_stores_nothing_is_not_filled() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || refuse_everything(stream));
        }
    });
    let error = fill(address, &workload()).expect_err("nothing is stored");
    assert!(matches!(error, RunError::NotFilled { stored: 0, keys: 100, .. }), "{error}");
}

fn refuse_everything(mut stream: TcpStream) {
    let reader = BufReader::new(stream.try_clone().expect("a socket can be duplicated"));
    for line in reader.split(b'\n').map_while(Result::ok) {
        if line.starts_with(b"set ") && stream.write_all(b"SERVER_ERROR full\r\n").is_err() {
            return;
        }
    }
}

type Values = Arc<Mutex<Store>>;

#[derive(Default)]
struct Store {
    values: HashMap<String, Vec<u8>>,
    reads: u64,
}

/// A server on loopback; it ends with the test.
fn serve(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let store = Values::default();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = Arc::clone(&store);
            thread::spawn(move || answer_all(stream, &store, manner));
        }
    });
    address
}

fn answer_all(mut stream: TcpStream, store: &Values, manner: Manner) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let mut words = line.split_whitespace();
        let answer = match words.next()? {
            "set" => {
                let key = words.next()?.to_owned();
                let len: usize = words.nth(2)?.parse().ok()?;
                let mut data = vec![0; len + 2];
                reader.read_exact(&mut data).ok()?;
                data.truncate(len);
                store.lock().ok()?.values.insert(key, data);
                b"STORED\r\n".to_vec()
            }
            _ => read(&words.collect::<Vec<_>>(), store, manner)?,
        };
        stream.write_all(&answer).ok()?;
    }
}

/// The answer to a read, or nothing to close the connection.
fn read(keys: &[&str], store: &Values, manner: Manner) -> Option<Vec<u8>> {
    let mut store = store.lock().ok()?;
    store.reads += 1;
    let is_hundredth = store.reads % 100 == 0;
    let mut answer = Vec::new();
    // A proxy may answer in another order than it was asked.
    for key in keys.iter().rev() {
        let mut value = store.values.get(*key).cloned().unwrap_or_default();
        match manner {
            Manner::OneByteWrong => value[7] ^= 1,
            Manner::AlwaysEmpty => continue,
            Manner::Refuses => return Some(b"SERVER_ERROR busy\r\n".to_vec()),
            Manner::ClosesNowAndThen if is_hundredth => return None,
            Manner::PausesOnce(pause) if store.reads == 100 => thread::sleep(pause),
            Manner::Right | Manner::ClosesNowAndThen | Manner::PausesOnce(_) => {}
        }
        answer.extend_from_slice(format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes());
        answer.extend_from_slice(&value);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"END\r\n");
    Some(answer)
}
