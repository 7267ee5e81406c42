//! The load generator against servers that behave in known ways.

mod server;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_load::{End, Endpoint, Length, Load, Pace, RunError, Watch, Workload};

use server::{Manner, serve, serve_unix};

fn workload() -> Workload {
    Workload { connections: 4, keys: 100, ..Workload::default() }
}

#[test]
fn every_request_is_answered_and_every_key_found() {
    for (batch, keys_per_read) in [(1, 1), (16, 1), (3, 24)] {
        let endpoint = serve(Manner::Right);
        let pace = Pace::Closed { batch };
        let workload = Workload { pace, keys_per_read, ..workload() };
        Load::new(&endpoint, &workload).fill().expect("every key is stored");
        let report =
            Load::new(&endpoint, &workload).run(Length::Requests(1000)).expect("it answers");
        assert_eq!(report.answered(), 1000, "{report:?}");
        assert_eq!(report.hits, report.reads.len() * keys_per_read as u64, "{report:?}");
        assert_eq!((report.stored, report.misses), (report.writes.len(), 0), "{report:?}");
        assert_eq!(report.failed(), 0, "{report:?}");
        assert!((800..=970).contains(&report.reads.len()), "nine in ten are reads: {report:?}");
    }
}

#[test]
fn threads_share_the_requests_that_one_would_send() {
    let endpoint = serve(Manner::Right);
    let workload = workload();
    for pace in [Pace::Closed { batch: 2 }, Pace::Open { rate: 5000, in_flight_max: 1000 }] {
        let workload = Workload { pace, ..workload.clone() };
        let run = |threads| {
            let load = Load::new(&endpoint, &workload).threads(threads);
            load.fill().expect("every key is stored");
            let report = load.run(Length::Requests(1001)).expect("it answers");
            assert_eq!((report.answered(), report.misses, report.lost), (1001, 0, 0));
            report.reads.len()
        };
        let reads = run(1);
        // Of nine threads five would have no connection.
        assert_eq!([run(3), run(9)], [reads, reads]);
    }
}

#[test]
fn a_unix_socket_is_driven_like_any_other() {
    let path = std::env::temp_dir().join(format!("evenkeel-load-{}.sock", std::process::id()));
    let endpoint = serve_unix(&path, Manner::Right);
    Load::new(&endpoint, &workload()).fill().expect("every key is stored");
    let report = Load::new(&endpoint, &workload()).run(Length::Requests(100)).expect("it answers");
    assert_eq!((report.answered(), report.misses, report.wrong), (100, 0, 0), "{report:?}");
    std::fs::remove_file(path).expect("it is there");
}

#[test]
fn a_wrong_byte_is_counted_and_its_connection_not_trusted_again() {
    let endpoint = serve(Manner::OneByteWrong);
    let workload = Workload { reads_percent: 100, ..workload() };
    Load::new(&endpoint, &workload).fill().expect("every key is stored");
    let report = Load::new(&endpoint, &workload).run(Length::Requests(50)).expect("it answers");
    assert_eq!((report.wrong, report.lost, report.hits), (50, 0, 0), "{report:?}");
    assert!(report.faults[0].starts_with("wrong: the data of VALUE"), "{report:?}");
}

#[test]
fn misses_and_refusals_are_counted_apart() {
    let workload = Workload { reads_percent: 100, ..workload() };
    let report = Load::new(&serve(Manner::AlwaysEmpty), &workload).run(Length::Requests(50));
    assert_eq!(report.expect("it answers").misses, 50);
    let report = Load::new(&serve(Manner::Refuses), &workload)
        .run(Length::Requests(50))
        .expect("it answers");
    assert_eq!((report.errors(), report.misses), (50, 0), "{report:?}");
    assert_eq!(report.faults[0], "refused: SERVER_ERROR busy");
}

#[test]
fn lost_connections_are_made_again_and_their_requests_counted() {
    let endpoint = serve(Manner::ClosesNowAndThen);
    let pace = Pace::Closed { batch: 4 };
    let workload = Workload { reads_percent: 100, pace, ..workload() };
    Load::new(&endpoint, &workload).fill().expect("every key is stored");
    let report = Load::new(&endpoint, &workload).run(Length::Requests(1000)).expect("it answers");
    assert_eq!(report.answered() + report.lost, 1000, "{report:?}");
    assert!((9..=40).contains(&report.lost), "a batch is lost each time: {report:?}");
}

#[test]
fn requests_of_the_warm_up_are_sent_and_not_counted() {
    let warm_up = Duration::from_millis(100);
    for pace in [Pace::Closed { batch: 2 }, Pace::Open { rate: 2000, in_flight_max: 10 }] {
        let endpoint = serve(Manner::Right);
        let workload = Workload { pace, ..workload() };
        let watch = Watch::new();
        let load = Load::new(&endpoint, &workload).threads(2).warm_up(warm_up).watch(&watch);
        load.fill().expect("every key is stored");
        let report = load.run(Length::Requests(300)).expect("it answers");
        assert_eq!((report.answered(), report.failed(), report.misses), (300, 0, 0), "{report:?}");
        assert!(watch.take().latencies.len() > 300, "the watch has seen the warm-up too");
    }
}

#[test]
fn the_time_of_a_run_begins_after_the_warm_up() {
    let endpoint = serve(Manner::Silent);
    let workload = workload();
    let [warm_up, length] = [30, 50].map(Duration::from_millis);
    let load = Load::new(&endpoint, &workload).warm_up(warm_up).answer_timeout(warm_up);
    let start = Instant::now();
    let report = load.run(Length::Time(length)).expect("it accepts");
    assert_eq!(report.elapsed, length);
    assert!(start.elapsed() >= warm_up + length);
}

#[test]
fn a_wrong_byte_in_the_warm_up_counts() {
    let endpoint = serve(Manner::OneByteWrong);
    let workload = Workload { reads_percent: 100, ..workload() };
    let load = Load::new(&endpoint, &workload).warm_up(Duration::from_millis(500));
    load.fill().expect("every key is stored");
    let report = load.run(Length::Time(Duration::from_nanos(1))).expect("it answers");
    assert!(report.wrong > 0, "{report:?}");
}

#[test]
fn each_thread_says_what_it_did_while_it_measured() {
    let endpoint = serve(Manner::Right);
    let workload = workload();
    let length = Duration::from_millis(100);
    let load = Load::new(&endpoint, &workload).threads(2).warm_up(length);
    load.fill().expect("every key is stored");
    let report = load.run(Length::Time(length)).expect("it answers");
    assert_eq!(report.threads.len(), 2);
    for time in report.threads {
        assert!(time.elapsed > Duration::ZERO, "{time:?}");
    }
}

#[test]
fn a_load_that_is_stopped_says_so_and_keeps_what_it_measured() {
    let endpoint = serve(Manner::Right);
    let workload = workload();
    let watch = Watch::new();
    let load = Load::new(&endpoint, &workload).threads(2).watch(&watch);
    load.fill().expect("every key is stored");
    assert_eq!(watch.take().stored, 100, "the fill");
    let report = thread::scope(|scope| {
        let run = scope.spawn(|| load.run(Length::Time(Duration::from_hours(1))));
        while watch.take().latencies.is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        watch.stop();
        run.join().expect("it does not panic").expect("it answers")
    });
    assert_eq!((report.end, report.failed()), (End::Stopped, 0), "{report:?}");
    assert!(report.answered() > 0 && report.elapsed < Duration::from_mins(1), "{report:?}");
    assert!(matches!(load.fill(), Err(RunError::Stopped)), "it stays stopped");
}

#[test]
fn what_a_silent_target_does_not_answer_is_given_up() {
    let (length, timeout) = (Duration::from_millis(100), Duration::from_millis(200));
    let pace = Pace::Closed { batch: 3 };
    let workload = Workload { connections: 2, pace, ..workload() };
    let endpoint = serve(Manner::Silent);
    let load = Load::new(&endpoint, &workload).answer_timeout(timeout);
    let report = load.run(Length::Time(length)).expect("it accepts");
    assert_eq!((report.answered(), report.timed_out, report.failed()), (0, 6, 6), "{report:?}");
    assert_eq!((report.connections_lost, report.end), (2, End::Complete), "{report:?}");
    assert!(report.latency(0.0) >= timeout, "what was given up had waited that long");
    assert_eq!(report.elapsed, length);
}

#[test]
fn open_pace_counts_what_a_silent_target_kept_from_starting() {
    let timeout = Duration::from_millis(300);
    let pace = Pace::Open { rate: 1000, in_flight_max: 5 };
    let workload = Workload { connections: 1, pace, ..workload() };
    let endpoint = serve(Manner::Silent);
    let load = Load::new(&endpoint, &workload).answer_timeout(timeout);
    let report = load.run(Length::Time(Duration::from_millis(200))).expect("it accepts");
    assert_eq!((report.timed_out, report.unsent, report.given_up.len()), (5, 195, 200));
    // The request due at 100 ms has waited for 200.
    assert!(report.latency(0.5) >= Duration::from_millis(190), "{report:?}");
}

#[test]
fn a_target_with_too_many_connections_is_not_flooded_with_more() {
    let endpoint = serve(Manner::TooMany);
    let workload = Workload { connections: 2, reads_percent: 100, ..workload() };
    let length = Length::Time(Duration::from_millis(300));
    let report = Load::new(&endpoint, &workload).run(length).expect("it accepts");
    // One at the start, and one each 100 ms after.
    assert!((2..=8).contains(&report.connections_lost), "{report:?}");
    assert_eq!(report.faults[0], "refused: ERROR Too many open connections");
    assert!(report.faults.len() < 4, "each kind of fault is told once: {report:?}");
}

#[test]
fn a_number_of_requests_is_given_up_when_nothing_is_answered() {
    let endpoint = serve(Manner::Silent);
    let workload = workload();
    let load = Load::new(&endpoint, &workload).answer_timeout(Duration::from_millis(50));
    let report = load.run(Length::Requests(1_000_000)).expect("it accepts");
    assert_eq!((report.end, report.answered()), (End::NoAnswers, 0), "{report:?}");
}

#[test]
fn a_target_that_refuses_connections_is_an_error_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let endpoint = Endpoint::from(listener.local_addr().expect("it is bound"));
    drop(listener);
    let error = Load::new(&endpoint, &workload()).run(Length::Requests(1)).expect_err("refused");
    let RunError::Connect { endpoint: named, number: 1, connections: 4, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(named, endpoint);
}

#[test]
fn a_full_connection_holds_back_what_is_due_and_its_wait_counts() {
    let pause = Duration::from_millis(300);
    let endpoint = serve(Manner::PausesOnce(pause));
    let pace = Pace::Open { rate: 1000, in_flight_max: 1 };
    let workload = Workload { connections: 1, pace, reads_percent: 100, ..workload() };
    Load::new(&endpoint, &workload).fill().expect("every key is stored");
    let report = Load::new(&endpoint, &workload).run(Length::Requests(1000)).expect("it answers");
    assert_eq!((report.answered(), report.failed()), (1000, 0), "{report:?}");
    assert!(report.held_back >= 250, "{report:?}");
    assert_eq!(report.held_back + report.lateness.len(), 1000);
    assert!(report.latency(0.8) > pause / 3, "{:?}", report.latency(0.8));
}

#[test]
fn open_pace_counts_the_wait_that_a_pause_causes() {
    let pause = Duration::from_millis(300);
    let endpoint = serve(Manner::PausesOnce(pause));
    let pace = Pace::Open { rate: 1000, in_flight_max: 1000 };
    let workload = Workload { connections: 1, pace, reads_percent: 100, ..workload() };
    Load::new(&endpoint, &workload).fill().expect("every key is stored");
    let report = Load::new(&endpoint, &workload).run(Length::Requests(1000)).expect("it answers");
    assert_eq!(report.answered(), 1000, "{report:?}");
    // 300 requests were due while nothing was answered: a fifth of all waited over 100 ms.
    assert!(report.latency(0.8) > pause / 3, "{:?}", report.latency(0.8));
    assert!(report.elapsed >= Duration::from_millis(990), "{report:?}");
}

#[test]
fn a_run_lasts_as_long_as_it_was_told() {
    let endpoint = serve(Manner::Right);
    let workload = workload();
    Load::new(&endpoint, &workload).fill().expect("every key is stored");
    let length = Duration::from_millis(200);
    let report = Load::new(&endpoint, &workload).run(Length::Time(length)).expect("it answers");
    assert!(report.answered() > 0 && report.elapsed < 2 * length, "{report:?}");
}

#[test]
fn a_target_that_stores_nothing_is_not_filled() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let endpoint = Endpoint::from(listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || refuse_everything(stream));
        }
    });
    let error = Load::new(&endpoint, &workload()).fill().expect_err("nothing is stored");
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
