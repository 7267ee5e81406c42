//! Sources that nobody wrote by hand: none of them ends otherwise than in a result or an error.

use evenkeel_import::{ImportError, Kind, Options, SOURCE_SIZE_MAX, Source, import};
use proptest::prelude::*;

fn import_as(kind: Kind, text: &str) -> Result<(), ImportError> {
    let source = Source::new("hostile", text.as_bytes().to_vec())?;
    let client = Some("libmemcached".to_owned());
    let options = Options { from: Some(kind), client, servers: None };
    let imported = import(&[source], &options)?;
    // Whatever came of it has one line a line: no text of the source has broken out of a comment.
    if let Err(faults) = evenkeel_config_file::parse("hostile", &imported.toml) {
        let [text, toml] = [text, &imported.toml].map(|it| it.get(..5000).unwrap_or(it));
        panic!("{kind}: {text:?}\n{faults}\n{toml}");
    }
    Ok(())
}

/// Words that sources are made of: more of what is read is reached than by any characters.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "=",
    "\"",
    "'",
    "\n",
    "\n  ",
    " ",
    "|",
    "#",
    "//",
    "- ",
    "a",
    "1",
    "0.5",
    "true",
    "null",
    "10.0.0.1:11211",
    "10.0.0.2:11211:3",
    "[::1]:1",
    "/run/x",
    "alpha",
    "servers",
    "listen",
    "127.0.0.1:1",
    "hash",
    "md5",
    "distribution",
    "random",
    "timeout",
    "\"pools\"",
    "\"route\"",
    "\"routes\"",
    "\"A\"",
    "\"servers\"",
    "\"type\"",
    "\"PoolRoute\"",
    "\"PoolRoute|A\"",
    "\"pool\"",
    "\"children\"",
    "\"FailoverRoute\"",
    "\"PrefixSelectorRoute\"",
    "\"policies\"",
    "\"wildcard\"",
    "\"10.0.0.1:11211\"",
    "session.save_handler",
    "memcached",
    "session.save_path",
    "memcache.hash_strategy",
    "tcp://10.0.0.1",
    "?weight=2",
    "&timeout=1",
    "CACHES",
    "\"BACKEND\"",
    "\"django.core.cache.backends.memcached.PyLibMCCache\"",
    "\"LOCATION\"",
    "\"OPTIONS\"",
    "dict(",
    "config.cache_store",
    ":mem_cache_store",
    "Dalli::Client.new(",
    "MEMCACHE_SERVERS=",
    "\u{1b}[m",
    "ä",
    "\u{2028}",
    "\r",
    "%w[",
    "#{",
    "\\",
    "*x",
    "&x ",
    "!t ",
];

fn kinds() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::ALL.to_vec())
}

fn words() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(WORDS.to_vec());
    proptest::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

/// A sample with a piece of it replaced.
fn broken_sample() -> impl Strategy<Value = (Kind, String)> {
    let samples: Vec<(Kind, &str)> = vec![
        (Kind::Twemproxy, include_str!("../samples/nutcracker.yml")),
        (Kind::Mcrouter, include_str!("../samples/mcrouter.json")),
        (Kind::Mcrouter, include_str!("../samples/mcrouter-regions.json")),
        (Kind::Php, include_str!("../samples/php-memcache.ini")),
        (Kind::Php, include_str!("../samples/php.ini")),
        (Kind::Django, include_str!("../samples/settings.py")),
        (Kind::Rails, include_str!("../samples/production.rb")),
        (Kind::List, include_str!("../samples/gomemcache.txt")),
    ];
    let word = proptest::sample::select(WORDS.to_vec());
    (proptest::sample::select(samples), any::<prop::sample::Index>(), 0..12_usize, word).prop_map(
        |((kind, text), at, len, word)| {
            let chars: Vec<char> = text.chars().collect();
            let start = at.index(chars.len());
            let end = (start + len).min(chars.len());
            let before: String = chars[..start].iter().collect();
            let after: String = chars[end..].iter().collect();
            (kind, format!("{before}{word}{after}"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn words_in_any_order_are_a_good_configuration_or_an_error(kind in kinds(), text in words()) {
        let _ = import_as(kind, &text);
    }

    #[test]
    fn a_broken_sample_is_a_good_configuration_or_an_error((kind, text) in broken_sample()) {
        let _ = import_as(kind, &text);
    }
}

#[test]
fn what_is_nested_deeply_is_an_error() {
    for (kind, open) in [
        (Kind::Twemproxy, "["),
        (Kind::Twemproxy, "{a: "),
        (Kind::Mcrouter, "["),
        (Kind::Mcrouter, "{\"route\":"),
        (Kind::Django, "["),
        (Kind::Rails, "["),
    ] {
        let start = match kind {
            Kind::Django => "CACHES = ",
            Kind::Rails => "config.cache_store = ",
            _ => "",
        };
        for count in [100, 20_000] {
            let text = format!("{start}{}", open.repeat(count));
            assert!(import_as(kind, &text).is_err(), "{kind}: {open}");
        }
        let close = match open {
            "[" => "]",
            _ => "1}",
        };
        let text = format!("{start}{}{}", open.repeat(200), close.repeat(200));
        assert!(import_as(kind, &text).is_err(), "{kind}: {open}");
    }
}

#[test]
fn a_source_that_is_too_large_or_no_text_is_refused_in_words() {
    let refused = |bytes| Source::new("big.yml", bytes).unwrap_err().to_string();
    let text = refused(vec![b'a'; 10 << 20]);
    assert_eq!(
        text,
        "big.yml is larger than 4 MiB, the most that is read; give the part about caches"
    );
    assert!(Source::new("big.yml", vec![b'a'; SOURCE_SIZE_MAX]).is_ok());
    assert!(Source::new("big.yml", vec![b'a'; SOURCE_SIZE_MAX + 1]).is_err());
    let text = "big.yml:2: it is no UTF-8 text; save it as UTF-8 first";
    assert_eq!(refused(b"# a\n# f\xfcr".to_vec()), text);
    assert_eq!(refused(b"a\na\0".to_vec()), text);
}

#[test]
fn a_source_of_very_many_things_ends() {
    let many = 100_000;
    let pools: Vec<_> = (0..many).map(|it| format!("p{it}:\n  servers: [a:1:1]\n")).collect();
    let pools = pools.concat();
    assert!(import_as(Kind::Twemproxy, &pools).is_ok());
    let servers: Vec<_> = (1..=many).map(|it| format!("10.0.0.1:{}", it % 60_000)).collect();
    let servers = servers.join(",");
    assert!(import_as(Kind::List, &servers).is_ok());
    let uses = vec!["\"PoolRoute|A\""; many].join(",");
    let servers = vec!["\"10.0.0.1:1\""; 50_000].join(",");
    let text = format!(
        "{{\"pools\": {{\"A\": {{\"servers\": [{servers}]}}}}, \"routes\": [{{\"aliases\": [\
         \"/a/b/\"], \"route\": [{uses}]}}]}}"
    );
    assert!(import_as(Kind::Mcrouter, &text).is_ok());
}

#[test]
fn what_a_source_says_twice_counts_once() {
    let twemproxy = "a:\n  listen: /run/a 0600\n  listen: /run/b 0660\n  listen: 127.0.0.1:1\n  \
                     client_connections: 10\n  client_connections: 20\n  hash: md5\n  hash: md5\n  \
                     servers: [a:1:1]\n";
    assert!(import_as(Kind::Twemproxy, twemproxy).is_ok());
    let rails = "config.cache_store = :mem_cache_store, \"a\", { value_max_bytes: 1_000_000_000, \
                 value_max_bytes: 2048 }";
    assert!(import_as(Kind::Rails, rails).is_ok());
}

#[test]
fn a_program_whose_literals_never_end_is_given_up() {
    // Each of them is looked for to the end of the text: without a bound that is its square.
    for text in ["%w[".repeat(50_000), "%q(".repeat(50_000)] {
        let error = import_as(Kind::Rails, &text).unwrap_err().to_string();
        assert!(error.contains("give the part about caches"), "{error}");
    }
    // Texts of that size that mean something are read whole, wherever a chunk of them ends.
    let mut ruby = "x = { a: [\"ü#{y}\", 1], b: %w[a b] } # ä\n".repeat(3_000);
    ruby.push_str("config.cache_store = :mem_cache_store, \"10.0.0.1\"\n");
    assert_eq!(import_as(Kind::Rails, &ruby), Ok(()));
    let mut python = "X = {\"a\": [\"ü\", 1], \"b\": f\"{x}\"}  # ä\n".repeat(3_000);
    python.push_str("CACHES = {'a': {'BACKEND': 'django.core.cache.backends.memcached");
    python.push_str(".PyMemcacheCache', 'LOCATION': '10.0.0.1'}}\n");
    assert_eq!(import_as(Kind::Django, &python), Ok(()));
}

#[test]
fn handles_that_name_each_other_end() {
    let text = r#"{"pools": {"A": {"servers": ["10.0.0.1:1"]}},
        "named_handles": [
          {"name": "x", "type": "PrefixSelectorRoute",
           "policies": {"a": "y", "b": "y", "c": "y"}, "wildcard": "y"},
          {"name": "y", "type": "PrefixSelectorRoute",
           "policies": {"a": "x", "ab": "PoolRoute|A", "c": "x"}, "wildcard": "x"}],
        "route": "x"}"#;
    let _ = import_as(Kind::Mcrouter, text);
}
