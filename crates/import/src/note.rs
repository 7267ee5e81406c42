//! What people must know of an import: nothing is dropped in silence.

use std::fmt;

use super::place::Place;

/// One thing that the configuration does not say by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it means for whoever reads it.
    pub kind: NoteKind,
    /// Where in the source it comes from, if it comes from there.
    pub place: Option<Place>,
    /// What it is about, what becomes of it, and what to do.
    pub text: String,
}

/// The kinds of notes, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// The source asks for something that the configuration cannot.
    Lost,
    /// Carried over, and not the same in every way; or to be decided by whoever knows.
    Differs,
    /// Nothing was in the source, and something had to be chosen.
    Chosen,
    /// Nothing is set for it, because nothing need be.
    Needless,
}

impl NoteKind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Differs, Self::Chosen, Self::Needless];

    /// The heading over such notes.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Lost => "Cannot be carried over",
            Self::Differs => "Different from before, or to be decided by you",
            Self::Chosen => "Not in the source, and chosen here",
            Self::Needless => "Needs no setting here",
        }
    }

    /// Whether somebody should look at it before the configuration is used.
    pub fn is_open(self) -> bool {
        match self {
            Self::Lost | Self::Differs => true,
            Self::Chosen | Self::Needless => false,
        }
    }
}

impl fmt::Display for Note {
    /// `FILE:LINE text`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place} {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
