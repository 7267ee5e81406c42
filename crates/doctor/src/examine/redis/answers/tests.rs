use super::*;

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

fn list(items: &[&str]) -> Value {
    Value::Array(items.iter().map(|item| bulk(item)).collect())
}

#[test]
fn info_is_read_line_by_line() {
    let figures =
        figures("# Server\r\nredis_version:7.0.15\r\n\r\nx:a:b\r\nesc:\u{1b}[2J\r\nodd\r\n");
    let figures: Vec<_> = figures.iter().collect();
    assert_eq!(figures, [("esc", "\u{fffd}[2J"), ("redis_version", "7.0.15"), ("x", "a:b")]);
}

#[test]
fn settings_that_are_or_may_be_secret_are_dropped() {
    let secret = [
        "requirepass",
        "masterauth",
        "masteruser",
        "primaryauth",
        "primaryuser",
        "tls-key-file-pass",
        "tls-client-key-file-pass",
        "module.api-token",
        "REQUIREPASS",
    ];
    for name in secret {
        let (config, _) = config(list(&[name, "hidden", "port", "6379"]));
        assert_eq!(config.iter().collect::<Vec<_>>(), [("port", "6379")], "{name}");
    }
    for name in ["tls-auth-clients", "aclfile", "maxclients", "acl-pubsub-default"] {
        let (config, _) = config(list(&[name, "kept"]));
        assert_eq!(config.word(name), Some("kept"));
    }
}

#[test]
fn whether_there_is_a_password_is_known() {
    assert_eq!(config(list(&["requirepass", "x"])).1, Some(true));
    assert_eq!(config(list(&["requirepass", ""])).1, Some(false));
    assert_eq!(config(list(&["port", "1", "requirepass"])).1, None);
    assert_eq!(config(Value::Nil).1, None);
}

fn slow_entry(at: i64, words: &[&str], client: Option<&str>) -> Value {
    let mut entry = vec![Value::Int(7), Value::Int(at), Value::Int(15_000), list(words)];
    entry.extend(client.map(bulk));
    Value::Array(entry)
}

#[test]
fn the_slow_log_tells_when_how_long_and_who() {
    let entry = slow_entry(990, &["GET", "a"], Some("10.0.0.1:5"));
    let log = slow_log(&Value::Array(vec![entry, Value::Nil, Value::Array(vec![])]), 1_000);
    let expected = SlowCommand {
        ago_seconds: 10,
        took: Duration::from_millis(15),
        command: "GET a".to_owned(),
        client: Some("10.0.0.1:5".to_owned()),
    };
    assert_eq!(log, [expected]);
    // Redis 3 told no client, and a clock may run backwards.
    let log = slow_log(&Value::Array(vec![slow_entry(1_010, &["KEYS", "*"], None)]), 1_000);
    assert_eq!((log[0].ago_seconds, &log[0].client), (0, &None));
}

#[test]
fn the_slow_log_tells_no_password_and_no_more_than_a_line() {
    for (words, expected) in [
        (&["AUTH", "hidden"][..], "AUTH …"),
        (&["hello", "3", "AUTH", "u", "hidden"], "hello …"),
        (&["MIGRATE", "a", "1", "", "0", "9", "AUTH", "hidden"], "MIGRATE …"),
        (&["CONFIG", "SET", "requirepass", "hidden"], "CONFIG SET …"),
        (&["ACL", "SETUSER", "u", ">hidden"], "ACL SETUSER …"),
        (&["SENTINEL", "SET", "m", "auth-pass", "hidden"], "SENTINEL SET …"),
        (&["CONFIG"], "CONFIG"),
        (&["SET", "a\r\n\u{7}", "b"], "SET a\u{fffd}\u{fffd}\u{fffd} b"),
        (&[], ""),
    ] {
        let words: Vec<_> = words.iter().map(ToString::to_string).collect();
        assert_eq!(slow_words(&words), expected);
    }
    let long = slow_words(&["SET".to_owned(), "ä".repeat(500)]);
    assert_eq!((long.chars().count(), long.ends_with(" …")), (COMMAND_LEN_MAX + 2, true));
}

#[test]
fn clients_are_told_without_ports_and_ourselves() {
    let text = "id=3 addr=10.0.0.1:555 name=web age=9 idle=4 flags=N cmd=get omem=20 user=u\n\
        id=4 addr=[fd00::1]:556 name= age=1 idle=0 flags=S cmd=replconf omem=0\n\
        id=5 addr=/run/redis.sock:0 name= age=1 idle=0 flags=U cmd=NULL\n\
        id=6 addr=10.0.0.9:1 cmd=client|list\n\
        id=7 addr=127.0.0.1:2 cmd=client|id\n\
        nonsense\n";
    let ours = ["127.0.0.1:2".parse().expect("an address")];
    let clients = clients(text, &[6], &ours);
    let told: Vec<_> = clients.iter().map(|it| (it.id, &*it.address, it.is_ordinary())).collect();
    let expected = [(3, "10.0.0.1", true), (4, "fd00::1", false), (5, "/run/redis.sock", true)];
    assert_eq!(told, expected);
    assert_eq!((clients[0].idle, clients[0].output_bytes), (Duration::from_secs(4), 20));
    assert_eq!((&*clients[0].name, &*clients[0].doing), ("web", "get"));
}

#[test]
fn events_and_times_of_another_shape_are_left_out() {
    let event = Value::Array(vec![bulk("fork"), Value::Int(90), Value::Int(5), Value::Int(70)]);
    let odd = Value::Array(vec![bulk("fork"), bulk("x"), Value::Int(-5), Value::Int(70)]);
    let events = latency_events(&Value::Array(vec![event, odd, Value::Nil]), 100);
    let expected = LatencyEvent {
        name: "fork".to_owned(),
        ago_seconds: 10,
        last: Duration::from_millis(5),
        max: Duration::from_millis(70),
    };
    assert_eq!(events, [expected]);
    assert_eq!(time(&list(&["1700000000", "500000"])), Some(1_700_000_000.5));
    for odd in [list(&["1"]), list(&["x", "1"]), list(&["-1", "1"]), Value::Nil] {
        assert_eq!(time(&odd), None);
    }
}
