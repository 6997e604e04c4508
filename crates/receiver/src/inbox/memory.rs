use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{CLAIM_S, Claim, Inbox, REMEMBER_S};

/// Number of ids after which old ones are dropped.
const SWEEP_EVERY: usize = 10_000;

/// An inbox in memory: for trying, and where handling an event twice does no harm.
#[derive(Debug, Default)]
pub struct MemoryInbox(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    entries: HashMap<String, Entry>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Entry {
    done: bool,
    at_s: i64,
}

impl MemoryInbox {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic leaves no half-written entry: each is inserted whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox for MemoryInbox {
    type Error = Infallible;

    fn claim(&self, id: &str, now_s: i64) -> Result<Claim, Infallible> {
        let mut state = self.state();
        if state.entries.len() >= state.sweep_at.max(SWEEP_EVERY) {
            state.entries.retain(|_, entry| now_s - entry.at_s < REMEMBER_S);
            state.sweep_at = state.entries.len() + SWEEP_EVERY;
        }
        Ok(match state.entries.get(id) {
            Some(Entry { done: true, .. }) => Claim::Done,
            Some(entry) if now_s - entry.at_s < CLAIM_S => Claim::Busy,
            _ => {
                state.entries.insert(id.to_owned(), Entry { done: false, at_s: now_s });
                Claim::New
            }
        })
    }

    fn finish(&self, id: &str, now_s: i64) -> Result<(), Infallible> {
        self.state().entries.insert(id.to_owned(), Entry { done: true, at_s: now_s });
        Ok(())
    }

    fn release(&self, id: &str) -> Result<(), Infallible> {
        self.state().entries.remove(id);
        Ok(())
    }
}
