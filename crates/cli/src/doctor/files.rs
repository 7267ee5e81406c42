//! Files enough for the connections of an examination.

use evenkeel_doctor::examine::{FILES_OF_SERVER, SERVERS_AT_ONCE};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many servers can be examined at a time with the files that this process may have. That is
/// raised as far as the system allows, if it is too few.
pub(super) fn servers_at_once() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let allowed = maximum.map_or(WANTED, |it| it.min(WANTED));
    let Some(current) = current.filter(|it| *it < allowed) else { return of_files(allowed) };
    let raised = Rlimit { current: Some(allowed), maximum };
    of_files(setrlimit(Resource::Nofile, raised).map_or(current, |()| allowed))
}

fn of_files(files: u64) -> usize {
    let servers = files.saturating_sub(OTHERS) / (EXAMINATIONS * FILES_OF_SERVER as u64);
    usize::try_from(servers).unwrap_or(SERVERS_AT_ONCE).clamp(1, SERVERS_AT_ONCE)
}

/// The servers that are named and those of proxies are examined at the same time.
const EXAMINATIONS: u64 = 2;
/// What else is open: our output, lookups of names, requests to proxies.
const OTHERS: u64 = 32;
const WANTED: u64 = EXAMINATIONS * (SERVERS_AT_ONCE * FILES_OF_SERVER) as u64 + OTHERS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_files_are_few_servers_and_one_at_least() {
        for (files, servers) in
            [(0, 1), (64, 1), (256, 9), (1_024, 41), (WANTED, SERVERS_AT_ONCE), (u64::MAX, 64)]
        {
            assert_eq!(of_files(files), servers, "{files}");
        }
    }
}
