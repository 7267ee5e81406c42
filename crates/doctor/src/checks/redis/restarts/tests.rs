use super::super::sample::Sample;
use crate::check::Severity::{Critical, Note, Warning};

#[test]
fn a_restart_while_we_look_is_told() {
    Sample::cache().now("run_id:other").gives(&[("redis-restarted", Warning)]);
    let fell = Sample::cache().before("uptime_in_seconds:500").now("uptime_in_seconds:1");
    fell.gives(&[("redis-restarted", Warning)]);
}

#[test]
fn a_young_server_is_told_if_it_is_in_use() {
    let server = |uptime: u32, misses: u32| {
        // Half of them are hits, so that nothing but its age is to be told.
        let server = Sample::cache().info(&format!("uptime_in_seconds:{uptime}"));
        let server = server.before("keyspace_hits:9000\nkeyspace_misses:9000");
        let (hits, misses) = (9_000 + misses / 2, 9_000 + misses.div_ceil(2));
        server.now(&format!("keyspace_hits:{hits}\nkeyspace_misses:{misses}"))
    };
    server(599, 100).gives(&[("redis-restarted", Note)]);
    server(600, 100).gives(&[]);
    server(599, 99).gives(&[]);
}

#[test]
fn a_server_that_goes_while_we_look_is_critical() {
    let server = Sample::cache().with(|it| it.gone = Some("Connection refused".to_owned()));
    server.gives(&[("redis-gone", Critical)]);
}
