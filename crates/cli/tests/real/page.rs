//! The live page in a real browser: headless Chromium before a real proxy before real memcached.
//!
//! Each test plays a scenario of `page/scenarios.mjs`, which is told where everything is. Whatever
//! it looks at, it fails if the page writes an error to the browser's console, or asks for anything
//! from elsewhere.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use evenkeel_lab::Server;
use serde_json::{Value, json};

use crate::support::{Memcached, Program, Proxy, free_port, scratch_path};

/// Servers, and a proxy with its admin server before them.
struct Stage {
    servers: Vec<Memcached>,
    proxy: Proxy,
    admin_port: u16,
}

impl Stage {
    /// Three servers in one pool, whose canaries are quick and whose ramp is short.
    fn start() -> Self {
        Self::start_with("")
    }

    /// The same with more lines about the admin server.
    fn start_with(admin_lines: &str) -> Self {
        let servers: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
        let addresses: Vec<_> = servers.iter().map(Memcached::address).collect();
        let admin_port = free_port();
        let lines = format!("{QUICK}{}{admin_lines}", admin(admin_port));
        let proxy = Proxy::start_with(&addresses, &lines);
        Self { servers, proxy, admin_port }
    }

    /// What a scenario is told.
    fn describe(&self) -> Value {
        let server = |it: &Memcached| json!({ "name": it.address(), "pid": it.process_id() });
        json!({
            "url": format!("http://127.0.0.1:{}/", self.admin_port),
            "proxy": self.proxy.address(),
            "proxyPid": self.proxy.process_id(),
            "servers": self.servers.iter().map(server).collect::<Vec<_>>(),
        })
    }
}

#[test]
fn states_change_on_the_page_while_a_server_hangs_and_returns() {
    play("states", &Stage::start().describe());
}

#[test]
fn orders_are_asked_about_first_and_followed_to_their_effect() {
    play("orders", &Stage::start().describe());
}

#[test]
fn keys_and_details_are_answered() {
    play("questions", &Stage::start().describe());
}

#[test]
fn routes_are_shown_by_their_prefixes_and_beside_their_pools() {
    let servers = [Memcached::start(), Memcached::start()];
    let (admin_port, other_port) = (free_port(), free_port());
    let long = (0..50).map(|idx| route(&format!("{idx:02}{}", "p".repeat(198)), ""));
    let routes = long.chain([
        route("copy:", "operations = [\"get\"]\n"),
        route("/east/", "strip_prefix = true\nlistener = \"other\"\n"),
        route("<img/src=x>", ""),
        route("\u{202e}\u{a0}:", ""),
    ]);
    let other =
        format!("[listener.other]\naddress = \"127.0.0.1:{other_port}\"\npool = \"main\"\n");
    let users = format!("[pool.users]\nservers = [{:?}]\n", servers[1].address());
    let lines = format!("{other}{users}{}{}", routes.collect::<String>(), admin(admin_port));
    let proxy = Proxy::start_with(&[servers[0].address()], &lines);
    let told = json!({
        "url": format!("http://127.0.0.1:{admin_port}/"),
        "proxy": proxy.address(),
        "servers": servers.iter().map(|it| json!({ "name": it.address() })).collect::<Vec<_>>(),
    });
    play("routes", &told);
}

/// A route to the pool `users`, with more lines of it.
fn route(prefix: &str, lines: &str) -> String {
    format!("[[route]]\nprefix = '{prefix}'\npool = \"users\"\n{lines}")
}

#[test]
fn a_refused_configuration_is_shown_until_it_is_mended() {
    play("configuration", &Stage::start().describe());
}

#[test]
fn the_page_is_readable_in_light_and_dark_and_on_a_phone() {
    play("looks", &Stage::start().describe());
}

#[test]
fn a_token_is_asked_for_and_kept_in_the_tab() {
    let path = scratch_path("token");
    fs::write(&path, TOKEN).expect("the scratch folder is writable");
    let stage = Stage::start_with(&format!("token_file = {path:?}\n"));
    let mut told = stage.describe();
    told["token"] = TOKEN.into();
    play("token", &told);
    // A leftover file in the scratch folder harms nobody.
    let _ = fs::remove_file(path);
}

#[test]
fn a_page_without_answers_says_so_at_once() {
    play("silence", &Stage::start().describe());
}

#[test]
fn the_buttons_of_the_lab_break_a_server_and_heal_it() {
    play("lab", &json!({ "evenkeel": env!("CARGO_BIN_EXE_evenkeel") }));
}

#[test]
fn the_page_is_updated_more_than_once_a_second_with_forty_servers() {
    let servers: Vec<_> = (0..POOLS_MAX * POOL_LEN).map(|_| embedded()).collect();
    let addresses: Vec<_> = servers.iter().map(|it| it.addr().to_string()).collect();
    let admin_port = free_port();
    let pools: Vec<_> = addresses.chunks(POOL_LEN).collect();
    let further = pools.iter().enumerate().skip(1);
    let further =
        further.map(|(idx, servers)| format!("[pool.p{idx}]\nservers = [{}]\n", named(servers)));
    let lines = format!("{QUICK}{}{}", further.collect::<String>(), admin(admin_port));
    let proxy = Proxy::start_with(pools[0], &lines);
    let told = json!({
        "url": format!("http://127.0.0.1:{admin_port}/"),
        "proxy": proxy.address(),
        "servers": addresses.iter().map(|it| json!({ "name": it })).collect::<Vec<_>>(),
    });
    play("many", &told);
}

fn embedded() -> Server {
    Server::start(evenkeel_lab::Config::default()).expect("a loopback port is free")
}

/// Servers with names that are markup, to those who take them for it.
fn named(addresses: &[String]) -> String {
    let server = |(idx, address): (usize, &String)| {
        format!("{{ address = {address:?}, name = '<img/src=x>&amp;\"{idx}' }}")
    };
    addresses.iter().enumerate().map(server).collect::<Vec<_>>().join(", ")
}

/// The part of the configuration about the admin server.
fn admin(port: u16) -> String {
    format!("[admin]\naddress = \"127.0.0.1:{port}\"\n")
}

/// Plays a scenario to its end.
#[track_caller]
pub(crate) fn play(scenario: &str, told: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.arg(folder.join("tests/real/page/play.mjs"));
    command.args([scenario, &told.to_string()]);
    command.env("EVENKEEL_TEST_MODULES", folder.join("../../.test/page/node_modules"));
    let mut program = Program::start(&mut command);
    let status = program.wait_for_exit(SCENARIO_TIMEOUT);
    println!("{}", program.output());
    assert!(status.success(), "the scenario {scenario} failed:\n{}", program.output());
}

/// Canaries are frequent and the ramp is short, so that there is little to wait for; and patient,
/// because the browser makes the machine busy.
const QUICK: &str = "stats_interval = \"1s\"\n\
     [pool.main.health]\n\
     canary_interval = \"500ms\"\n\
     canary_timeout = \"500ms\"\n\
     ramp = \"1s\"\n";

const TOKEN: &str = "a-token-of-the-tests";

const POOLS_MAX: usize = 4;
const POOL_LEN: usize = 10;

/// More than any scenario takes on a busy machine: each waits for conditions with bounds of its own.
const SCENARIO_TIMEOUT: Duration = Duration::from_mins(1);
