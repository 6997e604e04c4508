//! Takes rows from the outbox of one ERP, for as long as it is watched.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use gancho_facturascripts::shape::Shape;
use gancho_intake::Intake;
use gancho_model::{ObjectKey, Source};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Address, Erp, ErpError,
    burst::{Burst, OutboxRow, Sightings, bursts, tellable},
    check,
    compose::{Composer, Document, Read, key_text, row_name},
    erp::connect,
    watch::Plan,
};
use crate::hearing::{HearingOptions, Report};

/// Rows looked at together: a few megabytes.
const LOOK_ROWS: u32 = 1000;
/// Rows told together.
const TELL_ROWS: usize = 500;
/// After so long, a life went well.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// How often waiting rows are counted while there are many.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// The wait between looks while something goes on.
const BUSY_MS: u64 = 100;
/// The longest that the ERP's database may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The waits after a failure.
const WAIT_S: [u64; 5] = [1, 2, 5, 10, 30];

/// Why a life of the tail ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Erp(#[from] ErpError),
    #[error("{0}")]
    Ours(String),
}

/// Watches the outbox of one source.
pub struct Tail {
    /// The source.
    pub source: Source,
    /// Where its changes go.
    pub intake: Arc<Intake>,
    /// Where it is told how it goes.
    pub report: Report,
    /// How it works.
    pub options: HearingOptions,
    /// When it ends.
    pub stop: CancellationToken,
}

impl Tail {
    /// Runs until the stop. Whatever happens to the ERP's database, it goes on by itself.
    pub async fn run(self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let ended = tokio::select! {
                () = self.stop.cancelled() => return,
                ended = self.life() => ended,
            };
            let Err(error) = ended;
            // A life that went well for a while begins the waits anew.
            failures = if began.elapsed() > GOOD_LIFE { 0 } else { failures + 1 };
            self.report.down(&self.source, error.to_string()).await;
            let wait = Duration::from_secs(WAIT_S[usize::min(failures, WAIT_S.len() - 1)]);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// From a connection to its end.
    async fn life(&self) -> Result<std::convert::Infallible, Ended> {
        let address = address(&self.source).map_err(Ended::Ours)?;
        let shape = Shape::new(&self.source.time_zone).map_err(|error| Ended::Ours(error.to_string()))?;
        let mut erp = within(connect(&address)).await?;
        let mut plan = self.mend(&mut *erp, true).await?;
        self.learn(&mut *erp, &plan, &shape).await?;
        self.report.up(&self.source).await;
        let (mut mended, mut counted) = (Instant::now(), Instant::now());
        let mut sightings = Sightings::default();
        let mut forget = vec![];
        loop {
            if mended.elapsed() > self.options.mend_every {
                plan = self.mend(&mut *erp, false).await?;
                mended = Instant::now();
            }
            let look = match within(erp.look(LOOK_ROWS)).await {
                Err(ErpError::Missing(_)) => {
                    plan = self.mend(&mut *erp, false).await?;
                    within(erp.look(LOOK_ROWS)).await?
                }
                looked => looked?,
            };
            let full = look.rows.len() == LOOK_ROWS as usize;
            // A look that was cut short knows nothing beyond its last row.
            let now = if full {
                look.rows.last().map_or(look.now_ms, |last| last.at_ms.min(look.now_ms))
            } else {
                look.now_ms
            };
            sightings.note(&look.rows, look.now_ms, !full);
            let told = self.tell(&mut *erp, &plan, &shape, &look.rows, &sightings, (now, full), &mut forget).await?;
            if full && counted.elapsed() > COUNT_EVERY || !full {
                let waiting = if full { within(erp.backlog()).await? } else { (look.rows.len() - told) as u64 };
                self.report.backlog(self.source.id, waiting);
                counted = Instant::now();
            }
            if full {
                continue;
            }
            let wait = if look.rows.len() > told { BUSY_MS } else { erp.idle_ms() };
            // Whoever rings while we wait for an act to end is heard at the next look.
            tokio::select! {
                () = erp.rung(), if look.rows.len() == told => {}
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            }
        }
    }

    /// Puts back what is missing; says so, unless it is the first time.
    async fn mend(&self, erp: &mut dyn Erp, first: bool) -> Result<Plan, Ended> {
        let plan = Plan::new(&within(erp.schema()).await?, self.source.models.as_deref());
        let made = check::install(erp, &plan).await?;
        if !made.is_empty() {
            let list = made.join(", ");
            tracing::warn!(source = %self.source.id, made = list, first, "put in place what was missing in the ERP's database");
        }
        self.report.lost(&self.source, within(erp.lost()).await?);
        Ok(plan)
    }

    /// Rows without which changes can't be understood.
    async fn learn(&self, erp: &mut dyn Erp, plan: &Plan, shape: &Shape) -> Result<(), Ended> {
        let composer = Composer::new(plan, shape);
        let mut rows = vec![];
        for watched in plan.knowledge() {
            for record in within(erp.records(watched, None)).await? {
                let Some(key) = record.get(&watched.key).map(key_text) else { continue };
                rows.push((ObjectKey { model: watched.model.clone(), key }, composer.shaped(watched, &record)));
            }
        }
        self.intake.learn(self.source.id, rows).await.map_err(|error| Ended::Ours(error.to_string()))
    }

    /// Tells the acts that have ended, and removes their rows; returns how many rows that were.
    #[expect(clippy::too_many_arguments, reason = "what one look knows")]
    async fn tell(
        &self,
        erp: &mut dyn Erp,
        plan: &Plan,
        shape: &Shape,
        rows: &[OutboxRow],
        sightings: &Sightings,
        (now, full): (i64, bool),
        forget: &mut Vec<String>,
    ) -> Result<usize, Ended> {
        let composer = Composer::new(plan, shape);
        let rows_of = |burst: &Burst| -> Vec<&OutboxRow> { burst.rows.iter().map(|place| &rows[*place]).collect() };
        // Whoever is gone may have left more than this look shows.
        let rows_seen: Vec<OutboxRow> = match full {
            true => rows.iter().cloned().map(|row| OutboxRow { gone: false, ..row }).collect(),
            false => vec![],
        };
        let sorted = if full { &rows_seen } else { rows };
        let all = bursts(sorted, sightings, (now, self.options.quiet_ms), |rows| composer.is_half_made(rows));
        let mut ended = tellable(all.clone(), |burst| composer.subjects(&rows_of(burst)));
        if ended.is_empty() && full {
            ended = all; // an act larger than a look is told in parts
        }
        let mut told = 0;
        let mut ended = ended.into_iter().peekable();
        while ended.peek().is_some() {
            let mut group: Vec<Vec<&OutboxRow>> = vec![];
            while group.iter().map(Vec::len).sum::<usize>() < TELL_ROWS
                && let Some(burst) = ended.next()
            {
                group.push(rows_of(&burst));
            }
            told += self.tell_group(erp, &composer, &group, forget).await?;
            let last = group.iter().flatten().map(|row| row.at_ms).max().unwrap_or(now);
            self.report.heard(self.source.id, now.max(last) - last);
        }
        Ok(told)
    }

    async fn tell_group(
        &self,
        erp: &mut dyn Erp,
        composer: &Composer<'_>,
        group: &[Vec<&OutboxRow>],
        forget: &mut Vec<String>,
    ) -> Result<usize, Ended> {
        let read = self.read(erp, composer, group).await?;
        let mut changes = vec![];
        for burst in group {
            let Some(first) = burst.first() else { continue };
            changes.extend(composer.changes(&row_name(first), burst, &read));
        }
        let names: Vec<String> = changes.iter().filter_map(|change| change.change.id.clone()).collect();
        if !changes.is_empty() {
            let taken = self.intake.take(self.source.id, changes, forget).await;
            taken.map_err(|error| Ended::Ours(error.to_string()))?;
            forget.clear();
        }
        let ids: Vec<i64> = group.iter().flatten().map(|row| row.id).collect();
        within(erp.remove(&ids)).await?;
        // From here on they can't come again.
        forget.extend(names);
        Ok(ids.len())
    }

    /// Reads lines, and documents of which only lines changed, as they are now.
    async fn read(&self, erp: &mut dyn Erp, composer: &Composer<'_>, group: &[Vec<&OutboxRow>]) -> Result<Read, Ended> {
        let (lines, documents) = composer.needs(group);
        let mut read = Read::default();
        for (table, keys) in by_table(documents) {
            let Some(watched) = composer.table(&table) else { continue };
            for record in within(erp.records(watched, Some((&watched.key, &keys)))).await? {
                let Some(key) = record.get(&watched.key).map(key_text) else { continue };
                read.documents.insert((table.clone(), key), record);
            }
        }
        for (table, keys) in by_table(lines) {
            let Some((lines, column)) = composer.table(&table).and_then(|watched| watched.lines.clone()) else {
                continue;
            };
            let Some(watched) = composer.table(&lines) else { continue };
            keys.iter().for_each(|key| drop(read.lines.insert((table.clone(), key.clone()), vec![])));
            for record in within(erp.records(watched, Some((&column, &keys)))).await? {
                let Some(key) = record.get(&column).map(key_text) else { continue };
                read.lines.entry((table.clone(), key)).or_default().push(record);
            }
        }
        Ok(read)
    }
}

fn by_table(documents: BTreeSet<Document>) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (table, key) in documents {
        tables.entry(table).or_default().push(key);
    }
    tables
}

/// The address of a source's database.
pub(crate) fn address(source: &Source) -> Result<Address, String> {
    let url = source.url.as_ref().ok_or("the source has no url: say where the ERP's database is")?;
    Address::parse(url.expose()).map_err(|error| format!("url {error}"))
}

/// No connection that went dead may hold us up for ever.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(ErpError::Unreachable("it does not answer".into())))
}
