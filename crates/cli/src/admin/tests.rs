use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::*;

/// Answers one request with these bytes and closes; gives back what was asked.
fn answering(answer: impl Into<Vec<u8>>) -> (Admin, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = answer.into();
    let thread = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let lines = BufReader::new(socket.try_clone().unwrap()).lines().map(Result::unwrap);
        let asked: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
        // Whoever asked may have seen enough.
        let _ = socket.write_all(&answer);
        asked.join("\n")
    });
    (Admin::new(Address::parse(&address).unwrap(), None, None), thread)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[track_caller]
fn check_error(answer: impl Into<Vec<u8>>, expected: &str) {
    let (admin, thread) = answering(answer);
    let error = admin.status().unwrap_err().to_string();
    thread.join().unwrap();
    assert_eq!(error.replace(admin.address(), "HERE"), expected);
}

#[test]
fn names_are_encoded_in_paths_and_questions() {
    let (admin, thread) = answering(http("202 Accepted", "{}"));
    assert!(admin.order(Order::Drain, "a/b", "[::1]:11211").is_err());
    let asked = thread.join().unwrap();
    let line = "POST /api/v1/pools/a%2Fb/servers/%5B%3A%3A1%5D%3A11211/drain HTTP/1.1";
    assert_eq!(asked.lines().next(), Some(line));
    assert!(asked.contains("content-type: application/json"), "{asked}");

    let (admin, thread) = answering(http("200 OK", "{}"));
    assert!(admin.route(&[("pool", "main")], "user:1&pool=x%41 ä").is_err());
    let asked = thread.join().unwrap();
    let line = "GET /api/v1/route?pool=main&key=user%3A1%26pool%3Dx%2541%20%C3%A4 HTTP/1.1";
    assert_eq!(asked.lines().next(), Some(line));
}

#[test]
fn what_is_no_evenkeel_is_told_from_one() {
    let other = "what answers at HERE is no admin server of Evenkeel's";
    check_error(
        http("200 OK", "<html>"),
        &format!(
            "{other} (/api/v1/status: expected value at line 1 column 1); \
             --admin names another address"
        ),
    );
    check_error(
        http("404 Not Found", "<html>"),
        &format!("{other} (/api/v1/status: it answers 404); --admin names another address"),
    );
    check_error(
        http("301 Moved\r\nlocation: http://127.0.0.1:1/", ""),
        &format!("{other} (/api/v1/status: it answers 301); --admin names another address"),
    );
    let (admin, thread) = answering("ERROR\r\nERROR\r\n");
    let error = admin.status().unwrap_err();
    thread.join().unwrap();
    assert!(matches!(error, AdminError::Foreign { .. }), "memcached: {error}");
}

#[test]
fn a_failure_in_the_words_of_the_api_is_handed_on() {
    let failure = r#"{"failure":"not-found","message":"there is no pool \"x\u001b\""}"#;
    check_error(http("404 Not Found", failure), "there is no pool \"x\\u{1b}\"");
}

#[test]
fn a_token_is_asked_for() {
    check_error(
        http("401 Unauthorized", ""),
        "the admin server at HERE asks for a token; give the file it is in with --token-file, \
         or as EVENKEEL_TOKEN_FILE",
    );
}

#[test]
fn an_answer_without_bound_is_not_kept() {
    let (admin, thread) = answering({
        let size = usize::try_from(ANSWER_BYTES_MAX).unwrap() + 1;
        [
            http("200 OK\r\nconnection: close", "")
                .replace("content-length: 0\r\n", "")
                .into_bytes(),
            vec![b' '; size],
        ]
        .concat()
    });
    let error = admin.status().unwrap_err();
    thread.join().unwrap();
    assert!(error.to_string().contains("its answer exceeds 16 MiB"), "{error}");
}

#[test]
fn an_answer_that_ends_early_is_no_answer() {
    let (admin, thread) = answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{");
    let error = admin.status().unwrap_err();
    thread.join().unwrap();
    assert!(matches!(error, AdminError::Closed { .. }), "{error}");
    let (admin, thread) = answering("");
    let error = admin.status().unwrap_err();
    thread.join().unwrap();
    assert!(error.is_passing(), "{error}");
}

#[test]
fn nobody_there_is_told_with_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let admin = Admin::new(Address::parse(&address).unwrap(), None, None);
    assert_eq!(
        admin.status().unwrap_err().to_string(),
        format!(
            "no admin server at {address}: Connection refused (os error 111); is evenkeel \
             running, and has its configuration an [admin] table? --admin names another address"
        )
    );
}
