//! Who may ask a running admin server.

use evenkeel_core::config::AdminConfig;
use evenkeel_lab::server::{Config as ServerConfig, Server};
use evenkeel_proxy::Proxy;

use crate::rig::{NO_BROWSER, Rig, config, scratch_file};

const TOKEN: &str = "a-token-of-24-characters";

fn rig_with_token() -> Rig {
    let token_file = Some(scratch_file(&format!(" {TOKEN}\n")));
    Rig::start_with(AdminConfig { token_file, ..AdminConfig::default() })
}

#[test]
fn with_a_token_nothing_but_health_and_the_page_is_told_without_it() {
    let rig = rig_with_token();
    for path in ["/health/live", "/health/ready", "/"] {
        assert_eq!(rig.ask(path).status, 200, "{path}");
    }
    let bearer = ("authorization", &*format!("Bearer {TOKEN}"));
    for path in [
        "/metrics",
        "/api/v1/status",
        "/api/v1/pools",
        "/api/v1/pools/main",
        "/api/v1/pools/main/servers/a",
        "/api/v1/events",
        "/api/v1/route?key=k",
        "/api/v1/history",
    ] {
        let refused = rig.ask(path);
        refused.check_failure(401, "unauthorized");
        assert!(refused.head.contains("www-authenticate: bearer"), "{refused:?}");
        let wrong = ("authorization", "Bearer a-token-of-24-charactersX");
        rig.send("GET", path, &[wrong]).check_failure(401, "unauthorized");
        assert_eq!(rig.send("GET", path, &[bearer]).status, 200, "{path}");
    }
    rig.ask("/api/v1/events/stream").check_failure(401, "unauthorized");
    rig.ask("/nothing").check_failure(401, "unauthorized");
    rig.order("a", "drain").check_failure(401, "unauthorized");
    assert_eq!(rig.ask("/api/v1/events").status, 401);
    let path = "/api/v1/pools/main/servers/a/drain";
    assert_eq!(rig.send("POST", path, &[NO_BROWSER, bearer]).status, 202);
}

#[test]
fn a_name_that_leads_here_from_elsewhere_is_refused() {
    let rig = Rig::start();
    for path in ["/", "/api/v1/status", "/metrics", "/nothing"] {
        rig.send("GET", path, &[("host", "evil.example:9311")]).check_failure(403, "forbidden");
    }
    let order = "/api/v1/pools/main/servers/a/drain";
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example"), NO_BROWSER];
    rig.send("POST", order, &rebound).check_failure(403, "forbidden");
    assert_eq!(rig.send("GET", "/health/live", &[("host", "evil.example")]).status, 200);
    assert_eq!(rig.send("GET", "/api/v1/status", &[("host", "127.0.0.1:9311")]).status, 200);
    assert_eq!(rig.state_of("a"), "up");
}

#[test]
fn a_name_that_is_configured_is_served() {
    let names = vec!["cache.example".parse().expect("a name")];
    let rig = Rig::start_with(AdminConfig { names, ..AdminConfig::default() });
    assert_eq!(rig.send("GET", "/metrics", &[("host", "cache.example:80")]).status, 200);
    rig.send("GET", "/metrics", &[("host", "other.example")]).check_failure(403, "forbidden");
}

#[test]
fn a_page_from_elsewhere_orders_nothing() {
    let rig = Rig::start();
    let path = "/api/v1/pools/main/servers/a/drain";
    let json = ("content-type", "application/json");
    for foreign in [
        &[("sec-fetch-site", "cross-site"), json][..],
        &[("sec-fetch-site", "same-site"), json],
        &[("origin", "http://evil.example"), json],
        &[("origin", "null"), NO_BROWSER],
    ] {
        rig.send("POST", path, foreign).check_failure(403, "forbidden");
    }
    for form in [&[][..], &[("content-type", "text/plain")]] {
        rig.send("POST", path, form).check_failure(400, "bad-request");
    }
    rig.send("POST", "/api/v1/reload", &[("origin", "null"), json]).check_failure(403, "forbidden");
    assert_eq!(rig.state_of("a"), "up");
    let own = [("origin", "http://localhost"), ("sec-fetch-site", "same-origin"), json];
    assert_eq!(rig.send("POST", path, &own).status, 202);
}

#[test]
fn nobody_is_given_leave_to_ask_from_elsewhere() {
    let rig = Rig::start();
    let asks = [("origin", "http://evil.example"), ("access-control-request-method", "POST")];
    let answer = rig.send("OPTIONS", "/api/v1/pools/main/servers/a/drain", &asks);
    assert!(!answer.head.contains("access-control-allow"), "{answer:?}");
    let answer = rig.send("GET", "/api/v1/status", &[("origin", "http://evil.example")]);
    assert!(!answer.head.contains("access-control-allow"), "{answer:?}");
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let page = Rig::start().ask("/");
    assert!(page.head.contains("content-security-policy: default-src 'self'"), "{}", page.head);
    assert!(page.head.contains("frame-ancestors 'none'"), "{}", page.head);
}

#[track_caller]
fn check_start_error(admin: AdminConfig, expected: &[&str]) {
    let servers = [Server::start(ServerConfig::default()).expect("it starts")];
    let error = Proxy::start(&config(&servers, admin)).expect_err("it cannot start");
    let mut chain = vec![error.to_string()];
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        chain.push(error.to_string());
        source = error.source();
    }
    let said = chain.join(": ");
    assert!(expected.iter().all(|it| said.contains(it)), "{said}");
}

#[test]
fn a_port_in_use_is_an_error_that_says_what_to_do() {
    let rig = Rig::start();
    let address = rig.admin;
    let expected = [&*address.to_string(), "end what listens there", "another address in [admin]"];
    check_start_error(AdminConfig { address, ..AdminConfig::default() }, &expected);
}

#[test]
fn a_token_that_cannot_be_had_is_an_error_at_the_start() {
    let check = |path: std::path::PathBuf, expected: &[&str]| {
        let address = ([127, 0, 0, 1], 0).into();
        let token_file = Some(path);
        check_start_error(AdminConfig { address, token_file, ..AdminConfig::default() }, expected);
    };
    check("/does/not/exist".into(), &["/does/not/exist", "No such file"]);
    check(scratch_file("short\n"), &["it has 5 bytes", "from 16 to 256"]);
    check(scratch_file("two lines of\nsome length"), &["visible ASCII characters only"]);
}
