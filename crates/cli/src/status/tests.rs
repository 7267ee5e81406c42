use evenkeel_api::Reload;

use super::*;
use crate::samples;

fn refused() -> Reload {
    Reload {
        at: "2026-11-22T03:00:01.000Z".to_owned(),
        outcome: ReloadOutcome::Refused,
        changes: Vec::new(),
        warnings: Vec::new(),
        faults: vec!["evenkeel.toml:3:8: there is no pool \"mian\"".to_owned()],
    }
}

/// A proxy that nothing is wrong with.
fn well() -> Status {
    let mut status = samples::status();
    let pool = &mut status.pools[0];
    pool.servers.truncate(1);
    pool.servers_usable = 1;
    pool.misplaced_keys = 0;
    status
}

#[track_caller]
fn check_trouble(status: &Status, expected: &str) {
    assert_eq!(troubles::troubles(status), [expected]);
}

#[test]
fn what_is_not_well_comes_first_and_everything_has_its_line() {
    let mut status = samples::status();
    status.last_reload = Some(refused());
    let troubles = troubles::troubles(&status);
    assert_eq!(
        sheet(&status, &troubles, "127.0.0.1:9311", Paper::plain(None)),
        "evenkeel 0.1.0 at 127.0.0.1:9311: process 4242, running for 3h 00m; 42 sessions\n\
         listener main on 127.0.0.1:11311 for pool main\n\
         last reload at 2026-11-22 03:00:01: refused\n\
         \n\
         3 things are not well:\n  \
         main/b: down by timeouts: request timed out, 3 in a row (since 2026-11-22 03:00:00)\n  \
         main/c: returning with 40 % of its keys (since 2026-11-22 00:00:00)\n  \
         the reload at 2026-11-22 03:00:01 was refused, and what was in effect before it still is: \
         evenkeel.toml:3:8: there is no pool \"mian\"\n\
         \n\
         pool main: 2 of 3 servers usable\n\
         ketama; failover next; rejoin clean; hits 92.1 %; 1,234 misplaced keys (156 KiB of 64 MiB)\n\
         \n\
         server          state              for  req/s    hits  err/s      p50      p99  mispl.\n\
         10.0.0.1:11211  up              3h 00m  1,234  92.1 %      0  71.0 µs  1.20 ms       0\n\
         b               down               12s      0       -      0        -        -   1,234\n\
         c               returning 40 %      2s  1,234  92.1 %    0.2  71.0 µs  1.20 ms       0\n"
    );
}

#[test]
fn all_is_well_if_every_server_is_up_and_takes_writes() {
    let status = well();
    assert!(troubles::troubles(&status).is_empty());
    let sheet = sheet(&status, &[], "127.0.0.1:9311", Paper::plain(None));
    assert!(sheet.contains("\nall is well\n"), "{sheet}");
    assert!(sheet.contains("no misplaced keys"), "{sheet}");
}

#[test]
fn whatever_is_not_well_is_named() {
    let mut status = well();
    status.pools[0].servers[0].takes_writes = false;
    check_trouble(&status, "main/10.0.0.1:11211: up (since 2026-11-22 00:00:00)");
    let mut status = well();
    status.pools[0].servers[0].is_flush_required = true;
    check_trouble(&status, "main/10.0.0.1:11211: up (since 2026-11-22 00:00:00)");
    let mut status = well();
    status.pools[0].is_ready = false;
    check_trouble(&status, "pool main serves nothing: 2 of 3 servers are usable");
    let mut status = well();
    status.last_reload = Some(Reload { outcome: ReloadOutcome::Unchanged, ..refused() });
    assert!(troubles::troubles(&status).is_empty());
    for state in ["suspect", "down", "returning", "drained"] {
        let mut status = well();
        status.pools[0].servers[0].state = state.to_owned();
        assert_eq!(troubles::troubles(&status).len(), 1, "{state}");
    }
}

#[test]
fn a_state_says_what_of_a_server_is_used() {
    let server = samples::server("a", "up");
    assert_eq!(state(&server), "up");
    assert_eq!(state(&Server { takes_writes: false, ..server.clone() }), "up, no writes");
    assert_eq!(state(&Server { is_flush_required: true, ..server }), "up, to flush");
}

#[test]
fn lines_fit_a_narrow_terminal() {
    let mut status = samples::status();
    status.pools[0].servers[0].name = "a-server-with-a-long-name.example:11211".to_owned();
    status.pools[0].servers[1].reason = "a long reason, ".repeat(20);
    let troubles = troubles::troubles(&status);
    let sheet = sheet(&status, &troubles, "127.0.0.1:9311", Paper::plain(Some(80)));
    for line in sheet.lines() {
        assert!(crate::text::width(line) <= 80, "{line}");
    }
}
