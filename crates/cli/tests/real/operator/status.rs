//! `evenkeel status`.

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
    for (address, what) in [
        (&server, format!("what listens at {server} has closed the connection without a whole")),
        (&proxy, format!("what answers at {proxy} is no admin server of Evenkeel's")),
    ] {
        let told = Told::of(&mut evenkeel(&["status", "--admin", address]));
        assert_eq!(told.code, Some(1), "{told:?}");
        assert!(told.stderr.starts_with(&format!("evenkeel: {what}")), "{told:?}");
    }
}
