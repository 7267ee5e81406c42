//! Servers that break and return while applications work: every fault in short.
//!
//! What each fault is and what is asked of us is in [`crate::scenario`]; `make faults` runs the
//! same at full length. With `EVENKEEL_FAULTS=long` so do these.

use crate::scenario::measured::Figure;
use crate::scenario::{Fault, Length, Scenario, Tested};

mod library;

#[test]
fn kill_of_one_server_costs_misses_and_nothing_else() {
    check("kill");
}

#[test]
fn hang_of_one_server_costs_misses_and_nothing_else() {
    check("hang");
}

#[test]
fn packet_loss_costs_misses_and_nothing_else() {
    check("loss");
}

#[test]
fn server_that_is_too_slow_is_ejected() {
    check("slow-300");
}

#[test]
fn server_that_is_slower_than_the_others_is_ejected() {
    check("slow-60");
}

#[test]
fn server_that_answers_version_only_is_ejected() {
    check("only-version");
}

#[test]
fn server_that_answers_errors_is_ejected() {
    check("server-error");
}

#[test]
fn server_that_refuses_writes_goes_on_serving_reads() {
    check("write-error");
}

#[test]
fn random_bytes_are_nobodys_value() {
    check("garbage");
}

#[test]
fn half_responses_are_nobodys_value() {
    check("half");
}

#[test]
fn responses_off_by_one_are_nobodys_value() {
    check("off-by-one");
}

#[test]
fn server_that_comes_and_goes_is_kept_out() {
    check("flap");
}

#[test]
fn resets_of_every_connection_cost_no_read() {
    check("resets");
}

#[test]
fn with_all_servers_down_reads_are_misses_and_writes_say_so() {
    check("kill-all");
}

#[test]
fn stop_of_the_proxy_itself_ejects_nobody() {
    check("proxy-hang");
}

#[track_caller]
fn check(name: &str) {
    check_of(Tested::Proxy, name, Length::Short);
}

/// Runs the fault of this name; fails if any figure that is asked for was missed.
#[track_caller]
fn check_of(tested: Tested, name: &str, length: Length) {
    let fault = Fault::by_name(tested, name).expect("the fault is described");
    let title = format!("{} with {}", fault.title, tested.title());
    let measured = Scenario::new(tested, fault, Length::from_environment(length)).run();
    println!("{title}");
    for figure in &measured.figures {
        println!("  {}", figure.line());
    }
    for note in measured.remark.iter().chain(&measured.notes) {
        println!("  {note}");
    }
    let missed: Vec<_> = measured.missed().map(Figure::line).collect();
    assert!(missed.is_empty(), "{title}: {missed:#?}");
}
