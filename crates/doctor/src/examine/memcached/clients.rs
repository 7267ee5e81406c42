//! Who is connected to a memcached server, and who waits to be.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::time::Duration;

use super::conversation::Conversation;
use crate::examine::Notes;
use crate::facts::{ClientConnection, Figures};

/// Asks for the clients' connections, on a connection of its own: the answer may be longer than we
/// read. `ours` are our ends of other connections.
pub(super) async fn connections(
    addr: SocketAddr,
    ours: &[SocketAddr],
    notes: &mut Notes,
) -> Option<Vec<ClientConnection>> {
    let mut conversation = match Conversation::open(addr, notes.step_deadline()).await {
        Ok((conversation, _)) => conversation,
        Err(error) => {
            notes.gap(COMMAND, &error);
            return None;
        }
    };
    let figures = super::figures(&mut conversation, COMMAND, notes).await;
    let ours: Vec<_> = ours.iter().copied().chain(conversation.local_addr()).collect();
    (!figures.is_empty()).then(|| clients(&figures, &ours))
}

/// The connections of a `stats conns` that are clients' and not ours.
fn clients(figures: &Figures, ours: &[SocketAddr]) -> Vec<ClientConnection> {
    let mut by_file: BTreeMap<&str, [Option<&str>; 3]> = BTreeMap::new();
    for (name, value) in figures.iter() {
        if let Some((file, field)) = name.split_once(':')
            && let Some(idx) = FIELDS.iter().position(|it| *it == field)
        {
            by_file.entry(file).or_default()[idx] = Some(value);
        }
    }
    let clients = by_file.into_values().filter_map(|[addr, state, idle]| {
        let (protocol, place) = addr?.split_once(':')?;
        let state = state.unwrap_or("").trim_start_matches("conn_");
        if state == "listening" || protocol.starts_with("udp") {
            return None;
        }
        let address = match canonical(place) {
            Some(addr) if ours.iter().any(|it| is_same(*it, addr)) => return None,
            Some(addr) => addr.ip().to_string(),
            None => format!("{protocol}:{place}"),
        };
        let idle = idle.and_then(|it| it.parse().ok()).map(Duration::from_secs);
        Some(ClientConnection { address, idle, doing: state.to_owned(), output_bytes: 0 })
    });
    clients.collect()
}

/// An address with its port; an IPv4 one that was written as IPv6 is IPv4.
fn canonical(text: &str) -> Option<SocketAddr> {
    let addr: SocketAddr = text.parse().ok()?;
    Some(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
}

fn is_same(ours: SocketAddr, theirs: SocketAddr) -> bool {
    ours.ip().to_canonical() == theirs.ip() && ours.port() == theirs.port()
}

/// How many connections wait to be accepted on `addr`, if it is on this machine: `local` is our end
/// of a connection to it.
pub(super) fn accept_queue(addr: SocketAddr, local: SocketAddr) -> Option<u64> {
    if !addr.ip().is_loopback() && addr.ip().to_canonical() != local.ip().to_canonical() {
        return None;
    }
    let waiting = ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| {
        let table = BufReader::new(File::open(path).ok()?.take(TABLE_LEN_MAX));
        // The kernel lists those who listen first.
        let lines = table.lines().map_while(Result::ok).skip(1);
        let listening = lines.map_while(|line| listening(&line));
        listening.filter(|(port, _)| *port == addr.port()).map(|(_, waiting)| waiting).max()
    });
    waiting.max()
}

/// The port of a line of /proc/net/tcp and how many wait there, if it is somebody who listens.
fn listening(line: &str) -> Option<(u16, u64)> {
    let mut words = line.split_whitespace();
    let local = words.nth(1)?;
    if words.nth(1)? != LISTENING {
        return None;
    }
    let (_, port) = local.rsplit_once(':')?;
    let (_, waiting) = words.next()?.split_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, u64::from_str_radix(waiting, 16).ok()?))
}

const COMMAND: &str = "stats conns";
const FIELDS: [&str; 3] = ["addr", "state", "secs_since_last_cmd"];
/// The state of a socket that listens, in /proc/net/tcp.
const LISTENING: &str = "0A";
/// Those who listen fit this.
const TABLE_LEN_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().expect("it is an address")
    }

    #[test]
    fn clients_are_told_without_ports_listeners_and_ourselves() {
        let figures: Figures = [
            ("20:addr", "tcp:0.0.0.0:11211"),
            ("20:state", "conn_listening"),
            ("21:addr", "udp:0.0.0.0:11211"),
            ("21:state", "conn_read"),
            ("22:addr", "tcp:10.0.0.7:5000"),
            ("22:state", "conn_read"),
            ("22:secs_since_last_cmd", "301"),
            ("23:addr", "tcp6:[::ffff:10.0.0.7]:5001"),
            ("23:state", "conn_new_cmd"),
            ("24:addr", "tcp:10.0.0.9:6000"),
            ("24:state", "conn_parse_cmd"),
            ("25:addr", "unix:/run/memcached.sock"),
            ("25:state", "conn_read"),
            ("26:state", "conn_closed"),
        ]
        .into_iter()
        .collect();
        let clients = clients(&figures, &[addr("10.0.0.9:6000"), addr("10.0.0.9:6001")]);
        let told: Vec<_> = clients.iter().map(|it| (it.address.as_str(), it.idle)).collect();
        let idle = Some(Duration::from_secs(301));
        let expected = [("10.0.0.7", idle), ("10.0.0.7", None), ("unix:/run/memcached.sock", None)];
        assert_eq!(told, expected);
        assert_eq!(clients[0].doing, "read");
    }

    #[test]
    fn who_waits_to_be_accepted_is_read_off_the_kernels_table() {
        let line = "   0: 0100007F:7CFD 00000000:0000 0A 00000000:00000003 00:00000000 00000000";
        assert_eq!(listening(line), Some((31_997, 3)));
        assert_eq!(listening(&line.replace("0A", "01")), None);
        assert_eq!(listening("  sl  local_address rem_address"), None);
        assert_eq!(listening(""), None);
    }

    #[test]
    fn nobody_knows_who_waits_on_another_machine() {
        assert_eq!(accept_queue(addr("192.0.2.1:11211"), addr("192.0.2.2:5000")), None);
    }
}
