use super::super::sample::{Sample, findings};
use crate::check::Severity::{Note, Warning};

#[test]
fn a_clock_counts_that_is_apart_from_ours() {
    let ahead = |seconds| Sample::cache().with(|it| it.clock_ahead_seconds = Some(seconds));
    ahead(2.0).gives(&[]);
    ahead(-2.0).gives(&[]);
    ahead(2.1).gives(&[("redis-clock", Note)]);
    ahead(10.0).gives(&[("redis-clock", Note)]);
    ahead(-10.1).gives(&[("redis-clock", Warning)]);
    let found = findings(ahead(-7_200.0).facts());
    assert_eq!(found[0].summary, "its clock is 2 h 0 min behind ours");
}

#[test]
fn overdue_keys_count_while_removal_runs_out_of_time() {
    let capped = |stale: &str| {
        Sample::cache()
            .info(&format!("expired_stale_perc:{stale}"))
            .before("expired_time_cap_reached_count:1")
            .now("expired_time_cap_reached_count:3")
    };
    capped("25.00").gives(&[]);
    capped("25.01").gives(&[("redis-expiry-behind", Warning)]);
    Sample::cache().info("expired_stale_perc:90.00").gives(&[]);
    let found = findings(capped("60.00").facts());
    let change = found[0].change.as_ref().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "active-expire-effort", "3"]);
    let greatest = findings(capped("60.00").config("active-expire-effort 10").facts());
    assert_eq!(greatest[0].change, None);
}
