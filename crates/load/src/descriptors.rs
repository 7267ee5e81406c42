//! Enough file descriptors for all connections.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::RunError;

/// Makes sure that so many more descriptors can be opened: raises this process's limit as far as
/// the system allows.
pub(crate) fn reserve(connections: usize, others: usize) -> Result<(), RunError> {
    let open = fs::read_dir("/proc/self/fd").map_or(OPEN_GUESS, Iterator::count);
    let needed = (connections + others + open) as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let too_many = |allowed| Err(RunError::Descriptors { connections, needed, allowed });
    match Remedy::of(needed, current, maximum) {
        Remedy::None => Ok(()),
        Remedy::Raise => {
            let raised = Rlimit { current: Some(needed), maximum };
            setrlimit(Resource::Nofile, raised).or(too_many(current.unwrap_or_default()))
        }
        Remedy::Fewer { allowed } => too_many(allowed),
    }
}

/// What has to be done so that as many descriptors as are needed can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    None,
    Raise,
    Fewer { allowed: u64 },
}

impl Remedy {
    /// `current` is what this process may have, `maximum` what it may allow itself; nothing is
    /// no limit.
    fn of(needed: u64, current: Option<u64>, maximum: Option<u64>) -> Self {
        match (current, maximum) {
            (None, _) => Self::None,
            (Some(current), _) if current >= needed => Self::None,
            (Some(_), Some(maximum)) if maximum < needed => Self::Fewer { allowed: maximum },
            (Some(_), _) => Self::Raise,
        }
    }
}

/// Where the system does not tell how many are open.
const OPEN_GUESS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_raised_only_if_it_is_too_low_and_as_far_as_allowed() {
        for (needed, current, maximum, remedy) in [
            (100, Some(100), Some(100), Remedy::None),
            (101, Some(100), Some(100), Remedy::Fewer { allowed: 100 }),
            (101, Some(100), Some(101), Remedy::Raise),
            (102, Some(100), Some(101), Remedy::Fewer { allowed: 101 }),
            (101, Some(100), None, Remedy::Raise),
            (u64::MAX, None, None, Remedy::None),
        ] {
            assert_eq!(Remedy::of(needed, current, maximum), remedy, "{needed}");
        }
    }
}
