//! Reads records, compares them with their snapshots, and submits changes together with the new snapshots.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use gancho_facturascripts::{ReferenceData, columns::Kind, resource::Resource, shape::Shape};
use gancho_intake::Intake;
use gancho_model::{CUSTOMER_MODEL, Change, MonoTime, ObjectKey, Record, SourceId};
use gancho_store::RecordSnapshot;

use super::{
    ApiError, ErpClient, PageCursor, PollingOptions, compare,
    list_state::{ListState, Scan, ScanKind},
    record_diff::RecordDiff,
    seen::SeenRecords,
    source_error::SourceError,
};
use crate::key::key_text;

/// Changes submitted together.
pub(super) const TELL: usize = 500;
/// Keys looked up together.
pub(super) const KEYS: u32 = 1000;
/// Lines of documents with numbers this close are read together.
const GAP: u64 = 20;
/// Minimum wait for an incomplete document, milliseconds.
const HALF_MADE_MS: i64 = 10_000;

/// Keys are stored as hashes.
pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Reads one ERP's lists.
pub(super) struct RecordReader {
    pub client: ErpClient,
    pub shape: Shape,
    pub options: PollingOptions,
    pub seen: Arc<SeenRecords>,
    pub intake: Arc<Intake>,
    pub source: SourceId,
    /// Found and not submitted yet.
    pub diffs: Vec<RecordDiff>,
    /// Counts polls for new records.
    pub cycle: u64,
}

impl RecordReader {
    pub fn now(&self) -> MonoTime {
        self.intake.mono()
    }

    /// Reads the next page of a scan.
    pub async fn page(&mut self, list: &mut ListState, scan: &mut Scan) -> Result<(), SourceError> {
        let rows = scan.cursor.page(&mut self.client, self.options.page_rows).await?;
        for key in rows.iter().filter_map(|row| list.key_of(row)) {
            scan.keys.insert(hash(&key));
            scan.example = Some(key);
        }
        match scan.kind {
            ScanKind::Baseline => self.take_quietly(list, rows).await,
            _ => self.take(list, rows).await,
        }
    }

    /// Reads along a cursor, with a maximum number of pages.
    pub async fn read_along(
        &mut self,
        list: &mut ListState,
        (mut cursor, pages): (PageCursor, u32),
    ) -> Result<(), SourceError> {
        for _ in 0..pages {
            if cursor.ended {
                break;
            }
            let rows = cursor.page(&mut self.client, self.options.page_rows).await?;
            self.take(list, rows).await?;
        }
        Ok(())
    }

    /// Compares records with their snapshots.
    pub async fn take(&mut self, list: &mut ListState, rows: Vec<Record>) -> Result<(), SourceError> {
        list.note_highs(&rows, self.now());
        // If this is interrupted, the records are read again.
        let was_again = std::mem::replace(&mut list.again, true);
        let (mut found, all) = self.compare(list, rows.clone()).await?;
        let count = found.len();
        if list.resource.lines.is_some() && !found.is_empty() {
            let steady = self.steady(list, &rows, &found).await?;
            found.retain(|diff| steady.contains(&diff.snapshot.key));
        }
        // Very short polling intervals, as in tests, need no wait.
        let least_ms = if self.options.new_every.as_secs() >= 1 { HALF_MADE_MS } else { 0 };
        list.hold_half_made(&mut found, self.cycle, least_ms, self.now());
        list.again = was_again || !all || found.len() < count;
        if count > 0 {
            list.news_at = Some(self.now());
        }
        self.diffs.extend(found);
        if self.diffs.len() >= TELL { self.flush().await } else { Ok(()) }
    }

    /// Stores snapshots of a list's first scan: its records are not changes. Records created after the scan began are
    /// left to the next poll, which reports them.
    async fn take_quietly(&mut self, list: &mut ListState, rows: Vec<Record>) -> Result<(), SourceError> {
        if list.watermark == u64::MAX {
            list.note_highs(&rows, self.now());
        }
        let (found, all) = self.compare(list, rows).await?;
        if !all {
            return Err(ApiError::Unreadable("a list of lines is cut").into());
        }
        let (serial, watermark) = (list.resource.serial, list.watermark);
        let is_old = |diff: &RecordDiff| !serial || diff.snapshot.key.parse::<u64>().is_ok_and(|key| key <= watermark);
        self.diffs.extend(found.into_iter().filter(is_old).map(|diff| RecordDiff { change: None, ..diff }));
        self.flush().await
    }

    /// Differences from the snapshots; and whether all records could be compared.
    async fn compare(
        &mut self,
        list: &mut ListState,
        rows: Vec<Record>,
    ) -> Result<(Vec<RecordDiff>, bool), SourceError> {
        let is_odd = |column: &String| !list.kinds.contains_key(column);
        if !list.kinds.is_empty() && rows.first().is_some_and(|row| row.keys().any(is_odd)) {
            self.learn_kinds(list).await?;
        }
        let count = rows.len();
        let rows = self.with_lines(list, rows).await?;
        let all = rows.len() == count;
        let model = &list.resource.model;
        let seen = self.seen.records(model, rows.keys().cloned().collect()).await?;
        let mut seen: HashMap<String, RecordSnapshot> = seen.into_iter().map(|seen| (seen.key.clone(), seen)).collect();
        // Found earlier in this cycle and not stored yet.
        for snapshot in self.diffs.iter().map(|diff| &diff.snapshot).filter(|snapshot| snapshot.model == *model) {
            match &snapshot.seen {
                Some(now) => drop(seen.insert(snapshot.key.clone(), now.clone())),
                None => drop(seen.remove(&snapshot.key)),
            }
        }
        let compare = |(key, row): (String, Record)| compare::compare_record(list, &key, seen.remove(&key), row);
        Ok((rows.into_iter().filter_map(compare).collect(), all))
    }

    /// Normalized records by key, documents with their lines. Documents with incomplete lines are left for the next
    /// cycle.
    async fn with_lines(
        &mut self,
        list: &ListState,
        rows: Vec<Record>,
    ) -> Result<BTreeMap<String, Record>, SourceError> {
        let keyed = rows.into_iter().filter_map(|row| Some((list.key_of(&row)?, row)));
        let Some(lines) = list.resource.lines.clone() else {
            return Ok(keyed.map(|(key, row)| (key, list.shaped(&self.shape, row))).collect());
        };
        let mut rows: BTreeMap<u64, Record> = keyed.filter_map(|(key, row)| Some((key.parse().ok()?, row))).collect();
        let column = list.line_column().to_owned();
        let mut by_document: HashMap<u64, Vec<Record>> = HashMap::new();
        for (first, last) in runs(rows.keys().copied()) {
            let mut cursor = between(PageCursor::new(&lines, "idlinea"), &column, first, last);
            while !cursor.ended {
                for line in cursor.page(&mut self.client, self.options.page_rows).await? {
                    let document = line.get(&column).and_then(|key| key_text(key).parse().ok());
                    if let Some(document) = document.filter(|document| rows.contains_key(document)) {
                        by_document.entry(document).or_default().push(line);
                    }
                }
            }
            if !cursor.whole && self.client.counts {
                rows.retain(|key, _| !(first..=last).contains(key));
            }
        }
        let with = |(key, row): (u64, Record)| {
            let lines = by_document.remove(&key).unwrap_or_default();
            (key.to_string(), list.with_lines(&self.shape, row, lines))
        };
        Ok(rows.into_iter().map(with).collect())
    }

    /// Documents that have not changed since before their lines were read, and whose lines were all read: the others
    /// are being edited, and are left for the next cycle.
    async fn steady(
        &mut self,
        list: &ListState,
        rows: &[Record],
        found: &[RecordDiff],
    ) -> Result<HashSet<String>, SourceError> {
        let first: HashMap<String, &Record> = rows.iter().filter_map(|row| Some((list.key_of(row)?, row))).collect();
        let changed: BTreeSet<u64> = found.iter().filter_map(|diff| diff.snapshot.key.parse().ok()).collect();
        let mut steady = HashSet::new();
        for (low, high) in runs(changed) {
            let cursor = between(list.cursor(), &list.resource.key, low, high);
            for row in cursor.all(&mut self.client, self.options.page_rows).await? {
                let key = list.key_of(&row).unwrap_or_default();
                if first.get(&key) == Some(&&row) {
                    steady.insert(key);
                }
            }
        }
        let lines = list.resource.lines.clone().unwrap_or_default();
        for diff in found {
            let Some(line) = compare::missing_line(diff) else { continue };
            if self.client.one(&lines, &line).await?.is_some() {
                steady.remove(&diff.snapshot.key);
            }
        }
        Ok(steady)
    }

    /// Loads the column types: the ERP's plugins add columns.
    pub async fn learn_kinds(&mut self, list: &mut ListState) -> Result<(), ApiError> {
        let kinds = |types: HashMap<String, String>| {
            types.into_iter().map(|(column, kind)| (column, Kind::of_database(&kind))).collect()
        };
        list.kinds = kinds(self.client.types(&list.resource.name).await?);
        if let Some(lines) = &list.resource.lines {
            list.line_kinds = kinds(self.client.types(lines).await?);
        }
        Ok(())
    }

    /// Loads the rows needed to understand changes.
    pub async fn learn_rows(&self, list: &ListState) -> Result<(), SourceError> {
        let model = &list.resource.model;
        if !ReferenceData::is_remembered(model) {
            return Ok(());
        }
        let mut after = None;
        loop {
            let keys = self.seen.keys(model, None, after.clone(), KEYS).await?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = Some(last);
            let seen = self.seen.records(model, keys).await?;
            let row = |seen: RecordSnapshot| (ObjectKey { model: model.clone(), key: seen.key }, seen.record);
            self.intake.learn(self.source, seen.into_iter().map(row).collect()).await.map_err(SourceError::ours)?;
        }
    }

    /// The greatest key of a list.
    pub async fn greatest(&mut self, list: &ListState) -> Result<Option<u64>, SourceError> {
        let query = [(format!("sort[{}]", list.resource.key), "DESC".to_owned()), ("limit".to_owned(), "1".to_owned())];
        let last = self.client.list(&list.resource.name, &query).await?.rows.pop();
        Ok(last.and_then(|row| list.key_of(&row)?.parse().ok()))
    }

    /// Customer records by code: from snapshots, otherwise from the ERP, if it allows it.
    async fn customers(&mut self, codes: Vec<String>) -> Result<Vec<(String, Record)>, SourceError> {
        if codes.is_empty() {
            return Ok(vec![]);
        }
        let seen = self.seen.records(CUSTOMER_MODEL, codes.clone()).await?;
        let mut found: BTreeMap<String, Record> = seen.into_iter().map(|seen| (seen.key, seen.record)).collect();
        for code in codes.into_iter().filter(|code| !found.contains_key(code)).collect::<Vec<_>>() {
            // A key that may not read customers does not block other changes.
            if let Ok(Some(row)) = self.client.one(&Resource::of(CUSTOMER_MODEL).name, &code).await {
                found.insert(code, self.shape.record(CUSTOMER_MODEL, row, |_| Some(Kind::Text)));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Submits the changes and stores their snapshots in the same transaction.
    pub async fn flush(&mut self) -> Result<(), SourceError> {
        let diffs = std::mem::take(&mut self.diffs);
        let flushed = self.flush_all(&diffs).await;
        if flushed.is_err() {
            self.diffs = diffs;
        }
        flushed
    }

    async fn flush_all(&mut self, diffs: &[RecordDiff]) -> Result<(), SourceError> {
        let (reported, noted): (Vec<&RecordDiff>, Vec<&RecordDiff>) =
            diffs.iter().partition(|diff| diff.change.is_some());
        if !reported.is_empty() {
            let changes: Vec<Change> = reported.iter().filter_map(|diff| diff.change.clone()).collect();
            let snapshots = reported.iter().map(|diff| diff.snapshot.clone()).collect();
            let seen = (self.seen.version(), snapshots);
            let wanted = self.intake.wanted_customers(&changes).await.map_err(SourceError::of_store)?;
            let customers = self.customers(wanted.into_iter().collect()).await?;
            self.intake.found(self.source, changes, seen, customers).await.map_err(SourceError::from_intake)?;
        }
        if !noted.is_empty() {
            self.seen.keep(noted.iter().map(|diff| diff.snapshot.clone()).collect()).await?;
        }
        Ok(())
    }
}

/// Filters by a numeric column from `first` to `last`.
fn between(cursor: PageCursor, column: &str, first: u64, last: u64) -> PageCursor {
    let cursor = cursor.only(&format!("{column}_gte"), first.to_string());
    cursor.only(&format!("{column}_lte"), last.to_string())
}

/// Groups numbers into ranges without large gaps: the first and last of each.
fn runs(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = vec![];
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if number - *last <= GAP => *last = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    #[test]
    fn runs_have_no_great_gaps() {
        assert_eq!(super::runs([1, 5, 25, 46, 100]), [(1, 25), (46, 46), (100, 100)]);
        assert!(super::runs([]).is_empty());
    }
}
