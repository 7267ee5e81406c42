//! Hooks of a proxy before real servers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use evenkeel_rig::{ScratchFolder, make_certificates};

use crate::support::{Memcached, Program, free_port, scratch_path, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

/// `evenkeel run` before one server, with this hook.
fn run(server: &str, hook: &str) -> Command {
    let path = scratch_path("toml");
    let text = format!(
        "[listener.a]\naddress = \"127.0.0.1:{}\"\npool = \"a\"\n\
         [admin]\naddress = \"127.0.0.1:0\"\n\
         [pool.a]\nservers = [{server:?}]\nstats_interval = \"1s\"\n[pool.a.health]\nramp = \"100ms\"\n[hook.test]\n{hook}\n",
        free_port()
    );
    fs::write(&path, text).expect("the scratch folder is writable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("run").arg(path);
    command
}

/// Waits until the proxy takes the server for up, so that its end is an event.
fn wait_for_start(program: &mut Program) {
    wait_until(PATIENCE, "the greeting", || program.output().contains("http://"));
}

/// What `/metrics` says.
fn figures(program: &Program) -> String {
    let output = program.output();
    let (_, rest) = output.split_once("http://").expect("it says where its admin server is");
    let (address, _) = rest.split_once('/').expect("it is a whole address");
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn a_command_is_told_that_a_real_server_is_down_and_that_it_is_up_again() {
    let mut server = Memcached::start();
    let told = scratch_path("told");
    let script = format!("echo $EVENKEEL_TO $EVENKEEL_RULE >> {}", told.display());
    let hook = format!("command = [\"/bin/sh\", \"-c\", {script:?}]\ninterval = \"1s\"");
    let mut program = Program::start(&mut run(&server.address(), &hook));
    wait_for_start(&mut program);
    let lines = || fs::read_to_string(&told).unwrap_or_default();
    server.kill();
    wait_until(PATIENCE, "the ejection", || lines().contains("down"));
    server.restart();
    wait_until(PATIENCE, "the return", || lines().contains("up"));
    let lines = lines();
    let states: Vec<_> = lines.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(states, ["down", "up"], "once for each, whatever the workers saw");
    let delivered = "evenkeel_hook_deliveries_total{hook=\"test\",outcome=\"delivered\"} 2";
    wait_until(PATIENCE, "both to be counted", || figures(&program).contains(delivered));
    let server = format!("{{pool=\"a\",server=\"{}\"}}", server.address());
    let memory_max = format!("evenkeel_server_memory_bytes_max{server} 67108864");
    wait_until(PATIENCE, "what the server says", || figures(&program).contains(&memory_max));
}

/// Answers requests by TLS and prints their bodies.
const RECEIVER: &str = r#"
import http.server, ssl
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        print("told", body.decode(), flush=True)
        self.send_response(204)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_port, flush=True)
server.serve_forever()
"#;

/// The rest of the program's line that begins with this word.
fn line_of(program: &Program, word: &str) -> Option<String> {
    let output = program.output();
    let whole = output.rsplit_once('\n')?.0;
    whole.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
}

#[test]
fn a_webhook_is_told_by_tls_if_the_system_trusts_it_and_not_otherwise() {
    let folder = ScratchFolder::create();
    make_certificates(folder.path());
    let mut python = Command::new("python3");
    let receiver = Program::start(python.args(["-c", RECEIVER]).current_dir(folder.path()));
    wait_until(PATIENCE, "the receiver", || line_of(&receiver, "port").is_some());
    let port = line_of(&receiver, "port").expect("it has been waited for");
    let hook = format!("webhook = \"https://localhost:{port}/s3cret\"\nretries = 0");
    let nobody = format!("127.0.0.1:{}", free_port());

    let untrusting = Program::start(&mut run(&nobody, &hook));
    wait_until(PATIENCE, "the refusal", || untrusting.output().contains("could not be told"));
    assert!(untrusting.output().contains("certificate"), "{}", untrusting.output());
    assert!(!untrusting.output().contains("s3cret"), "{}", untrusting.output());
    assert!(line_of(&receiver, "told").is_none());

    let mut trusting = run(&nobody, &hook);
    let _trusting = Program::start(trusting.env("SSL_CERT_FILE", folder.path().join("ca.pem")));
    wait_until(PATIENCE, "the request", || line_of(&receiver, "told").is_some());
    let told = line_of(&receiver, "told").expect("it has been waited for");
    assert!(told.contains("\"to\":\"down\""), "{told}");
}
