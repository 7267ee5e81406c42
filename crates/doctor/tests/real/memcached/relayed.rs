//! A healthy server behind something that breaks what passes.

use std::time::Duration;

use evenkeel_doctor::Options;
use evenkeel_lab::{Fault, Relay};
use evenkeel_rig::Memcached;

use super::target_at;
use crate::asking::{examined, found_about};

#[test]
fn each_fault_on_the_way_has_its_name_within_five_seconds() {
    let faults = [
        (Fault::None, &[][..]),
        (Fault::OnlyVersion, &["serve-only-greets"]),
        (Fault::Delay(Duration::from_millis(150)), &["serve-slow"]),
        (Fault::Garbage, &["reach-protocol"]),
        (Fault::OffByOne, &["serve-wrong"]),
        (Fault::Stall, &["reach-silent"]),
        (Fault::Refuse, &["reach-refused"]),
        (Fault::Reset, &["reach-reset"]),
        (Fault::CutOff, &["reach-timed-out"]),
        (Fault::Truncate { after_bytes: 100 }, &["serve-fails"]),
        (Fault::ServerErrorOnWrites("no".to_owned()), &["serve-fails"]),
        (Fault::ServerError("no".to_owned()), &["serve-fails"]),
    ];
    let places = faults.iter().map(|(fault, _)| {
        let server = Memcached::start();
        let addr = server.address().parse().expect("it is an address");
        let relay = Relay::start(addr).expect("the relay starts");
        relay.set(fault.clone());
        (relay, server)
    });
    let places: Vec<_> = places.collect();
    let targets = places.iter().map(|(relay, _)| target_at(&relay.addr().to_string()));
    let examination = examined(targets.collect(), Options::default());
    for (idx, (fault, expected)) in faults.iter().enumerate() {
        let facts = &examination.servers[idx];
        assert_eq!(found_about(&examination, idx), *expected, "{fault:?}: {:?}", facts.gaps);
        assert!(facts.took < Duration::from_secs(5), "{fault:?}: {:?}", facts.took);
    }
}
