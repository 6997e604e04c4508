//! One connection to the ERP's database: read a batch, submit complete change groups, remove their rows, wait.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use gancho_facturascripts::shape::Shape;
use gancho_model::{Change, MonoTime, ObjectKey, Origin, OriginKind, Record};

use super::{
    Address, CaptureBackend, ErpError,
    backend::{OutboxBatch, within},
    connect,
    install::install,
    site::{SetUp, identify},
    watcher::{DatabaseWatcher, SourceError},
};
use crate::{
    capture::{CapturePlan, Uncaptured},
    grouping::{CommitTracker, Composer, Document, DocumentsRead, OutboxRow, row_name},
    key::key_text,
};

/// Rows per batch: a few megabytes.
const LOOK_ROWS: u32 = 1000;
/// A change group that is larger even than this is submitted in parts.
const LOOK_ROWS_MAX: u32 = 5_000;
/// Rows submitted together.
const TELL_ROWS: usize = 500;
/// Interval of counting the outbox while it has many rows.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// After dropped changes, the tables are checked again at most this often.
const MEND_AGAIN: Duration = Duration::from_secs(5);
/// Interval between checks for new or dropped columns.
const COLUMNS_EVERY: Duration = Duration::from_secs(5);
/// Interval of recording in the ERP's database that rows are being taken; see `OUTBOX_DAYS_MAX`.
const SIGN_EVERY: Duration = Duration::from_secs(3600);
/// Wait between batches while a change group is incomplete, milliseconds.
const BUSY_MS: u64 = 100;

/// One connection to the ERP's database, from its beginning to its end.
pub(crate) struct Session<'a> {
    watcher: &'a DatabaseWatcher,
    erp: Box<dyn CaptureBackend>,
    shape: Shape,
    plan: CapturePlan,
    tracker: CommitTracker,
    /// Rows per batch: raised while a change group is larger.
    rows: u32,
    /// Unknown columns and tables that reading the schema did not explain.
    strange: BTreeSet<String>,
    /// The last fingerprint of the columns, and its time.
    columns: Option<String>,
    columns_seen: MonoTime,
    mended: MonoTime,
    /// When it was last recorded that rows are being taken.
    signed: Option<MonoTime>,
    counted: MonoTime,
}

impl<'a> Session<'a> {
    /// Connects, installs missing objects, and loads reference rows.
    pub async fn begin(watcher: &'a DatabaseWatcher) -> Result<Self, SourceError> {
        let address = Address::of(&watcher.source).map_err(SourceError::Ours)?;
        let now = watcher.intake.mono();
        let mut session = Self {
            watcher,
            erp: within(connect(&address)).await?,
            shape: Shape::new(&watcher.source.time_zone).map_err(SourceError::ours)?,
            plan: CapturePlan::default(),
            tracker: CommitTracker::default(),
            rows: LOOK_ROWS,
            strange: BTreeSet::new(),
            columns: None,
            columns_seen: now,
            mended: now,
            signed: None,
            counted: now,
        };
        session.check_site().await?;
        session.mend().await?;
        session.learn().await?;
        Ok(session)
    }

    fn now(&self) -> MonoTime {
        self.watcher.intake.mono()
    }

    fn elapsed(&self, since: MonoTime) -> Duration {
        Duration::from_millis(self.now().since_ms(since).max(0).unsigned_abs())
    }

    /// One batch, and the wait until the next.
    pub async fn turn(&mut self) -> Result<(), SourceError> {
        fail::fail_point!("source-database");
        if self.elapsed(self.mended) > self.watcher.options.mend_every {
            self.check_site().await?;
            self.mend().await?;
        } else if self.are_columns_new().await? {
            self.mend().await?;
        }
        let mut look = match within(self.erp.look(self.rows)).await {
            Err(ErpError::Missing(_)) => {
                self.mend().await?;
                within(self.erp.look(self.rows)).await?
            }
            looked => looked?,
        };
        if look.lost > 0 && self.elapsed(self.mended) > MEND_AGAIN {
            // A column that the triggers use may have been dropped.
            self.mend().await?;
        }
        if !self.unknown(&look.rows).is_subset(&self.strange) {
            // A column's type must be known before it is submitted. What is still unknown was dropped since.
            self.mend().await?;
            if !self.plan.is_partial {
                self.strange.extend(self.unknown(&look.rows));
            }
        }
        let full = look.rows.len() + look.lost as usize == self.rows as usize;
        self.drop_processed(&mut look).await?;
        self.tracker.note(&look.rows, look.now_ms, !full);
        let submitted = self.submit(&look.rows, look.now_ms, full).await?;
        self.rows = if full && submitted == 0 { (self.rows * 4).min(LOOK_ROWS_MAX) } else { LOOK_ROWS };
        let left = look.rows.len() - submitted;
        self.count(left, full).await?;
        if !full {
            self.wait(left > 0).await;
        }
        Ok(())
    }

    /// Removes rows that were processed before: the ERP's database was restored, or the process ended before it removed
    /// them.
    async fn drop_processed(&mut self, look: &mut OutboxBatch) -> Result<(), SourceError> {
        let keys = look.rows.iter().map(OutboxRow::key).collect();
        let processed = self.watcher.intake.processed(self.watcher.source.id, keys).await.map_err(SourceError::ours)?;
        let mut is_processed = processed.iter();
        let (again, new): (Vec<_>, Vec<_>) =
            std::mem::take(&mut look.rows).into_iter().partition(|_| is_processed.next() == Some(&true));
        look.rows = new;
        let ids: Vec<i64> = again.iter().map(|row| row.id).collect();
        if !ids.is_empty() {
            within(self.erp.remove(&ids)).await?;
        }
        Ok(())
    }

    /// A notification during a change group applies to the next batch.
    async fn wait(&mut self, something_goes_on: bool) {
        let ms = if something_goes_on { BUSY_MS } else { self.erp.idle_ms() };
        tokio::select! {
            () = self.erp.rung(), if !something_goes_on => {}
            () = tokio::time::sleep(Duration::from_millis(ms)) => {}
        }
    }

    async fn count(&mut self, left: usize, full: bool) -> Result<(), SourceError> {
        let waiting = match full {
            false => left as u64,
            true if self.elapsed(self.counted) > COUNT_EVERY => {
                self.counted = self.now();
                within(self.erp.backlog()).await?
            }
            true => return Ok(()),
        };
        self.watcher.report.backlog(self.watcher.source.id, waiting);
        Ok(())
    }

    /// Stops at a copy of the ERP until a user has decided.
    async fn check_site(&mut self) -> Result<(), SourceError> {
        let (here, set_up) = (within(self.erp.site()).await?, within(self.erp.set_up()).await?);
        if set_up.as_ref().is_none_or(|known| known.site != here) {
            // It was restored from a dump, with the time recorded then.
            self.signed = None;
        }
        match identify(set_up.as_ref(), &here, self.watcher.source.id).question(&here) {
            Some(question) => Err(SourceError::Question(question)),
            None => Ok(()),
        }
    }

    /// Writes the setup record: the database's identity, and that rows are being taken.
    async fn sign(&mut self) -> Result<(), SourceError> {
        if self.signed.is_none_or(|at| self.elapsed(at) > SIGN_EVERY) {
            // Another source may have taken over since this session began.
            self.check_site().await?;
            let site = within(self.erp.site()).await?;
            let set_up = SetUp { source: self.watcher.source.id.to_string(), site };
            match within(self.erp.write_set_up(&set_up)).await {
                // For example while a backup locks tables: retried at the next repair.
                Err(ErpError::Locked(why)) => tracing::warn!(why, "it could not be written that rows are taken"),
                written => {
                    written?;
                    self.signed = Some(self.now());
                }
            }
        }
        Ok(())
    }

    /// The ERP's users, and its API keys by number and name.
    async fn writers(&mut self) -> Result<Vec<Origin>, SourceError> {
        let [users, keys] = self.plan.writers.clone();
        let mut writers = vec![];
        for (kind, table) in [(OriginKind::User, users), (OriginKind::Api, keys)] {
            let Some(table) = table else { continue };
            for row in within(self.erp.records(&table, None)).await? {
                let Some(id) = row.get(&table.key).cloned() else { continue };
                let name = row.get("description").and_then(|name| name.as_str()).map(ToOwned::to_owned);
                writers.push(Origin { kind, id, name });
            }
        }
        Ok(writers)
    }

    /// Reads the schema again and repairs our objects.
    async fn mend(&mut self) -> Result<(), SourceError> {
        let source = &self.watcher.source;
        self.columns = within(self.erp.columns_mark()).await?;
        let plan = CapturePlan::new(&within(self.erp.schema()).await?, source.models.as_deref());
        let before = std::mem::replace(&mut self.plan, plan);
        let made = install(&mut *self.erp, &self.plan, false).await?;
        if self.plan.is_partial {
            // Rows of tables that could not be read are submitted as these were known.
            for (name, table) in before.tables {
                self.plan.tables.entry(name).or_insert(table);
            }
        }
        if !made.is_empty() {
            let made = made.join(", ");
            tracing::warn!(source = %source.id, made, "repaired missing or outdated objects in the ERP's database");
        }
        self.sign().await?;
        let writers = self.writers().await?;
        let source = &self.watcher.source;
        self.watcher.report.writers(source.id, writers);
        self.watcher.report.lost(source, within(self.erp.lost()).await?);
        self.watcher.report.uncaptured(source, self.uncaptured());
        self.mended = self.now();
        Ok(())
    }

    /// Whether columns changed since the last check; checks at intervals.
    async fn are_columns_new(&mut self) -> Result<bool, SourceError> {
        if self.elapsed(self.columns_seen) < COLUMNS_EVERY {
            return Ok(false);
        }
        self.columns_seen = self.now();
        let mark = within(self.erp.columns_mark()).await?;
        Ok(mark != self.columns)
    }

    /// Columns and tables outside the plan. Triggers that write whole rows include columns added since, and a table may
    /// have been hidden when the schema was read.
    fn unknown(&self, rows: &[OutboxRow]) -> BTreeSet<String> {
        let (mut known, mut unknown) = (HashMap::<&str, HashSet<&str>>::new(), BTreeSet::new());
        for row in rows {
            let Some(watched) = self.plan.tables.get(&row.table) else {
                unknown.insert(row.table.clone());
                continue;
            };
            let names = watched.columns.iter().map(|(name, _)| name).chain(&watched.secrets).map(String::as_str);
            let known = known.entry(&row.table).or_insert_with(|| names.collect());
            let columns = row.after.as_ref().or(row.before.as_ref()).into_iter().flat_map(|record| record.keys());
            unknown.extend(
                columns.filter(|name| !known.contains(name.as_str())).map(|name| format!("{}.{name}", row.table)),
            );
        }
        unknown
    }

    /// Tables that make no events, and requested ones that can't be captured.
    fn uncaptured(&self) -> Vec<&str> {
        let is_asked = |model: &String| self.watcher.source.models.as_ref().is_some_and(|asked| asked.contains(model));
        let is_told = |(model, why): &&(String, Uncaptured)| *why == Uncaptured::NoKey || is_asked(model);
        self.plan.uncaptured.iter().filter(is_told).map(|(model, _)| model.as_str()).collect()
    }

    /// Loads rows needed to understand changes.
    async fn learn(&mut self) -> Result<(), SourceError> {
        let composer = Composer::new(&self.plan, &self.shape);
        let mut rows = vec![];
        for watched in self.plan.reference_tables() {
            for record in within(self.erp.records(watched, None)).await? {
                let Some(key) = record.get(&watched.key).map(key_text) else { continue };
                rows.push((ObjectKey { model: watched.model.clone(), key }, composer.shaped(watched, &record)));
            }
        }
        let learned = self.watcher.intake.learn(self.watcher.source.id, rows).await;
        learned.map_err(SourceError::ours)
    }

    /// Submits complete change groups and removes their rows; returns the number of rows.
    async fn submit(&mut self, rows: &[OutboxRow], now: i64, full: bool) -> Result<usize, SourceError> {
        let composer = Composer::new(&self.plan, &self.shape);
        let ended = composer.ended(rows, &self.tracker, (now, self.watcher.options.quiet_ms), full);
        let mut submitted = 0;
        if full && self.rows < LOOK_ROWS_MAX && !ended.iter().all(|change_group| change_group.ended) {
            // A change group larger than this batch: a larger one follows.
            return Ok(0);
        }
        let mut ended = ended.into_iter().peekable();
        while ended.peek().is_some() {
            let mut group: Vec<Vec<&OutboxRow>> = vec![];
            while group.iter().map(Vec::len).sum::<usize>() < TELL_ROWS
                && let Some(change_group) = ended.next()
            {
                group.push(change_group.rows.iter().map(|place| &rows[*place]).collect());
            }
            submitted += self.submit_group(&group).await?;
            let last = group.iter().flatten().map(|row| row.at_ms).max().unwrap_or(now);
            self.watcher.report.received(self.watcher.source.id, (now - last).max(0));
        }
        Ok(submitted)
    }

    async fn submit_group(&mut self, group: &[Vec<&OutboxRow>]) -> Result<usize, SourceError> {
        let read = self.read(group).await?;
        let composer = Composer::new(&self.plan, &self.shape);
        let mut changes = vec![];
        for change_group in group {
            let Some(first) = change_group.first() else { continue };
            changes.extend(composer.changes(&row_name(first), change_group, &read));
        }
        let processed = group.iter().flatten().map(|row| row.key()).collect();
        let customers = self.customers(&changes).await?;
        let taken = self.watcher.intake.outbox_changes(self.watcher.source.id, changes, processed, customers).await;
        taken.map_err(SourceError::ours)?;
        let ids: Vec<i64> = group.iter().flatten().map(|row| row.id).collect();
        within(self.erp.remove(&ids)).await?;
        Ok(ids.len())
    }

    /// Records of the customers, by code, of these changes, if an endpoint includes them.
    async fn customers(&mut self, changes: &[Change]) -> Result<Vec<(String, Record)>, SourceError> {
        let wanted = self.watcher.intake.wanted_customers(changes).await.map_err(SourceError::ours)?;
        let Some(table) = self.plan.customers.as_ref().filter(|_| !wanted.is_empty()) else { return Ok(vec![]) };
        let codes: Vec<String> = wanted.into_iter().collect();
        let composer = Composer::new(&self.plan, &self.shape);
        let read = within(self.erp.records(table, Some((&table.key, &codes)))).await?;
        let keyed = |row: Record| Some((row.get(&table.key).map(key_text)?, composer.shaped(table, &row)));
        Ok(read.into_iter().filter_map(keyed).collect())
    }

    /// Reads current lines, and documents of which only lines changed.
    async fn read(&mut self, group: &[Vec<&OutboxRow>]) -> Result<DocumentsRead, SourceError> {
        let (lines, documents) = Composer::new(&self.plan, &self.shape).needs(group);
        let mut read = DocumentsRead::default();
        for (table, keys) in by_table(documents) {
            let Some(watched) = self.plan.tables.get(&table) else { continue };
            for record in within(self.erp.records(watched, Some((&watched.key, &keys)))).await? {
                let Some(key) = record.get(&watched.key).map(key_text) else { continue };
                read.documents.insert((table.clone(), key), record);
            }
        }
        for (table, keys) in by_table(lines) {
            let lines = self.plan.tables.get(&table).and_then(|watched| watched.lines.as_ref());
            let Some((lines, column)) = lines else { continue };
            let Some(watched) = self.plan.tables.get(lines) else { continue };
            keys.iter().for_each(|key| drop(read.lines.insert((table.clone(), key.clone()), vec![])));
            for record in within(self.erp.records(watched, Some((column, &keys)))).await? {
                let Some(key) = record.get(column).map(key_text) else { continue };
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
