//! From answers that differ to the request they differ at.
//!
//! The shortest beginning of a sequence that is answered differently ends with the culprit. If
//! its difference is listed ([`crate::deviations`]), it is taken out and the rest compared again;
//! if not, whatever is not needed to show it is taken out.

use std::fmt;

use crate::answers::{Tokens, are_same};
use crate::arena::{Arena, Subject};
use crate::deviations;
use crate::peer::{FENCE_ANSWER, Played};
use crate::sequence::Sequence;

/// What comparing sequences has come to.
#[derive(Default)]
pub(crate) struct Tally {
    /// Requests that were compared.
    pub(crate) commands: u64,
    /// Sequences they were in.
    pub(crate) sequences: u64,
    /// How often each listed difference was met.
    pub(crate) listed: Vec<u64>,
    /// Differences that did not come again: of clocks that ticked between the answers.
    pub(crate) passing: u64,
    /// Sequences with so much listed in them that their rest was left.
    pub(crate) left: u64,
}

/// A difference that is not listed, as short as it could be made.
pub(crate) struct Difference {
    subject: Subject,
    sequence: Sequence,
    theirs: Played,
    ours: Played,
}

/// A request that is answered differently, in the place where it is.
#[derive(Debug)]
pub(crate) struct Culprit<'a> {
    /// By whom.
    pub(crate) subject: Subject,
    /// What came before it.
    pub(crate) before: &'a [Vec<u8>],
    /// The request.
    pub(crate) step: &'a [u8],
    /// How many lines both have answered to what came before.
    pub(crate) answered_len: usize,
    /// What memcached answers to all of it.
    pub(crate) theirs: &'a [u8],
    /// What the subject answers.
    pub(crate) ours: &'a [u8],
}

impl<'a> Culprit<'a> {
    /// What memcached answers to the request.
    pub(crate) fn their_answer(&self) -> &'a [u8] {
        self.answer(self.theirs)
    }

    /// What the subject answers to the request.
    pub(crate) fn our_answer(&self) -> &'a [u8] {
        self.answer(self.ours)
    }

    fn answer(&self, answers: &'a [u8]) -> &'a [u8] {
        let answers = answers.strip_suffix(FENCE_ANSWER).unwrap_or(answers);
        answers
            .splitn(self.answered_len + 1, |byte| *byte == b'\n')
            .nth(self.answered_len)
            .unwrap_or_default()
    }
}

/// How many sequences an event may come late.
const PLAYED_KEPT_LEN: usize = 20;

/// How many listed differences are taken out of one sequence.
const LISTED_MAX: usize = 12;

impl Arena {
    /// Compares the answers to one sequence.
    pub(crate) fn compare(
        &mut self,
        sequence: &Sequence,
        subjects: &[Subject],
        tally: &mut Tally,
    ) -> Result<(), Box<Difference>> {
        tally.sequences += 1;
        tally.commands += sequence.steps.len() as u64;
        let played = self.play(sequence, subjects);
        for (subject, ours) in subjects.iter().zip(&played[1..]) {
            if !are_same(&played[0], ours, tokens(*subject)) {
                self.judge(sequence.clone(), *subject, tally)?;
            }
        }
        Ok(())
    }

    fn judge(
        &mut self,
        mut sequence: Sequence,
        subject: Subject,
        tally: &mut Tally,
    ) -> Result<(), Box<Difference>> {
        for _ in 0..LISTED_MAX {
            let Some(len) = self.differs_from(&sequence, subject) else {
                return Ok(());
            };
            let shortest = sequence.prefix(len);
            let Some((theirs, ours)) = self.differs(&shortest, subject) else {
                tally.passing += 1;
                return Ok(());
            };
            let answered_len = self.answered_len(&shortest.prefix(len - 1), subject, &theirs);
            if let Some(idx) = listed(&shortest, subject, answered_len, (&theirs, &ours)) {
                tally.listed.resize(deviations::ALL.len(), 0);
                tally.listed[idx] += 1;
                // What is left is to be answered alike without what may have caused it.
                let causes = deviations::ALL[idx].causes(&shortest.steps);
                sequence.steps = sequence.without_all(&causes);
                continue;
            }
            for _ in 0..2 {
                if self.differs(&shortest, subject).is_none() {
                    tally.passing += 1;
                    return Ok(());
                }
            }
            let difference = Difference { subject, sequence: shortest, theirs, ours };
            return Err(Box::new(self.shrink(difference)));
        }
        tally.left += 1;
        Ok(())
    }

    /// The request for which a proxy thinks less of a server, if any of those played lately made one.
    ///
    /// Nothing that an application sends is a reason to, and what it thinks shows in other
    /// applications' answers.
    pub(crate) fn disturbance(&mut self, played: &mut Vec<Sequence>) -> Option<Box<Difference>> {
        if self.new_events().is_empty() {
            played.drain(..played.len().saturating_sub(PLAYED_KEPT_LEN));
            return None;
        }
        let mut sequences = std::mem::take(played).into_iter().rev();
        let (mut sequence, subject) = sequences.find_map(|sequence| {
            let subjects = [Subject::Proxy, Subject::ProxyOverThree];
            let subject = subjects.into_iter().find(|it| self.disturbs(&sequence, *it));
            subject.map(|subject| (sequence, subject))
        })?;
        let mut chunk = sequence.steps.len() / 2;
        while chunk > 0 {
            let mut start = 0;
            while start + chunk <= sequence.steps.len() {
                let shorter = sequence.without(start..start + chunk);
                if self.disturbs(&shorter, subject) {
                    sequence = shorter;
                } else {
                    start += chunk;
                }
            }
            chunk /= 2;
        }
        self.disturbs(&sequence, subject);
        let ours = format!("{:?}", self.events().last()).into_bytes();
        Some(Box::new(Difference { subject, sequence, theirs: b"no event".to_vec(), ours }))
    }

    fn disturbs(&mut self, sequence: &Sequence, subject: Subject) -> bool {
        self.wait_until_calm();
        self.new_events();
        self.play(sequence, &[subject]);
        self.wait_until_calm();
        !self.new_events().is_empty()
    }

    /// How many first steps show a difference; `None` if all of them show none.
    fn differs_from(&mut self, sequence: &Sequence, subject: Subject) -> Option<usize> {
        self.differs(sequence, subject)?;
        let (mut same, mut differing) = (0, sequence.steps.len());
        while differing - same > 1 {
            let middle = usize::midpoint(same, differing);
            if self.differs(&sequence.prefix(middle), subject).is_some() {
                differing = middle;
            } else {
                same = middle;
            }
        }
        Some(differing)
    }

    /// Both answers, if they differ.
    pub(crate) fn differs(
        &mut self,
        sequence: &Sequence,
        subject: Subject,
    ) -> Option<(Played, Played)> {
        let mut played = self.play(sequence, &[subject]);
        let (ours, theirs) = (played.pop()?, played.pop()?);
        (!are_same(&theirs, &ours, tokens(subject))).then_some((theirs, ours))
    }

    /// How many lines memcached answers to a sequence that all answer alike: of those in `answers`,
    /// which is what it answers to a longer one, for the last request of all may be cut in two by an
    /// unfinished value before it.
    pub(crate) fn answered_len(
        &mut self,
        sequence: &Sequence,
        subject: Subject,
        answers: &[u8],
    ) -> usize {
        let played = self.play(sequence, &[subject]);
        let before = played[0].strip_suffix(FENCE_ANSWER).unwrap_or(&played[0]);
        let lines = |answers: &'_ [u8]| -> Vec<Vec<u8>> {
            answers.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        };
        let both = lines(before).into_iter().zip(lines(answers));
        both.take_while(|(before, after)| are_same(before, after, Tokens::Differ)).count()
    }

    fn shrink(&mut self, difference: Difference) -> Difference {
        let subject = difference.subject;
        let mut sequence = difference.sequence.clone();
        let mut chunk = sequence.steps.len() / 2;
        while chunk > 0 {
            let mut start = 0;
            while start + chunk <= sequence.steps.len() {
                let shorter = sequence.without(start..start + chunk);
                if self.is_unlisted(&shorter, subject) {
                    sequence = shorter;
                } else {
                    start += chunk;
                }
            }
            chunk /= 2;
        }
        match self.differs(&sequence, subject) {
            Some((theirs, ours)) => Difference { subject, sequence, theirs, ours },
            // It comes now and then only: as it was when it came.
            None => difference,
        }
    }

    /// Whether it differs at its last step, in a way that is not listed.
    fn is_unlisted(&mut self, sequence: &Sequence, subject: Subject) -> bool {
        let Some(len) = sequence.steps.len().checked_sub(1) else { return false };
        let Some((theirs, ours)) = self.differs(sequence, subject) else { return false };
        let before = sequence.prefix(len);
        if self.differs(&before, subject).is_some() {
            return false;
        }
        let answered_len = self.answered_len(&before, subject, &theirs);
        listed(sequence, subject, answered_len, (&theirs, &ours)).is_none()
    }
}

/// The place of the difference at a sequence's last step among those that are listed, if it is
/// there.
pub(crate) fn listed(
    sequence: &Sequence,
    subject: Subject,
    answered_len: usize,
    (theirs, ours): (&[u8], &[u8]),
) -> Option<usize> {
    let (step, before) = sequence.steps.split_last().expect("nothing is answered alike");
    deviations::listed(&Culprit { subject, before, step, answered_len, theirs, ours })
}

/// Whether its CAS tokens are memcached's.
pub(crate) fn tokens(subject: Subject) -> Tokens {
    match subject {
        Subject::Proxy | Subject::Embedded => Tokens::Same,
        Subject::ProxyOverThree => Tokens::Differ,
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, sequence, theirs, ours } = self;
        writeln!(f, "{subject:?} answers differently (seed {:#x}):", sequence.seed)?;
        for step in &sequence.steps {
            writeln!(f, "    {}", shortened(step))?;
        }
        writeln!(f, "  memcached: {}", shortened(theirs))?;
        write!(f, "  ours:      {}", shortened(ours))
    }
}

pub(crate) fn shortened(bytes: &[u8]) -> String {
    let most = 1500;
    let dots = if bytes.len() > most { "…" } else { "" };
    format!("{}{dots}", bytes[..bytes.len().min(most)].escape_ascii())
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commands, sequences, listed, passing, left } = self;
        writeln!(
            f,
            "{commands} requests in {sequences} sequences; {passing} differences that did not come \
             again; {left} sequences not compared to their end"
        )?;
        for (count, deviation) in
            listed.iter().zip(deviations::ALL).filter(|(count, _)| **count > 0)
        {
            writeln!(f, "{count:8} {}", deviation.documented)?;
        }
        Ok(())
    }
}
