use super::super::sample::{Sample, check, findings};
use super::*;
use crate::check::Severity::{Critical, Note, Warning};
use crate::facts::LatencyEvent;

fn slow(ago_seconds: u64, millis: u64, command: &str) -> SlowCommand {
    let took = Duration::from_millis(millis);
    SlowCommand { ago_seconds, took, command: command.to_owned(), client: None }
}

fn logged(log: Vec<SlowCommand>) -> Sample {
    Sample::cache().with(|it| it.slow_log = log)
}

#[test]
fn a_script_that_holds_everybody_up_is_found_though_nothing_is_told() {
    let words = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN \
        NOSAVE.";
    check(Sample::cache().silent(words), &[("redis-busy", Critical)]);
    check(Sample::cache().silent("NOPERM this user has no permissions"), &[]);
    let busy_group = "BUSYGROUP Consumer Group name already exists";
    check(Sample::cache().silent(busy_group), &[]);
}

#[test]
fn the_slow_log_counts_what_is_recent() {
    logged(vec![slow(3_601, 9_000, "KEYS *")]).gives(&[]);
    logged(vec![slow(3_600, 99, "KEYS *")]).gives(&[("redis-slow-log", Note)]);
    logged(vec![slow(3_600, 100, "KEYS *")]).gives(&[("redis-slow-log", Warning)]);
    logged(vec![slow(300, 11, "GET a"); 9]).gives(&[("redis-slow-log", Note)]);
    logged(vec![slow(300, 11, "GET a"); 10]).gives(&[("redis-slow-log", Warning)]);
    logged(vec![slow(301, 11, "GET a"); 10]).gives(&[("redis-slow-log", Note)]);
    // A log that begins at a millisecond.
    logged(vec![slow(5, 9, "GET a"); 32]).gives(&[]);
    let cut = logged(vec![slow(5, 11, "GET a"); 32]).with(|it| it.slow_log_len = Some(128));
    let summary = &findings(cut.facts())[0].summary;
    assert!(summary.starts_with("at least 32 slow commands in the last hour"), "{summary}");
}

#[test]
fn the_slow_log_is_told_by_command() {
    let log = vec![slow(9, 150, "eval x"), slow(8, 120, "KEYS a*"), slow(7, 200, "keys *")];
    let found = findings(logged(log).facts());
    let told: Vec<_> = found[0].evidence.iter().map(|it| (&*it.what, &*it.value)).collect();
    assert!(told.contains(&("KEYS", "2 of them, 320 ms in all")), "{told:?}");
    assert!(told.contains(&("EVAL", "1 of them, 150 ms in all")), "{told:?}");
    assert!(found[0].summary.starts_with("3 slow commands"), "{}", found[0].summary);
}

#[test]
fn commands_that_go_through_everything_count_by_their_cost() {
    let cost = |calls: u32, micros: u32| format!("cmdstat_hgetall:calls={calls},usec={micros}");
    let recent = |calls: u32, micros: u32| {
        Sample::cache().before(&cost(10, 100)).now(&cost(10 + calls, 100 + micros))
    };
    recent(2, 19_999).gives(&[]);
    recent(2, 20_000).gives(&[("redis-blocking-commands", Note)]);
    recent(9, 99_999).gives(&[("redis-blocking-commands", Note)]);
    recent(9, 100_000).gives(&[("redis-blocking-commands", Warning)]);
    Sample::cache().info(&cost(2, 20_000)).gives(&[("redis-blocking-commands", Note)]);
    Sample::cache().now(&cost(2, 200_000)).gives(&[("redis-blocking-commands", Warning)]);
}

#[test]
fn keys_counts_by_how_many_there_are() {
    let server = |keys: u32| {
        let keys = format!("db0:keys={keys},expires=0,avg_ttl=0");
        Sample::cache().info(&keys).now("cmdstat_keys:calls=1,usec=900")
    };
    server(10_000).gives(&[]);
    server(10_001).gives(&[("redis-blocking-commands", Warning)]);
}

#[test]
fn events_of_the_monitor_count_when_they_are_recent_and_long() {
    let event = |name: &str, ago_seconds, millis| {
        let last = Duration::from_millis(millis);
        let event = LatencyEvent { name: name.to_owned(), ago_seconds, last, max: last };
        Sample::cache().with(|it| it.latency_events = vec![event])
    };
    event("fork", 3_600, 100).gives(&[("redis-latency-events", Warning)]);
    event("fork", 3_601, 100).gives(&[]);
    event("fork", 10, 99).gives(&[]);
    event("command", 10, 500).gives(&[]);
}

#[test]
fn percentiles_want_many_calls() {
    let server = |calls: u32, p99: &str| {
        let text = format!("latency_percentiles_usec_get:p50=9.0,p99={p99},p99.9=99999.9");
        Sample::cache().info(&text).info(&format!("cmdstat_get:calls={calls},usec=1"))
    };
    server(10_000, "10000.0").gives(&[("redis-latency-percentiles", Note)]);
    server(9_999, "10000.0").gives(&[]);
    server(10_000, "9999.9").gives(&[]);
}

#[test]
fn a_main_thread_without_time_left_is_told() {
    let server = |seconds: &str| {
        Sample::cache()
            .info("used_cpu_sys_main_thread:0.0")
            .before("used_cpu_user_main_thread:10.0")
            .now(&format!("used_cpu_user_main_thread:{seconds}"))
    };
    server("11.79").gives(&[]);
    server("11.81").gives(&[("redis-cpu", Warning)]);
}

#[test]
fn a_slow_fork_counts_for_who_saves() {
    let server = |micros: u32| Sample::cache().info(&format!("latest_fork_usec:{micros}"));
    server(99_999).gives(&[]);
    server(100_000).gives(&[("redis-fork", Note)]);
    let saving = server(100_000).config("save 3600 1").config("maxmemory-policy noeviction");
    let saving = saving.info("maxmemory_policy:noeviction");
    let expected = |severity| [("redis-fork", severity), ("redis-memory-policy", Note)];
    // Facts are of the second 0: the last save was an hour ago, and a second more.
    saving.clone().info("rdb_last_save_time:-3600").gives(&expected(Warning));
    let long_ago = saving.info("rdb_last_save_time:-3601");
    let long_ago = long_ago.info("aof_rewrite_in_progress:0");
    let found = findings(long_ago.clone().facts());
    assert!(found.iter().all(|it| it.severity == Note), "{found:?}");
    long_ago.clone().info("aof_rewrite_in_progress:1").gives(&expected(Warning));
    // What the monitor has seen of it is one finding with it.
    let last = Duration::from_millis(100);
    let event = LatencyEvent { name: "fork".to_owned(), ago_seconds: 9, last, max: last };
    long_ago.with(|it| it.latency_events = vec![event]).gives(&expected(Warning));
}

#[test]
fn paused_clients_are_told() {
    let paused = |what: &str| {
        Sample::cache().info(&format!("paused_actions:{what}\npaused_reason:client_pause"))
    };
    paused("none").gives(&[]);
    paused("write").gives(&[("redis-paused", Warning)]);
    paused("all").gives(&[("redis-paused", Critical)]);
    paused("all").before("paused_actions:none").now("paused_actions:none").gives(&[]);
}

#[test]
fn clients_that_wait_are_a_note() {
    let waiting = |blocked, all| {
        Sample::cache().info(&format!("blocked_clients:{blocked}\nconnected_clients:{all}"))
    };
    waiting(99, 100).gives(&[]);
    waiting(100, 200).gives(&[]);
    waiting(101, 200).gives(&[("redis-blocked-clients", Note)]);
}
