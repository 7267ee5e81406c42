use super::super::sample::{Sample, check, findings};
use crate::check::Severity::{Critical, Note, Warning};

const FAILED: &str = "rdb_last_bgsave_status:err";

#[test]
fn loading_is_critical_and_says_how_far_it_is() {
    let server = Sample::cache().info(
        "loading:1\nloading_loaded_perc:42.5\nloading_eta_seconds:90\n\
         loading_loaded_bytes:1024\nloading_total_bytes:2048",
    );
    server.clone().gives(&[("redis-loading", Critical)]);
    let found = findings(server.facts());
    assert!(found[0].summary.ends_with("42.5 %"), "{}", found[0].summary);
    let told: Vec<_> = found[0].evidence.iter().map(|it| &*it.value).collect();
    assert_eq!(told, ["1.0 KiB of 2.0 KiB", "90 s"]);
}

#[test]
fn loading_is_found_by_what_is_refused() {
    let words = "LOADING Redis is loading the dataset in memory";
    check(Sample::cache().silent(words), &[("redis-loading", Critical)]);
    // It was loading when it was probed, and has done so.
    Sample::cache().refuses(words).gives(&[]);
}

#[test]
fn a_save_that_failed_stops_writes_only_if_save_points_are_set() {
    let server = Sample::cache().info(FAILED).config("maxmemory-policy noeviction");
    let server = server.info("maxmemory_policy:noeviction");
    let policy = ("redis-memory-policy", Note);
    server.clone().gives(&[("redis-save-failed", Note), policy]);
    let saving = server.config("save 3600 1 300 100");
    saving.clone().gives(&[("redis-writes-stopped", Critical), policy]);
    let going_on = saving.clone().config("stop-writes-on-bgsave-error no");
    going_on.gives(&[("redis-save-failed", Warning), policy]);
    let change = findings(saving.facts())[0].change.clone().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
}

#[test]
fn a_write_that_is_refused_is_found_without_settings() {
    let words = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
        persist to disk.";
    Sample::cache().refuses(words).gives(&[("redis-writes-stopped", Critical)]);
}

#[test]
fn an_append_only_file_that_fails_stops_writes_if_it_is_on() {
    let server = Sample::cache().info("aof_last_write_status:err");
    server.clone().gives(&[]);
    server.info("aof_enabled:1").gives(&[("redis-writes-stopped", Critical)]);
    let rewrite = Sample::cache().info("aof_enabled:1\naof_last_bgrewrite_status:err");
    rewrite.gives(&[("redis-save-failed", Warning)]);
}

#[test]
fn a_disk_that_is_waited_for_is_told() {
    let grew = Sample::cache().before("aof_delayed_fsync:3").now("aof_delayed_fsync:4");
    grew.gives(&[("redis-disk-slow", Warning)]);
    Sample::cache().info("aof_delayed_fsync:99").gives(&[]);
    Sample::cache().info("aof_delayed_fsync:100").gives(&[("redis-disk-slow", Note)]);
}

#[test]
fn a_cache_that_saves_is_a_note_and_how_to_undo_it_is_told() {
    let server = Sample::cache().config("save 3600 1");
    server.clone().gives(&[("redis-cache-saves", Note)]);
    let change = findings(server.facts())[0].change.clone().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "save", ""]);
    let undo = "redis-cli -h 127.0.0.1 -p 6380 CONFIG SET save '3600 1'";
    assert_eq!(change.undo.as_deref(), Some(undo));
    Sample::cache().config("appendonly yes").gives(&[("redis-cache-saves", Note)]);
    let database = Sample::developers().config("save 3600 1");
    let database = findings(database.facts());
    assert!(database.iter().all(|it| it.check != "redis-cache-saves"));
}
