//! What a worker reports beside failures. One behaviour a test.

use super::*;
use crate::protocol::request::Class;
use crate::report::{BULK_LEN, Report};
use crate::routing::ServerId;
use crate::window::ClassTally;

fn overdue(rig: &Rig) -> Vec<Duration> {
    let waited = |report: &Report| match report {
        Report::Overdue { waited, .. } => Some(*waited),
        _ => None,
    };
    rig.reports.iter().filter_map(waited).collect()
}

/// What was counted of a class at each server in all tallies.
fn counted(rig: &Rig, class: Class) -> Vec<(ServerId, ClassTally)> {
    let of_class = |report: &Report| match report {
        Report::Tally { server, tally } => Some((*server, tally.of_class(class))),
        _ => None,
    };
    rig.reports.iter().filter_map(of_class).collect()
}

#[test]
fn a_silence_is_reported_once_and_the_next_one_again() {
    let mut rig = Rig::new(1);
    rig.suspect_after(Duration::from_millis(20));
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.advance_ms(1000);
    assert_eq!(overdue(&rig), [], "nothing is owed");
    rig.send(id, "get a\r\n");
    rig.advance_ms(19);
    rig.send(id, "get a\r\n");
    assert_eq!(overdue(&rig), []);
    rig.advance_ms(1);
    let once = Duration::from_millis(20);
    assert_eq!(overdue(&rig), [once]);
    rig.advance_ms(100);
    assert_eq!(overdue(&rig), [once]);
    rig.say(0, "END\r\n");
    rig.advance_ms(20);
    assert_eq!(overdue(&rig), [once, once], "the second is owed still");
}

#[test]
fn responses_are_counted_by_class_and_reported_a_tenth_of_a_second_later() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    rig.ask(id, "get a\r\nset a 0 0 1\r\nx\r\ndelete a\r\nget a\r\n");
    rig.advance_ms(99);
    assert_eq!(rig.reports, []);
    rig.advance_ms(1);
    for (class, attempts) in [(Class::Read, 2), (Class::Write, 1), (Class::Delete, 1)] {
        let wanted = ClassTally { attempts, ..ClassTally::default() };
        assert_eq!(counted(&rig, class), [(ServerId(0), wanted)]);
    }
}

#[test]
fn a_lost_connection_is_one_failure_however_many_requests_it_hits() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\n".repeat(50));
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.outcomes.len(), 1);
    rig.advance_ms(100);
    let wanted = ClassTally { attempts: 1, failures: 1, ..ClassTally::default() };
    assert_eq!(counted(&rig, Class::Read), [(ServerId(0), wanted)]);
}

#[test]
fn timeouts_across_a_stall_of_our_own_are_not_evidence() {
    let mut rig = Rig::new(1);
    rig.suspect_after(Duration::from_millis(20));
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\n");
    rig.now = rig.now + Duration::from_secs(2);
    let due = rig.worker.next_timeout();
    assert!(rig.worker.handle_turn(rig.now, due), "our loop has stood still");
    rig.advance_ms(100);
    assert_eq!(rig.answers(id), "END\r\n", "it is late, whoever is at fault");
    assert_eq!((rig.outcomes.len(), overdue(&rig).len()), (0, 0));
    rig.advance_ms(100);
    rig.send(id, "get a\r\n");
    let due = rig.worker.next_timeout();
    assert!(!rig.worker.handle_turn(rig.now, due));
    rig.advance_ms(250);
    assert_eq!(overdue(&rig).len(), 1);
    let counts: Vec<_> = rig.outcomes.iter().map(|it| it.timeouts_in_a_row).collect();
    assert_eq!(counts, [1], "the one across the stall is forgotten");
}

/// Five requests time out while so much comes of the first one's answer. What is counted of them.
fn counted_behind(len: usize) -> Vec<(ServerId, ClassTally)> {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\n".repeat(5));
    rig.advance_ms(100);
    rig.say(0, "VALUE a 0 1000000\r\n");
    rig.say(0, "x".repeat(len));
    rig.advance_ms(150);
    assert_eq!(rig.outcomes.len(), 5, "each is reported");
    rig.advance_ms(90);
    counted(&rig, Class::Read)
}

#[test]
fn requests_that_are_late_behind_a_large_value_are_not_counted() {
    assert_eq!(counted_behind(BULK_LEN), []);
}

#[test]
fn requests_that_are_late_behind_a_little_of_a_large_value_are_counted() {
    let counted = counted_behind(BULK_LEN - 1);
    assert_eq!(counted.iter().map(|(_, tally)| tally.timeouts).sum::<u32>(), 5);
}
