//! `evenkeel status` and `evenkeel route --live`.

use super::*;

#[test]
fn status_ends_with_0_while_all_is_well_and_with_1_while_a_server_is_down() {
    let mut operated = Operated::start(2);
    let text = operated.ask(&["status"]).success();
    assert!(text.contains("\nall is well\n"), "{text}");
    assert!(text.contains("\npool main: 2 of 2 servers usable\n"), "{text}");

    operated.servers[1].kill();
    wait_until(TIMEOUT, "status to end with 1 because b is down", || {
        let told = operated.ask(&["status"]);
        assert_eq!(told.stderr, "");
        told.code == Some(1) && told.stdout.contains("\n1 thing is not well:\n  main/b: down")
    });
    let status = operated.json(&["status", "--json"]);
    assert_eq!(status["pools"][0]["servers"][1]["state"], "down");
    assert_eq!(status["pools"][0]["servers"][0]["state"], "up");

    operated.servers[1].restart();
    wait_until(TIMEOUT, "status to end with 0 again", || operated.ask(&["status"]).code == Some(0));
}

#[test]
fn without_a_proxy_status_says_what_to_do() {
    let address = format!("127.0.0.1:{}", free_port());
    let told = Told::of(&mut evenkeel(&["status", "--admin", &address]));
    assert_eq!(told.code, Some(1));
    assert_eq!(
        told.stderr,
        format!(
            "evenkeel: no admin server at {address}: Connection refused (os error 111); is \
             evenkeel running, and has its configuration an [admin] table? --admin names another \
             address\n"
        )
    );
}

#[test]
fn what_is_no_admin_server_is_told_from_one() {
    let operated = Operated::start(1);
    let proxy = format!("127.0.0.1:{}", operated.port);
    let server = operated.servers[0].address();
    // A line of HTTP ends a session with memcached, and so with the proxy.
    for address in [&server, &proxy] {
        let told = Told::of(&mut evenkeel(&["status", "--admin", address]));
        assert_eq!(told.code, Some(1), "{told:?}");
        let what = format!("what listens at {address} has closed the connection without a whole");
        assert!(told.stderr.starts_with(&format!("evenkeel: {what}")), "{told:?}");
    }
}

#[test]
fn a_live_route_leads_to_where_the_running_proxy_sends_the_key() {
    let mut operated = Operated::start(3);
    let config = operated.config.to_str().unwrap().to_owned();
    let belongs = operated.json(&["route", "--json", &config, "user:1"]);
    let now = |operated: &Operated| operated.json(&["route", "--live", "--json", "user:1"]);
    let well = now(&operated);
    assert_eq!(well["home"], belongs["home"]);
    assert_eq!(well["reads_go_to"], belongs["home"]);

    let home = belongs["home"].as_str().unwrap();
    let home_idx = ["a", "b", "c"].iter().position(|name| *name == home).unwrap();
    operated.servers[home_idx].kill();
    operated.wait_for_state(home_idx, "down");
    assert_eq!(now(&operated)["reads_go_to"], belongs["order"][1]["server"]);

    let text = operated.ask(&["route", "--live", "--config", &config, "user:1"]).success();
    assert!(text.starts_with(&format!("user:1\n  home       {home}\n")), "{text}");
    assert!(text.contains(&format!("{home} (down)")), "{text}");
}
