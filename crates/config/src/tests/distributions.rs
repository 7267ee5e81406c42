//! How a pool places keys.

use evenkeel_core::distribution::{HashFunction, NameFormat, Settings};

use super::*;

/// The settings of a pool with these lines.
fn read(lines: &str) -> Settings {
    let config = parse_ok(&format!("{LEAST}{lines}\n"));
    config.pools[0].distribution.clone()
}

#[test]
fn distribution_settings_are_checked_together() {
    check_pool_line(
        "distribution = \"ketma\"\nhash = \"sha1\"\nhash_tag = \"{\"",
        &[
            "6:16: pool.main.distribution: unknown choice \"ketma\"; did you mean \"ketama\"?",
            "8:12: pool.main.hash_tag: \"{\" is not two visible ASCII characters; \
             write the opening and the closing character, as in \"{}\"",
        ],
    );
    check_pool_line(
        "distribution = \"pymemcache\"\nhash = \"md5\"\npoint_hash = \"md5\"\n\
         name_format = \"libmemcached\"\nsalt = \"x\"",
        &[
            "7:8: pool.main.hash: distribution \"pymemcache\" has no setting \"hash\"; remove it",
            "8:14: pool.main.point_hash: distribution \"pymemcache\" has no setting \
             \"point_hash\"; remove it",
            "9:15: pool.main.name_format: distribution \"pymemcache\" has no setting \
             \"name_format\"; remove it",
            "10:8: pool.main.salt: distribution \"pymemcache\" has no setting \"salt\"; remove it",
        ],
    );
    check_pool_line(
        "distribution = \"libmc\"\nhash = \"crc32\"",
        &["7:8: pool.main.hash: distribution \"libmc\" has no hash \"crc32\"; \
           did you mean \"crc_32\"?"],
    );
}

#[test]
fn a_weight_without_effect_names_a_distribution_in_which_it_has_one() {
    check(
        &LEAST.replace(
            "[\"10.0.0.1\"]",
            "[\n  { address = \"a\", weight = 2 },\n]\ndistribution = \"libmemcached-modula\"",
        ),
        &["6:29: pool.main.servers[0].weight: weight 2 has no effect: \
           distribution \"libmemcached-modula\" gives servers equal shares; \
           remove it, or choose \"libmemcached-ketama\""],
    );
}

#[test]
fn every_client_is_read_as_its_scheme_with_its_defaults() {
    for (name, scheme) in Scheme::CLIENTS {
        assert_eq!(read(&format!("compatible_with = {name:?}")), Settings::new(scheme), "{name}");
    }
    for (name, scheme) in Scheme::NAMES {
        assert_eq!(read(&format!("distribution = {name:?}")), Settings::new(scheme), "{name}");
    }
}

#[test]
fn settings_beside_a_client_take_the_place_of_its_defaults() {
    let settings = read("compatible_with = \"php-memcached-ketama\"\nhash = \"crc\"");
    assert_eq!(settings.scheme(), Scheme::LibmemcachedKetama);
    assert_eq!(settings.hash(), Some(HashFunction::Crc15));
    let settings = read("distribution = \"spymemcached-ketama\"\nname_format = \"libmemcached\"");
    assert_eq!(settings.name_format(), Some(NameFormat::Libmemcached));
    let settings = read("compatible_with = \"mcrouter\"\nsalt = \"a b\"");
    assert_eq!(settings.salt().unwrap().as_str(), "a b");
}

#[test]
fn a_setting_that_a_distribution_lacks_is_not_offered_other_values() {
    check_pool_line(
        "distribution = \"spymemcached-ketama\"\npoint_hash = \"md5\"",
        &["7:14: pool.main.point_hash: distribution \"spymemcached-ketama\" has no setting \
           \"point_hash\"; remove it"],
    );
}

#[test]
fn a_client_and_a_distribution_are_one_too_many() {
    check_pool_line(
        "distribution = \"jump\"\ncompatible_with = \"dalli\"",
        &["7:19: pool.main.compatible_with: distribution is set as well; remove one of the two"],
    );
}

#[test]
fn an_unknown_name_leads_to_what_may_be_meant() {
    check_pool_line(
        "distribution = \"modula\"",
        &["6:16: pool.main.distribution: unknown choice \"modula\"; \
           did you mean \"twemproxy-modula\" or \"libmemcached-modula\"?"],
    );
    check_pool_line(
        "distribution = \"twemproxy_modula\"",
        &["6:16: pool.main.distribution: unknown choice \"twemproxy_modula\"; \
           did you mean \"twemproxy-modula\"?"],
    );
    check_pool_line(
        "distribution = \"consistent\"",
        &["6:16: pool.main.distribution: unknown choice \"consistent\"; \
           did you mean \"libmemcached-consistent\" or \"pecl-consistent\"?"],
    );
    check_pool_line(
        "distribution = \"Ketama\"",
        &["6:16: pool.main.distribution: unknown choice \"Ketama\"; did you mean \"ketama\"?"],
    );
    // It is near to libmc, which is another client.
    check_pool_line(
        "distribution = \"pylibmc\"",
        &["6:16: pool.main.distribution: unknown choice \"pylibmc\"; \
           write compatible_with = \"pylibmc\""],
    );
    check_pool_line(
        "compatible_with = \"memcached\"",
        &["6:19: pool.main.compatible_with: unknown choice \"memcached\"; \
           did you mean \"php-memcached\", \"php-memcached-ketama\" or \"python-memcached\"?"],
    );
    check_pool_line(
        "distribution = \"rails\"",
        &["6:16: pool.main.distribution: unknown choice \"rails\"; \
           write compatible_with = \"rails\""],
    );
    check_pool_line(
        "compatible_with = \"jump\"",
        &["6:19: pool.main.compatible_with: unknown choice \"jump\"; \
           write distribution = \"jump\""],
    );
}

#[test]
fn a_text_that_no_key_can_have_is_refused() {
    check_pool_line(
        "unhashed_prefix = \"a b\"\nhash_stop = \"\"",
        &[
            "6:19: pool.main.unhashed_prefix: \"a b\" cannot be part of a key: \
             a key cannot have ' ' in it; write it as in \"app:\", or remove it",
            "7:13: pool.main.hash_stop: \"\" cannot be part of a key: it is empty; \
             write it as in \"|#|\", or remove it",
        ],
    );
}
