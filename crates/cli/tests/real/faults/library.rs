//! The same faults with the library in the proxy's place, seen by tasks in its process; and those of
//! the process itself.
//!
//! In brief: some faults of each kind, for what the library does by itself.

use crate::scenario::{Length, Tested};
use crate::support::Flavour;

use super::check_of;

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
fn server_that_refuses_writes_goes_on_serving_reads() {
    check("write-error");
}

#[test]
fn half_responses_are_nobodys_value() {
    check("half");
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
fn a_blocked_thread_of_the_runtime_ejects_nobody() {
    check("thread-blocked");
}

#[test]
fn a_blocked_runtime_ejects_nobody() {
    check("runtime-blocked");
}

#[test]
fn a_stop_of_the_process_ejects_nobody() {
    check("process-hang");
}

#[test]
fn hang_of_one_server_costs_one_thread_misses_and_nothing_else() {
    check_one_thread("hang");
}

#[test]
fn a_blocked_runtime_of_one_thread_ejects_nobody() {
    check_one_thread("runtime-blocked");
}

#[track_caller]
fn check(name: &str) {
    check_of(Tested::Library(Flavour::MultiThread), name, Length::Brief);
}

#[track_caller]
fn check_one_thread(name: &str) {
    check_of(Tested::Library(Flavour::CurrentThread), name, Length::Brief);
}
