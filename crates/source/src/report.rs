//! The status of each source, and alerts when it is down.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gancho_intake::Intake;
use gancho_model::{Message, Origin, Source, SourceId, Timestamp};
use gancho_service::{Pace, SourceStatus, outbox::PluginStatus};
use gancho_words::Words;
use serde_json::json;

use crate::database::Lost;

/// How long a source is down before `source.down` is sent, milliseconds.
const TELL_AFTER_MS: i64 = 60_000;

/// How long a copy of the ERP with the source's key is shown after its last report, milliseconds: it reports every
/// hour.
const COPY_MS: i64 = 2 * 3600 * 1000;

/// The status of a watched source.
#[derive(Default)]
struct Known {
    status: SourceStatus,
    is_announced: bool,
    /// Changes that triggers did not write.
    lost: Lost,
    /// A copy of the ERP with the source's key: its location, and the time of its report.
    copy: Option<(String, Timestamp)>,
    /// Tables that make no events although the source works.
    uncaptured: Vec<String>,
    /// Time of the plugin's last report.
    plugin_at: Option<Timestamp>,
    /// The status that was last stored for other nodes.
    saved: Option<SourceStatus>,
}

impl Known {
    /// The most serious problem of a working source.
    fn trouble(&self) -> Option<Message> {
        if let Some((here, _)) = &self.copy {
            return Some(Message::new("plugin-copy").with("here", here.as_str()));
        }
        match (self.lost, &self.uncaptured[..]) {
            (Lost { failed: 0, dropped: 0 }, []) => None,
            (Lost { failed: 0, dropped: 0 }, uncaptured) => {
                Some(Message::new("hearing-unheard").with("tables", uncaptured.join(", ")))
            }
            (Lost { dropped: 0, failed }, _) => Some(Message::new("hearing-lost").with("count", failed)),
            (Lost { dropped, .. }, _) => Some(Message::new("hearing-dropped").with("count", dropped)),
        }
    }

    fn status(&self) -> SourceStatus {
        let mut status = self.status.clone();
        status.last_error = status.last_error.or_else(|| self.trouble());
        status
    }
}

/// Receives the status of sources from their watchers.
#[derive(Clone)]
pub struct Report {
    known: Arc<Mutex<HashMap<SourceId, Known>>>,
    /// Statuses stored by other nodes, with their times.
    remote: Arc<Mutex<HashMap<SourceId, (SourceStatus, Timestamp)>>>,
    intake: Arc<Intake>,
}

impl Report {
    /// Without any status.
    pub(crate) fn new(intake: Arc<Intake>) -> Self {
        Self { known: Arc::default(), remote: Arc::default(), intake }
    }

    /// The status of a source.
    pub(crate) fn status(&self, source: SourceId) -> Option<SourceStatus> {
        let own = lock(&self.known).get(&source).map(|known| (known.status(), known.plugin_at));
        let remote = lock(&self.remote).get(&source).cloned();
        match (own, remote) {
            // Its plugin now reports to another node.
            (Some((_, Some(own_at))), Some((remote, at))) if at > own_at => Some(remote),
            (Some((own, _)), _) => Some(own),
            (None, remote) => remote.map(|(remote, _)| remote),
        }
    }

    /// This node's statuses that differ from what is stored.
    pub(crate) fn unsaved(&self) -> Vec<(SourceId, SourceStatus)> {
        let all = lock(&self.known);
        let statuses = all.iter().map(|(id, known)| (*id, known.status(), known.saved.as_ref()));
        statuses.filter(|(_, status, saved)| *saved != Some(status)).map(|(id, status, _)| (id, status)).collect()
    }

    /// A status was stored.
    pub(crate) fn mark_saved(&self, source: SourceId, status: SourceStatus) {
        if let Some(known) = lock(&self.known).get_mut(&source) {
            known.saved = Some(status);
        }
    }

    /// Replaces the statuses of other nodes.
    pub(crate) fn set_remote(&self, remote: HashMap<SourceId, (SourceStatus, Timestamp)>) {
        *lock(&self.remote) = remote;
    }

    /// Removes all other sources.
    pub(crate) fn keep(&self, sources: &HashSet<SourceId>) {
        lock(&self.known).retain(|id, _| sources.contains(id));
    }

    /// The source is down. `source.down` is sent if that lasts.
    pub(crate) async fn down(&self, source: &Source, error: Message) {
        let text = Words::english().message(&error);
        tracing::warn!(source = %source.id, name = source.name, error = text, "a source is down; trying again");
        self.note_down(source, error, TELL_AFTER_MS).await;
    }

    /// Its watcher panicked; it restarts after a delay.
    pub(crate) async fn restarted(&self, source: &Source, error: &tokio::task::JoinError) {
        metrics::counter!("gancho_source_restarts_total", "source" => source.id.to_string()).increment(1);
        tracing::error!(source = %source.id, %error, "watching a source panicked; restarting");
        self.note_down(source, Message::new("hearing-restarted"), TELL_AFTER_MS).await;
    }

    /// It may be the wrong ERP; the source waits for a user's decision.
    pub(crate) async fn asks_whether(&self, source: &Source, question: Message) {
        let is_new = {
            let mut all = lock(&self.known);
            let known = all.entry(source.id).or_default();
            known.status.last_error = Some(question.clone());
            !std::mem::replace(&mut known.status.asks, true)
        };
        if is_new {
            let text = Words::english().message(&question);
            tracing::error!(source = %source.id, name = source.name, question = text, "a source waits for a user's decision");
        }
        self.note_down(source, question, 0).await;
    }

    /// It is down until a user has fixed it.
    pub(crate) async fn stopped(&self, source: &Source, error: Message) {
        let text = Words::english().message(&error);
        tracing::error!(source = %source.id, name = source.name, error = text, "a source is not polled any more until its key or its rights are corrected");
        self.note_down(source, error, 0).await;
    }

    async fn note_down(&self, source: &Source, error: Message, after_ms: i64) {
        let now = self.intake.now();
        let is_due = {
            let mut all = lock(&self.known);
            let known = all.entry(source.id).or_default();
            known.status.down = true;
            known.status.last_error = Some(error);
            let since = *known.status.down_since.get_or_insert(now);
            let lasts = now.since_ms(since) >= after_ms;
            lasts && !std::mem::replace(&mut known.is_announced, true)
        };
        if is_due {
            self.announce(source, "source.down").await;
        }
    }

    /// It works.
    pub(crate) async fn up(&self, source: &Source) {
        let was_announced = {
            let mut all = lock(&self.known);
            let known = all.entry(source.id).or_default();
            (known.status.down, known.status.last_error, known.status.down_since) = (false, None, None);
            known.status.asks = false;
            std::mem::take(&mut known.is_announced)
        };
        tracing::info!(source = %source.id, name = source.name, "a source is connected");
        if was_announced {
            self.announce(source, "source.up").await;
        }
    }

    /// A plugin reports its status.
    pub(crate) fn plugin(&self, source: &Source, status: &PluginStatus) {
        let mut all = lock(&self.known);
        let known = all.entry(source.id).or_default();
        if let Some(here) = &status.copy {
            // It reports nothing about the ERP itself.
            known.copy = Some((here.clone(), self.intake.now()));
            return;
        }
        let now = self.intake.now();
        known.copy = known.copy.take().filter(|(_, said_at)| now.since_ms(*said_at) < COPY_MS);
        known.lost = Lost { failed: status.lost, dropped: status.dropped };
        known.uncaptured = status.unheard.clone();
        known.status.writers.clone_from(&status.writers);
        known.status.backlog = Some(status.backlog);
        known.status.last_error =
            status.error.as_ref().map(|why| Message::new("plugin-error").with("why", why.as_str()));
        known.status.plugin = Some(status.clone());
        known.plugin_at = Some(now);
    }

    /// Sets who may make changes there.
    pub(crate) fn writers(&self, source: SourceId, writers: Vec<Origin>) {
        lock(&self.known).entry(source).or_default().status.writers = writers;
    }

    /// Sets the delays until a polled ERP's new records and changes are found.
    pub(crate) fn asks(&self, source: SourceId, (new, changes): (Duration, Duration)) {
        let pace = Pace { new_s: new.as_secs().max(1), changes_s: changes.as_secs().max(1) };
        lock(&self.known).entry(source).or_default().status.pace = Some(pace);
    }

    pub(crate) fn backlog(&self, source: SourceId, rows: u64) {
        lock(&self.known).entry(source).or_default().status.backlog = Some(rows);
        metrics::gauge!("gancho_source_backlog", "source" => source.to_string()).set(rows as f64);
    }

    pub(crate) fn received(&self, source: SourceId, lag_ms: i64) {
        let lag_s = lag_ms as f64 / 1000.0;
        lock(&self.known).entry(source).or_default().status.lag_s = Some(lag_s);
        metrics::gauge!("gancho_source_lag_seconds", "source" => source.to_string()).set(lag_s);
    }

    /// Sets the number of changes that triggers did not write.
    pub(crate) fn lost(&self, source: &Source, lost: Lost) {
        let all = lost.failed + lost.dropped;
        metrics::gauge!("gancho_source_lost", "source" => source.id.to_string()).set(all as f64);
        lock(&self.known).entry(source.id).or_default().lost = lost;
    }

    /// Sets the tables that make no events.
    pub(crate) fn uncaptured(&self, source: &Source, tables: Vec<&str>) {
        lock(&self.known).entry(source.id).or_default().uncaptured =
            tables.into_iter().map(ToOwned::to_owned).collect();
    }

    async fn announce(&self, source: &Source, event: &'static str) {
        let error = lock(&self.known).get(&source.id).and_then(|known| known.status.last_error.clone());
        let error = error.map(|error| Words::english().message(&error));
        let object = json!({"id": source.id, "name": source.name, "kind": source.kind.as_str(), "last_error": error});
        if let Err(error) = self.intake.announce(event, object).await {
            tracing::warn!(%error, event, "an event could not be announced");
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
