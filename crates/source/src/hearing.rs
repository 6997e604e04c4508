use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use gancho_intake::Intake;
use gancho_model::{Finding, Hearing, Said, Source, SourceId, SourceKind, Standing};
use gancho_store::Store;
use gancho_words::Words;
use serde_json::json;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::database::{
    Erp, ErpError, Plan, Tail, check, connect,
    tail::{address, within},
};

/// How often sources are looked for although nobody rang.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// How long a source is down before it is told, milliseconds.
const TELL_AFTER_MS: i64 = 60_000;

/// How sources are heard.
#[derive(Clone, Copy, Debug)]
pub struct HearingOptions {
    /// A connection of the ERP that is quiet for so long has ended its act, milliseconds.
    pub quiet_ms: i64,
    /// How often it is looked whether everything of ours is still in place.
    pub mend_every: Duration,
}

/// All sources that are watched from here.
pub struct Hearings {
    store: Arc<dyn Store>,
    intake: Arc<Intake>,
    options: HearingOptions,
    changed: Notify,
    watched: tokio::sync::Mutex<HashMap<SourceId, Watching>>,
    /// Being removed: not to be started again.
    leaving: Mutex<HashSet<SourceId>>,
    known: Arc<Mutex<HashMap<SourceId, Known>>>,
}

struct Watching {
    source: Source,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What is known of a source that is watched.
#[derive(Default)]
struct Known {
    standing: Standing,
    told: bool,
}

impl Hearings {
    /// Watches nothing yet.
    pub fn new(store: Arc<dyn Store>, intake: Arc<Intake>, options: HearingOptions) -> Arc<Self> {
        Arc::new(Self {
            store,
            intake,
            options,
            changed: Notify::new(),
            watched: tokio::sync::Mutex::default(),
            leaving: Mutex::default(),
            known: Arc::default(),
        })
    }

    /// Watches every source that is to be watched, until the stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.store.sources().await {
                Ok(sources) => self.follow(sources).await,
                Err(error) => tracing::warn!(%error, "the store did not say which sources there are; trying again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        let watched: Vec<Watching> = self.watched.lock().await.drain().map(|(_, one)| one).collect();
        for one in watched {
            one.end().await;
        }
    }

    async fn follow(&self, sources: Vec<Source>) {
        let mut watched = self.watched.lock().await;
        let wanted: HashMap<SourceId, Source> = sources
            .into_iter()
            .filter(|source| source.kind == SourceKind::Database)
            .map(|source| (source.id, source))
            .collect();
        lock(&self.leaving).retain(|id| wanted.contains_key(id));
        let same = |one: &Source, other: &Source| {
            // When it was heard last changes all the time.
            (&one.name, &one.url, &one.time_zone, &one.models)
                == (&other.name, &other.url, &other.time_zone, &other.models)
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
        lock(&self.known).retain(|id, _| wanted.contains_key(id));
        for (id, source) in wanted {
            if !watched.contains_key(&id) && !lock(&self.leaving).contains(&id) {
                watched.insert(id, self.start(source));
            }
        }
    }

    fn start(&self, source: Source) -> Watching {
        let stop = CancellationToken::new();
        let report = Report { known: self.known.clone(), intake: self.intake.clone() };
        let (intake, options) = (self.intake.clone(), self.options);
        let tail = Tail { source: source.clone(), intake, report, options, stop: stop.clone() };
        Watching { source, stop, task: tokio::spawn(tail.run()) }
    }

    async fn stop_watching(&self, id: SourceId) {
        let watching = self.watched.lock().await.remove(&id);
        if let Some(one) = watching {
            one.end().await;
        }
    }
}

impl Watching {
    /// Ends it; what it was telling is told or comes again.
    async fn end(self) {
        self.stop.cancel();
        // A panic there was told there.
        let _ = self.task.await;
    }
}

/// Whether a table that is made in one place shows in the other.
async fn is_one_database(one: &Source, other: &Source, now_ms: i64) -> Result<bool, Said> {
    let (mut here, _) = visit(one).await?;
    let (mut there, _) = visit(other).await?;
    let mark = format!("gancho_mark_{now_ms}");
    let say = |error: ErpError| error.said();
    here.alter(&format!("CREATE TABLE {mark} (n int)")).await.map_err(say)?;
    let seen = within(there.schema()).await.map(|schema| schema.tables.contains_key(&mark)).map_err(say);
    here.alter(&format!("DROP TABLE {mark}")).await.map_err(say)?;
    seen
}

/// A connection to a source's database, and what is to be watched there.
async fn visit(source: &Source) -> Result<(Box<dyn Erp>, Plan), Said> {
    let address = address(source)?;
    let say = |error: ErpError| Said::plain("hearing-unusable").with("why", error.said());
    let mut erp = within(connect(&address)).await.map_err(say)?;
    let schema = within(erp.schema()).await.map_err(say)?;
    Ok((erp, Plan::new(&schema, source.models.as_deref())))
}

#[async_trait]
impl Hearing for Hearings {
    async fn plan(&self, source: &Source) -> Result<String, Said> {
        let (erp, plan) = visit(source).await?;
        Ok(check::script(address(source)?.engine(), &erp.parts(&plan)))
    }

    async fn install(&self, source: &Source) -> Result<(), Said> {
        let (mut erp, plan) = visit(source).await?;
        if plan.tables.values().all(|watched| watched.document.is_none() && watched.model == watched.table) {
            return Err(Said::plain("hearing-no-erp"));
        }
        let made = check::install(&mut *erp, &plan).await;
        made.map(drop).map_err(|error| Said::plain("hearing-no-triggers").with("why", error.said()))
    }

    async fn uninstall(&self, source: &Source) -> Result<(), Said> {
        lock(&self.leaving).insert(source.id);
        self.stop_watching(source.id).await;
        let done = match visit(source).await {
            Ok((mut erp, _)) => check::uninstall(&mut *erp).await.map_err(|error| error.said()),
            Err(error) => Err(error),
        };
        if done.is_err() {
            lock(&self.leaving).remove(&source.id);
            self.changed.notify_one();
        }
        done
    }

    async fn check(&self, source: &Source) -> Vec<Finding> {
        match visit(source).await {
            Ok((mut erp, plan)) => {
                let found = within(check::findings(&mut *erp, &plan)).await;
                found.unwrap_or_else(|error| vec![Finding::bad("connection", error.said())])
            }
            Err(error) => vec![Finding::bad("connection", error)],
        }
    }

    async fn leave(&self, old: &Source, new: &Source) -> Result<(), Said> {
        if self.same_erp(old, new).await {
            return Ok(());
        }
        let (mut erp, _) = visit(old).await?;
        check::uninstall(&mut *erp).await.map_err(|error| error.said())
    }

    async fn same_erp(&self, one: &Source, other: &Source) -> bool {
        let (Ok(here), Ok(there)) = (address(one), address(other)) else { return false };
        if here.same_database(&there) {
            return true;
        }
        // One database may have many names. One that can't be reached shows nothing.
        here.engine() == there.engine() && is_one_database(one, other, self.intake.now().ms()).await.unwrap_or(false)
    }

    fn standing(&self, source: SourceId) -> Option<Standing> {
        lock(&self.known).get(&source).map(|known| known.standing.clone())
    }

    fn sources_changed(&self) {
        self.changed.notify_one();
    }
}

/// How a tail tells how it goes.
#[derive(Clone)]
pub struct Report {
    known: Arc<Mutex<HashMap<SourceId, Known>>>,
    intake: Arc<Intake>,
}

impl Report {
    /// It can't be heard. Told to those who ask for it when it has lasted.
    pub(crate) async fn down(&self, source: &Source, error: Said) {
        let text = Words::english().said(&error);
        tracing::warn!(source = %source.id, name = source.name, error = text, "a source can't be heard; trying again");
        let now = self.intake.now();
        let tell = {
            let mut all = lock(&self.known);
            let known = all.entry(source.id).or_default();
            known.standing.down = true;
            known.standing.last_error = Some(error);
            let since = *known.standing.down_since.get_or_insert(now);
            let lasts = now.since_ms(since) >= TELL_AFTER_MS;
            lasts && !std::mem::replace(&mut known.told, true)
        };
        if tell {
            self.tell(source, "source.down").await;
        }
    }

    /// It is heard again.
    pub(crate) async fn up(&self, source: &Source) {
        let told = {
            let mut all = lock(&self.known);
            let known = all.entry(source.id).or_default();
            (known.standing.down, known.standing.last_error, known.standing.down_since) = (false, None, None);
            std::mem::take(&mut known.told)
        };
        tracing::info!(source = %source.id, name = source.name, "a source is heard");
        if told {
            self.tell(source, "source.up").await;
        }
    }

    pub(crate) fn backlog(&self, source: SourceId, rows: u64) {
        lock(&self.known).entry(source).or_default().standing.backlog = Some(rows);
        metrics::gauge!("gancho_source_backlog", "source" => source.to_string()).set(rows as f64);
    }

    pub(crate) fn heard(&self, source: SourceId, lag_ms: i64) {
        let lag_s = lag_ms as f64 / 1000.0;
        lock(&self.known).entry(source).or_default().standing.lag_s = Some(lag_s);
        metrics::gauge!("gancho_source_lag_seconds", "source" => source.to_string()).set(lag_s);
    }

    /// Triggers could not write so many changes.
    pub(crate) fn lost(&self, source: &Source, count: u64) {
        metrics::gauge!("gancho_source_lost", "source" => source.id.to_string()).set(count as f64);
        if count > 0 {
            let error = Said::plain("hearing-lost").with("count", count);
            lock(&self.known).entry(source.id).or_default().standing.last_error = Some(error);
        }
    }

    async fn tell(&self, source: &Source, event: &'static str) {
        let error = lock(&self.known).get(&source.id).and_then(|known| known.standing.last_error.clone());
        let error = error.map(|error| Words::english().said(&error));
        let object = json!({"id": source.id, "name": source.name, "kind": source.kind.as_str(), "last_error": error});
        if let Err(error) = self.intake.tell(event, object).await {
            tracing::warn!(%error, event, "it could not be told");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
