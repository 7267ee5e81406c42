//! Single settings and situations: each source in a few lines, and what must be in the result.

use evenkeel_import::{ImportError, Imported, Kind, NoteKind, Options, Source, import};

fn source(name: &str, text: &str) -> Source {
    Source::new(name, text.as_bytes().to_vec()).expect("it is text")
}

fn imported(name: &str, text: &str, options: &Options) -> Imported {
    import(&[source(name, text)], options).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(name: &str, text: &str, lines: &[&str]) -> Imported {
    check_with(name, text, &Options::default(), lines)
}

#[track_caller]
fn check_with(name: &str, text: &str, options: &Options, lines: &[&str]) -> Imported {
    let imported = imported(name, text, options);
    let settings = imported.toml.lines().map(|line| line.split("  #").next().unwrap_or_default());
    let settings: Vec<_> = settings.map(str::trim).collect();
    for line in lines {
        assert!(settings.contains(line), "no line `{line}` in\n{}", imported.toml);
    }
    imported
}

#[track_caller]
fn check_note(imported: &Imported, kind: NoteKind, text: &str) {
    let mut notes = imported.notes.iter().filter(|note| note.kind == kind);
    assert!(
        notes.any(|note| note.to_string().contains(text)),
        "no note `{text}` of {kind:?} in\n{}",
        imported.summary()
    );
}

#[track_caller]
fn check_refused(name: &str, text: &str, options: &Options, expected: &str) {
    let error = import(&[source(name, text)], options).expect_err("it is refused").to_string();
    assert!(error.contains(expected), "{error}");
}

fn asked(kind: Kind) -> Options {
    Options { from: Some(kind), ..Options::default() }
}

const SERVERS: &str = "  servers: ['10.0.0.1:11211:1', '10.0.0.2:11211:1']\n";

#[test]
fn twemproxys_defaults_are_written_out() {
    let lines = [
        "distribution = \"ketama\"",
        "hash = \"fnv1a_64\"",
        "failover = \"none\"",
        "\"10.0.0.1:11211\",",
        "[listener.a]",
    ];
    check("x.yml", &format!("a:\n{SERVERS}"), &lines);
}

#[test]
fn a_timeout_brings_the_deadline_that_it_needs() {
    let text = format!("a:\n  timeout: 1500\n{SERVERS}");
    check("x.yml", &text, &["timeout = \"1500ms\"", "deadline = \"1500ms\""]);
    let text = format!("a:\n  timeout: 300\n{SERVERS}");
    let short = check("x.yml", &text, &["timeout = \"300ms\"", "connect_timeout = \"300ms\""]);
    assert!(!short.toml.contains("deadline = "), "{}", short.toml);
    let text = format!("a:\n  timeout: 90000\n{SERVERS}");
    let long = check("x.yml", &text, &["timeout = \"60s\"", "deadline = \"60s\""]);
    check_note(&long, NoteKind::Differs, "it was 90s");
}

#[test]
fn what_is_not_known_is_named_without_its_value() {
    let text = format!("a:\n  wat: hunter2\n{SERVERS}");
    let imported = check("x.yml", &text, &["[pool.a]"]);
    check_note(&imported, NoteKind::Lost, "x.yml:2 `wat` is not known");
    assert!(!imported.toml.contains("hunter2"), "{}", imported.toml);
}

#[test]
fn no_password_of_a_source_is_told() {
    let django = "CACHES = {'a': {'BACKEND': \
                  'django.core.cache.backends.memcached.PyMemcacheCache', 'LOCATION': 'a:1', \
                  'OPTIONS': make(password='hunter2')}, 'b': make('hunter2'), **of(token='hunter2'), \
                  'c': {'BACKEND': 'django.core.cache.backends.memcached.PyLibMCCache', \
                  'LOCATION': env('URL', default='hunter2'), 'OPTIONS': {'password': 'hunter2'}}}";
    let rails = "Dalli::Client.new('memcached://u:hunter2@h,memcached://u:a,hunter2@i,10.0.0.1', \
                 password: 'hunter2', a: of('hunter2'))";
    let php = "session.save_handler = memcache\n\
               session.save_path = \"tcp://10.0.0.1:11211?auth=hunter2\"\n\
               memcached.sess_sasl_password = hunter2\n";
    let twemproxy = format!("a:\n  redis_auth: hunter2\n{SERVERS}");
    let mcrouter = r#"{"pools": {"A": {"servers": ["u:hunter2@h:1", "10.0.0.1:1"],
                       "token": "hunter2"}}, "route": "PoolRoute|A"}"#;
    for (kind, text) in [
        (Kind::Django, django),
        (Kind::Rails, rails),
        (Kind::Php, php),
        (Kind::Php, "PASSWORD=hunter2,10.0.0.1:11211"),
        (Kind::Twemproxy, &twemproxy.replace("servers: [", "servers: ['u:hunter2@h:1:1', ")),
        (Kind::Mcrouter, mcrouter),
        (Kind::List, "u:hunter2@10.0.0.1:11211,10.0.0.1"),
        (Kind::List, "mc://u:hunter2@10.0.0.1:11211,10.0.0.1"),
    ] {
        let client = Some("dalli".to_owned());
        let options = Options { from: Some(kind), client, servers: None };
        let told = match import(&[source("x", text)], &options) {
            Ok(imported) => format!("{}{}", imported.toml, imported.summary()),
            Err(error) => error.to_string(),
        };
        assert!(!told.contains("hunter2"), "{kind}: {told}");
    }
}

#[test]
fn two_listeners_at_one_address_are_parted() {
    let pool = |name| format!("{name}:\n  listen: 127.0.0.1:22121\n{SERVERS}");
    let text = format!("{}{}", pool("a"), pool("b"));
    let imported = check("x.yml", &text, &["address = \"127.0.0.1:22121\""]);
    check_note(&imported, NoteKind::Differs, "listener b cannot listen at 127.0.0.1:22121");
    assert!(imported.toml.contains("127.0.0.1:11311"), "{}", imported.toml);
}

#[test]
fn a_result_has_an_admin_table_for_status_at_a_port_that_no_listener_has() {
    let usual = check("x.yml", &format!("a:\n{SERVERS}"), &["[admin]"]);
    check_note(&usual, NoteKind::Chosen, "[admin] listens at 127.0.0.1:9311");
    let text = format!("a:\n  listen: 0.0.0.0:9311\n{SERVERS}");
    let moved = check("x.yml", &text, &["[admin]", "address = \"127.0.0.1:9312\""]);
    check_note(&moved, NoteKind::Chosen, "`evenkeel status --admin 127.0.0.1:9312`");
}

#[test]
fn pools_of_one_name_are_told_apart() {
    let text = format!("a b:\n{SERVERS}a/b:\n{SERVERS}");
    check("x.yml", &text, &["[pool.a-b]", "[pool.a-b-2]"]);
}

#[test]
fn a_source_of_which_no_server_is_known_is_refused_with_what_to_do() {
    let text = "CACHES = {'default': {'BACKEND': \
                'django.core.cache.backends.memcached.PyMemcacheCache', 'LOCATION': HOSTS}}";
    check_refused("settings.py", text, &Options::default(), "`HOSTS`. Give them with --servers");
    let options = Options { servers: Some("10.0.0.1,10.0.0.2".to_owned()), ..Options::default() };
    let imported = check_with("settings.py", text, &options, &["\"10.0.0.2:11211\","]);
    check_note(&imported, NoteKind::Chosen, "Those of --servers stand for it");
}

#[test]
fn mcrouters_operations_are_routes_of_their_own() {
    let text = r#"{"pools": {"a": {"servers": ["a1:1"]}, "b": {"servers": ["b1:1"]}},
        "route": {"type": "OperationSelectorRoute", "default_policy": "PoolRoute|a",
                  "operation_policies": {"delete": "PoolRoute|b"}}}"#;
    let lines = ["pool = \"a\"", "prefix = \"\"", "operations = [\"delete\"]", "pool = \"b\""];
    check("x.json", text, &lines);
}

/// The routes that come of a tree of mcrouter's over pools a, b and c: prefix, operations, pool.
#[track_caller]
fn check_routes(tree: &str, expected: &[&str]) -> Imported {
    let text = format!(
        r#"{{"pools": {{"a": {{"servers": ["a1:1"]}}, "b": {{"servers": ["b1:1"]}},
            "c": {{"servers": ["c1:1"]}}}}, "route": {tree}}}"#
    );
    let imported = imported("x.json", &text, &Options::default());
    let value = |line: &str| Some(line.split_once(" = ")?.1.split("  #").next()?.to_owned());
    let mut blocks = imported.toml.split("\n\n");
    let default = blocks.find(|it| it.starts_with("[listener.main]")).expect("a listener");
    let default = default.lines().find(|it| it.starts_with("pool = ")).and_then(value);
    let routes = blocks.filter_map(|it| it.strip_prefix("[[route]]\n"));
    let routes = routes.map(|it| it.lines().filter_map(value).collect::<Vec<_>>().join(" "));
    let told: Vec<_> = default.into_iter().chain(routes).collect();
    assert_eq!(told, expected, "{}", imported.toml);
    imported
}

#[test]
fn an_operation_of_mcrouter_goes_before_the_prefixes_of_others() {
    let prefixes = r#"{"type": "PrefixSelectorRoute", "policies": {"x": "PoolRoute|b"},
                       "wildcard": "PoolRoute|a"}"#;
    let of = |policies: &str| {
        format!(
            r#"{{"type": "OperationSelectorRoute", "default_policy": {prefixes},
                "operation_policies": {policies}}}"#
        )
    };
    let others = r#"["get", "set", "touch", "arithmetic"]"#;
    let x = format!(r#""x" {others} "b""#);
    let lines = ["\"a\"", &x, r#""" ["delete"] "c""#];
    check_routes(&of(r#"{"delete": "PoolRoute|c"}"#), &lines);

    let part = check_routes(&of(r#"{"add": "PoolRoute|c"}"#), &["\"a\"", "\"x\" \"b\""]);
    check_note(&part, NoteKind::Lost, "operation_policies.add `add`: here set, add,");
}

#[test]
fn of_selectors_within_each_other_the_outer_one_chooses() {
    let selector = |policies: &str, wildcard: &str| {
        format!(
            r#"{{"type": "PrefixSelectorRoute", "policies": {{{policies}}},
                "wildcard": {wildcard}}}"#
        )
    };
    let inner = selector(r#""x": "PoolRoute|c", "xy": "PoolRoute|c", "z": "PoolRoute|c""#, A);
    let outer = selector(r#""x": "PoolRoute|b""#, &inner);
    let imported = check_routes(&outer, &["\"a\"", "\"z\" \"c\"", "\"x\" \"b\""]);
    check_note(&imported, NoteKind::Needless, "no key gets here: \"x\" is chosen before it");

    let inner = selector(r#""xyz": "PoolRoute|c", "xa": "PoolRoute|c""#, r#""PoolRoute|b""#);
    let outer = selector(&format!(r#""x": {inner}, "xy": {A}"#), A);
    let lines = ["\"a\"", "\"x\" \"b\"", "\"xa\" \"c\"", "\"xy\" \"a\""];
    check_routes(&outer, &lines);
}

const A: &str = "\"PoolRoute|a\"";

#[test]
fn a_gutter_has_the_hash_and_the_timeouts_of_its_own_route() {
    let text = r#"{"pools": {"a": {"servers": ["a1:1"]}, "g": {"servers": ["g1:1", "g2:1"]}},
        "route": {"type": "FailoverRoute", "children": ["PoolRoute|a",
          {"type": "PoolRoute", "pool": "g", "hash": "Crc32", "server_timeout": 50}]}}"#;
    let lines = ["distribution = \"mcrouter-crc32\"", "timeout = \"50ms\""];
    check("x.json", text, &lines);
}

#[test]
fn a_gutter_may_be_a_handle_that_has_a_name() {
    let text = r#"{"pools": {"a": {"servers": ["a1:1"]}, "g": {"servers": ["g1:1", "g2:1"]}},
        "named_handles": [{"name": "spare", "type": "PoolRoute", "pool": "g", "hash": "Crc32"},
                          {"name": "x", "type": "x"}],
        "route": {"type": "FailoverRoute", "children": ["PoolRoute|a", "spare"]}}"#;
    check("x.json", text, &["gutter = \"a-gutter\"", "distribution = \"mcrouter-crc32\""]);
}

#[test]
fn a_pool_of_mcrouter_may_have_the_servers_of_another_or_none_that_are_known() {
    let text = |servers: &str| {
        format!(
            r#"{{"pools": {{"a": {{{servers}}}, "b": {{"servers": ["b1:1"]}}}},
                "route": {{"type": "PrefixSelectorRoute", "policies": {{"x": "PoolRoute|b"}},
                           "wildcard": "PoolRoute|a"}}}}"#
        )
    };
    let taken = text(r#""server_list_from_pool": "b""#);
    let imported = check("x.json", &taken, &["[pool.a]", "[pool.b]", "pool = \"a\""]);
    assert_eq!(imported.open(), 0, "{}", imported.summary());
    let imported = check("x.json", &text(r#""servers": ["/run/a"]"#), &["pool = \"b\""]);
    check_note(&imported, NoteKind::Differs, "no pool that is known serves keys with no prefix");
    check_note(&imported, NoteKind::Lost, "pool a is left out: none of its servers is known");
}

#[test]
fn servers_that_are_children_each_are_said_to_be_spread_by_a_hash() {
    let all = r#"{"type": "OperationSelectorRoute", "operation_policies": {
        "get": "LatestRoute|Pool|a", "set": "AllSyncRoute|Pool|a",
        "delete": {"type": "AllSyncRoute", "children": "Pool|a"}}}"#;
    let imported = check_routes(all, &["\"a\""]);
    for path in ["policies.get", "policies.set", "policies.delete.children"] {
        check_note(&imported, NoteKind::Lost, &format!("{path} `Pool|a` makes a child of each"));
    }
}

#[test]
fn a_hash_of_mcrouter_that_cannot_be_matched_is_named_and_no_weight_is_guessed() {
    let text = |hash: &str| {
        format!(
            r#"{{"pools": {{"a": {{"servers": ["a1:1", "a2:1"]}}}},
                "route": {{"type": "PoolRoute", "pool": "a", "hash": {hash}}}}}"#
        )
    };
    let lines = ["\"a1:1\",", "\"a2:1\",", "distribution = \"mcrouter-ch3\""];
    for hash in ["WeightedCh4", "ConstShard", "Rendezvous", "7"] {
        let quoted = if hash == "7" { hash.to_owned() } else { format!("{hash:?}") };
        let imported = check("x.json", &text(&quoted), &lines);
        check_note(&imported, NoteKind::Lost, &format!("the hash `{hash}` cannot be matched"));
    }
    for weights in ["[0, 1]", "[0.05, 0.1]", "[1]"] {
        let hash = format!(r#"{{"hash_func": "WeightedCh3", "weights": {weights}}}"#);
        let imported = check("x.json", &text(&hash), &lines[..2]);
        check_note(&imported, NoteKind::Lost, "the weights of pool a are not one for each server");
    }
}

#[test]
fn what_a_handle_of_mcrouter_says_besides_is_named_with_its_path() {
    let text = r#"{"pools": {"a": {"servers": ["a1:1"]}, "b": {"servers": ["b1:1"]}},
        "route": {"type": "PrefixSelectorRoute", "policies": {"x": "PoolRoute|b"}, "wat": 1,
          "wildcard": {"type": "FailoverRoute", "children": [
            {"type": "FailoverRoute", "children": ["PoolRoute|a"]}, "PoolRoute|b"]}}}"#;
    let imported = check("x.json", text, &["prefix = \"x\""]);
    check_note(&imported, NoteKind::Lost, "x.json:2 $.route.wat it is not known");
    check_note(&imported, NoteKind::Lost, "children[0] a failover within a failover");
}

#[test]
fn a_gutter_that_has_servers_of_its_pool_is_the_next_server() {
    let text = r#"{"pools": {"a": {"servers": ["a1:1", "a2:1"]}, "g": {"servers": ["a2:1"]}},
        "route": {"type": "FailoverRoute", "children": ["PoolRoute|a", "PoolRoute|g"]}}"#;
    let imported = check("x.json", text, &["failover = \"next\""]);
    check_note(&imported, NoteKind::Differs, "has servers of the pool itself");
}

#[test]
fn settings_in_several_ini_files_count_together_and_the_last_wins() {
    let sources = [
        source("php.ini", "session.save_handler = memcached\nmemcached.sess_prefix = a.\n"),
        source(
            "conf.d/20-memcached.ini",
            "session.save_path = 10.0.0.1:11211\nmemcached.sess_prefix = b.\n\
             memcached.sess_consistent_hash = Off\n",
        ),
    ];
    let imported = import(&sources, &Options::default()).expect("there are servers");
    for line in ["unhashed_prefix = \"b.\"", "distribution = \"libmemcached-modula\""] {
        assert!(imported.toml.contains(line), "{}", imported.toml);
    }
}

#[test]
fn a_weight_has_no_effect_on_sessions_of_php_memcached_but_with_ketama_weighted() {
    let text = "session.save_handler = memcached\nsession.save_path = a:1:2,b:1\n\
                memcached.sess_consistent_hash_type = ketama\n";
    let lines = ["distribution = \"libmemcached-consistent\"", "\"a:1\","];
    let imported = check("php.ini", text, &lines);
    check_note(&imported, NoteKind::Needless, "the weight 2 of server a:1 has no effect");
    let text = text.replace("= ketama", "= ketama_weighted");
    let lines = ["distribution = \"libmemcached-ketama\"", "{ address = \"a:1\", weight = 2 },"];
    check("php.ini", &text, &lines);
}

#[test]
fn pylibmcs_order_of_settings_is_followed() {
    let text = |behaviors: &str| {
        format!(
            "CACHES = {{'default': {{'BACKEND': \
             'django.core.cache.backends.memcached.PyLibMCCache', 'LOCATION': 'a:1',\n\
             'OPTIONS': {{'behaviors': {behaviors}}}}}}}"
        )
    };
    let weighted = "{'ketama_weighted': True, 'hash': 'fnv1a_32'}";
    let imported = check("s.py", &text(weighted), &["distribution = \"libmemcached-ketama\""]);
    assert!(!imported.toml.contains("hash = \"fnv1a_32\""), "{}", imported.toml);
    let plain = "{'ketama': True, 'hash': 'fnv1a_32'}";
    let lines = ["distribution = \"libmemcached-consistent\"", "hash = \"fnv1a_32\""];
    check("s.py", &text(plain), &lines);
    check("s.py", &text("{'cas': True}"), &["compatible_with = \"django-pylibmc\""]);
}

#[test]
fn what_a_program_changes_or_may_not_do_is_named() {
    let cache = "{'BACKEND': 'django.core.cache.backends.memcached.PyMemcacheCache', \
                 'LOCATION': '10.0.0.1'}";
    let text = format!(
        "if not DEBUG:\n    CACHES = {{'default': {cache}}}\nCACHES['default']['LOCATION'] = 'a:1'\n\
         CACHES['default'].update(TIMEOUT=1)\nCACHES |= OTHERS\ndel CACHES['b']\n\
         print(CACHES.get('a'))\nX = CACHES\n"
    );
    let imported = check("s.py", &text, &["[pool.default]"]);
    check_note(&imported, NoteKind::Differs, "s.py:2 `CACHES` stands under a condition");
    for line in [
        "s.py:3 `CACHES['default']['LOCATION']` changes caches",
        "s.py:4 `CACHES['default'].update` changes caches",
        "s.py:5 `CACHES |=` changes caches",
        "s.py:6 `del CACHES['b']` changes caches",
    ] {
        check_note(&imported, NoteKind::Lost, line);
    }
    assert_eq!(imported.open(), 5, "{}", imported.summary());

    let text = "config.cache_store = :mem_cache_store, \"10.0.0.1\" if ENV[\"CACHE\"]\n\
                def store\n  $b = Dalli::Client.new(\"10.0.0.2\")\nend\n\
                $c = Dalli::Client.new(\"10.0.0.3\")\n";
    let imported = check("x.rb", text, &["[pool.cache]", "[pool.cache-3]"]);
    check_note(&imported, NoteKind::Differs, "x.rb:1 `config.cache_store` stands under a");
    check_note(&imported, NoteKind::Differs, "x.rb:3 `Dalli::Client.new` stands under a");
    assert!(!imported.summary().contains("x.rb:5 `Dalli"), "{}", imported.summary());
}

#[test]
fn a_byte_order_mark_and_lines_of_windows_change_nothing() {
    let yaml = format!("a:\n  listen: 127.0.0.1:1\n{SERVERS}");
    let json = "{\n\"pools\": {\"a\": {\"servers\": [\"10.0.0.1:11211\"]}},\n\"route\": \
                \"PoolRoute|a\"}\n";
    let python = "CACHES = {'a': {'BACKEND': 'django.core.cache.backends.memcached\
                  .PyMemcacheCache',\n'LOCATION': '10.0.0.1:11211'}}\n";
    let ruby = "config.cache_store = :mem_cache_store,\n  \"10.0.0.1:11211\"\n";
    let ini = "session.save_handler = memcached\nsession.save_path = \"10.0.0.1:11211\"\n";
    for (kind, text) in [
        (Kind::Twemproxy, yaml.as_str()),
        (Kind::Mcrouter, json),
        (Kind::Django, python),
        (Kind::Rails, ruby),
        (Kind::Rails, "MEMCACHE_SERVERS=10.0.0.1:11211\n"),
        (Kind::Php, ini),
        (Kind::Php, "tcp://10.0.0.1:11211\n"),
        (Kind::Spymemcached, "10.0.0.1:11211\n10.0.0.2:11211\n"),
    ] {
        let marked = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let [plain, marked] = [text, &marked].map(|it| imported("x", it, &asked(kind)).toml);
        assert_eq!(marked, plain, "{kind}");
        if kind != Kind::Spymemcached {
            assert_eq!(imported("x", text, &Options::default()).kinds[0].1, kind);
        }
    }
}

#[test]
fn what_twemproxy_refuses_is_named() {
    let text = format!("a:\n  hash: md5\n  hash: crc16\n{SERVERS}b:\n  servers: *s\n");
    let text = text.replace("servers: [", "servers: &s [");
    let imported = check("x.yml", &text, &["[pool.a]", "hash = \"crc16\""]);
    check_note(&imported, NoteKind::Lost, "x.yml:3 `hash` stands twice in pool a");
    check_note(&imported, NoteKind::Lost, "x.yml:6 `servers` of pool b is a YAML alias");
}

#[test]
fn a_list_needs_to_be_said_whose_it_is() {
    let list = "10.0.0.1:11211,10.0.0.2:11211";
    check_refused("list", list, &Options::default(), "say it with --as: twemproxy, libmemcached");
    let client = |name: &str| Options { client: Some(name.to_owned()), ..Options::default() };
    check_refused("list", list, &client("nobody"), "\"nobody\" is no client");
    check_with("list", list, &client("dalli"), &["compatible_with = \"dalli\""]);
    let spy = asked(Kind::Spymemcached);
    check_with("list", list, &spy, &["compatible_with = \"spymemcached\""]);
    let addr_util = "a:1 2001:db8::1:11211, [::1]:2";
    check_with("list", addr_util, &spy, &["\"[2001:db8::1]:11211\",", "\"[::1]:2\","]);
}

#[test]
fn what_could_be_two_things_is_asked_about() {
    let text = "memcached.x = 1\nconfig.cache_store = 1\n";
    check_refused("-", text, &Options::default(), "- may be rails or php; say which with --from");
    check_refused("-", "hello", &Options::default(), "nothing says what - is");
    assert_eq!(import(&[], &Options::default()).unwrap_err(), ImportError::NoSources);
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    check_refused("x.yml", "a:\n  b: [1\n", &Options::default(), "x.yml:");
    check_refused("x.yml", "- a\n", &Options::default(), "x.yml:1: it is no map of pools");
    check_refused("x.json", "{\n  \"a\": }\n", &Options::default(), "x.json:2:");
    check_refused("x.json", "[]", &Options::default(), "x.json:1: it is no object");
    check_refused("x.ini", "[a]\n\nwhat\n", &Options::default(), "x.ini:3:");
    check_refused("x.py", "\nCACHES = {'a': }\n", &Options::default(), "x.py:2:");
    check_refused("x.rb", "config.cache_store = :a, (\n", &Options::default(), "x.rb:1:");
}

#[test]
fn texts_in_several_parts_are_one_and_formatted_ones_are_not_guessed() {
    let cache = |location: &str| {
        format!(
            "CACHES = {{'default': {{'BACKEND': 'django.core.cache.backends.memcached' \
             '.PyMemcacheCache', 'LOCATION': {location}}}}}"
        )
    };
    check("s.py", &cache("'10.0.0.1:' + '11211'"), &["\"10.0.0.1:11211\","]);
    check("s.py", &cache("r'10.0.0.1'"), &["\"10.0.0.1:11211\","]);
    check_refused(
        "s.py",
        &cache("f'{PLACE}:11211'"),
        &Options::default(),
        "known at run time only",
    );
}

#[test]
fn no_text_of_a_source_ends_a_comment_or_steers_a_terminal() {
    let text = "\"a\\n[pool.b]\\e[31m\":\n  \"x\\ny = 1\": 2\n  servers: [\"h:1:1 n\\e[0m\"]\n  \
                x: 1\nc:\n  servers: [\"10.0.0.1:1:1\"]\n";
    let imported = check("x.yml", text, &["[pool.c]"]);
    assert!(!imported.toml.lines().any(|line| line.starts_with("y = 1") || line == "[pool.b]"));
    assert!(!imported.toml.contains('\u{1b}') && !imported.summary().contains('\u{1b}'));
}
