use super::*;

#[test]
fn targets_are_read() {
    for (text, name) in [
        ("memcached://10.0.0.1:11212", "memcached://10.0.0.1:11212"),
        ("memcached://cache.example", "memcached://cache.example:11211"),
        ("memcached://[::1]:11211/", "memcached://[::1]:11211"),
        ("redis://10.0.0.1", "redis://10.0.0.1:6379"),
        ("redis://:se%40cret@10.0.0.1:6380/3", "redis://10.0.0.1:6380/3"),
        ("rediss://user:secret@cache.example", "rediss://cache.example:6379"),
    ] {
        assert_eq!(text.parse::<Target>().map(|it| it.name), Ok(name.to_owned()), "{text}");
    }
}

#[test]
fn a_login_is_decoded_and_never_printed() {
    let target: Target = "rediss://me:se%40cret@10.0.0.1/2".parse().unwrap();
    assert!(!format!("{target:?}").contains("cret"));
    let Protocol::Redis(login) = target.protocol else { panic!("{target:?}") };
    assert_eq!(login.user.as_deref(), Some("me"));
    assert_eq!(login.password.as_ref().map(Password::expose), Some("se@cret"));
    assert_eq!((login.is_tls, login.database), (true, 2));
}

#[test]
fn what_is_no_target_is_refused_with_a_remedy() {
    for (text, words) in [
        ("10.0.0.1:11211", "write memcached://address:port"),
        ("http://10.0.0.1", "none of memcached, redis, rediss"),
        ("memcached://", "there is no address"),
        ("memcached://10.0.0.1:99999", "write memcached://"),
        ("memcached://10.0.0.1:0", "0"),
        ("memcached://me:secret@10.0.0.1", "leave them out"),
        ("memcached://10.0.0.1/2", "nothing can follow"),
        ("redis://10.0.0.1?db=2", "nothing can follow"),
        ("redis://10.0.0.1/two", "\"two\" is no number"),
        ("redis://x:12/secret@10.0.0.1", "%2F"),
        ("redis://:%ff@10.0.0.1", "UTF-8"),
    ] {
        let error = text.parse::<Target>().expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
        assert!(!error.contains("secret"), "{text}: {error}");
    }
}

#[test]
fn a_password_that_was_left_out_is_filled_in() {
    let password = Password::from("secret".to_owned());
    for (text, expected) in [
        ("redis://10.0.0.1", Some("secret")),
        ("redis://me@10.0.0.1", Some("secret")),
        ("redis://:other@10.0.0.1", Some("other")),
        ("memcached://10.0.0.1", None),
    ] {
        let target = text.parse::<Target>().unwrap().or_password(&password);
        let own = match &target.protocol {
            Protocol::Redis(login) => login.password.as_ref().map(Password::expose),
            Protocol::Memcached => None,
        };
        assert_eq!(own, expected, "{text}");
        assert!(!target.lacks_password(), "{text}");
    }
    assert!("redis://me@10.0.0.1".parse::<Target>().unwrap().lacks_password());
}
