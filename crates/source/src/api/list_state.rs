use std::collections::{HashMap, HashSet, VecDeque};

use gancho_facturascripts::{
    catalogue::{self, Kind as ModelKind},
    columns::Kind,
    resource::Resource,
    shape::Shape,
};
use gancho_model::Record;
use serde_json::Value;
use tokio::time::Instant;

use super::page_cursor::PageCursor;
use crate::database::key_text;

/// A list that is watched, and how far.
#[derive(Debug)]
pub(crate) struct ListState {
    pub resource: Resource,
    /// The kinds of columns, as the ERP says: other plugins add some.
    pub kinds: HashMap<String, Kind>,
    pub line_kinds: HashMap<String, Kind>,
    /// Whether it was empty when it was read first.
    pub was_empty: bool,
    /// Whether it was read once from end to end: before, nothing in it is diffs.
    pub known: bool,
    /// The greatest key that surely was seen, and those seen lately: lower ones may still be committed.
    pub watermark: u64,
    pub recent_keys: VecDeque<(Instant, u64)>,
    /// When it was looked at for new records last, and when for those committed late.
    pub looked_at: Option<Instant>,
    pub deep_at: Option<Instant>,
    /// When something new or changed was found in it last.
    pub news_at: Option<Instant>,
    /// Something that was found waits to be read once more.
    pub again: bool,
    /// Readings that are under way, at most one of each kind.
    pub scans: Vec<Scan>,
    /// New documents without lines or total: the cycle and the moment in which they were seen so first.
    pub half_made: HashMap<String, (u64, Instant)>,
    /// Since when so much is missing that it is not believed at once.
    pub suspected: Option<Instant>,
    /// How often in a row it could not be read.
    pub fails: u32,
    /// It could not be read: not before then.
    pub rests_until: Option<Instant>,
}

/// A reading of a list.
#[derive(Debug)]
pub(crate) struct Scan {
    pub cursor: PageCursor,
    pub kind: ScanKind,
    /// Only records of this day or later are read.
    pub since: Option<String>,
    /// Hashes of the keys that were there: a list of a million records is remembered in a few megabytes.
    pub keys: HashSet<u64>,
    /// A key that was there.
    pub example: Option<String>,
    /// Pages that may be read before the next cycle.
    pub pages: u32,
}

/// Why a list is scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanKind {
    /// For the first time.
    Baseline,
    /// What was changed lately, as far as a column tells that.
    Touched,
    /// The documents of the last days.
    Recent,
    /// Because nothing else shows what changed.
    Rotation,
    /// Every night.
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

    /// Through all of it.
    pub fn cursor(&self) -> PageCursor {
        PageCursor::new(&self.resource.name, &self.resource.key)
    }

    /// Begins a reading, unless one of its kind is under way, which may go on.
    pub fn begin(&mut self, kind: ScanKind, cursor: PageCursor, since: Option<String>, pages: u32) {
        match self.scans.iter_mut().find(|scan| scan.kind == kind) {
            Some(scan) => scan.pages = pages,
            None => {
                let (keys, example) = (HashSet::new(), None);
                self.scans.push(Scan { cursor, kind, since, keys, example, pages });
            }
        }
    }

    /// Whether a reading of this kind can go on now.
    pub fn has(&self, kind: ScanKind, now: Instant) -> bool {
        let rests = self.rests_until.is_some_and(|until| now < until);
        !rests && self.scans.iter().any(|scan| scan.kind == kind && scan.pages > 0)
    }

    /// Takes a reading out, to go on with it.
    pub fn take(&mut self, kind: ScanKind) -> Option<Scan> {
        let place = self.scans.iter().position(|scan| scan.kind == kind)?;
        Some(self.scans.swap_remove(place))
    }

    /// A record's key.
    pub fn key_of(&self, record: &Record) -> Option<String> {
        record.get(&self.resource.key).map(key_text)
    }

    /// The column of lines that names their document.
    pub fn line_column(&self) -> &str {
        &self.resource.key
    }

    /// A record in its one shape.
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

    /// The day that a record is of, `YYYY-MM-DD`.
    pub fn day_of(&self, shaped: &Record) -> Option<String> {
        shaped.get(self.resource.day?)?.as_str().map(ToOwned::to_owned)
    }
}

/// The lists to watch for these models; those of the catalogue if none are named. What must be known
/// to understand them comes first.
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
    use super::*;

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
