use super::super::sample::Sample;
use crate::check::Severity::{Note, Warning};

#[test]
fn a_restart_while_we_look_is_told() {
    Sample::cache().now("run_id:other").gives(&[("redis-restarted", Warning)]);
    let fell = Sample::cache().before("uptime_in_seconds:500").now("uptime_in_seconds:1");
    fell.gives(&[("redis-restarted", Warning)]);
}

#[test]
fn a_young_server_is_told_if_it_is_in_use() {
    let server = |uptime: u32, misses: u32| {
        let text = format!("uptime_in_seconds:{uptime}\nkeyspace_hits:0\nkeyspace_misses:{misses}");
        Sample::cache().info(&text)
    };
    server(599, 100).gives(&[("redis-restarted", Note)]);
    server(600, 100).gives(&[]);
    server(599, 99).gives(&[]);
}
