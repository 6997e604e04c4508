use std::collections::{HashMap, HashSet, VecDeque};

use gancho_facturascripts::{
    catalogue::{self, Kind as ModelKind},
    columns::Kind,
    resource::Resource,
    shape::Shape,
};
use gancho_model::{MonoTime, Record};
use serde_json::Value;

use super::{page_cursor::PageCursor, record_diff::RecordDiff};
use crate::key::key_text;

/// Ids may be committed late: records this recent are read again.
pub(super) const LATE_MS: i64 = 300_000;
/// Interval between checks for ids that were committed late.
const LATE_EVERY_MS: i64 = 30_000;
/// How long a list with changes has priority over others.
const NEWS_LASTS_MS: i64 = 300_000;
/// The factor of that priority.
const NEWS_WEIGHT: i64 = 3;

/// A polled list with its progress. Its decisions are pure: time is passed in.
#[derive(Debug)]
pub(crate) struct ListState {
    pub resource: Resource,
    /// The column types that the ERP reports: other plugins add columns.
    pub kinds: HashMap<String, Kind>,
    pub line_kinds: HashMap<String, Kind>,
    /// Whether it was empty at the first read.
    pub was_empty: bool,
    /// Whether it was read completely once: before that, its records are not changes.
    pub known: bool,
    /// The greatest key surely read, and those read recently: lower keys may still be committed.
    pub watermark: u64,
    pub recent_keys: VecDeque<(MonoTime, u64)>,
    /// Last polls for new records and for records committed late.
    pub looked_at: Option<MonoTime>,
    pub deep_at: Option<MonoTime>,
    /// When a change was last found in it.
    pub news_at: Option<MonoTime>,
    /// Something that was found must be read again.
    pub again: bool,
    /// Scans under way, at most one of each kind.
    pub scans: Vec<Scan>,
    /// New documents without lines or total: cycle and time at which they were first seen.
    pub half_made: HashMap<String, (u64, MonoTime)>,
    /// Since when a mass disappearance is suspected.
    pub suspected: Option<MonoTime>,
    /// Consecutive failures.
    pub fails: u32,
    /// After a failure: not read before this time.
    pub rests_until: Option<MonoTime>,
}

/// A scan of a list.
#[derive(Debug)]
pub(crate) struct Scan {
    pub cursor: PageCursor,
    pub kind: ScanKind,
    /// Reads only records of this day or later.
    pub since: Option<String>,
    /// Hashes of the keys found: a list of a million records takes a few megabytes.
    pub keys: HashSet<u64>,
    /// One of the keys found.
    pub example: Option<String>,
    /// Pages left in this cycle.
    pub pages: u32,
}

/// Why a list is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanKind {
    /// The first scan.
    Baseline,
    /// Records changed recently, according to a column.
    Touched,
    /// Documents of the last days.
    Recent,
    /// All records in turn, because no column shows changes.
    Rotation,
    /// The nightly scan.
    Full,
}

impl ListState {
    pub fn new(resource: Resource) -> Self {
        Self {
            resource,
            kinds: HashMap::new(),
            line_kinds: HashMap::new(),
            was_empty: false,
            known: false,
            watermark: 0,
            recent_keys: VecDeque::new(),
            looked_at: None,
            deep_at: None,
            news_at: None,
            again: false,
            scans: vec![],
            half_made: HashMap::new(),
            suspected: None,
            fails: 0,
            rests_until: None,
        }
    }

    /// A cursor through the whole list.
    pub fn cursor(&self) -> PageCursor {
        PageCursor::new(&self.resource.name, &self.resource.key)
    }

    /// Starts a scan, unless one of its kind is under way, which may continue.
    pub fn begin(&mut self, kind: ScanKind, cursor: PageCursor, since: Option<String>, pages: u32) {
        match self.scans.iter_mut().find(|scan| scan.kind == kind) {
            Some(scan) => scan.pages = pages,
            None => {
                let (keys, example) = (HashSet::new(), None);
                self.scans.push(Scan { cursor, kind, since, keys, example, pages });
            }
        }
    }

    /// Whether a scan of this kind can continue now.
    pub fn has(&self, kind: ScanKind, now: MonoTime) -> bool {
        !self.rests(now) && self.scans.iter().any(|scan| scan.kind == kind && scan.pages > 0)
    }

    /// Whether it failed recently and is skipped.
    pub fn rests(&self, now: MonoTime) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// Whether a scan of what may have changed is under way.
    pub fn is_scanned_for_changes(&self, now: MonoTime) -> bool {
        [ScanKind::Touched, ScanKind::Recent, ScanKind::Rotation].into_iter().any(|kind| self.has(kind, now))
    }

    /// Takes a scan out, to continue it.
    pub fn take(&mut self, kind: ScanKind) -> Option<Scan> {
        let place = self.scans.iter().position(|scan| scan.kind == kind)?;
        Some(self.scans.swap_remove(place))
    }

    /// A record's key.
    pub fn key_of(&self, record: &Record) -> Option<String> {
        record.get(&self.resource.key).map(key_text)
    }

    /// The column of lines that references their document.
    pub fn line_column(&self) -> &str {
        &self.resource.key
    }

    /// The normalized record.
    pub fn shaped(&self, shape: &Shape, record: Record) -> Record {
        shape.record(&self.resource.model, record, |column| self.kinds.get(column).copied())
    }

    /// A document with these lines.
    pub fn with_lines(&self, shape: &Shape, mut record: Record, lines: Vec<Record>) -> Record {
        let model = catalogue::find(&self.resource.model).and_then(|model| model.lines).unwrap_or_default();
        let shaped = |line| Value::Object(shape.record(model, line, |column| self.line_kinds.get(column).copied()));
        record.insert("lines".into(), lines.into_iter().map(shaped).collect());
        self.shaped(shape, record)
    }

    /// A record's day, `YYYY-MM-DD`.
    pub fn day_of(&self, shaped: &Record) -> Option<String> {
        shaped.get(self.resource.day?)?.as_str().map(ToOwned::to_owned)
    }

    /// The key after which records may be new.
    pub fn low(&self, now: MonoTime) -> u64 {
        let old = self.recent_keys.iter().filter(|(at, _)| now.since_ms(*at) >= LATE_MS).map(|(_, high)| *high);
        old.max().unwrap_or(0).max(self.watermark)
    }

    /// The greatest key read.
    fn high(&self, now: MonoTime) -> u64 {
        self.recent_keys.back().map(|(_, high)| *high).unwrap_or(0).max(self.low(now))
    }

    /// Records the greatest key of these records.
    pub fn note_highs(&mut self, rows: &[Record], now: MonoTime) {
        if !self.resource.serial {
            return;
        }
        let Some(key) = rows.iter().filter_map(|row| self.key_of(row)?.parse().ok()).max() else { return };
        while self.recent_keys.len() > 1 && now.since_ms(self.recent_keys[1].0) >= LATE_MS {
            self.recent_keys.pop_front();
        }
        if self.recent_keys.back().is_none_or(|(_, high)| *high < key) {
            self.recent_keys.push_back((now, key));
        }
    }

    /// Priority for polling: the time since the last poll, weighted if it changed recently.
    pub fn waits_ms(&self, now: MonoTime) -> i64 {
        let Some(looked_at) = self.looked_at else { return i64::MAX };
        let is_lively = self.news_at.is_some_and(|at| now.since_ms(at) < NEWS_LASTS_MS);
        now.since_ms(looked_at) * if is_lively { NEWS_WEIGHT } else { 1 }
    }

    /// The cursor for new records, and its maximum pages.
    pub fn new_records(&mut self, yesterday: &str, now: MonoTime) -> (PageCursor, u32) {
        self.looked_at = Some(now);
        let is_again = std::mem::take(&mut self.again);
        let is_deep = is_again || self.deep_at.is_none_or(|at| now.since_ms(at) >= LATE_EVERY_MS);
        match self.resource.born {
            _ if self.resource.serial && is_deep => {
                self.deep_at = Some(now);
                (self.cursor().beyond(self.low(now).to_string()), u32::MAX)
            }
            _ if self.resource.serial => (self.cursor().beyond(self.high(now).to_string()), u32::MAX),
            Some(born) => (self.cursor().only(&format!("{born}_gte"), yesterday), u32::MAX),
            // Users and roles are few: new ones are on the first page.
            None => (self.cursor(), 1),
        }
    }

    /// Defers new documents without lines or total for one more cycle and at least this long.
    pub fn hold_half_made(&mut self, found: &mut Vec<RecordDiff>, cycle: u64, least_ms: i64, now: MonoTime) {
        let mut half_made = std::mem::take(&mut self.half_made);
        found.retain(|diff| {
            let key = &diff.snapshot.key;
            let is_half =
                diff.is_new() && diff.snapshot.seen.as_ref().is_some_and(|seen| self.is_half_made(&seen.record));
            let (first, at) = *half_made.entry(key.clone()).or_insert((cycle, now));
            let is_told = !is_half || (first < cycle && now.since_ms(at) >= least_ms);
            if is_told {
                half_made.remove(key);
            }
            is_told
        });
        self.half_made = half_made;
    }

    /// Whether a document is incomplete: without lines, or with a total of 0.
    fn is_half_made(&self, record: &Record) -> bool {
        let no_lines = record.get("lines").and_then(Value::as_array).is_none_or(Vec::is_empty);
        self.resource.lines.is_some() && (no_lines || record.get("total").and_then(Value::as_f64) == Some(0.0))
    }

    /// Whether a mass disappearance has persisted this long; the first call records its start.
    pub fn is_missing_for(&mut self, long_ms: i64, now: MonoTime) -> bool {
        now.since_ms(*self.suspected.get_or_insert(now)) >= long_ms
    }

    /// Whether it contains users or their rights.
    pub fn is_of_people(&self) -> bool {
        let kind = catalogue::find(&self.resource.model).map(|model| model.kind);
        matches!(kind, Some(ModelKind::User | ModelKind::Permission)) || self.resource.model == "RoleUser"
    }
}

/// The lists to poll for these models; by default those of the catalogue. Lists needed to understand others come first.
pub(crate) fn lists(models: Option<&[String]>) -> Vec<Resource> {
    let asked: Vec<String> = match models {
        Some(models) => models.to_vec(),
        None => catalogue::MODELS.iter().map(|model| model.name.to_owned()).collect(),
    };
    let kind = |name: &String| catalogue::find(&Resource::of(name).model).map(|model| model.kind);
    let has = |of: fn(ModelKind) -> bool| asked.iter().filter_map(kind).any(of);
    let mut names: Vec<String> = vec![];
    if has(|kind| matches!(kind, ModelKind::Document { .. })) {
        names.push("EstadoDocumento".into());
    }
    if has(|kind| matches!(kind, ModelKind::User | ModelKind::Permission)) {
        names.extend(["User", "RoleUser"].map(ToOwned::to_owned));
    }
    names.extend(asked);
    let mut lists: Vec<Resource> = vec![];
    for resource in names.iter().map(|name| Resource::of(name)) {
        if !lists.iter().any(|list| list.model == resource.model) {
            lists.push(resource);
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(s: i64) -> MonoTime {
        MonoTime::from_ms(s * 1000)
    }

    #[test]
    fn documents_being_made() {
        let record = |value: Value| value.as_object().cloned().expect("an object");
        let list = ListState::new(Resource::of("FacturaCliente"));
        let is_half = |value| list.is_half_made(&record(value));
        assert!(is_half(json!({"total": 0, "lines": [{}]})) && is_half(json!({"total": 5, "lines": []})));
        assert!(!is_half(json!({"total": 5, "lines": [{}]})));
        assert!(!ListState::new(Resource::of("ReciboCliente")).is_half_made(&record(json!({"total": 0}))));
    }

    #[test]
    fn keys_may_be_committed_late() {
        let mut list = ListState::new(Resource::of("FacturaCliente"));
        let row = |key: u32| json!({"idfactura": key}).as_object().cloned().expect("an object");
        list.note_highs(&[row(7), row(9)], at(0));
        assert_eq!((list.low(at(10)), list.high(at(10))), (0, 9));
        assert_eq!(list.low(at(300)), 9, "who is later than that is not waited for");
        list.note_highs(&[row(12)], at(301));
        assert_eq!((list.low(at(302)), list.high(at(302))), (9, 12));
    }

    #[test]
    fn much_that_is_missing_must_be_so_for_a_while() {
        let mut list = ListState::new(Resource::of("Cliente"));
        assert!(!list.is_missing_for(300_000, at(0)) && !list.is_missing_for(300_000, at(299)));
        assert!(list.is_missing_for(300_000, at(300)));
    }

    #[test]
    fn what_must_be_known_comes_along() {
        let names = |models: &[&str]| -> Vec<String> {
            let models: Vec<String> = models.iter().map(|&model| model.to_owned()).collect();
            lists(Some(&models)).into_iter().map(|list| list.name).collect()
        };
        assert_eq!(names(&["clientes"]), ["clientes"]);
        assert_eq!(names(&["FacturaCliente", "facturascli"]), ["estadodocumentos", "facturaclientes"]);
        assert_eq!(names(&["Role"]), ["users", "roleusers", "roles"]);
        assert_eq!(lists(None).len(), catalogue::MODELS.len() + 1);
    }
}
