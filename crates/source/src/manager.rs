use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use gancho_intake::Intake;
use gancho_model::{Message, NodeId, Record, Source, SourceId, SourceKind};
use gancho_service::{
    Finding, RecordPage, Refused, Shown, SourceControl, SourceStatus,
    outbox::{OutboxPayload, OutboxReceipt},
};
use gancho_store::{Lease, Store, StoreError};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, ApiPoller, Base},
    database::{DatabaseWatcher, visit},
    grouping::CommitTracker,
    options::SourceOptions,
    plugin,
    report::{Report, lock},
    shared_status::SharedStatus,
};

/// Interval between checks for new sources, and for those that another node watched until now.
const LOOK_EVERY: Duration = Duration::from_secs(3);
/// How long a dead node keeps others from watching its sources, milliseconds.
const LEASE_MS: i64 = 10_000;

/// Delay before a source that panicked is watched again; it doubles up to the maximum.
const RESTART_WAIT: Duration = Duration::from_secs(1);
const RESTART_WAIT_MAX: Duration = Duration::from_secs(60);

/// Watches all sources, one task each.
pub struct SourceManager {
    store: Arc<dyn Store>,
    intake: Arc<Intake>,
    options: SourceOptions,
    node: NodeId,
    changed: Notify,
    watched: tokio::sync::Mutex<HashMap<SourceId, Watching>>,
    /// The commit trackers of plugins' outboxes.
    tracker: Mutex<HashMap<SourceId, Arc<tokio::sync::Mutex<CommitTracker>>>>,
    /// Sources being removed: must not be started again.
    leaving: Mutex<HashSet<SourceId>>,
    report: Report,
}

struct Watching {
    source: Source,
    /// Wakes a watcher that stopped.
    again: Arc<Notify>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl SourceManager {
    /// For this node, watching nothing yet.
    pub fn new(store: Arc<dyn Store>, intake: Arc<Intake>, options: SourceOptions, node: NodeId) -> Arc<Self> {
        Arc::new(Self {
            store,
            report: Report::new(intake.clone()),
            intake,
            options,
            node,
            changed: Notify::new(),
            watched: tokio::sync::Mutex::default(),
            tracker: Mutex::default(),
            leaving: Mutex::default(),
        })
    }

    /// Watches all sources until the stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            fail::fail_point!("sources");
            if let Err(error) = self.follow().await {
                tracing::warn!(%error, "sources can't be read from the store; retrying");
            }
            if let Err(error) = self.exchange_statuses().await {
                tracing::warn!(%error, "statuses of sources can't be exchanged with other nodes; retrying");
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let watched: Vec<Watching> = self.watched.lock().await.drain().map(|(_, one)| one).collect();
        for one in watched {
            let id = one.source.id;
            one.end().await;
            self.give_up(id).await;
        }
    }

    /// The sources that this node watches: each is watched by one node at a time.
    async fn owned(&self, sources: Vec<Source>) -> HashMap<SourceId, Source> {
        let mut owned = HashMap::new();
        for source in sources.into_iter().filter(|source| source.kind.is_watched()) {
            let now = self.intake.mono();
            let lease = Lease::Source(source.id);
            match self.store.acquire_lease(lease, self.node, now, now.plus_ms(LEASE_MS)).await {
                Ok(true) => drop(owned.insert(source.id, source)),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, source = %source.id, "the lease of a source can't be acquired; retrying");
                }
            }
        }
        owned
    }

    /// With several nodes: stores changed statuses of this node's sources, and reads those of the others.
    async fn exchange_statuses(&self) -> Result<(), StoreError> {
        if self.store.nodes().await?.len() < 2 {
            return Ok(());
        }
        let now = self.intake.now();
        for (source, status) in self.report.unsaved() {
            let text = serde_json::to_string(&SharedStatus::from(status.clone())).unwrap_or_default();
            self.store.save_source_status(source, text, now).await?;
            self.report.mark_saved(source, status);
        }
        let mut remote = HashMap::new();
        for (source, text, at) in self.store.source_statuses().await? {
            // Written by another version, it may not parse.
            if let Ok(status) = serde_json::from_str::<SharedStatus>(&text) {
                remote.insert(source, (status.into(), at));
            }
        }
        self.report.set_remote(remote);
        Ok(())
    }

    async fn give_up(&self, id: SourceId) {
        if let Err(error) = self.store.give_up_lease(Lease::Source(id), self.node).await {
            tracing::warn!(%error, source = %id, "a lease can't be released; other nodes wait until it expires");
        }
    }

    async fn follow(&self) -> Result<(), StoreError> {
        // Read under the lock: otherwise a source paused meanwhile would be started again after its end.
        let mut watched = self.watched.lock().await;
        let sources: Vec<Source> = self.store.sources().await?.into_iter().filter(|source| !source.paused).collect();
        let pushed: Vec<SourceId> =
            sources.iter().filter(|source| !source.kind.is_watched()).map(|source| source.id).collect();
        let wanted = self.owned(sources).await;
        // The status of a source that another node watches is read from the store.
        self.report.keep(&pushed.iter().chain(wanted.keys()).copied().collect());
        lock(&self.leaving).retain(|id| wanted.contains_key(id));
        let same = |one: &Source, other: &Source| {
            // `heard_at` changes all the time, so compare only the settings.
            (&one.name, &one.url, &one.key, &one.time_zone, &one.models)
                == (&other.name, &other.url, &other.key, &other.time_zone, &other.models)
        };
        let gone: Vec<SourceId> = watched
            .iter()
            .filter(|(id, one)| {
                one.task.is_finished() || wanted.get(id).is_none_or(|source| !same(source, &one.source))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            if let Some(one) = watched.remove(&id) {
                one.end().await;
            }
        }
        for (id, source) in wanted {
            if !watched.contains_key(&id) && !lock(&self.leaving).contains(&id) {
                watched.insert(id, self.start(source));
            }
        }
        Ok(())
    }

    fn start(&self, source: Source) -> Watching {
        let (stop, again) = (CancellationToken::new(), Arc::new(Notify::new()));
        let (intake, report, options) = (self.intake.clone(), self.report.clone(), self.options);
        let (store, begin_source) = (self.store.clone(), source.clone());
        let (begin_again, begin_stop) = (again.clone(), stop.clone());
        let begin = move || {
            let (source, intake, report) = (begin_source.clone(), intake.clone(), report.clone());
            let (again, stop) = (begin_again.clone(), begin_stop.clone());
            match source.kind {
                SourceKind::Api => {
                    let (store, quiet_ms, options) = (store.clone(), options.quiet_ms, options.polling);
                    tokio::spawn(ApiPoller { source, store, intake, report, options, quiet_ms, again, stop }.run())
                }
                _ => tokio::spawn(DatabaseWatcher { source, intake, report, options, again, stop }.run()),
            }
        };
        let task = tokio::spawn(restarted(begin, self.report.clone(), source.clone(), stop.clone()));
        Watching { source, again, stop, task }
    }

    async fn stop_watching(&self, id: SourceId) {
        let watching = self.watched.lock().await.remove(&id);
        if let Some(one) = watching {
            one.end().await;
        }
    }
}

/// Watches a source and restarts after a panic: rows not removed from the ERP's outbox are read again, and other
/// sources continue meanwhile.
async fn restarted(begin: impl Fn() -> JoinHandle<()>, report: Report, source: Source, stop: CancellationToken) {
    let mut wait = RESTART_WAIT;
    while let Err(error) = begin().await {
        if stop.is_cancelled() {
            return;
        }
        report.restarted(&source, &error).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(RESTART_WAIT_MAX),
        }
    }
}

impl Watching {
    /// Stops it; changes being submitted are completed or read again.
    async fn end(self) {
        self.stop.cancel();
        // It never fails: it restarts after a panic.
        let _ = self.task.await;
    }
}

#[async_trait]
impl SourceControl for SourceManager {
    async fn plan(&self, source: &Source) -> Result<String, Message> {
        visit::plan(source).await
    }

    async fn install(&self, source: &Source) -> Result<(), Refused> {
        match source.kind {
            SourceKind::Database => visit::install(source).await.map_err(|why| Refused { field: "url", why }),
            SourceKind::Api => api::check::accepted(source).await,
            SourceKind::Plugin => Ok(()),
        }
    }

    async fn record(&self, source: &Source, model: &str, key: &str) -> Result<Option<Record>, Message> {
        match source.kind {
            SourceKind::Database => visit::read_record(source, model, key).await,
            SourceKind::Api => api::one::read_record(source, model, key).await,
            SourceKind::Plugin => Err(Message::new("hearing-nothing-asked")),
        }
    }

    async fn records(&self, source: &Source, page: &RecordPage) -> Result<Vec<(String, Record)>, Message> {
        match source.kind {
            SourceKind::Database => visit::read_records(source, page).await,
            SourceKind::Api => api::one::read_records(source, page).await,
            SourceKind::Plugin => Err(Message::new("hearing-nothing-asked")),
        }
    }

    async fn uninstall(&self, source: &Source) -> Result<(), Message> {
        lock(&self.leaving).insert(source.id);
        self.stop_watching(source.id).await;
        let done = match source.kind {
            SourceKind::Database => visit::uninstall(source).await,
            _ => Ok(()),
        };
        if done.is_err() {
            lock(&self.leaving).remove(&source.id);
            self.changed.notify_one();
        }
        done
    }

    fn stays(&self, source: SourceId) {
        lock(&self.leaving).remove(&source);
        self.changed.notify_one();
    }

    async fn check(&self, source: &Source) -> Vec<Finding> {
        let (found, is_reached) = if source.kind == SourceKind::Database {
            let found = visit::findings(source).await;
            let is_reached = found.iter().all(|finding| finding.ok || finding.name != "connection");
            (found, is_reached)
        } else {
            let found = api::check::findings(source).await;
            let is_reached = found.iter().all(|finding| finding.ok);
            (found, is_reached)
        };
        if is_reached && let Some(one) = self.watched.lock().await.get(&source.id) {
            // Wake it only if it is waiting now; don't leave a stored permit.
            one.again.notify_waiters();
        }
        found
    }

    async fn leave(&self, old: &Source, new: &Source) -> Result<(), Message> {
        if self.same_erp(old, new).await {
            return Ok(());
        }
        if old.kind == SourceKind::Database {
            return visit::uninstall(old).await;
        }
        // The new ERP's session discards the snapshots of the old one.
        Ok(())
    }

    async fn confirm(&self, source: &Source) -> Result<(), Message> {
        if source.kind != SourceKind::Database {
            return Err(Message::new("hearing-nothing-asked"));
        }
        visit::confirm(source).await?;
        self.stop_watching(source.id).await;
        self.changed.notify_one();
        Ok(())
    }

    async fn end_watching(&self, source: SourceId) {
        self.stop_watching(source).await;
        self.give_up(source).await;
    }

    async fn same_erp(&self, one: &Source, other: &Source) -> bool {
        match one.kind {
            SourceKind::Api => Base::of(one).is_ok_and(|here| Base::of(other) == Ok(here)),
            _ => visit::is_one_database(one, other, self.intake.now().ms()).await,
        }
    }

    async fn hand_over(&self, source: &Source, payload: OutboxPayload) -> Result<OutboxReceipt, Message> {
        self.report.plugin(source, &payload.status);
        let tracker = lock(&self.tracker).entry(source.id).or_default().clone();
        let (intake, source, quiet_ms) = (self.intake.clone(), source.clone(), self.options.quiet_ms);
        // It continues if the plugin's request times out: repeated rows are recognised.
        let taking = tokio::spawn(async move {
            fail::fail_point!("outbox");
            let mut tracker = tracker.lock().await;
            plugin::take(&intake, &source, payload, (&mut tracker, quiet_ms)).await
        });
        taking.await.unwrap_or_else(|error| Err(Message::new("hearing-ours").with("why", error.to_string())))
    }

    fn shown(&self, source: &Source, shown: OutboxPayload) -> Result<Option<Shown>, Message> {
        plugin::shown(source, shown)
    }

    fn status(&self, source: SourceId) -> Option<SourceStatus> {
        self.report.status(source)
    }

    fn sources_changed(&self) {
        self.changed.notify_one();
    }
}
