//! Real memcached servers in each condition.

use evenkeel_doctor::Target;
use evenkeel_rig::Memcached;

use crate::asking::{examined, found, quick};

fn target(server: &Memcached) -> Target {
    format!("memcached://{}", server.address()).parse().expect("it has an address")
}

#[test]
fn a_healthy_server_gives_no_finding() {
    let server = Memcached::start();
    let examination = examined(vec![target(&server)], quick());
    assert_eq!(found(&examination), [""; 0]);
}
