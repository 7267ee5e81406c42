//! Several attempts as one `get`.

use super::*;

/// A connection that has been given these requests, and what it gives to be written.
fn joined(requests: &[&str]) -> (Connection, String) {
    let settings = ConnectionSettings { attempts_in_flight_max: 1000, ..SETTINGS };
    let mut connection = Connection::new(ServerId(0), settings);
    connection.want(ms(0));
    connection.poll_connect(ms(0));
    connection.handle_connected(ms(0));
    for request in requests {
        connection.take(ms(0), request);
    }
    let mut output = Vec::new();
    connection.take_output(usize::MAX, &mut output);
    assert_eq!(connection.output(), b"", "all of it counts as written");
    (connection, text(&output))
}

const THREE: [&str; 3] = ["get a\r\n", "get b\r\n", "get c\r\n"];

/// What each of [`THREE`] is told when `response` comes.
fn told(response: &str) -> Result<Vec<String>, Invalid> {
    let (mut connection, _) = joined(&THREE);
    let all = connection.hear(ms(1), response)?;
    Ok(all.into_iter().map(|(body, line)| if body.is_empty() { line } else { body }).collect())
}

#[test]
fn neighbouring_gets_are_written_as_one() {
    assert_eq!(joined(&THREE).1, "get a b c\r\n");
}

#[test]
fn only_gets_of_one_key_are_joined_and_only_neighbours() {
    let requests = [
        "get a\r\n",
        "get b\r\n",
        "set c 0 0 1\r\nx\r\n",
        "get d\r\n",
        "gets e\r\n",
        "get f\r\n",
        "get g h\r\n",
        "gat 9 i\r\n",
        "mg j v\r\n",
        "get k\r\n",
        "get l\r\n",
    ];
    let wanted = "get a b\r\nset c 0 0 1\r\nx\r\nget d\r\ngets e\r\nget f\r\nget g h\r\ngat 9 i\r\n\
                  mg j v k\r\nget k l\r\n";
    assert_eq!(joined(&requests).1, wanted);
}

#[test]
fn a_joint_line_has_a_longest_length() {
    let request = format!("get {}\r\n", "k".repeat(250));
    let (_, output) = joined(&[request.as_str(); 20]);
    let lens: Vec<_> = output.lines().map(|line| line.split(' ').count() - 1).collect();
    assert_eq!(lens, [7, 7, 6]);
    assert!(output.lines().all(|line| line.len() < 2000));
}

#[test]
fn each_is_told_its_own() {
    let (a, b, c) = ("VALUE a 0 1\r\n1\r\n", "VALUE b 0 1\r\n2\r\n", "VALUE c 0 1\r\n3\r\n");
    let end = "END\r\n";
    assert_eq!(told(&[a, b, c, end].concat()).unwrap(), [a, b, c]);
    assert_eq!(told(&[a, c, end].concat()).unwrap(), [a, "END", c]);
    assert_eq!(told(&[b, end].concat()).unwrap(), ["END", b, "END"]);
    assert_eq!(told(&[c, end].concat()).unwrap(), ["END", "END", c]);
    assert_eq!(told(end).unwrap(), ["END", "END", "END"]);
}

#[test]
fn each_is_told_as_soon_as_it_can_be_known() {
    let (mut connection, _) = joined(&THREE);
    let told = connection.hear(ms(1), "VALUE b 0 1\r\n2\r\nVALUE c").unwrap();
    assert_eq!(told.len(), 2, "a was a miss and b is there");
    assert_eq!(connection.hear(ms(1), " 0 1\r\n3\r\n").unwrap(), []);
    assert_eq!(connection.hear(ms(1), "END\r\n").unwrap().len(), 1);
}

#[test]
fn a_joint_response_is_read_whole_wherever_it_is_split() {
    let response = "VALUE a 0 3\r\nEND\r\nVALUE c 0 5\r\nEND\r\n\r\nEND\r\n";
    let requests = [THREE.as_slice(), &["get d\r\n"]].concat();
    let (mut whole, _) = joined(&requests);
    let wanted = whole.hear(ms(1), response).unwrap();
    assert_eq!(wanted.len(), 4);
    for split in 0..response.len() {
        let (mut connection, _) = joined(&requests);
        let (first, second) = response.split_at(split);
        let mut all = connection.hear(ms(1), first).unwrap();
        all.extend(connection.hear(ms(1), second).unwrap());
        assert_eq!(all, wanted, "split at {split}");
    }
}

#[test]
fn two_who_ask_for_one_key_are_both_told() {
    let (mut connection, output) = joined(&["get a\r\n", "get a\r\n"]);
    assert_eq!(output, "get a a\r\n");
    let a = "VALUE a 0 1\r\n1\r\n";
    let told = connection.hear(ms(1), &format!("{a}{a}END\r\n")).unwrap();
    assert_eq!(told.iter().map(|(body, _)| body.as_str()).collect::<Vec<_>>(), [a, a]);
}

#[test]
fn a_value_that_nobody_asked_for_tells_nobody_of_a_miss() {
    let (mut connection, _) = joined(&THREE);
    assert_eq!(connection.hear(ms(1), "VALUE d 0 1\r\n1\r\n"), Err(Invalid::OtherKey));
    assert_eq!(connection.lose(ms(1)).len(), 3);
}

#[test]
fn a_value_that_comes_out_of_order_tells_nobody() {
    let (mut connection, _) = joined(&THREE);
    assert_eq!(connection.hear(ms(1), "VALUE b 0 1\r\n1\r\n").unwrap().len(), 2);
    assert_eq!(connection.hear(ms(1), "VALUE a 0 1\r\n1\r\n"), Err(Invalid::OtherKey));
}

#[test]
fn a_value_of_those_behind_is_not_taken_for_one_of_theirs() {
    let requests = ["get a\r\n", "get b\r\n", "delete x\r\n", "get c\r\n"];
    let (mut connection, _) = joined(&requests);
    assert_eq!(connection.hear(ms(1), "VALUE c 0 1\r\n1\r\n"), Err(Invalid::OtherKey));
}

#[test]
fn an_error_is_everybodys() {
    let error = "SERVER_ERROR out of memory writing get response";
    assert_eq!(told(&format!("{error}\r\n")).unwrap(), [error; 3]);
    let value = "VALUE a 0 1\r\n1\r\n";
    assert_eq!(told(&format!("{value}{error}\r\n")).unwrap(), [value, error, error]);
}

#[test]
fn who_was_written_as_one_may_be_told_of_a_timeout_by_itself() {
    let (mut connection, _) = joined(&THREE);
    assert_eq!(connection.hear(ms(1), "VALUE a 0 1\r\n1\r\n").unwrap().len(), 1);
    assert_eq!(connection.in_flight().len(), 2);
    connection.poll_timeout(ms(300));
    assert_eq!(connection.hear(ms(300), "END\r\n").unwrap().len(), 2);
}

#[test]
fn what_is_given_back_are_requests_of_their_own() {
    let (mut connection, _) = joined(&THREE);
    connection.take(ms(0), "get d\r\n");
    let wanted = [
        ("get a", Sent::Maybe),
        ("get b", Sent::Maybe),
        ("get c", Sent::Maybe),
        ("get d", Sent::No),
    ];
    let lost = connection.lose(ms(1));
    let lost: Vec<_> = lost.iter().map(|(request, sent)| (request.trim_end(), *sent)).collect();
    assert_eq!(lost, wanted);
}

#[test]
fn what_is_taken_later_is_a_line_of_its_own() {
    let (mut connection, _) = joined(&THREE);
    connection.take(ms(0), "get d\r\n");
    let mut output = Vec::new();
    connection.take_output(usize::MAX, &mut output);
    assert_eq!(text(&output), "get d\r\n");
    let told = connection.hear(ms(1), "END\r\nVALUE d 0 1\r\n1\r\nEND\r\n").unwrap();
    assert_eq!(told.len(), 4);
}

#[test]
fn so_much_is_taken_as_is_wanted_and_one_request_at_the_least() {
    let mut connection = ready();
    for request in ["set a 0 0 9\r\n123456789\r\n", "get b\r\n", "get c\r\n", "get d\r\n"] {
        connection.take(ms(0), request);
    }
    let mut take = |len_max| {
        let mut output = Vec::new();
        connection.take_output(len_max, &mut output);
        text(&output)
    };
    assert_eq!(take(5), "set a 0 0 9\r\n123456789\r\n");
    assert_eq!(take(7), "get b\r\n");
    assert_eq!(take(20), "get c d\r\n");
    assert_eq!(take(20), "");
}

#[test]
fn an_answer_before_anything_was_taken_belongs_to_nobody() {
    let mut connection = ready();
    connection.take(ms(0), "get a\r\n");
    assert_eq!(connection.hear(ms(0), "END\r\n"), Err(Invalid::Unasked));
}
