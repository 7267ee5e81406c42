//! Real Redis servers, and others in their place: what is seen of them.

mod impostor;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::thread;
use std::time::{Duration, Instant};

use evenkeel_doctor::facts::{Outcome, RedisFacts, ServerFacts, StepKind, UnreachableKind};
use evenkeel_doctor::{Options, Report, Target};
use evenkeel_lab::{Fault, Relay};
use evenkeel_rig::{Memcached, Redis, ScratchFolder, free_port, make_certificates, wait_until};

use self::impostor::Impostor;
use crate::asking::{examined, found, quick};

fn target(url: &str) -> Target {
    url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn of(server: &Redis) -> Target {
    target(&format!("redis://{}", server.address()))
}

/// What is seen of one server.
fn seen(url: &str) -> ServerFacts {
    let examination = examined(vec![target(url)], quick());
    examination.servers.into_iter().next().expect("one was asked for")
}

#[track_caller]
fn said(facts: &ServerFacts) -> &RedisFacts {
    facts.redis().unwrap_or_else(|| panic!("it says nothing: {:?}", facts.reach))
}

fn gaps(facts: &ServerFacts) -> Vec<&str> {
    facts.gaps.iter().map(|gap| gap.what.as_str()).collect()
}

/// Answers of the probe, by what was asked, that were not good.
fn bad_steps(facts: &ServerFacts) -> Vec<(StepKind, &Outcome)> {
    let steps = facts.probe.steps().filter(|step| step.outcome != Outcome::Good);
    steps.map(|step| (step.kind, &step.outcome)).collect()
}

#[test]
fn a_healthy_server_is_seen_whole_in_three_seconds() {
    let server = Redis::start();
    server.command(&["SET", "kept", "1"]);
    server.command(&["SET", "expires", "1", "EX", "100"]);
    let idle = server.send(&["CLIENT", "SETNAME", "web"]);
    let examination = examined(vec![of(&server)], Options::default());
    assert_eq!(found(&examination), [""; 0]);
    assert!(examination.took < Duration::from_secs(3), "{:?}", examination.took);
    let facts = &examination.servers[0];
    assert_eq!((gaps(facts), bad_steps(facts)), (vec![], vec![]));
    let lanes: Vec<_> = facts.probe.lanes.iter().map(|lane| lane.steps.len()).collect();
    assert_eq!(lanes, [[21; 10].as_slice(), &[3]].concat());
    let said = said(facts);
    assert!(said.info.apart >= Duration::from_secs(2));
    // The second INFO is the only command of ours between the two.
    assert_eq!(said.info.growth("total_commands_processed"), Some(1.0));
    assert_eq!(said.config.word("maxmemory-policy"), Some("noeviction"));
    assert_eq!((said.has_password, said.database_keys), (Some(false), Some(2)));
    assert_eq!(said.slow_log_len, Some(0));
    assert!(said.cluster.is_empty());
    let keys = said.keys.as_ref().expect("keys can be looked at");
    assert_eq!(
        (keys.looked_at, keys.without_expiry, &*keys.examples),
        (2, 1, &["kept".into()][..])
    );
    let clients = said.clients.as_ref().expect("clients are told");
    let clients: Vec<_> = clients.iter().map(|it| (&*it.address, &*it.name)).collect();
    assert_eq!(clients, [("127.0.0.1", "web")]);
    assert!(said.clock_ahead_seconds.is_some_and(|it| it.abs() < 0.5));
    assert_eq!(server.command(&["DBSIZE"]), ":2\r\n");
    drop(idle);
}

#[test]
fn each_way_of_not_being_reached_is_told_apart() {
    let full = Redis::start_with(&["--maxclients", "1"]);
    let _holds_the_place = full.send(&["CLIENT", "SETNAME", "the-only-one"]);
    let closed = Redis::start_with(&["--requirepass", "right"]);
    let open = Redis::start();
    let hung = Redis::start();
    hung.hang();
    let encrypted = Redis::start_tls();
    let memcached = Memcached::start();
    let [cut_off, reset] = [Fault::CutOff, Fault::Reset].map(|fault| {
        let address = open.address().parse().expect("an address");
        let relay = Relay::start(address).expect("the relay starts");
        relay.set(fault);
        relay
    });
    let http = Impostor::start(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let hangs_up = Impostor::start(b"");
    let at = |server: &Redis| server.address();
    let (open_at, closed_at) = (at(&open), at(&closed));
    let cases = [
        ("redis://no-such-name.invalid".to_owned(), UnreachableKind::Name, ""),
        (format!("redis://127.0.0.1:{}", free_port()), UnreachableKind::Refused, "refused"),
        ("redis://255.255.255.255:6379".to_owned(), UnreachableKind::NoRoute, "unreachable"),
        (format!("redis://{}", cut_off.addr()), UnreachableKind::ConnectTimedOut, "in time"),
        (format!("redis://{}", reset.addr()), UnreachableKind::Reset, "reset"),
        (format!("redis://{}", hangs_up.addr()), UnreachableKind::Reset, "closed the connection"),
        (format!("redis://{}", at(&hung)), UnreachableKind::Silent, "PING in time"),
        (format!("rediss://{}", at(&hung)), UnreachableKind::Silent, "handshake in time"),
        (format!("rediss://{}", encrypted.tls_address()), UnreachableKind::Tls, "does not trust"),
        (format!("rediss://{open_at}"), UnreachableKind::Tls, "does not speak TLS"),
        (format!("redis://{closed_at}"), UnreachableKind::Authentication, "NOAUTH"),
        (format!("redis://:wrong@{closed_at}"), UnreachableKind::Authentication, "WRONGPASS"),
        (format!("redis://:any@{open_at}"), UnreachableKind::Authentication, "ERR AUTH"),
        (format!("redis://{open_at}/99"), UnreachableKind::Database, "out of range"),
        (format!("redis://{}", at(&full)), UnreachableKind::Full, "max number of clients"),
        (format!("redis://:any@{}", at(&full)), UnreachableKind::Full, "max number of clients"),
        (format!("redis://{}", memcached.address()), UnreachableKind::Protocol, "ERROR"),
        (format!("redis://{}", http.addr()), UnreachableKind::Protocol, "HTTP/1.1 400"),
        (format!("redis://{}", encrypted.tls_address()), UnreachableKind::Tls, "rediss://"),
        (format!("memcached://{open_at}"), UnreachableKind::Protocol, "unknown command"),
    ];
    let targets = cases.iter().map(|(url, ..)| target(url)).collect();
    let began_at = Instant::now();
    let examination = examined(targets, quick());
    assert!(began_at.elapsed() < Duration::from_secs(5), "{:?}", began_at.elapsed());
    for ((url, kind, words), facts) in cases.iter().zip(&examination.servers) {
        let error = facts.reach.as_ref().expect_err(url);
        assert_eq!(error.kind, *kind, "{url}: {error}");
        assert!(error.words.contains(words), "{url}: {error}");
    }
    // What each is called is there, and no password that was given.
    let report = format!("{:?}", Report::new(&examination));
    assert!(!report.contains("wrong@") && !report.contains("any@"));
}

/// This test is run again by itself, as a program that trusts the server's certificates.
#[test]
fn an_encrypted_connection_is_examined_if_the_certificate_is_right() {
    if let Ok(urls) = std::env::var(TLS_URLS) {
        let targets = urls.split(' ').map(target).collect();
        let examination = examined(targets, quick());
        let [right, wrong_name] = &*examination.servers else { panic!("there are two") };
        assert_eq!((gaps(right), bad_steps(right)), (vec![], vec![]), "{:?}", right.reach);
        assert_eq!(said(right).config.word("tls-auth-clients"), Some("no"));
        let error = wrong_name.reach.as_ref().expect_err("the certificate is for 127.0.0.1");
        assert_eq!(error.kind, UnreachableKind::Tls, "{error}");
        assert!(error.words.contains("another name than 127.0.0.2"), "{error}");
        return;
    }
    let folder = ScratchFolder::create();
    make_certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = free_port().to_string();
    let _server = Redis::start_with(
        &[
            ["--bind", "127.0.0.1 127.0.0.2"],
            ["--tls-port", &port],
            ["--tls-auth-clients", "no"],
            ["--tls-ca-cert-file", &file("ca.pem")],
            ["--tls-cert-file", &file("cert.pem")],
            ["--tls-key-file", &file("key.pem")],
        ]
        .concat(),
    );
    let name = "redis_look::an_encrypted_connection_is_examined_if_the_certificate_is_right";
    let this = std::env::current_exe().expect("a program knows where it is");
    let again = std::process::Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env(TLS_URLS, format!("rediss://127.0.0.1:{port} rediss://127.0.0.2:{port}"))
        .env("SSL_CERT_FILE", file("ca.pem"))
        .output()
        .expect("it runs a second time");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert!(String::from_utf8_lossy(&again.stdout).contains("1 passed"));
}

#[test]
fn passwords_stay_with_the_server() {
    let server = Redis::start_with(
        &[
            ["--requirepass", "hidden-1"],
            ["--masterauth", "hidden-2"],
            ["--masteruser", "hidden-3"],
            ["--tls-key-file-pass", "hidden-4"],
            ["--tls-client-key-file-pass", "hidden-5"],
            ["--slowlog-log-slower-than", "0"],
        ]
        .concat(),
    );
    server.command(&["CONFIG", "SET", "masterauth", "hidden-6"]);
    server.command(&["ACL", "SETUSER", "someone", ">hidden-7"]);
    let examination = examined(vec![target(&with_login(&server, ":hidden-1"))], quick());
    let facts = &examination.servers[0];
    assert_eq!((gaps(facts), said(facts).has_password), (vec![], Some(true)));
    assert!(!said(facts).slow_log.is_empty() && !said(facts).config.is_empty());
    for told in [format!("{examination:?}"), format!("{:?}", Report::new(&examination))] {
        let at = told.find("hidden").map(|at| &told[at.saturating_sub(100)..][..150]);
        assert_eq!(at, None);
    }
}

#[test]
fn who_repeats_a_password_is_not_repeated() {
    let unknowing = Redis::start_with(&["--rename-command", "AUTH", ""]);
    let echo = Impostor::start(b"*2\r\n$4\r\nAUTH\r\n$8\r\nhidden-8\r\n");
    let urls = [unknowing.address(), echo.addr().to_string()];
    let targets = urls.iter().map(|it| target(&format!("redis://:hidden-8@{it}"))).collect();
    let examination = examined(targets, quick());
    for (words, facts) in ["unknown command", "something else"].iter().zip(&examination.servers) {
        let error = facts.reach.as_ref().expect_err("it does not let us in");
        assert!(error.words.contains(words) && !error.words.contains("hidden"), "{error}");
    }
}

#[test]
fn a_user_with_few_rights_gives_gaps_and_no_failure() {
    let users = [
        ("all", &["~evenkeel:doctor:*", "+@all"][..]),
        ("metrics", &["+info", "+ping", "+client|list", "+client|id"]),
        ("reader", &["~*", "+@read", "-@dangerous"]),
        ("writer", &["~*", "+set", "+get"]),
        ("nobody", &["-@all"]),
        ("elsewhere", &["~app:*", "+@all"]),
    ];
    // Each has a server of its own, because refusals of others would be errors that happen.
    let servers = users.map(|(name, rights)| {
        let server = Redis::start();
        let user = [&["ACL", "SETUSER", name, "on", ">pw"], rights].concat();
        assert_eq!(server.command(&user), "+OK\r\n");
        (name, server)
    });
    let urls = servers.each_ref().map(|(name, it)| target(&with_login(it, &format!("{name}:pw"))));
    let examination = examined(urls.into(), quick());
    assert_eq!(found(&examination), [""; 0]);
    let [all, metrics, reader, writer, nobody, elsewhere] = &*examination.servers else {
        panic!("each is examined")
    };
    assert_eq!(gaps(all), ["SCAN, TTL"; 0]);
    assert!(gaps(metrics).contains(&"SET evenkeel:doctor:…"), "{:?}", metrics.gaps);
    assert!(gaps(metrics).contains(&"CONFIG GET *"), "{:?}", metrics.gaps);
    assert!(said(metrics).clients.is_some() && !said(metrics).info.last.is_empty());
    assert!(gaps(reader).contains(&"PING") && said(reader).keys.is_some());
    assert_eq!(asked(reader), [StepKind::GetDeleted]);
    assert_eq!(asked(writer), [StepKind::Set, StepKind::Get]);
    assert!(gaps(writer).contains(&"DEL evenkeel:doctor:…"), "{:?}", writer.gaps);
    assert_eq!((asked(nobody), nobody.reach.is_ok()), (vec![], true));
    assert!(nobody.gaps.iter().all(|gap| gap.why.starts_with("NOPERM ")), "{:?}", nobody.gaps);
    assert_eq!(asked(elsewhere), [StepKind::Greeting]);
}

/// What the probe asked, besides the key whose expiry is watched.
fn asked(facts: &ServerFacts) -> Vec<StepKind> {
    let steps = facts.probe.steps().map(|step| step.kind);
    let kinds: BTreeSet<_> =
        steps.filter(|it| !matches!(it, StepKind::GetUnexpired | StepKind::GetExpired)).collect();
    kinds.into_iter().collect()
}

fn with_login(server: &Redis, login: &str) -> String {
    format!("redis://{login}@{}", server.address())
}

#[test]
fn nothing_but_canary_keys_is_written_and_nothing_dangerous_is_asked() {
    let server = Redis::start_with(&["--databases", "4"]);
    server.command(&["SET", "theirs", "1"]);
    let mut monitor = server.send(&["MONITOR"]);
    let mut ok = [0; 5];
    monitor.read_exact(&mut ok).expect("MONITOR begins");
    server.command(&["CONFIG", "RESETSTAT"]);
    let url = format!("redis://{}/3", server.address());
    let examination = examined(vec![target(&url)], quick());
    assert_eq!(found(&examination), [""; 0]);
    server.command(&["ECHO", "the-end"]);
    let mut log = String::new();
    let mut bytes = [0; 4096];
    while !log.contains("the-end") {
        let len = monitor.read(&mut bytes).expect("the monitor sees the end");
        log.push_str(&String::from_utf8_lossy(&bytes[..len]));
    }
    let writes = log.lines().filter(|it| it.contains("\" \"evenkeel:doctor:")).count();
    assert!(writes > 10 * 20, "{log}");
    for line in log.lines().filter(|line| line.contains('"')) {
        let (place, command) = line.split_once("] ").expect("a line of MONITOR");
        let is_about_key = !["PING", "SELECT", "CLIENT", "INFO", "SCAN", "DBSIZE", "TIME", "ECHO"]
            .iter()
            .any(|it| command.starts_with(&format!("\"{it}\"")));
        if is_about_key && !command.starts_with("\"QUIT\"") {
            assert!(command.contains("\" \"evenkeel:doctor:") && place.contains("[3 "), "{line}");
        }
        if command.starts_with("\"SET\"") {
            assert!(command.contains("\" \"PX\" \""), "{line}");
        }
    }
    // What MONITOR does not show: commands of administration.
    let asked = server.command(&["INFO", "commandstats"]);
    let asked = asked.lines().filter_map(|it| it.strip_prefix("cmdstat_")?.split(':').next());
    let asked: BTreeSet<_> = asked.filter(|it| !OF_THIS_TEST.contains(it)).collect();
    assert_eq!(asked, OF_DOCTOR.into());
    let keys = server.command(&["INFO", "keyspace"]);
    assert!(keys.contains("db0:keys=1,") && !keys.contains("db3:"), "{keys}");
}

/// What an examination asks, as `commandstats` calls it.
const OF_DOCTOR: [&str; 15] = [
    "client|id",
    "client|list",
    "config|get",
    "dbsize",
    "del",
    "get",
    "info",
    "latency|latest",
    "ping",
    "scan",
    "select",
    "set",
    "slowlog|get",
    "slowlog|len",
    "time",
];
const OF_THIS_TEST: [&str; 3] = ["config|resetstat", "echo", "quit"];

#[test]
fn the_last_places_of_a_server_are_left_to_others() {
    for (limit, lanes) in [("3", 0), ("9", 3)] {
        let server = Redis::start_with(&["--maxclients", limit]);
        let _holds_a_place = server.send(&["CLIENT", "SETNAME", "web"]);
        let facts = seen(&format!("redis://{}", server.address()));
        let expected: &[&str] = if lanes == 0 { &["the probe, SCAN, TTL"] } else { &[] };
        assert_eq!((gaps(&facts), bad_steps(&facts)), (expected.to_vec(), vec![]));
        // The key whose expiry is watched has one of them.
        assert_eq!(facts.probe.lanes.len(), lanes);
        let rejected = server.command(&["INFO", "stats"]);
        assert!(rejected.contains("rejected_connections:0"), "{rejected}");
    }
}

#[test]
fn a_read_only_replica_is_read_and_not_written() {
    let primary = Redis::start_with(&["--repl-diskless-sync-delay", "0"]);
    let of = primary.address().replace(':', " ");
    let replica = Redis::start_with(&["--replicaof", &of]);
    wait_until(Duration::from_secs(10), "the replica to be in step", || {
        replica.command(&["INFO", "replication"]).contains("master_link_status:up")
    });
    let facts = seen(&format!("redis://{}", replica.address()));
    assert_eq!((gaps(&facts), bad_steps(&facts)), (vec![], vec![]));
    assert_eq!(asked(&facts), [StepKind::Greeting, StepKind::GetDeleted]);
    assert_eq!(said(&facts).info.word("role"), Some("slave"));
}

#[test]
fn a_server_of_a_cluster_is_given_keys_of_its_own_slots() {
    let server = Redis::start_with(&["--cluster-enabled", "yes"]);
    let url = format!("redis://{}", server.address());
    let without_slots = seen(&url);
    assert_eq!(gaps(&without_slots), ["SET, GET, DEL"]);
    assert_eq!(asked(&without_slots), [StepKind::Greeting]);
    assert_eq!(server.command(&["CLUSTER", "ADDSLOTSRANGE", "70", "79"]), "+OK\r\n");
    assert_eq!(
        server.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]),
        "+OK\r\n"
    );
    wait_until(Duration::from_secs(10), "the cluster to be well", || {
        server.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    });
    let facts = seen(&url);
    assert_eq!((gaps(&facts), bad_steps(&facts)), (vec![], vec![]));
    assert_eq!(facts.probe.steps().count(), 10 * 21 + 3);
    assert_eq!(said(&facts).cluster.word("cluster_slots_assigned"), Some("10"));
}

fn relay_to(server: &Redis, fault: Fault) -> Relay {
    let relay = Relay::start_with_seed(server.address().parse().expect("an address"), 7);
    let relay = relay.expect("the relay starts");
    relay.set(fault);
    relay
}

#[test]
fn a_server_that_lies_hangs_or_garbles_is_cut_short_and_known_as_far_as_it_goes() {
    let server = Redis::start();
    let faults = [
        Fault::OnlyVersion,
        Fault::Garbage,
        Fault::Stall,
        Fault::Truncate { after_bytes: 40 },
        Fault::Delay(Duration::from_millis(150)),
    ];
    let relays = faults.map(|fault| relay_to(&server, fault));
    let targets = relays.iter().map(|it| target(&format!("redis://{}", it.addr()))).collect();
    let examination = examined(targets, Options::default());
    assert!(examination.took < Duration::from_secs(5), "{:?}", examination.took);
    let [liar, garbler, hung, truncator, slow] = &*examination.servers else {
        panic!("each is examined")
    };
    assert_eq!(said(liar).info.word("role"), Some("master"));
    assert!(gaps(liar).contains(&"CONFIG GET *"), "{:?}", liar.gaps);
    let lanes = &liar.probe.lanes[..10];
    for lane in lanes {
        let outcomes: Vec<_> = lane.steps.iter().map(|it| (it.kind, &it.outcome)).collect();
        let expected = [(StepKind::Greeting, &Outcome::Good), (StepKind::Set, &Outcome::TimedOut)];
        assert_eq!(outcomes, expected);
    }
    let kind = |facts: &ServerFacts| facts.reach.as_ref().map_err(|error| error.kind).err();
    assert_eq!(kind(garbler), Some(UnreachableKind::Protocol));
    assert_eq!(kind(hung), Some(UnreachableKind::Silent));
    assert_eq!(kind(truncator), None);
    let closed = Outcome::Closed("the server closed the connection".to_owned());
    assert!(truncator.probe.steps().any(|it| it.outcome == closed), "{:?}", truncator.probe);
    assert_eq!(bad_steps(slow), []);
    assert!(slow.probe.latencies()[0] >= Duration::from_millis(150));
    println!(
        "{:?} {:?}",
        slow.took,
        slow.probe.lanes.iter().map(|it| it.steps.len()).collect::<Vec<_>>()
    );
}

#[test]
fn a_server_that_hangs_midway_is_known_as_far_as_it_went() {
    let server = Redis::start();
    let url = format!("redis://{}", server.address());
    let examination = thread::scope(|scope| {
        let examination = scope.spawn(|| examined(vec![target(&url)], Options::default()));
        wait_until(Duration::from_secs(10), "the probe to be done", || {
            server.command(&["INFO", "commandstats"]).contains("cmdstat_latency|latest")
        });
        server.hang();
        examination.join().expect("it ends")
    });
    assert!(examination.took < Duration::from_secs(5), "{:?}", examination.took);
    let facts = &examination.servers[0];
    assert_eq!(bad_steps(facts), []);
    assert_eq!(gaps(facts), ["INFO", "CLIENT LIST"]);
    assert_eq!(said(facts).info.word("role"), Some("master"));
    assert_eq!(said(facts).info.growth("total_commands_processed"), None);
}

#[test]
fn a_server_that_is_loading_is_reached_and_says_so() {
    let mut server = Redis::start_with(&[
        "--key-load-delay",
        "50000",
        "--loading-process-events-interval-bytes",
        "1024",
        "--rdbcompression",
        "no",
    ]);
    let many = "for i = 1, 100 do redis.call('SET', i, string.rep('x', 2000)) end";
    server.command(&["EVAL", many, "0"]);
    server.command(&["SAVE"]);
    server.restart_loading();
    let facts = seen(&format!("redis://{}", server.address()));
    assert!(facts.reach.is_ok(), "{:?}", facts.reach);
    assert_eq!(said(&facts).info.word("loading"), Some("1"));
    let outcomes: BTreeSet<_> = bad_steps(&facts).iter().map(|(_, it)| format!("{it:?}")).collect();
    let told: Vec<_> = outcomes.iter().map(|it| it.contains("LOADING Redis is loading")).collect();
    assert_eq!(told, [true]);
}

#[test]
fn answers_without_end_take_neither_memory_nor_time() {
    let memory_kb_before = peak_memory_kb();
    let impostors = [
        Impostor::start_endless(b"+", b"x"),
        Impostor::start_endless(b"$999999999999\r\n", b"x"),
        Impostor::start_endless(b"*1000000000\r\n", b":1\r\n"),
        Impostor::start_endless(b"%1000000000\r\n", b"_\r\n"),
        Impostor::start_endless(b"*9223372036854775807\r\n", b"$0\r\n\r\n"),
        Impostor::start_endless(b"", b"*1\r\n"),
        Impostor::start_endless(b"$-999\r\n", b"$-1\r\n"),
        Impostor::start_endless(b"=99999999\r\ntxt:", b"x"),
        Impostor::start_endless(b"+PONG\r\n", b"+PONG\r\n"),
        Impostor::start_endless(b"+PONG\r\n", b"*2000\r\n"),
        Impostor::start_endless(b"+PONG\r\n$8000000\r\n", b"x:1\r\n"),
        Impostor::start_endless(b"+PONG\r\n$8000000\r\n", b"\r\na"),
    ];
    let urls = impostors.iter().map(|it| target(&format!("redis://{}", it.addr())));
    let examination = examined(urls.collect(), quick());
    assert!(examination.took < Duration::from_secs(5), "{:?}", examination.took);
    for facts in &examination.servers[..8] {
        let error = facts.reach.as_ref().expect_err("it is no server");
        let kinds = [UnreachableKind::Protocol, UnreachableKind::Silent];
        assert!(kinds.contains(&error.kind), "{error:?}");
    }
    for facts in &examination.servers[8..] {
        assert!(facts.reach.is_ok(), "{:?}", facts.reach);
        assert!(!bad_steps(facts).is_empty());
    }
    let memory_kb = peak_memory_kb() - memory_kb_before;
    assert!(memory_kb < 300_000, "{memory_kb} KB");
}

fn peak_memory_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

const TLS_URLS: &str = "EVENKEEL_TEST_TLS_URLS";
