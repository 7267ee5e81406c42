use super::super::sample::{Sample, findings};
use crate::check::Severity::{Note, Warning};

/// Errors before and between the samples, and commands between them.
fn errors(code: &str, before: u32, now: u32, commands: u32) -> Sample {
    Sample::cache()
        .before(&format!("errorstat_{code}:count={before}\ntotal_commands_processed:100000"))
        .now(&format!("errorstat_{code}:count={}", before + now))
        .now(&format!("total_commands_processed:{}", 100_000 + commands))
}

#[test]
fn errors_count_by_their_share_of_commands() {
    errors("NOPERM", 0, 49, 49).gives(&[]);
    errors("NOPERM", 0, 50, 5_000).gives(&[]);
    errors("NOPERM", 0, 50, 4_999).gives(&[("redis-errors", Warning)]);
    // None is counted as processed that was refused before.
    errors("NOAUTH", 0, 50, 0).gives(&[("redis-errors", Warning)]);
}

#[test]
fn errors_of_the_past_are_a_note() {
    errors("ERR", 1_000, 0, 10).gives(&[]);
    errors("ERR", 1_001, 0, 10).gives(&[("redis-errors", Note)]);
}

#[test]
fn what_clients_are_meant_to_meet_counts_later() {
    errors("MOVED", 0, 100, 1_000).gives(&[]);
    errors("MOVED", 0, 101, 1_000).gives(&[("redis-errors", Warning)]);
}

#[test]
fn codes_with_a_check_of_their_own_are_left_to_it() {
    errors("LOADING", 0, 500, 500).gives(&[]);
    errors("MASTERDOWN", 9_000, 500, 500).gives(&[]);
}

#[test]
fn each_code_is_told_with_its_meaning_and_what_fails() {
    let server = errors("ERR", 0, 50, 100)
        .info("cmdstat_eval:calls=9,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=40")
        .info("cmdstat_get:calls=9,usec=1,usec_per_call=1.00,rejected_calls=2,failed_calls=0");
    let found = findings(server.facts());
    assert!(found[0].summary.starts_with("50.0 % of commands are answered ERR: a command"));
    let told: Vec<_> = found[0].evidence.iter().map(|it| &*it.what).collect();
    assert_eq!(told, ["now", "since its start", "EVAL", "GET"]);
}
