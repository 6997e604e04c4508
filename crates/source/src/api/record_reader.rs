//! Records that were read are compared, told and kept.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use gancho_model::{ObjectKey, Record};
use gancho_store::RecordSnapshot;
use tokio::time::{Duration, Instant};

use super::{
    ApiError, PageCursor,
    compare::{self, RecordDiff},
    list_state::{Scan, ScanKind},
    poller::SourceError,
    scanner::{ApiScanner, learn_kinds},
};
use crate::database::key_text;

/// Found changes told together.
pub(super) const TELL: usize = 500;
/// Keys looked up together.
pub(super) const KEYS: u32 = 1000;
/// Documents whose numbers are at most so far apart have their lines read together.
const GAP: u64 = 20;
/// The least that a document being made is waited for.
const HALF_MADE: Duration = Duration::from_secs(10);
/// A payment may be seen before its receipt: so many looks in all.
const FOLLOW: u8 = 2;
/// Models of payments, each with that of its receipts and that of their invoices.
const PAYMENTS: [(&str, &str, &str); 2] =
    [("PagoCliente", "ReciboCliente", "FacturaCliente"), ("PagoProveedor", "ReciboProveedor", "FacturaProveedor")];

/// Keys are remembered by a hash.
pub(super) fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl ApiScanner<'_> {
    /// Goes on with a reading, so many pages. A page that fails is read again.
    pub async fn slice(&mut self, place: usize, kind: ScanKind, pages: u32) -> Result<(), SourceError> {
        for _ in 0..pages {
            let Some(mut scan) = self.lists[place].take(kind) else { return Ok(()) };
            let before = scan.cursor.clone();
            if scan.pages == 0 {
                self.lists[place].scans.push(scan);
                return Ok(());
            }
            if let Err(error) = self.page(place, &mut scan).await {
                scan.cursor = before;
                self.lists[place].scans.push(scan);
                return Err(error);
            }
            self.lists[place].fails = 0;
            if scan.cursor.ended {
                return self.ended(place, scan).await;
            }
            scan.pages -= 1;
            self.lists[place].scans.push(scan);
        }
        Ok(())
    }

    async fn page(&mut self, place: usize, scan: &mut Scan) -> Result<(), SourceError> {
        let rows = scan.cursor.page(&mut self.client, self.poller.options.page_rows).await?;
        for key in rows.iter().filter_map(|row| self.lists[place].key_of(row)) {
            scan.keys.insert(hash(&key));
            scan.example = Some(key);
        }
        match scan.kind {
            ScanKind::Baseline => self.take_quietly(place, rows).await,
            _ => self.take(place, rows).await,
        }
    }

    async fn ended(&mut self, place: usize, scan: Scan) -> Result<(), SourceError> {
        match scan.kind {
            ScanKind::Baseline if !scan.cursor.whole && self.client.counts => {
                // What is left out now would be told as made later.
                let list = &mut self.lists[place];
                list.begin(ScanKind::Baseline, list.cursor(), None, u32::MAX);
                Err(ApiError::Unreadable("a list ends too early").into())
            }
            ScanKind::Baseline if scan.keys.is_empty() && !self.lists[place].was_empty => {
                // Wrong SQL is answered with nothing, too: once more.
                let list = &mut self.lists[place];
                list.was_empty = true;
                list.begin(ScanKind::Baseline, list.cursor(), None, u32::MAX);
                Ok(())
            }
            ScanKind::Baseline => self.baseline_ended(place).await,
            ScanKind::Touched => Ok(()),
            ScanKind::Recent | ScanKind::Rotation | ScanKind::Full if scan.cursor.whole => {
                self.missing(place, &scan).await
            }
            ScanKind::Recent | ScanKind::Rotation | ScanKind::Full => Ok(()),
        }
    }

    /// Reads along a cursor, at most so many pages.
    pub async fn read_along(&mut self, place: usize, mut cursor: PageCursor, pages: u32) -> Result<(), SourceError> {
        for _ in 0..pages {
            if cursor.ended {
                break;
            }
            let rows = cursor.page(&mut self.client, self.poller.options.page_rows).await?;
            self.take(place, rows).await?;
        }
        Ok(())
    }

    /// Compares records that were read with what was seen of them.
    pub async fn take(&mut self, place: usize, rows: Vec<Record>) -> Result<(), SourceError> {
        self.note_highs(place, &rows);
        // Whatever cuts this short, it is read once more.
        let was_again = std::mem::replace(&mut self.lists[place].again, true);
        let (mut found, all) = self.compare(place, rows.clone()).await?;
        let count = found.len();
        if self.lists[place].resource.lines.is_some() && !found.is_empty() {
            let steady = self.steady(place, &rows, &found).await?;
            found.retain(|diffs| steady.contains(&diffs.snapshot.key));
        }
        self.wait_for_half_made(place, &mut found);
        self.lists[place].again = was_again || !all || found.len() < count;
        if count > 0 {
            self.lists[place].news_at = Some(Instant::now());
        }
        self.diffs.extend(found);
        if self.diffs.len() >= TELL { self.flush().await } else { Ok(()) }
    }

    fn note_highs(&mut self, place: usize, rows: &[Record]) {
        let list = &mut self.lists[place];
        if list.resource.serial {
            let high = rows.iter().filter_map(|row| list.key_of(row)?.parse().ok()).max();
            high.iter().for_each(|high| list.note_high(Instant::now(), *high));
        }
    }

    /// Keeps records of a list that is read for the first time: nothing in it is diffs. What came
    /// after the beginning is left for the next look, which tells it.
    async fn take_quietly(&mut self, place: usize, rows: Vec<Record>) -> Result<(), SourceError> {
        if self.lists[place].watermark == u64::MAX {
            self.note_highs(place, &rows);
        }
        let (found, all) = self.compare(place, rows).await?;
        if !all {
            return Err(ApiError::Unreadable("a list of lines is cut").into());
        }
        let list = &self.lists[place];
        let (serial, watermark) = (list.resource.serial, list.watermark);
        let is_old =
            |diffs: &RecordDiff| !serial || diffs.snapshot.key.parse::<u64>().is_ok_and(|key| key <= watermark);
        self.diffs.extend(found.into_iter().filter(is_old).map(|diffs| RecordDiff { change: None, ..diffs }));
        self.flush().await
    }

    /// What differs from what was seen; and whether all records could be compared.
    async fn compare(&mut self, place: usize, rows: Vec<Record>) -> Result<(Vec<RecordDiff>, bool), SourceError> {
        let list = &self.lists[place];
        let is_odd = |column: &String| !list.kinds.contains_key(column);
        if !list.kinds.is_empty() && rows.first().is_some_and(|row| row.keys().any(is_odd)) {
            learn_kinds(&mut self.client, &mut self.lists[place]).await?;
        }
        let count = rows.len();
        let rows = self.with_lines(place, rows).await?;
        let all = rows.len() == count;
        let keys = rows.keys().cloned().collect();
        let model = self.lists[place].resource.model.clone();
        let seen = self.poller.store.seen(self.poller.source.id, &model, keys).await.map_err(SourceError::ours)?;
        let mut seen: HashMap<String, RecordSnapshot> = seen.into_iter().map(|seen| (seen.key.clone(), seen)).collect();
        // Found in this cycle already, and not kept yet.
        for snapshot in self.diffs.iter().map(|diffs| &diffs.snapshot).filter(|snapshot| snapshot.model == model) {
            match &snapshot.seen {
                Some(now) => drop(seen.insert(snapshot.key.clone(), now.clone())),
                None => drop(seen.remove(&snapshot.key)),
            }
        }
        let list = &self.lists[place];
        let compare = |(key, row): (String, Record)| compare::compare_record(list, &key, seen.remove(&key), row);
        Ok((rows.into_iter().filter_map(compare).collect(), all))
    }

    /// Records in their one shape, documents with their lines, by key. Documents whose lines do not come
    /// whole are left for the next cycle.
    async fn with_lines(&mut self, place: usize, rows: Vec<Record>) -> Result<BTreeMap<String, Record>, SourceError> {
        let list = &self.lists[place];
        let keyed = rows.into_iter().filter_map(|row| Some((list.key_of(&row)?, row)));
        let Some(lines) = list.resource.lines.clone() else {
            return Ok(keyed.map(|(key, row)| (key, list.shaped(&self.shape, row))).collect());
        };
        let mut rows: BTreeMap<u64, Record> = keyed.filter_map(|(key, row)| Some((key.parse().ok()?, row))).collect();
        let column = list.line_column().to_owned();
        let mut by_document: HashMap<u64, Vec<Record>> = HashMap::new();
        for (first, last) in runs(rows.keys().copied()) {
            let cursor = PageCursor::new(&lines, "idlinea");
            let cursor = cursor.only(&format!("{column}_gte"), first.to_string());
            let mut cursor = cursor.only(&format!("{column}_lte"), last.to_string());
            while !cursor.ended {
                for line in cursor.page(&mut self.client, self.poller.options.page_rows).await? {
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
        let list = &self.lists[place];
        let with = |(key, row): (u64, Record)| {
            let lines = by_document.remove(&key).unwrap_or_default();
            (key.to_string(), list.with_lines(&self.shape, row, lines))
        };
        Ok(rows.into_iter().map(with).collect())
    }

    /// Documents that still look as they did before their lines were read, and of which no line is there
    /// that was not shown: the others are being worked on, and are for the next cycle.
    async fn steady(
        &mut self,
        place: usize,
        rows: &[Record],
        found: &[RecordDiff],
    ) -> Result<HashSet<String>, SourceError> {
        let list = &self.lists[place];
        let first: HashMap<String, &Record> = rows.iter().filter_map(|row| Some((list.key_of(row)?, row))).collect();
        let changed: BTreeSet<u64> = found.iter().filter_map(|diff| diff.snapshot.key.parse().ok()).collect();
        let mut steady = HashSet::new();
        for (low, high) in runs(changed) {
            let list = &self.lists[place];
            let key = &list.resource.key;
            let cursor = list.cursor().only(&format!("{key}_gte"), low.to_string());
            let cursor = cursor.only(&format!("{key}_lte"), high.to_string());
            let again = cursor.all(&mut self.client, self.poller.options.page_rows).await?;
            let list = &self.lists[place];
            for row in again {
                let key = list.key_of(&row).unwrap_or_default();
                if first.get(&key) == Some(&&row) {
                    steady.insert(key);
                }
            }
        }
        let lines = self.lists[place].resource.lines.clone().unwrap_or_default();
        for diffs in found {
            let Some(line) = compare::missing_line(diffs) else { continue };
            if self.client.one(&lines, &line).await?.is_some() {
                steady.remove(&diffs.snapshot.key);
            }
        }
        Ok(steady)
    }

    /// New documents without lines or total get one more cycle.
    fn wait_for_half_made(&mut self, place: usize, found: &mut Vec<RecordDiff>) {
        // Who looks all the time, as tests do, is not to wait.
        let is_patient = self.poller.options.new_every >= Duration::from_secs(1);
        let (cycle, least) = (self.cycle, if is_patient { HALF_MADE } else { Duration::ZERO });
        let list = &mut self.lists[place];
        let mut half_made = std::mem::take(&mut list.half_made);
        found.retain(|diffs| {
            let key = &diffs.snapshot.key;
            let is_half = diffs.is_new()
                && diffs.snapshot.seen.as_ref().is_some_and(|seen| compare::is_half_made(list, &seen.record));
            let (first, at) = *half_made.entry(key.clone()).or_insert_with(|| (cycle, Instant::now()));
            let is_told = !is_half || (first < cycle && at.elapsed() >= least);
            if is_told {
                half_made.remove(key);
            }
            is_told
        });
        list.half_made = half_made;
    }

    /// A payment changes its receipt, and that its invoice: they are read at once, whatever their day.
    pub async fn follow_payments(&mut self) -> Result<(), SourceError> {
        for (payment, receipt, _) in PAYMENTS {
            for key in self.found(payment, "idrecibo") {
                self.follow.insert((receipt, key), FOLLOW);
            }
        }
        let due: Vec<(&'static str, String)> = self.follow.keys().cloned().collect();
        for (receipt, key) in due {
            let invoice = self.read_again(receipt, &key, "idfactura").await?;
            let model = PAYMENTS.iter().find(|(_, of, _)| *of == receipt).map(|(_, _, invoice)| *invoice);
            if let (Some(model), Some(invoice)) = (model, invoice) {
                self.read_again(model, &invoice, "").await?;
            }
            if let Some(left) = self.follow.get_mut(&(receipt, key.clone())) {
                *left -= 1;
                if *left == 0 {
                    self.follow.remove(&(receipt, key));
                }
            }
        }
        Ok(())
    }

    /// What records of a model that were found in this cycle say in a column.
    fn found(&self, model: &str, column: &str) -> HashSet<String> {
        let of = self.diffs.iter().filter(|diff| diff.snapshot.model == model && diff.change.is_some());
        of.filter_map(|diff| diff.snapshot.seen.as_ref()?.record.get(column).map(key_text)).collect()
    }

    /// Reads one record by its own address; returns what it says in a column.
    async fn read_again(&mut self, model: &str, key: &str, column: &str) -> Result<Option<String>, SourceError> {
        let Some(place) = self.lists.iter().position(|list| list.known && list.resource.model == model) else {
            return Ok(None);
        };
        let name = self.lists[place].resource.name.clone();
        let Some(record) = self.client.one(&name, key).await? else { return Ok(None) };
        let message = record.get(column).map(key_text);
        self.take(place, vec![record]).await?;
        Ok(message)
    }

    /// What must be known before changes can be understood.
    pub async fn learn(&mut self, place: usize) -> Result<(), SourceError> {
        let model = self.lists[place].resource.model.clone();
        if !gancho_facturascripts::ReferenceData::is_remembered(&model) {
            return Ok(());
        }
        let (store, source) = (&self.poller.store, self.poller.source.id);
        let mut after = None;
        loop {
            let keys = store.seen_keys(source, &model, None, after.clone(), KEYS).await.map_err(SourceError::ours)?;
            let Some(last) = keys.last().cloned() else { return Ok(()) };
            after = Some(last);
            let seen = store.seen(source, &model, keys).await.map_err(SourceError::ours)?;
            let row = |seen: RecordSnapshot| (ObjectKey { model: model.clone(), key: seen.key }, seen.record);
            self.poller.intake.learn(source, seen.into_iter().map(row).collect()).await.map_err(SourceError::ours)?;
        }
    }

    /// Tells what was found, and keeps how it looks in the same transaction.
    pub async fn flush(&mut self) -> Result<(), SourceError> {
        let source = self.poller.source.id;
        let (told, noted): (Vec<&RecordDiff>, Vec<&RecordDiff>) =
            self.diffs.iter().partition(|diff| diff.change.is_some());
        if !told.is_empty() {
            let changes = told.iter().filter_map(|diff| diff.change.clone()).collect();
            let snapshots = told.iter().map(|diff| diff.snapshot.clone()).collect();
            self.poller.intake.found(source, changes, snapshots).await.map_err(SourceError::ours)?;
        }
        if !noted.is_empty() {
            let snapshots = noted.iter().map(|diff| diff.snapshot.clone()).collect();
            self.poller.store.keep_seen(source, snapshots).await.map_err(SourceError::ours)?;
        }
        self.diffs.clear();
        Ok(())
    }
}

/// Numbers in runs without great gaps: the first and last of each.
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
