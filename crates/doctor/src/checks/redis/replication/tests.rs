use super::super::sample::{Sample, findings};
use crate::check::Severity::{Critical, Note, Warning};

fn replica() -> Sample {
    Sample::cache().info(
        "role:slave\nmaster_host:10.0.0.1\nmaster_port:6379\nmaster_link_status:up\n\
         master_last_io_seconds_ago:1\nmaster_sync_in_progress:0\nslave_read_only:1\n\
         connected_slaves:0",
    )
}

const DOWN: &str = "master_link_status:down\nmaster_link_down_since_seconds:";

#[test]
fn a_replica_that_is_well_is_a_note() {
    replica().gives(&[("redis-replica-read-only", Note)]);
    replica().info("slave_read_only:0").gives(&[]);
}

#[test]
fn a_link_that_is_down_is_critical_and_one_that_comes_back_a_warning() {
    let read_only = ("redis-replica-read-only", Note);
    let down = replica().info(&format!("{DOWN}200"));
    down.clone().gives(&[("redis-replica-link", Critical), read_only]);
    let found = findings(down.facts());
    assert_eq!(found[0].evidence[0].value, "10.0.0.1:6379");
    assert_eq!(found[0].evidence[1].value, "for 3 min");
    replica().now(&format!("{DOWN}0")).gives(&[("redis-replica-link", Warning), read_only]);
    replica().before(&format!("{DOWN}0")).gives(&[read_only]);
    let syncs = replica().info(&format!("{DOWN}9")).info("master_sync_in_progress:1");
    syncs.gives(&[("redis-replica-link", Warning), read_only]);
}

#[test]
fn a_link_that_never_was_is_told_as_that() {
    let found = findings(replica().info(&format!("{DOWN}-1")).facts());
    assert_eq!(found[0].evidence[1].value, "since its start");
}

#[test]
fn writes_that_a_replica_refuses_are_a_warning() {
    let refused = replica().now("errorstat_READONLY:count=7");
    refused.gives(&[("redis-replica-read-only", Warning)]);
}

#[test]
fn replicas_that_are_behind_are_told() {
    let primary = |line: &str| {
        let text = format!("connected_slaves:1\nmaster_repl_offset:100000000\n{line}");
        Sample::cache().info(&text)
    };
    let line = |state, offset: u32, lag| {
        format!("slave0:ip=10.0.0.2,port=6379,state={state},offset={offset},lag={lag}")
    };
    primary(&line("online", 100_000_000, 10)).gives(&[]);
    primary("slave_expires_tracked_keys:5").gives(&[]);
    let lag = [("redis-replication-lag", Warning)];
    primary(&line("online", 100_000_000, 11)).gives(&lag);
    // What it has confirmed before it has copied everything is nothing, and not that it is behind.
    let copying = &findings(primary(&line("send_bulk", 0, 0)).facts())[0];
    assert_eq!(copying.evidence.len(), 1, "{copying:?}");
    primary(&line("online", 100_000_000 - (64 << 20), 0)).gives(&[]);
    primary(&line("online", 100_000_000 - (64 << 20) - 1, 0)).gives(&lag);
    primary(&line("wait_bgsave", 0, 0)).gives(&lag);
}

#[test]
fn a_primary_that_says_nothing_is_told_by_its_replica() {
    let read_only = ("redis-replica-read-only", Note);
    replica().info("master_last_io_seconds_ago:30").gives(&[read_only]);
    let silent = replica().info("master_last_io_seconds_ago:31");
    silent.gives(&[("redis-replication-lag", Warning), read_only]);
}

#[test]
fn a_replica_with_replicas_is_a_note() {
    let notes = [("redis-replica-read-only", Note), ("redis-replica-chain", Note)];
    replica().info("connected_slaves:1").gives(&notes);
}

#[test]
fn too_few_replicas_refuse_writes() {
    let server = |good: u32| {
        Sample::cache()
            .config("min-replicas-to-write 2")
            .info(&format!("min_slaves_good_slaves:{good}"))
    };
    server(2).gives(&[]);
    server(1).gives(&[("redis-min-replicas", Critical)]);
    let told = Sample::cache().refuses("NOREPLICAS Not enough good replicas to write.");
    told.gives(&[("redis-min-replicas", Critical)]);
}

#[test]
fn a_failover_is_told_while_it_is_under_way() {
    let server = Sample::cache().info("master_failover_state:waiting-for-sync");
    server.clone().gives(&[("redis-failover", Warning)]);
    // It holds writes back while it goes on.
    server.info("paused_actions:write").gives(&[("redis-failover", Warning)]);
}

#[test]
fn slots_that_nobody_serves_are_critical() {
    let cluster = |text: &str| {
        let figures = text.lines().filter_map(|it| it.split_once(':')).collect();
        Sample::cache().with(|it| it.cluster = figures)
    };
    let ok = "cluster_state:ok\ncluster_slots_assigned:16384\ncluster_slots_fail:0\n";
    cluster(ok).gives(&[]);
    cluster(&format!("{ok}cluster_slots_pfail:1")).gives(&[("redis-cluster", Warning)]);
    cluster(&format!("{ok}cluster_slots_fail:1")).gives(&[("redis-cluster", Critical)]);
    cluster(&format!("{ok}cluster_slots_assigned:16383")).gives(&[("redis-cluster", Critical)]);
    cluster(&format!("{ok}cluster_state:fail")).gives(&[("redis-cluster", Critical)]);
    let told = Sample::cache().refuses("CLUSTERDOWN Hash slot not served");
    told.gives(&[("redis-cluster", Critical)]);
}

#[test]
fn a_sentinel_is_no_cache() {
    Sample::cache().info("redis_mode:sentinel").gives(&[("redis-sentinel", Warning)]);
    Sample::cache().info("server_mode:sentinel").gives(&[("redis-sentinel", Warning)]);
}
