use super::*;

/// What becomes of `input` under `fault`, in chunks that end at `split`.
fn relayed(input: &[u8], split: usize, fault: &Fault) -> (String, Marks) {
    let (mut requests, mut marks, mut output) = (Requests::default(), Marks::new(), Vec::new());
    requests.take(&input[..split], fault, &mut marks, &mut output);
    requests.take(&input[split..], fault, &mut marks, &mut output);
    (output.escape_ascii().to_string(), marks)
}

#[track_caller]
fn check(input: &[u8], fault: &Fault, forwarded: &[u8], marks: &[Mark]) {
    for split in 0..=input.len() {
        let (output, got) = relayed(input, split, fault);
        assert_eq!(output, forwarded.escape_ascii().to_string(), "split at {split}");
        assert_eq!(got, marks, "split at {split}");
    }
}

fn error(words: &str) -> Mark {
    Mark::Answer(format!("SERVER_ERROR {words}\r\n").into_bytes())
}

const REQUESTS: &[u8] =
    b"get a\r\nset b 0 0 4\r\nmn\r\n\r\nmn\r\nversion\r\nms c 1 q\r\nx\r\nmg c v\r\n";

#[test]
fn without_fault_all_bytes_are_forwarded() {
    check(REQUESTS, &Fault::None, REQUESTS, &[Mark::Noop]);
    check(REQUESTS, &Fault::Garbage, REQUESTS, &[Mark::Noop]);
}

#[test]
fn bytes_are_forwarded_before_their_request_is_whole() {
    let (mut requests, mut marks, mut output) = (Requests::default(), Marks::new(), Vec::new());
    requests.take(b"set a 0 0 100\r\nabc", &Fault::None, &mut marks, &mut output);
    assert_eq!(output, b"set a 0 0 100\r\nabc");
}

#[test]
fn errors_take_the_place_of_requests_for_data() {
    let forwarded = b"mn\r\nmn\r\nmn\r\nversion\r\nmn\r\nmn\r\n";
    let marks = [error("x y"), error("x y"), Mark::Noop, error("x y"), error("x y")];
    check(REQUESTS, &Fault::ServerError("x y".to_owned()), forwarded, &marks);
}

#[test]
fn errors_on_writes_leave_reads_and_deletes_alone() {
    let input = b"get a\r\nset a 0 0 1\r\nx\r\ndelete a\r\nincr a 1\r\ntouch a 1\r\ngat 1 a\r\n";
    let forwarded = b"get a\r\nmn\r\ndelete a\r\nmn\r\nmn\r\ngat 1 a\r\n";
    let marks = [error("full"), error("full"), error("full")];
    check(input, &Fault::ServerErrorOnWrites("full".to_owned()), forwarded, &marks);
}

#[test]
fn a_request_without_reply_gets_no_error() {
    let input = b"set a 0 0 1 noreply\r\nx\r\ndelete a noreply\r\n";
    check(input, &Fault::ServerError("x".to_owned()), b"", &[]);
}

#[test]
fn a_server_that_answers_version_only_sees_no_data() {
    let forwarded = b"mn\r\nversion\r\n";
    check(REQUESTS, &Fault::OnlyVersion, forwarded, &[Mark::Noop]);
    check(b"stats\r\nflush_all\r\n", &Fault::OnlyVersion, b"stats\r\n", &[]);
}

#[test]
fn a_redis_server_that_answers_greetings_only_sees_no_data() {
    let greetings = b"*1\r\n$4\r\nPING\r\n*2\r\n$6\r\nselect\r\n$1\r\n1\r\n";
    let data = b"*2\r\n$3\r\nGET\r\n$6\r\n*1\r\n$4\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n";
    let input = [&greetings[..], data, greetings].concat();
    check(&input, &Fault::None, &input, &[]);
    check(&input, &Fault::OnlyVersion, &greetings.repeat(2), &[]);
}

#[test]
fn what_looks_like_a_redis_command_and_is_none_is_left_to_the_server() {
    let input = b"*1\r\n:5\r\n*1\r\n$3\r\nGET\r\n";
    check(input, &Fault::OnlyVersion, input, &[]);
}

#[test]
fn the_first_retrieval_is_doubled_and_no_other() {
    let input = b"version\r\nset a 0 0 1\r\nx\r\nget a b\r\nget c\r\n";
    let forwarded = b"version\r\nset a 0 0 1\r\nx\r\nget a b\r\nget a b\r\nget c\r\n";
    check(input, &Fault::OffByOne, forwarded, &[]);
}

#[test]
fn a_request_that_was_begun_before_the_fault_is_finished() {
    let input = b"set a 0 0 3\r\nabc\r\nget a\r\n";
    for split in 1..b"set a 0 0 3\r\nabc\r\n".len() {
        let (mut requests, mut marks, mut output) = (Requests::default(), Marks::new(), Vec::new());
        requests.take(&input[..split], &Fault::None, &mut marks, &mut output);
        requests.take(&input[split..], &Fault::OnlyVersion, &mut marks, &mut output);
        assert_eq!(output, b"set a 0 0 3\r\nabc\r\n", "split at {split}");
    }
}

#[test]
fn a_request_that_was_held_back_is_forwarded_when_the_fault_ends() {
    let (mut requests, mut marks, mut output) = (Requests::default(), Marks::new(), Vec::new());
    requests.take(b"set a 0 0 3\r\na", &Fault::OnlyVersion, &mut marks, &mut output);
    assert_eq!(output, b"");
    requests.take(b"b", &Fault::None, &mut marks, &mut output);
    assert_eq!(output, b"set a 0 0 3\r\nab");
}

#[test]
fn what_is_no_request_is_left_to_the_server() {
    let input = b"nonsense\r\nset a 0 x 5\r\nget a\r\nget b\r\n";
    check(input, &Fault::OnlyVersion, b"nonsense\r\nset a 0 x 5\r\nget a\r\n", &[]);
    let endless = [b'x'; 10_000];
    let (output, _) = relayed(&endless, 5000, &Fault::OnlyVersion);
    assert_eq!(output.len(), endless.len());
}
