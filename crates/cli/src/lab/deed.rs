//! What can be done to a server of the lab, and the words for it.

use std::fmt;
use std::io;

use evenkeel_lab::{Tier, Trouble};

/// Something that is done to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// It gets into trouble.
    Break(Trouble),
    /// Nothing is the matter with it any more; it holds what it held.
    Heal,
    /// The same, as a new process, which is empty.
    Restart,
}

impl Deed {
    /// All of them, in the order in which people are told of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Trouble::ALL.into_iter().map(Self::Break).chain([Self::Heal, Self::Restart])
    }

    /// One word, as it is typed.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Break(trouble) => trouble.label(),
            Self::Heal => "heal",
            Self::Restart => "restart",
        }
    }

    /// What it does.
    pub(crate) fn summary(self) -> &'static str {
        match self {
            Self::Break(Trouble::Crash) => {
                "its process is gone: connections are reset, connects refused"
            }
            Self::Break(Trouble::Stop) => {
                "its process hangs, as by SIGSTOP: it accepts, and answers nothing"
            }
            Self::Break(Trouble::Slow(_)) => "each of its responses takes longer",
            Self::Break(Trouble::Garble) => "random bytes take the place of its responses",
            Self::Break(Trouble::CutOff) => "packets to and from it are lost; nobody is told",
            Self::Break(Trouble::Lie) => {
                "it answers version and stats, and no request for data: it lies about its health"
            }
            Self::Break(Trouble::Full) => {
                "it answers each write with SERVER_ERROR out of memory storing object"
            }
            Self::Break(Trouble::Flap) => {
                "it is gone for a second and back for a second, over and over"
            }
            Self::Heal => "it is well again and holds all that it held, old values too",
            Self::Restart => "it starts anew: another process, well and empty",
        }
    }

    /// What there is to see; short enough for a line.
    pub(crate) fn look_for(self) -> &'static str {
        match self {
            Self::Break(Trouble::Crash) => {
                "down within milliseconds; its keys are missed once, then live at the next server"
            }
            Self::Break(Trouble::Stop) => {
                "down when a canary stays unanswered; only requests that waited there are slow"
            }
            Self::Break(Trouble::Slow(_)) => {
                "no error; it is slow beside the others, and so down after some seconds"
            }
            Self::Break(Trouble::Garble) => {
                "down at once; not one of these bytes becomes anybody's value"
            }
            Self::Break(Trouble::CutOff) => {
                "as with stop, found by silence alone; connects hang as well"
            }
            Self::Break(Trouble::Lie) => {
                "down, and it stays down: a canary asks for data, and believes nothing else"
            }
            Self::Break(Trouble::Full) => {
                "up, and sent no writes: they go to the next server, reads go on here"
            }
            Self::Break(Trouble::Flap) => {
                "each return is held back for longer: 1 s, 2 s, 4 s, up to a minute"
            }
            Self::Heal => "its keys come back bit by bit; misplaced falls to 0, and wrong stays 0",
            Self::Restart => {
                "an event says that it is empty; its keys come back as they are asked for"
            }
        }
    }

    /// Does it.
    pub(crate) fn carry_out(self, tier: &Tier, server: usize) -> io::Result<()> {
        match self {
            Self::Break(trouble) => tier.inflict(server, trouble),
            Self::Heal => tier.heal(server),
            Self::Restart => tier.restart(server)?,
        }
        Ok(())
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())?;
        match self {
            Self::Break(Trouble::Slow(delay)) => write!(f, " {} ms", delay.as_millis()),
            _ => Ok(()),
        }
    }
}
