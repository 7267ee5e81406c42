//! The real command: what it prints, where, and how it ends.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.current_dir(repository()).args(args).stdin(Stdio::null());
    command
}

fn evenkeel(args: &[&str]) -> Output {
    command(args).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is text")
}

/// Checks that a command fails with this code and says just this on standard error.
#[track_caller]
fn check_failure(args: &[&str], code: i32, stderr: &str) {
    let output = evenkeel(args);
    assert_eq!(text(&output.stderr), stderr);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(output.status.code(), Some(code));
}

#[track_caller]
fn check_success(args: &[&str]) -> String {
    let output = evenkeel(args);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout)
}

/// The console sessions of docs/cli.md: the arguments, and what is printed.
fn documented_sessions() -> Vec<(String, String)> {
    let document = fs::read_to_string(repository().join("docs/cli.md")).expect("it is there");
    let blocks = document.split("```console\n$ evenkeel ").skip(1);
    let sessions = blocks.map(|block| {
        let session = block.split("```").next().unwrap_or_default();
        let (args, printed) = session.split_once('\n').expect("a command and its output");
        (args.to_owned(), printed.to_owned())
    });
    sessions.collect()
}

#[test]
fn what_the_documentation_shows_is_what_is_printed() {
    let sessions = documented_sessions();
    assert_eq!(sessions.len(), 8);
    for (args, expected) in sessions {
        let output = evenkeel(&args.split(' ').collect::<Vec<_>>());
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(printed, expected, "evenkeel {args}");
    }
}

#[test]
fn every_verb_has_examples_in_its_help() {
    for verb in VERBS {
        let help = check_success(&[verb, "--help"]);
        assert!(help.contains("Example"), "{help}");
        assert!(help.contains(&format!("\n  evenkeel {verb}")), "{help}");
        assert!(check_success(&["--help"]).contains(&format!("\n  {verb} ")));
    }
}

#[test]
fn every_order_about_a_server_has_an_example_in_its_help() {
    for order in ["drain", "eject", "readmit", "flush"] {
        let help = check_success(&["server", order, "--help"]);
        assert!(help.contains(&format!("\n  evenkeel server {order}")), "{help}");
    }
}

#[test]
fn every_verb_has_a_section_in_the_documentation() {
    let document = fs::read_to_string(repository().join("docs/cli.md")).unwrap();
    for verb in VERBS {
        assert!(document.contains(&format!("\n## `evenkeel {verb}")), "{verb}");
    }
}

#[test]
fn exit_codes_are_in_the_help_and_in_the_documentation() {
    let help = check_success(&["--help"]);
    let document = fs::read_to_string(repository().join("docs/cli.md")).unwrap();
    for code in [0, 1, 2, 3, 78, 130] {
        assert!(help.contains(&format!("\n  {code:<4}")), "{code}: {help}");
        assert!(document.contains(&format!("\n| {code} |")), "{code}");
    }
}

#[test]
fn an_import_writes_a_good_configuration_and_says_what_to_look_at() {
    let folder = "crates/import/tests/samples";
    let output = evenkeel(&["import", &format!("{folder}/nutcracker.yml")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("[pool.sessions]"), "{}", text(&output.stdout));
    let told = text(&output.stderr);
    assert!(told.contains(&format!("{folder}/nutcracker.yml:41 pool queue is left out")), "{told}");
    assert!(told.ends_with("to look at before it is used\n"), "{told}");
}

#[test]
fn an_import_writes_over_nothing_unless_it_is_told_to() {
    let folder = std::env::temp_dir().join(format!("evenkeel-import-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("evenkeel.toml");
    let file = file.to_str().unwrap();
    let import = |more: &[&str]| {
        let args = ["import", "--as", "dalli", "10.0.0.1,10.0.0.2:11212", "--output", file];
        evenkeel(&[&args, more].concat())
    };
    let first = import(&[]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert_eq!(text(&first.stdout), "");
    check_success(&["check", file]);
    let again = import(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).ends_with("; --force writes over it\n"));
    assert_eq!(import(&["--force"]).status.code(), Some(0));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_list_that_is_imported_may_be_longer_than_a_name_of_a_file() {
    let servers: Vec<_> = (0..100).map(|it| format!("10.0.0.{it}:11211")).collect();
    let output = evenkeel(&["import", "--as", "gomemcache", &servers.join(",")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("\"10.0.0.99:11211\""));
}

#[test]
fn an_import_of_nothing_known_exits_with_2() {
    check_failure(
        &["import", "no-such-file.yml"],
        2,
        "evenkeel: cannot read no-such-file.yml: No such file or directory (os error 2)\n",
    );
    let output = evenkeel(&["import", "10.0.0.1:11211,10.0.0.2:11211"]);
    assert_eq!(output.status.code(), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("nothing says which client had the list the argument"), "{told}");
    let mut command = command(&["import", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"MEMCACHE_SERVERS=10.0.0.1:11211\n").unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn wrong_arguments_exit_with_2() {
    for args in [
        &["chekc"][..],
        &["check"],
        &["route"],
        &["check", "a", "b"],
        &["run", "--x"],
        &["bench"],
        &["server"],
        &["server", "drain"],
        &["server", "drain", "a", "--timeout", "1s"],
        &["status", "--admin", "a", "--config", "b"],
        &["status", "--admin", "a:b"],
        &["status", "--token-file", "no/such"],
        &["completions", "tcsh"],
    ] {
        let output = evenkeel(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn a_misspelt_verb_is_recognised() {
    assert!(text(&evenkeel(&["chekc"]).stderr).contains("'check'"));
}

#[test]
fn a_faulty_configuration_exits_with_78_for_every_verb_that_reads_one() {
    let file = "crates/cli/tests/faulty.toml";
    for args in
        [&["check", file][..], &["run", file], &["route", file, "key"], &["verify-map", file]]
    {
        let output = evenkeel(args);
        assert_eq!(output.status.code(), Some(78), "{args:?}");
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).ends_with("has 3 faults\n"));
    }
}

#[test]
fn a_configuration_that_cannot_be_read_exits_with_78() {
    check_failure(
        &["check", "no/such.toml"],
        78,
        "evenkeel: cannot read no/such.toml: No such file or directory (os error 2); \
         give the path of a configuration file\n",
    );
    check_failure(
        &["check", "docs"],
        78,
        "evenkeel: cannot read docs: Is a directory (os error 21); \
         give the path of a configuration file\n",
    );
}

#[test]
fn a_proxy_that_cannot_listen_exits_with_1_and_names_the_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("taken.toml");
    let listener = format!("[listener.a]\naddress = \"{address}\"\npool = \"p\"\n");
    fs::write(&file, format!("{listener}[pool.p]\nservers = [\"127.0.0.1:1\"]\n")).unwrap();
    check_failure(
        &["run", file.to_str().unwrap()],
        1,
        &format!(
            "evenkeel: listener a cannot listen on {address}: \
             Address already in use (os error 98); \
             stop what listens there, or choose another address\n"
        ),
    );
}

#[test]
fn keys_that_memcached_would_refuse_are_refused_before_anything_is_printed() {
    let long = "k".repeat(251);
    check_failure(
        &["route", "good", &long],
        2,
        &format!("evenkeel: the key {long:?} has 251 bytes; memcached takes at most 250\n"),
    );
    for (key, shown) in [("a b", "a b"), ("a\n", "a\\n"), ("\u{7f}", "\\u{7f}")] {
        let message = "has a blank or a control character in it; memcached takes neither";
        let expected = format!("evenkeel: the key \"{shown}\" {message}\n");
        check_failure(&["route", "good", key], 2, &expected);
    }
    check_failure(&["route", ""], 2, "evenkeel: a key is empty; give 1 to 250 bytes\n");
    check_success(&["route", &"k".repeat(250)]);
}

#[test]
fn the_first_argument_of_route_is_the_file_if_it_ends_in_toml() {
    check_failure(
        &["route", "evenkeel.example.toml"],
        2,
        "evenkeel: there is no key after the configuration evenkeel.example.toml; \
         give at least one\n",
    );
    let by_place = check_success(&["route", "evenkeel.example.toml", "x.toml"]);
    let by_name = check_success(&["route", "--config", "evenkeel.example.toml", "x.toml"]);
    assert_eq!(by_place, by_name);
    assert!(by_name.starts_with("x.toml\n"));
    assert_ne!(by_name, check_success(&["route", "k", "x.toml"]));
}

#[test]
fn route_goes_by_routes_unless_a_pool_is_named() {
    let file = "crates/cli/tests/routes.toml";
    let home_of = |arguments: &[&str]| {
        let said = check_success(&[&["route", file], arguments].concat());
        let home = said.lines().find_map(|line| line.strip_prefix("  home  ")).unwrap().to_owned();
        (home, said.lines().last().unwrap().trim_start().to_owned())
    };
    let check = |arguments: &[&str], home: &str, last: &str| {
        assert_eq!(home_of(arguments), (home.to_owned(), last.to_owned()), "{arguments:?}");
    };
    let nowhere = "then  nowhere: there is no other server";
    check(&["--listener", "main", "page:1"], "main:11211", nowhere);
    let of_user = check_success(&["route", file, "--listener", "main", "user:1"]);
    assert!(of_user.contains("\n  route \"user:\" to pool users\n"), "{of_user}");
    check(
        &["--listener", "main", "user:1"],
        "users:11211",
        "for   get, set, touch, arithmetic; other operations go elsewhere: --operation",
    );
    check(
        &["--listener", "main", "/east/1"],
        "east:11211",
        "route \"/east/\" to pool east, whose servers are sent \"1\"",
    );
    check(
        &["--listener", "main", "--operation", "delete", "user:1"],
        "main:11211",
        "for   delete; other operations go elsewhere: --operation",
    );
    check(&["--listener", "other", "user:1"], "east:11211", nowhere);
    check(&["--pool", "east", "user:1"], "east:11211", nowhere);
    let said = check_success(&["route", "--json", file, "--listener", "main", "/east/1"]);
    let found: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&found["key"], &found["pool"]), (&"/east/1".into(), &"east".into()));
    assert_eq!((&found["prefix"], &found["sent_as"]), (&"/east/".into(), &"1".into()));
}

#[test]
fn route_asks_which_listener_or_pool_is_meant() {
    let file = "crates/cli/tests/routes.toml";
    check_failure(
        &["route", file, "key"],
        2,
        "evenkeel: listeners differ in where keys go; choose one with --listener: main, other; \
         or a pool with --pool\n",
    );
    check_failure(
        &["route", "--listener", "mian", file, "key"],
        2,
        "evenkeel: there is no listener \"mian\"; choose one of main, other\n",
    );
    check_failure(
        &["route", "--listener", "main", file, "/east/"],
        2,
        "evenkeel: nothing is left of the key \"/east/\" without its prefix; \
         give one that is longer\n",
    );
    check_failure(
        &["route", "--pool", "other", "crates/cli/tests/pools.toml", "key"],
        2,
        "evenkeel: there is no pool \"other\"; choose one of main, spare, tags, scores, routes, rails, php\n",
    );
}

#[test]
fn check_warns_of_routes_that_part_reads_from_writes() {
    let said = check_success(&["check", "crates/cli/tests/routes.toml"]);
    assert_eq!(
        said,
        "crates/cli/tests/routes.toml: no faults; 3 pools, 3 servers, 2 listeners, 2 routes\n  \
         warning: listener main: of keys that begin with \"user:\" delete to pool main, get, set, \
         touch, arithmetic to pool users; what is written or deleted in one pool is not seen in \
         another\n"
    );
}

#[track_caller]
fn check_route(pool: &str, key: &str, expected: &str) {
    let file = "crates/cli/tests/pools.toml";
    assert_eq!(check_success(&["route", "--pool", pool, file, key]), expected);
}

#[test]
fn route_says_why_for_every_kind_of_distribution() {
    check_route(
        "main",
        "user:1",
        "user:1\n  home  10.0.0.1:11211\n  \
         why   fnv1a_64 of \"user:1\" is 1963465963; \
         the first point at or after it on the ring is 1968513742\n  \
         then  10.0.0.3:11212, b\n",
    );
    check_route(
        "spare",
        "user:1",
        "user:1\n  home  10.0.0.5:11211\n  \
         why   one_at_a_time of \"user:1\" is 2773942091; modulo 2 that is slot 1\n  \
         then  nowhere: failover is \"none\"\n",
    );
    check_route(
        "tags",
        "user:{42}:name",
        "user:{42}:name\n  home  10.0.0.6:11211\n  \
         why   md5 of \"42\" is 3905343649; \
         the first point at or after it on the ring is 3961521514\n  \
         then  nowhere: there is no other server\n",
    );
    check_route(
        "scores",
        "user:1",
        "user:1\n  home  s7:11211\n  \
         why   its score with \"user:1\", 4127234006, is the highest\n  \
         then  s1:11211, s3:11211, s10:11211, s6:11211, s12:11211, s2:11211, s11:11211, \
         s5:11211, s9:11211, s8:11211 and 2 more\n",
    );
}

#[test]
fn route_says_which_part_of_a_key_is_hashed() {
    check_route(
        "routes",
        "/west/a/user:1|#|x",
        "/west/a/user:1|#|x\n  home  m3:11211\n  \
         why   furc_hash of \"user:1\" and the salt \"x\" gives number 2 of 3, counted from 0\n  \
         then  m2:11211, m1:11211\n",
    );
    check_route(
        "php",
        "app:user:1",
        "app:user:1\n  home  10.0.0.7:11211\n  \
         why   crc32 of \"user:1\" is 2074460802; modulo 1024 that is slot 642\n  \
         then  10.0.0.9:11211, 10.0.0.8:11211\n",
    );
    check_route(
        "rails",
        "user:1",
        "user:1\n  home  10.0.0.8:11211\n  \
         why   crc32 of \"user:1\" is 2074460802; \
         the last point at or before it on the ring is 2074236472\n  \
         then  10.0.0.7:11211, 10.0.0.9:11211\n",
    );
}

#[test]
fn json_names_home_and_order() {
    let line = check_success(&["route", "--json", "a", "b"]);
    let objects: Vec<serde_json::Value> =
        line.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["order"][0]["address"], serde_json::Value::Null, "picked at the start");
    for (object, key) in objects.iter().zip(["a", "b"]) {
        assert_eq!(object["key"], key);
        assert_eq!(object["pool"], "main");
        assert_eq!(object["order"].as_array().unwrap().len(), 3);
        assert_eq!(object["order"][0]["server"], object["home"]);
    }
}

#[test]
fn json_has_the_address_and_no_hash_where_there_is_none() {
    let file = "crates/cli/tests/pools.toml";
    let line = check_success(&["route", "--json", "--pool", "scores", file, "user:1"]);
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["hash"], serde_json::Value::Null);
    assert_eq!(object["place"], serde_json::json!({ "score": 4_127_234_006_u32 }));
    assert_eq!(object["order"][0]["address"], "s7:11211");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let keys: Vec<String> = (0..5000).map(|idx| format!("key:{idx}")).collect();
    let mut args = vec!["route"];
    args.extend(keys.iter().map(String::as_str));
    let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn an_output_that_cannot_be_written_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(&["version"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("evenkeel: cannot write the output: "));
}

#[test]
fn check_says_as_json_what_is_wrong_and_where() {
    let file = "crates/cli/tests/faulty.toml";
    let output = evenkeel(&["check", "--json", file]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(text(&output.stderr), "");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["is_good"], false);
    assert_eq!(found["pools"], serde_json::Value::Null);
    let faults = found["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 3);
    let expected = serde_json::json!({
        "line": 7, "column": 1,
        "message": "unknown key \"timout\" in [pool.main]",
        "remedy": "did you mean \"timeout\"?",
    });
    assert_eq!(faults[1], expected);
}

#[test]
fn bash_completes_verbs_and_options() {
    let script = check_success(&["completions", "bash"]);
    for (words, expected) in [
        ("evenkeel stat", "status"),
        ("evenkeel server dr", "drain"),
        ("evenkeel status --tok", "--token-file"),
        ("evenkeel completions zs", "zsh"),
    ] {
        let words: Vec<_> = words.split(' ').collect();
        let (current, before) = (words[words.len() - 1], words[words.len() - 2]);
        let line = format!(
            "COMP_WORDS=({}); COMP_CWORD={}; _evenkeel evenkeel '{current}' '{before}'; \
             echo \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
        );
        let bash = Command::new("bash").args(["-uc", &format!("{script}\n{line}")]).output();
        let bash = bash.expect("bash is there");
        assert_eq!(text(&bash.stderr), "", "{words:?}");
        assert_eq!(text(&bash.stdout).trim_end(), expected, "{words:?}");
    }
}

#[test]
fn every_shell_has_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(check_success(&["completions", shell]).contains("readmit"), "{shell}");
    }
}

#[test]
fn every_verb_has_a_manual_page_that_man_accepts() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("man");
    fs::create_dir_all(&dir).unwrap();
    assert_eq!(check_success(&["man", dir.to_str().unwrap()]), "");
    let orders = ["server-drain", "server-eject", "server-readmit", "server-flush"];
    let mut expected: Vec<_> =
        VERBS.iter().chain(&orders).map(|name| format!("evenkeel-{name}.1")).collect();
    expected.push("evenkeel.1".to_owned());
    expected.sort();
    let pages = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
    let mut pages: Vec<_> = pages.map(|name| name.into_string().unwrap()).collect();
    pages.sort();
    assert_eq!(pages, expected);
    for page in pages {
        let mut man = Command::new("man");
        man.args(["--warnings", "-E", "UTF-8", "-l"]).arg(dir.join(&page));
        let shown = man.env("MANWIDTH", "100").env("LC_ALL", "C.UTF-8").output();
        let shown = shown.expect("man is installed");
        assert_eq!((text(&shown.stderr).as_str(), shown.status.code()), ("", Some(0)), "{page}");
        assert!(text(&shown.stdout).contains("evenkeel"), "{page}");
    }
}

#[test]
fn a_folder_for_manual_pages_that_is_none_is_told_so() {
    check_failure(
        &["man", "no/such"],
        1,
        "evenkeel: cannot write to no/such: No such file or directory (os error 2)\n",
    );
}

#[test]
fn a_check_of_the_doctor_is_explained() {
    let all = check_success(&["doctor", "--explain"]);
    assert!(all.lines().count() > 10, "{all}");
    // What does not fit a line goes on in the next.
    for line in all.lines().filter(|it| !it.starts_with(' ')) {
        let id = line.split(' ').next().unwrap();
        let text = check_success(&["doctor", "--explain", id]);
        assert!(text.starts_with(&format!("{id}: ")), "{text}");
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
    }
    check_failure(
        &["doctor", "--explain", "serve-slwo"],
        3,
        "evenkeel: there is no check \"serve-slwo\"; did you mean serve-slow?\n",
    );
    check_failure(
        &["doctor", "--explain", "\x1b[2J"],
        3,
        "evenkeel: there is no check \"\\u{1b}[2J\"; evenkeel doctor --explain lists all\n",
    );
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_anybody_is_examined() {
    check_failure(
        &["doctor", "--html", "no/such/page.html", "memcached://127.0.0.1:1"],
        3,
        "evenkeel: cannot write no/such/page.html: No such file or directory (os error 2)\n",
    );
    check_failure(
        &["doctor", "--html", "docs", "memcached://127.0.0.1:1"],
        3,
        "evenkeel: cannot write docs: it is there and is no file\n",
    );
}

const VERBS: [&str; 16] = [
    "run",
    "check",
    "import",
    "route",
    "verify-map",
    "status",
    "top",
    "events",
    "server",
    "reload",
    "doctor",
    "bench",
    "lab",
    "completions",
    "man",
    "version",
];
