//! Requests to the service, over and over, and whether they were answered rightly.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::service::{Service, USERS, get, name_of, store};

/// Threads that read users, and threads that store and read users of their own.
pub(crate) struct Load {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Report>>,
}

/// What became of some requests.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) requests: usize,
    /// How many were served from the cache.
    pub(crate) cached: u32,
    pub(crate) slowest: Duration,
    /// The first few answers that were not 200 with the right user.
    pub(crate) faults: Vec<String>,
}

impl Load {
    pub(crate) fn start(service: &Service) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let spawn = |work: fn(&mut Report, &str, u32), first: u32| {
            let (address, is_over) = (service.address.clone(), Arc::clone(&is_over));
            thread::spawn(move || {
                let mut report = Report::default();
                let mut number = first;
                while !is_over.load(Ordering::Relaxed) {
                    work(&mut report, &address, number);
                    number += THREADS;
                    thread::sleep(PAUSE);
                }
                report
            })
        };
        let readers = (0..THREADS).map(|first| spawn(read, first));
        let writers = (0..THREADS).map(|first| spawn(store_and_read, first));
        let threads = readers.chain(writers).collect();
        Self { is_over, threads }
    }

    pub(crate) fn stop(self) -> Report {
        self.is_over.store(true, Ordering::Relaxed);
        let reports = self.threads.into_iter().map(|thread| thread.join().expect("no panic"));
        reports.fold(Report::default(), Report::with)
    }
}

impl Report {
    /// Did the last look at every user find them all in the cache?
    pub(crate) fn all_cached(&self) -> bool {
        self.faults.is_empty() && self.cached == USERS
    }

    /// Reads a user, who must have this name.
    pub(crate) fn read(&mut self, address: &str, id: u32, name: &str) {
        let started_at = Instant::now();
        let answer = get(address, &format!("/users/{id}"));
        self.count(started_at);
        match answer {
            Ok(response) if response.status == 200 && response.body == body(id, name) => {
                self.cached += u32::from(response.is_from_cache);
            }
            other => self.fault(format!("reading {id}, {name}: {other:?}")),
        }
    }

    fn store(&mut self, address: &str, id: u32, name: &str) {
        let started_at = Instant::now();
        let answer = store(address, id, name);
        self.count(started_at);
        if !answer.as_ref().is_ok_and(|response| response.status == 200) {
            self.fault(format!("storing {id}, {name}: {answer:?}"));
        }
    }

    fn count(&mut self, started_at: Instant) {
        self.requests += 1;
        self.slowest = self.slowest.max(started_at.elapsed());
    }

    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn with(mut self, other: Self) -> Self {
        self.faults.extend(other.faults);
        Self {
            requests: self.requests + other.requests,
            cached: self.cached + other.cached,
            slowest: self.slowest.max(other.slowest),
            faults: self.faults,
        }
    }
}

fn read(report: &mut Report, address: &str, number: u32) {
    let id = number % USERS;
    report.read(address, id, &name_of(id));
}

/// Each thread's users are its own: nobody else knows their latest names.
fn store_and_read(report: &mut Report, address: &str, number: u32) {
    let id = USERS + number % (OWN_USERS * THREADS);
    let name = format!("version {number}");
    report.store(address, id, &name);
    // The second time perhaps from the cache.
    report.read(address, id, &name);
    report.read(address, id, &name);
}

fn body(id: u32, name: &str) -> String {
    format!("{{\"id\":{id},\"name\":\"{name}\"}}")
}

/// Of readers, and of writers.
const THREADS: u32 = 3;
/// Of each writer.
const OWN_USERS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(2);
const FAULTS_MAX: usize = 3;
