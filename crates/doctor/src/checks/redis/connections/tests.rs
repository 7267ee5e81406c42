use super::super::sample::{Sample, findings};
use super::*;
use crate::check::Severity::{Critical, Note, Warning};

fn connected(clients: u32, links: u32) -> Sample {
    let text = format!("connected_clients:{clients}\ncluster_connections:{links}\nmaxclients:100");
    Sample::cache().info(&text).config("maxclients 100")
}

fn idle(address: &str, seconds: u64, flags: &str) -> RedisClient {
    RedisClient {
        id: seconds,
        address: address.to_owned(),
        idle: Duration::from_secs(seconds),
        flags: flags.to_owned(),
        ..RedisClient::default()
    }
}

#[test]
fn connections_count_against_their_limit() {
    connected(80, 0).gives(&[]);
    connected(81, 0).gives(&[("redis-connections", Warning)]);
    connected(75, 6).gives(&[("redis-connections", Warning)]);
    connected(95, 0).gives(&[("redis-connections", Warning)]);
    connected(96, 0).gives(&[("redis-connections", Critical)]);
}

#[test]
fn who_holds_connections_is_told() {
    let clients: Vec<_> = [("10.0.0.1", 5), ("10.0.0.2", 40), ("10.0.0.3", 7), ("10.0.0.4", 8)]
        .into_iter()
        .flat_map(|(address, connections)| vec![idle(address, 90, "N"); connections])
        .collect();
    let found = findings(connected(90, 0).with(|it| it.clients = Some(clients)).facts());
    let told: Vec<_> = found[0].evidence.iter().map(|it| (&*it.what, &*it.value)).collect();
    assert_eq!(
        told[1..4],
        [("held by 10.0.0.2", "40"), ("held by 10.0.0.4", "8"), ("held by 10.0.0.3", "7"),]
    );
    assert_eq!(told[4], ("idle for a minute or more", "60, the longest for 90 s"));
    let change = found[0].change.as_ref().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "maxclients", "200"]);
}

#[test]
fn refused_connections_are_critical_while_they_grow() {
    Sample::cache().info("rejected_connections:3").gives(&[("redis-connections-rejected", Note)]);
    let grew = Sample::cache().before("rejected_connections:3").now("rejected_connections:4");
    grew.gives(&[("redis-connections-rejected", Critical)]);
}

#[test]
fn idle_connections_count_if_they_are_many() {
    let hold = |number, seconds, flags| {
        let clients = vec![idle("10.0.0.1", seconds, flags); number];
        Sample::cache()
            .info("maxclients:300")
            .config("maxclients 300")
            .with(|it| it.clients = Some(clients))
    };
    hold(99, 3_600, "N").gives(&[]);
    hold(100, 3_600, "N").gives(&[("redis-connections-idle", Note)]);
    hold(100, 3_599, "N").gives(&[]);
    hold(150, 300, "N").gives(&[]);
    hold(151, 300, "N").gives(&[("redis-connections-idle", Note)]);
    hold(151, 300, "N").info("connected_clients:240").gives(&[("redis-connections-idle", Note)]);
    let near = [("redis-connections", Warning), ("redis-connections-idle", Warning)];
    hold(151, 300, "N").info("connected_clients:241").gives(&near);
    hold(151, 299, "N").gives(&[]);
    hold(200, 9_999, "P").gives(&[]);
    hold(100, 3_600, "N").config("timeout 9999").gives(&[]);
}

#[test]
fn idle_connections_are_closed_by_a_timeout_or_one_by_one() {
    let clients = (0..100).map(|it| idle("10.0.0.1", 3_600 + it, "N")).collect();
    let found = findings(Sample::cache().with(|it| it.clients = Some(clients)).facts());
    let change = found[0].change.as_ref().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "timeout", "600"]);
    assert_eq!(change.undo.as_deref(), Some("redis-cli -h 127.0.0.1 -p 6380 CONFIG SET timeout 0"));
    let kill = "redis-cli -h 127.0.0.1 -p 6380 CLIENT KILL ID 3699";
    assert_eq!(found[0].remedies[1].commands[0], kill);
}
