//! Who may ask, request by request.

use axum::http::HeaderValue;

use super::*;

const TOKEN: &str = "0123456789abcdef";

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &'static str)| {
        (name.parse().expect("a name"), HeaderValue::from_static(value))
    };
    lines.iter().map(line).collect()
}

#[track_caller]
fn check_status(result: Result<(), Refusal>, status: u16) {
    assert_eq!(result.map_or_else(|refusal| refusal.status().as_u16(), |()| 200), status);
}

#[track_caller]
fn check_by_name(host: &'static str, status: u16) {
    let names = vec!["Cache.example".parse().unwrap()];
    let access = Access { token: None, names };
    check_status(access.check("/api/v1/status", &headers(&[("host", host)])), status);
}

#[track_caller]
fn check_by_token(path: &str, authorization: Option<&'static str>, status: u16) {
    let access = Access { token: Some(Token::new(TOKEN).unwrap()), names: Vec::new() };
    let line = authorization.map(|it| ("authorization", it));
    check_status(access.check(path, &headers(line.as_slice())), status);
}

#[track_caller]
fn check_origin_of(lines: &[(&'static str, &'static str)], status: u16) {
    check_status(check_same_origin(&headers(lines)), status);
}

#[test]
fn without_a_token_only_names_that_cannot_be_rebound_are_served() {
    for host in ["localhost", "LOCALHOST:9311", "127.0.0.1:9311", "[::1]:9311", "[::1]", "10.0.0.7"]
    {
        check_by_name(host, 200);
    }
    for host in ["cache.example", "CACHE.example.:80"] {
        check_by_name(host, 200);
    }
    for host in
        ["evil.example", "evil.example:9311", "", "localhost.evil.example", "127.0.0.1.evil"]
    {
        check_by_name(host, 403);
    }
}

#[test]
fn health_is_told_to_everybody() {
    let rebound = headers(&[("host", "10-0-0-7.pods.example")]);
    check_status(Access::default().check("/health/ready", &rebound), 200);
    check_by_token("/health/ready", None, 200);
    check_by_token("/health/live", Some("Bearer wrong"), 200);
}

#[test]
fn a_request_without_a_name_is_served() {
    check_status(Access::default().check("/metrics", &headers(&[])), 200);
}

#[test]
fn with_a_token_all_but_health_and_the_page_wants_it() {
    for path in ["/api/v1/status", "/metrics", "/api/v1/openapi.json", "/nothing"] {
        check_by_token(path, None, 401);
        check_by_token(path, Some("Bearer 0123456789abcdef"), 200);
        check_by_token(path, Some("bearer  0123456789abcdef "), 200);
    }
    check_by_token("/", None, 200);
}

#[test]
fn a_token_is_right_only_as_a_whole() {
    for wrong in [
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdeF",
        "Bearer 0123456789abcdef0",
        "Bearer",
        "Bearer ",
        "Basic 0123456789abcdef",
        "0123456789abcdef",
    ] {
        check_by_token("/metrics", Some(wrong), 401);
    }
}

#[test]
fn a_page_from_elsewhere_changes_nothing() {
    check_origin_of(&[], 200);
    check_origin_of(&[("sec-fetch-site", "same-origin")], 200);
    check_origin_of(&[("sec-fetch-site", "none")], 200);
    for site in ["cross-site", "same-site", "x"] {
        check_origin_of(&[("sec-fetch-site", site)], 403);
    }
    let host = ("host", "127.0.0.1:9311");
    check_origin_of(&[host, ("origin", "http://127.0.0.1:9311")], 200);
    for origin in ["http://127.0.0.1", "http://evil.example", "null", "http://127.0.0.1:9311.evil"]
    {
        check_origin_of(&[host, ("origin", origin)], 403);
    }
    check_origin_of(&[("origin", "http://evil.example")], 403);
}

#[test]
fn what_a_form_can_send_changes_nothing() {
    let check = |lines: &[_], status| check_status(check_not_simple(&headers(lines)), status);
    check(&[("content-type", "application/json")], 200);
    check(&[("content-type", "Application/JSON; charset=utf-8")], 200);
    check(&[("x-evenkeel", "1")], 200);
    check(&[], 400);
    for form in ["text/plain", "application/x-www-form-urlencoded", "text/plain; application/json"]
    {
        check(&[("content-type", form)], 400);
    }
}

#[test]
fn a_token_has_a_length_and_no_blanks() {
    let problem = |text: &str| Token::new(text).err().map(|problem| problem.to_string());
    assert_eq!(problem(&"x".repeat(TOKEN_LEN_MIN)), None);
    assert_eq!(problem(&"x".repeat(TOKEN_LEN_MAX)), None);
    assert!(problem(&"x".repeat(TOKEN_LEN_MIN - 1)).unwrap().starts_with("it has 15 bytes"));
    assert!(problem(&"x".repeat(TOKEN_LEN_MAX + 1)).unwrap().starts_with("it has 257 bytes"));
    for text in ["0123456789 abcdef", "0123456789abcdef\n", "0123456789abcdeö"] {
        assert!(problem(text).unwrap().starts_with("a token has visible"), "{text}");
    }
}

#[test]
fn a_token_is_never_shown() {
    assert_eq!(format!("{:?}", Token::new(TOKEN).unwrap()), "Token(…)");
}
