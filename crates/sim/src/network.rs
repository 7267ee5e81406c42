//! The network: links with two directions, each with its delays, its buffer and its faults.
//!
//! # Intuition
//! A link behaves as a TCP connection does to the two programs that hold it. What is written
//! comes out in order, in other pieces, later. A writer whose peer does not read is made to wait.
//! Bytes that were sent before an end was closed still arrive: a server that hung reads them when
//! it goes on, and so a write may be applied long after its caller gave up.
//!
//! # Faults
//! - cut: both ends see a reset, what was on its way is lost;
//! - black hole: from now on one or both directions lose everything, and nobody is told until
//!   the near end's kernel gives up, 5 s to 10 s later, as it does when nothing that it sends, or
//!   its keepalive, is acknowledged. The far end never hears of it;
//! - stall: nothing arrives until a certain time, then everything does.
//!
//! It decides nothing about what the bytes mean.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use evenkeel_core::Instant;

use crate::agenda::{Agenda, Event, Notice};
use crate::dice::Dice;
use crate::options::NetworkOptions;

/// A link, numbered in the order of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

/// One of a link's ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The one that connected.
    Near,
    /// The one that was connected to.
    Far,
}

impl End {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }
}

/// Who holds an end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// An application, by number.
    Application(usize),
    /// A worker's driver, by number.
    Worker(usize),
    /// A model server, by number.
    Server(usize),
    /// The control plane, about to try a server.
    Prober(usize),
}

/// What a read gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes, at least one.
    Bytes(Vec<u8>),
    /// Nothing now.
    Nothing,
    /// The other end sends no more.
    Eof,
    /// The link is broken.
    Reset,
}

/// Which directions of a link a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What is sent to the near end.
    ToNear,
    /// What is sent to the far end.
    ToFar,
    /// Both.
    Both,
}

impl Direction {
    fn covers(self, to: End) -> bool {
        match self {
            Self::ToNear => to == End::Near,
            Self::ToFar => to == End::Far,
            Self::Both => true,
        }
    }
}

/// All links.
#[derive(Debug)]
pub struct Network {
    options: NetworkOptions,
    dice: Dice,
    links: BTreeMap<LinkId, Link>,
    links_made: u64,
}

#[derive(Debug)]
struct Link {
    near: Side,
    far: Side,
    /// It was cut: what is written from now on is lost.
    is_cut: bool,
}

/// One end, and what is on its way to it.
#[derive(Debug)]
struct Side {
    peer: Peer,
    /// Whoever held this end has let go of it.
    is_closed: bool,
    in_flight: VecDeque<Parcel>,
    /// Bytes in flight, with those that went into a black hole.
    in_flight_len: usize,
    arrived: Vec<u8>,
    ending: Option<Ending>,
    /// Nothing may arrive before.
    not_before: Instant,
    /// Until when what is sent is sent again and again, and does not arrive.
    stalled_until: Instant,
    is_black_hole: bool,
    /// The other end was refused a byte and waits for room.
    is_awaited: bool,
}

#[derive(Debug)]
enum Parcel {
    Bytes(Vec<u8>),
    Ending(Ending),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Eof,
    Reset,
}

/// A write is delivered in at most so many pieces.
const PARCELS_PER_WRITE_MAX: usize = 4;

/// After how long, at least, a kernel gives up on a link that went into a black hole.
const GIVE_UP_MIN: Duration = Duration::from_secs(5);

/// After how long at most.
pub const GIVE_UP_MAX: Duration = Duration::from_secs(10);

impl Network {
    /// A network without links.
    pub fn new(options: NetworkOptions, dice: Dice) -> Self {
        Self { options, dice, links: BTreeMap::new(), links_made: 0 }
    }

    /// Starts to connect `near` to `far`. [`Event::Connect`] follows.
    pub fn connect(&mut self, agenda: &mut Agenda, near: Peer, far: Peer) -> LinkId {
        let id = LinkId(self.links_made);
        self.links_made += 1;
        let mut link = Link { near: Side::new(near), far: Side::new(far), is_cut: false };
        // Nothing that the near end does may overtake its connecting.
        link.far.not_before = agenda.now() + self.latency();
        agenda.at(link.far.not_before, Event::Connect { link: id });
        self.links.insert(id, link);
        id
    }

    /// Ends a connect that has arrived: somebody listens, or nobody does.
    pub fn answer_connect(&mut self, agenda: &mut Agenda, id: LinkId, is_listening: bool) {
        let latency = self.latency();
        let Some(link) = self.links.get_mut(&id) else { return };
        let notice = if is_listening { Notice::Connected } else { Notice::Refused };
        link.far.is_closed = !is_listening;
        // What the far end sends may not overtake the news that it is there.
        link.near.not_before = agenda.now() + latency;
        agenda.after(latency, Event::Notice { link: id, to: End::Near, notice });
    }

    /// Who holds an end; `None` if nobody does any more.
    pub fn peer(&self, id: LinkId, end: End) -> Option<Peer> {
        let side = self.links.get(&id)?.side(end);
        (!side.is_closed).then_some(side.peer)
    }

    /// The links that have `peer` at their far end.
    pub fn links_to(&self, peer: Peer) -> Vec<LinkId> {
        let links = self.links.iter();
        links.filter(|(_, link)| link.far.peer == peer).map(|(id, _)| *id).collect()
    }

    /// Writes what fits of `bytes` and returns how many those are. If they are not all,
    /// [`Notice::Writable`] follows.
    pub fn write(&mut self, agenda: &mut Agenda, id: LinkId, from: End, bytes: &[u8]) -> usize {
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.is_cut) else {
            return bytes.len();
        };
        if link.side(from).ending == Some(Ending::Reset) {
            return bytes.len();
        }
        let side = link.side_mut(from.other());
        let held_len = side.in_flight_len + side.arrived.len();
        let room = self.options.buffer_len.saturating_sub(held_len);
        let mut len = bytes.len().min(room);
        if len > 1 && self.dice.happens(self.options.partial_write_chance) {
            len = self.dice.between(1, len - 1);
        }
        if len < bytes.len() {
            side.is_awaited = true;
            if len < room {
                let notice = Event::Notice { link: id, to: from, notice: Notice::Writable };
                agenda.after(self.options.latency_min, notice);
            }
        }
        side.in_flight_len += len;
        if !side.is_black_hole {
            self.send_in_pieces(agenda, id, from.other(), &bytes[..len]);
        }
        len
    }

    fn send_in_pieces(&mut self, agenda: &mut Agenda, id: LinkId, to: End, bytes: &[u8]) {
        let mut rest = bytes;
        for _ in 1..PARCELS_PER_WRITE_MAX {
            if rest.len() < 2 || !self.dice.happens(self.options.split_chance) {
                break;
            }
            let (piece, after) = rest.split_at(self.dice.between(1, rest.len() - 1));
            self.send(agenda, id, to, Parcel::Bytes(piece.to_vec()));
            rest = after;
        }
        if !rest.is_empty() {
            self.send(agenda, id, to, Parcel::Bytes(rest.to_vec()));
        }
    }

    fn send(&mut self, agenda: &mut Agenda, id: LinkId, to: End, parcel: Parcel) {
        let latency = self.latency();
        let Some(link) = self.links.get_mut(&id) else { return };
        let side = link.side_mut(to);
        if side.is_black_hole {
            return;
        }
        let at = side.not_before.max(agenda.now() + latency);
        side.not_before = at;
        side.in_flight.push_back(parcel);
        agenda.at(at, Event::Arrive { link: id, to });
    }

    fn latency(&mut self) -> Duration {
        let options = &self.options;
        let latency = self.dice.duration(options.latency_min, options.latency_max);
        if self.dice.happens(options.spike_chance) {
            return latency + self.dice.duration(Duration::ZERO, options.spike_max);
        }
        latency
    }

    /// Something arrives at an end. True if the end has something to read that it had not.
    pub fn arrive(&mut self, agenda: &mut Agenda, id: LinkId, to: End) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        let side = link.side_mut(to);
        let Some(parcel) = side.in_flight.pop_front() else { return false };
        if side.is_closed {
            if let Parcel::Bytes(bytes) = parcel {
                side.in_flight_len -= bytes.len();
                self.send(agenda, id, to.other(), Parcel::Ending(Ending::Reset));
            }
            return false;
        }
        match parcel {
            Parcel::Bytes(bytes) => {
                side.in_flight_len -= bytes.len();
                side.arrived.extend(bytes);
            }
            Parcel::Ending(ending) => side.ending = Some(ending),
        }
        true
    }

    /// Whether an end has been reset, whatever there is to read before that.
    pub fn is_reset(&self, id: LinkId, end: End) -> bool {
        self.links.get(&id).is_none_or(|link| link.side(end).ending == Some(Ending::Reset))
    }

    /// Reads at most `len_max` bytes.
    pub fn read(&mut self, agenda: &mut Agenda, id: LinkId, end: End, len_max: usize) -> Read {
        let Some(link) = self.links.get_mut(&id) else { return Read::Reset };
        let side = link.side_mut(end);
        if side.arrived.is_empty() {
            return match side.ending {
                Some(Ending::Eof) => Read::Eof,
                Some(Ending::Reset) => Read::Reset,
                None => Read::Nothing,
            };
        }
        let len = side.arrived.len().min(len_max);
        let rest = side.arrived.split_off(len);
        let bytes = std::mem::replace(&mut side.arrived, rest);
        if std::mem::take(&mut side.is_awaited) {
            let notice = Notice::Writable;
            agenda.after(self.latency(), Event::Notice { link: id, to: end.other(), notice });
        }
        Read::Bytes(bytes)
    }

    /// An end sends no more, and goes on reading.
    pub fn shut(&mut self, agenda: &mut Agenda, id: LinkId, end: End) {
        self.send(agenda, id, end.other(), Parcel::Ending(Ending::Eof));
    }

    /// An end is closed. What it has sent still arrives.
    pub fn close(&mut self, agenda: &mut Agenda, id: LinkId, end: End) {
        self.let_go(agenda, id, end, Ending::Eof);
    }

    /// An end is closed, and the other sees a reset. Of what it has sent only that still arrives
    /// which is not stalled: a kernel does not send again what it has reset.
    pub fn abort(&mut self, agenda: &mut Agenda, id: LinkId, end: End) {
        if let Some(link) = self.links.get_mut(&id) {
            let side = link.side_mut(end.other());
            if agenda.now() < side.stalled_until {
                side.in_flight.clear();
            }
        }
        self.let_go(agenda, id, end, Ending::Reset);
    }

    fn let_go(&mut self, agenda: &mut Agenda, id: LinkId, end: End, ending: Ending) {
        self.send(agenda, id, end.other(), Parcel::Ending(ending));
        let Some(link) = self.links.get_mut(&id) else { return };
        link.side_mut(end).is_closed = true;
        if link.near.is_closed && link.far.is_closed {
            self.links.remove(&id);
        }
    }

    /// Both ends see a reset. What was on its way is lost.
    pub fn cut(&mut self, agenda: &mut Agenda, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.is_cut = true;
        for side in [&mut link.near, &mut link.far] {
            side.in_flight.clear();
            side.in_flight_len = 0;
        }
        self.send(agenda, id, End::Near, Parcel::Ending(Ending::Reset));
        self.send(agenda, id, End::Far, Parcel::Ending(Ending::Reset));
    }

    /// From now on a direction loses everything, what is on its way included.
    pub fn black_hole(&mut self, agenda: &mut Agenda, id: LinkId, direction: Direction) {
        let Some(link) = self.links.get_mut(&id) else { return };
        agenda.after(self.dice.duration(GIVE_UP_MIN, GIVE_UP_MAX), Event::GiveUp { link: id });
        for to in [End::Near, End::Far].into_iter().filter(|to| direction.covers(*to)) {
            let side = link.side_mut(to);
            side.is_black_hole = true;
            side.in_flight.clear();
        }
    }

    /// The near end hears no more of the other, and sees a reset. True if it is still held.
    pub fn give_up(&mut self, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        link.near.ending.get_or_insert(Ending::Reset);
        !link.near.is_closed
    }

    /// What is sent from now on arrives at `until` at the earliest.
    pub fn stall(&mut self, id: LinkId, direction: Direction, until: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        for to in [End::Near, End::Far].into_iter().filter(|to| direction.covers(*to)) {
            let side = link.side_mut(to);
            side.not_before = side.not_before.max(until);
            side.stalled_until = side.stalled_until.max(until);
        }
    }
}

impl Link {
    fn side(&self, end: End) -> &Side {
        match end {
            End::Near => &self.near,
            End::Far => &self.far,
        }
    }

    fn side_mut(&mut self, end: End) -> &mut Side {
        match end {
            End::Near => &mut self.near,
            End::Far => &mut self.far,
        }
    }
}

impl Side {
    fn new(peer: Peer) -> Self {
        Self {
            peer,
            is_closed: false,
            in_flight: VecDeque::new(),
            in_flight_len: 0,
            arrived: Vec::new(),
            ending: None,
            not_before: Instant::ZERO,
            stalled_until: Instant::ZERO,
            is_black_hole: false,
            is_awaited: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;

    const NEAR: Peer = Peer::Prober(0);
    const FAR: Peer = Peer::Server(0);

    /// A network with one link that is connected.
    fn connected() -> (Agenda, Network, LinkId) {
        let mut agenda = Agenda::default();
        let mut network = Network::new(Options::calm().network, Dice::new(1));
        let link = network.connect(&mut agenda, NEAR, FAR);
        network.answer_connect(&mut agenda, link, true);
        (agenda, network, link)
    }

    /// Lets everything arrive that is on its way.
    fn settle(agenda: &mut Agenda, network: &mut Network) {
        while let Some(event) = agenda.pop() {
            if let Event::Arrive { link, to } = event {
                network.arrive(agenda, link, to);
            }
        }
    }

    fn write_all(agenda: &mut Agenda, network: &mut Network, link: LinkId, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            at += network.write(agenda, link, End::Near, &bytes[at..]);
        }
    }

    #[test]
    fn bytes_arrive_in_order_and_then_the_end() {
        let (mut agenda, mut network, link) = connected();
        write_all(&mut agenda, &mut network, link, b"one ");
        write_all(&mut agenda, &mut network, link, b"two");
        network.close(&mut agenda, link, End::Near);
        settle(&mut agenda, &mut network);
        let read = network.read(&mut agenda, link, End::Far, 100);
        assert_eq!(read, Read::Bytes(b"one two".to_vec()), "although the writer has let go");
        assert_eq!(network.read(&mut agenda, link, End::Far, 100), Read::Eof);
        assert_eq!(network.peer(link, End::Near), None);
    }

    #[test]
    fn a_writer_waits_for_a_reader() {
        let (mut agenda, mut network, link) = connected();
        let room = Options::calm().network.buffer_len;
        write_all(&mut agenda, &mut network, link, &vec![b'x'; room]);
        assert_eq!(network.write(&mut agenda, link, End::Near, b"y"), 0);
        settle(&mut agenda, &mut network);
        assert_eq!(network.write(&mut agenda, link, End::Near, b"y"), 0);
        network.read(&mut agenda, link, End::Far, 10);
        let notice = Event::Notice { link, to: End::Near, notice: Notice::Writable };
        assert_eq!(agenda.pop(), Some(notice));
        assert_eq!(network.write(&mut agenda, link, End::Near, b"y"), 1);
    }

    #[test]
    fn a_black_hole_takes_everything_and_says_nothing() {
        let (mut agenda, mut network, link) = connected();
        network.black_hole(&mut agenda, link, Direction::ToFar);
        write_all(&mut agenda, &mut network, link, b"lost");
        settle(&mut agenda, &mut network);
        assert_eq!(network.read(&mut agenda, link, End::Far, 100), Read::Nothing);
    }

    #[test]
    fn the_near_end_of_a_black_hole_gives_up_after_a_while() {
        let (mut agenda, mut network, link) = connected();
        network.black_hole(&mut agenda, link, Direction::ToNear);
        while agenda.pop().is_some_and(|event| event != Event::GiveUp { link }) {}
        let waited = agenda.now() - Instant::ZERO;
        assert!((GIVE_UP_MIN..GIVE_UP_MAX + GIVE_UP_MIN).contains(&waited), "{waited:?}");
        assert!(network.give_up(link));
        assert_eq!(network.read(&mut agenda, link, End::Near, 100), Read::Reset);
        write_all(&mut agenda, &mut network, link, b"too late");
        settle(&mut agenda, &mut network);
        assert_eq!(network.read(&mut agenda, link, End::Far, 100), Read::Nothing);
    }

    #[test]
    fn nothing_comes_through_a_link_that_was_cut() {
        let (mut agenda, mut network, link) = connected();
        write_all(&mut agenda, &mut network, link, b"lost");
        network.cut(&mut agenda, link);
        write_all(&mut agenda, &mut network, link, b"lost, too");
        settle(&mut agenda, &mut network);
        assert_eq!(network.read(&mut agenda, link, End::Far, 100), Read::Reset);
        assert_eq!(network.read(&mut agenda, link, End::Near, 100), Read::Reset);
    }
}
