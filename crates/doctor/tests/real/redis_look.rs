//! Real Redis servers, and others in their place: what is seen of them.

use evenkeel_doctor::Target;
use evenkeel_rig::Redis;

use crate::asking::{examined, found, quick};

fn target(server: &Redis) -> Target {
    format!("redis://{}", server.address()).parse().expect("it has an address")
}

#[test]
fn a_healthy_server_gives_no_finding() {
    let server = Redis::start();
    let examination = examined(vec![target(&server)], quick());
    assert_eq!(found(&examination), [""; 0]);
}
