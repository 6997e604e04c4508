//! Long work that goes on when its page is left: sending many things again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gancho_model::Message;

/// What work about many deliveries is about.
pub const DELIVERIES: &str = "deliveries";

/// Pieces of work remembered.
const REMEMBERED_MAX: usize = 50;

/// A piece of work.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number.
    pub id: u64,
    /// What it is about: an endpoint's id, or `deliveries`.
    pub about: String,
    /// How much is done.
    pub done: u64,
    /// How much there is to do, as counted before.
    pub total: u64,
    /// Whether it has ended.
    pub ended: bool,
    /// Why it ended before its end.
    pub failed: Option<Message>,
}

/// The pieces of work of this process.
#[derive(Clone, Default)]
pub struct Jobs(Arc<Mutex<VecDeque<Job>>>);

impl Jobs {
    /// Begins one.
    pub fn begin(&self, about: &str, total: u64) -> u64 {
        let mut jobs = self.lock();
        let id = jobs.back().map_or(1, |last| last.id + 1);
        jobs.push_back(Job { id, about: about.to_owned(), done: 0, total, ended: false, failed: None });
        if jobs.len() > REMEMBERED_MAX {
            jobs.pop_front();
        }
        id
    }

    /// Runs one to its end apart from its page, whatever happens to it.
    pub fn run(&self, id: u64, work: impl Future<Output = Result<(), Message>> + Send + 'static) {
        let (jobs, work) = (self.clone(), tokio::spawn(work));
        tokio::spawn(async move {
            let failed = work.await.unwrap_or_else(|_| Err(Message::new("problem-broken"))).err();
            jobs.note(id, |job| (job.ended, job.failed) = (true, failed));
        });
    }

    /// Notes how far it is.
    pub fn note(&self, id: u64, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.lock().iter_mut().find(|job| job.id == id) {
            change(job);
        }
    }

    /// The last one about something.
    pub fn last(&self, about: &str) -> Option<Job> {
        self.lock().iter().rev().find(|job| job.about == about).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
