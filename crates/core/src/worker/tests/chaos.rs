//! Random schedules: whatever servers, applications and the control plane do, nothing panics and
//! every request gets exactly one answer.

use proptest::prelude::*;

use super::rig::{LIMITS, Rig};
use super::server::Manner;
use super::*;

const SERVERS_LEN: u16 = 3;

#[derive(Clone, Debug)]
enum Event {
    /// An application sends so many of its requests, cut after so many bytes of the last.
    Send { session: usize, requests: usize },
    /// An application starts or stops reading.
    Deaf { session: usize, is_deaf: bool },
    /// A server behaves so from now on.
    Become { server: u16, manner: Manner },
    /// A connection is reset.
    Lose { server: u16 },
    /// A connection is reset in the middle of what its server says next.
    Cut { server: u16, after: usize },
    /// A server sends something that nobody asked for.
    Garble { server: u16 },
    /// A server takes so many bytes and then no more until told.
    Room { server: u16, room: usize },
    /// The control plane judges.
    Publish { server: u16, is_usable: bool },
    /// Time passes.
    Pass { ms: u64 },
}

fn event() -> impl Strategy<Value = Event> {
    let server = 0..SERVERS_LEN;
    let manner =
        prop::sample::select(vec![Manner::Serves, Manner::Hangs, Manner::Refuses, Manner::Ignores]);
    let room = prop_oneof![0..40_usize, Just(usize::MAX)];
    prop_oneof![
        8 => (0..3_usize, 1..8_usize)
            .prop_map(|(session, requests)| Event::Send { session, requests }),
        1 => (0..3_usize, any::<bool>())
            .prop_map(|(session, is_deaf)| Event::Deaf { session, is_deaf }),
        2 => (server.clone(), manner).prop_map(|(server, manner)| Event::Become { server, manner }),
        1 => server.clone().prop_map(|server| Event::Lose { server }),
        2 => (server.clone(), 0..60_usize)
            .prop_map(|(server, after)| Event::Cut { server, after }),
        1 => server.clone().prop_map(|server| Event::Garble { server }),
        1 => (server.clone(), room).prop_map(|(server, room)| Event::Room { server, room }),
        2 => (server, any::<bool>())
            .prop_map(|(server, is_usable)| Event::Publish { server, is_usable }),
        3 => (0..300_u64).prop_map(|ms| Event::Pass { ms }),
    ]
}

/// An application that can tell each of its answers: every request carries its own number, or has
/// an answer of its own shape.
#[derive(Default)]
struct Caller {
    sent: Vec<usize>,
    unsent: Vec<u8>,
    heard: String,
}

/// Request number `number`: one of several kinds.
fn request(number: usize) -> String {
    let key = number * 7 % 23;
    match number % 7 {
        0 => format!("mg k{key} v O{number}\r\n"),
        1 => format!("ms k{key} 4 O{number}\r\nv{:03}\r\n", number % 1000),
        2 => format!("get k{key} k{} k{}\r\n", key + 1, key + 2),
        3 => format!("set k{key} 0 0 4\r\nv{:03}\r\n", number % 1000),
        4 => format!("delete k{key}\r\n"),
        5 => format!("set k{key} 0 0 2000\r\n{}\r\n", "!".repeat(2000)),
        _ => format!("get k{key}\r\n"),
    }
}

/// Takes the answer to request number `number` from the start of `heard`: how long it is, or what
/// is wrong with it. `None` if it is not all there.
fn answer_len(number: usize, heard: &str) -> Result<Option<usize>, String> {
    let Some((line, _)) = heard.split_once("\r\n") else { return Ok(None) };
    let line_len = line.len() + 2;
    let wrong = || Err(format!("request {number} is answered {line:?}"));
    let is_error = line.starts_with("SERVER_ERROR evenkeel: ");
    let opaque = format!("O{number}");
    match number % 7 {
        0 if line == format!("EN {opaque}") => Ok(Some(line_len)),
        0 if line == format!("VA 4 {opaque}") => {
            Ok((heard.len() >= line_len + 6).then_some(line_len + 6))
        }
        1 if is_error || line == format!("HD {opaque}") => Ok(Some(line_len)),
        2 | 6 if line == "END" => Ok(Some(line_len)),
        2 | 6 => {
            let key = number * 7 % 23;
            let keys = [key, key + 1, key + 2].map(|key| format!("VALUE k{key} 0 4"));
            let keys = if number % 7 == 2 { &keys[..] } else { &keys[..1] };
            if !keys.iter().any(|it| it == line) {
                return wrong();
            }
            let value_len = line_len + 6;
            if heard.len() < value_len {
                return Ok(None);
            }
            Ok(answer_len(number, &heard[value_len..])?.map(|len| value_len + len))
        }
        3 if is_error || line == "STORED" => Ok(Some(line_len)),
        4 if is_error || matches!(line, "DELETED" | "NOT_FOUND") => Ok(Some(line_len)),
        5 if line == "SERVER_ERROR object too large for cache" => Ok(Some(line_len)),
        _ => wrong(),
    }
}

impl Caller {
    /// Sends so many requests more, holding back a part of the last.
    fn next_bytes(&mut self, requests: usize, numbers: &mut usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.unsent);
        for _ in 0..requests {
            bytes.extend_from_slice(request(*numbers).as_bytes());
            self.sent.push(*numbers);
            *numbers += 1;
        }
        self.unsent = bytes.split_off(bytes.len().saturating_sub(*numbers % 11));
        bytes
    }

    /// Every answer so far is that of the request it should be.
    fn check(&mut self, heard: &str) -> Result<(), String> {
        self.heard.push_str(heard);
        while let Some(number) = self.sent.first().copied()
            && let Some(len) = answer_len(number, &self.heard)?
        {
            self.heard.drain(..len);
            self.sent.remove(0);
        }
        Ok(())
    }
}

fn apply(
    rig: &mut Rig,
    ids: &[SessionId],
    callers: &mut [Caller],
    numbers: &mut usize,
    it: &Event,
) {
    match *it {
        Event::Send { session, requests } => {
            // A driver does not read from a session that is paused.
            if rig.worker.wants_input(ids[session]) {
                let bytes = callers[session].next_bytes(requests, numbers);
                rig.send(ids[session], bytes);
            }
        }
        Event::Deaf { session, is_deaf } => rig.set_deaf(ids[session], is_deaf),
        Event::Become { server, manner } => {
            rig.servers[usize::from(server)].manner = manner;
            rig.drive();
        }
        Event::Lose { server } => rig.lose(server, Failure::Reset),
        Event::Cut { server, after } => rig.servers[usize::from(server)].cut_after = Some(after),
        Event::Garble { server } => rig.say(server, "?\r\n"),
        Event::Room { server, room } => rig.set_room(server, room),
        Event::Publish { server, is_usable } => rig.publish(server, is_usable),
        Event::Pass { ms } => rig.advance_ms(ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_request_gets_its_own_answer_and_only_one(
        events in prop::collection::vec(event(), 0..100),
    ) {
        let mut rig = Rig::new(SERVERS_LEN);
        let limits = SessionLimits { requests_in_flight_max: 8, output_max: 300, ..LIMITS };
        let ids = [rig.open_with(limits), rig.open_with(limits), rig.open_with(limits)];
        let mut callers = [Caller::default(), Caller::default(), Caller::default()];
        let mut numbers = 0;
        for event in events {
            apply(&mut rig, &ids, &mut callers, &mut numbers, &event);
        }
        for (id, caller) in ids.into_iter().zip(&mut callers) {
            rig.send(id, std::mem::take(&mut caller.unsent));
        }
        for id in ids {
            rig.set_deaf(id, false);
        }
        // Nothing more is asked; whatever the servers do, all is answered within the deadline,
        // once for each pause that the requests at hand make.
        rig.advance_ms(20_000);
        for (id, caller) in ids.into_iter().zip(&mut callers) {
            let checked = caller.check(&rig.answers(id));
            prop_assert_eq!(checked, Ok(()));
            prop_assert!(caller.sent.is_empty(), "not answered: {:?}", caller.sent);
            prop_assert_eq!(&caller.heard, "");
        }
        prop_assert!(rig.worker.deadlines.is_empty());
    }

    #[test]
    fn bytes_of_any_kind_from_anybody_are_borne(
        pieces in prop::collection::vec(
            (any::<bool>(), prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                prop::sample::select(vec![
                    &b"get a b c\r\n"[..], b"set a 0 0 3\r\nabc\r\n", b"mg a v\r\n", b"ms a 3\r\n",
                    b"VALUE a 0 3\r\nabc\r\n", b"VALUE b 0 99999999999\r\n", b"END\r\n", b"STORED\r\n",
                    b"VA 3 ka\r\nabc\r\n", b"HD ka\r\n", b"EN\r\n", b"ERROR\r\n", b"\r\n", b"\n",
                    b"SERVER_ERROR x\r\n", b"get", b" a", b"quit\r\n", b"flush_all\r\n",
                    b"set a 0 0 18446744073709551615\r\n", b"VALUE a 0 1073741824\r\n",
                ]).prop_map(<[u8]>::to_vec),
            ]),
            0..80,
        ),
    ) {
        let mut rig = Rig::new(1);
        rig.servers[0].manner = Manner::Hangs;
        let mut id = rig.open();
        for (is_from_server, bytes) in pieces {
            if is_from_server {
                rig.worker.handle_server_bytes(rig.now, rig.connection(0), &bytes);
                rig.drive();
            } else {
                if rig.is_closed(id) {
                    id = rig.open();
                }
                rig.worker.handle_session_bytes(rig.now, id, &bytes);
                rig.drive();
            }
        }
        rig.advance_ms(1000);
        prop_assert!(rig.worker.desk.exchanges.is_empty());
    }
}
