//! Composes change groups into changes of records: documents include their lines, and a changed line is an update of
//! its document (EVENTS rule 9).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use gancho_facturascripts::{columns::Kind, shape::Shape};
use gancho_model::{Change, ObjectKey, Operation, Origin, Record, Timestamp};
use serde_json::Value;

use super::outbox_row::OutboxRow;
use crate::{
    capture::{CapturePlan, CapturedTable},
    key::key_text,
};

/// A document: its table and key.
pub(crate) type Document = (String, String);

/// Documents and lines read when a group is submitted.
#[derive(Debug, Default)]
pub(crate) struct DocumentsRead {
    /// Lines by document.
    pub lines: HashMap<Document, Vec<Record>>,
    /// The documents themselves, if only lines changed.
    pub documents: HashMap<Document, Record>,
}

fn line_key(table: &CapturedTable, line: &Record) -> Option<String> {
    line.get(&table.key).map(key_text)
}

/// Composes rows into changes.
pub(crate) struct Composer<'a> {
    plan: &'a CapturePlan,
    shape: &'a Shape,
}

/// A change group's effects on one document.
#[derive(Default)]
struct Touched<'a> {
    /// The rows of the document itself.
    own: Vec<&'a OutboxRow>,
    /// The rows of its lines.
    lines: Vec<&'a OutboxRow>,
}

impl Touched<'_> {
    /// Who made the change, if the same for all rows.
    fn origin(&self) -> Option<Origin> {
        Origin::shared(self.own.iter().chain(&self.lines).map(|row| row.origin.as_ref()))
    }
}

impl<'a> Composer<'a> {
    pub fn new(plan: &'a CapturePlan, shape: &'a Shape) -> Self {
        Self { plan, shape }
    }

    /// The record that a row belongs to: for lines, their document.
    pub fn subject(&self, row: &OutboxRow) -> Option<Document> {
        let watched = self.plan.tables.get(&row.table)?;
        let record = row.after.as_ref().or(row.before.as_ref())?;
        Some(match &watched.document {
            Some((document, column)) => (document.clone(), key_text(record.get(column)?)),
            None => (row.table.clone(), key_text(record.get(&watched.key)?)),
        })
    }

    /// All records that a change group touches, to keep the order of groups per record.
    pub fn subjects(&self, rows: &[&OutboxRow]) -> HashSet<String> {
        rows.iter().filter_map(|row| self.subject(row)).map(|(table, key)| format!("{table}:{key}")).collect()
    }

    /// Whether a change group leaves a new document incomplete: without lines or with total 0.
    pub fn is_half_made(&self, rows: &[&OutboxRow]) -> bool {
        let new = |row: &&&OutboxRow| {
            row.operation == Operation::Insert
                && self.plan.tables.get(&row.table).is_some_and(|watched| watched.lines.is_some())
        };
        rows.iter().filter(new).filter_map(|row| self.subject(row)).any(|document| {
            let of = |row: &&&OutboxRow| self.subject(row).as_ref() == Some(&document);
            let has_lines = rows.iter().filter(of).any(|row| row.table != document.0 && row.after.is_some());
            let last = rows.iter().rev().filter(of).find(|row| row.table == document.0);
            let gone = last.is_some_and(|row| row.operation == Operation::Delete);
            let total = last.and_then(|row| number(row.after.as_ref()?.get("total")?));
            !gone && (!has_lines || total == Some(0.0))
        })
    }

    /// Documents whose lines must be read, and those that must be read themselves.
    pub fn needs(&self, change_groups: &[Vec<&OutboxRow>]) -> (BTreeSet<Document>, BTreeSet<Document>) {
        let (mut lines, mut documents) = (BTreeSet::new(), BTreeSet::new());
        for change_group in change_groups {
            for (document, touched) in self.touched(change_group) {
                // New documents' rows include their lines, except derived columns, which are written later.
                if touched.own.last().is_none_or(|row| row.operation != Operation::Delete) {
                    lines.insert(document.clone());
                    documents.insert(document);
                }
            }
        }
        (lines, documents)
    }

    /// The changes of a change_group, in order.
    pub fn changes(&self, name: &str, rows: &[&OutboxRow], read: &DocumentsRead) -> Vec<Change> {
        let mut touched = self.touched(rows);
        let mut out = vec![];
        for row in rows {
            let (Some(subject), Some(watched)) = (self.subject(row), self.plan.tables.get(&row.table)) else {
                continue;
            };
            match touched.get_mut(&subject) {
                // Lines belong to their document: placed at its last row, or instead of it.
                Some(document) if watched.document.is_some() => {
                    let is_last = document.lines.last().is_some_and(|last| last.id == row.id);
                    if document.own.is_empty() && is_last {
                        out.extend(self.lines_only(name, row, &subject, document, read));
                    }
                }
                Some(document) => {
                    let mut change = self.change(name, row, watched, &subject.1);
                    self.add_lines(&mut change, row, &subject, document, read);
                    change.origin = document.origin();
                    out.push(change);
                }
                None => out.push(self.change(name, row, watched, &subject.1)),
            }
        }
        out
    }

    /// A current record, a document with these lines in key order.
    pub fn whole(&self, watched: &CapturedTable, row: &Record, lines: &[Record]) -> Record {
        let mut record = self.shaped(watched, row);
        let table = watched.lines.as_ref().and_then(|(table, _)| self.plan.tables.get(table));
        if let Some(table) = table {
            let keyed = |line| Some((line_key(table, line)?, Value::Object(self.shaped(table, line))));
            let lines: BTreeMap<String, Value> = lines.iter().filter_map(keyed).collect();
            record.insert("lines".into(), lines.into_values().collect());
        }
        record
    }

    fn touched<'r>(&self, rows: &[&'r OutboxRow]) -> BTreeMap<Document, Touched<'r>> {
        let mut documents: BTreeMap<Document, Touched<'r>> = BTreeMap::new();
        for row in rows {
            let Some(watched) = self.plan.tables.get(&row.table) else { continue };
            let Some(subject) = self.subject(row) else { continue };
            if watched.document.is_some() {
                documents.entry(subject).or_default().lines.push(row);
            } else if watched.lines.is_some() {
                documents.entry(subject).or_default().own.push(row);
            }
        }
        documents
    }

    fn change(&self, change_group: &str, row: &OutboxRow, watched: &CapturedTable, key: &str) -> Change {
        let mut before = row.before.as_ref().map(|record| self.shaped(watched, record));
        let mut after = row.after.as_ref().map(|record| self.shaped(watched, record));
        for secret in &row.secrets {
            // The change of a secret is reported, its value stays in the ERP: intake drops these placeholders.
            for (side, stand_in) in [(&mut before, 0), (&mut after, 1)] {
                side.iter_mut().for_each(|record| drop(record.insert(secret.clone(), stand_in.into())));
            }
        }
        placed(
            change_group,
            row,
            Change {
                id: None,
                row: ObjectKey { model: watched.model.clone(), key: key.to_owned() },
                operation: row.operation,
                before,
                after,
                at: None,
                burst: None,
                session: None,
                origin: row.origin.clone(),
            },
        )
    }

    /// Adds lines to both sides of a document's own change: old lines to its first row, new lines to its last.
    fn add_lines(
        &self,
        change: &mut Change,
        row: &OutboxRow,
        document: &Document,
        touched: &Touched<'_>,
        read: &DocumentsRead,
    ) {
        let (first, last) = (touched.own.first(), touched.own.last());
        let is = |one: Option<&&OutboxRow>| one.is_some_and(|one| one.id == row.id);
        let gone = last.is_some_and(|last| last.operation == Operation::Delete);
        let (old, new) = self.lines(document, touched, read);
        if let Some(after) = change.after.as_mut().filter(|_| is(last)) {
            after.insert("lines".into(), new);
            if let Some((watched, read)) = self.plan.tables.get(&document.0).zip(read.documents.get(document)) {
                let now = self.shaped(watched, read);
                take_derived(watched, after, &now);
            }
        }
        let shows_old = if gone { is(last) } else { is(first) && !touched.lines.is_empty() };
        if let Some(before) = change.before.as_mut().filter(|_| shows_old) {
            before.insert("lines".into(), old);
        }
    }

    /// A document of which only lines changed.
    fn lines_only(
        &self,
        change_group: &str,
        row: &OutboxRow,
        document: &Document,
        touched: &Touched<'_>,
        read: &DocumentsRead,
    ) -> Option<Change> {
        let watched = self.plan.tables.get(&document.0)?;
        let record = self.shaped(watched, read.documents.get(document)?);
        let (old, new) = self.lines(document, touched, read);
        let with = |lines: Value| {
            let mut record = record.clone();
            record.insert("lines".into(), lines);
            Some(record)
        };
        let row_key = ObjectKey { model: watched.model.clone(), key: document.1.clone() };
        let (before, after) = (with(old), with(new));
        let operation = Operation::Update;
        Some(placed(
            change_group,
            row,
            Change {
                id: None,
                row: row_key,
                operation,
                before,
                after,
                at: None,
                burst: None,
                session: None,
                origin: touched.origin(),
            },
        ))
    }

    /// A document's lines before and after a change group.
    fn lines(&self, document: &Document, touched: &Touched<'_>, read: &DocumentsRead) -> (Value, Value) {
        let Some(watched) = self.plan.tables.get(&document.0).and_then(|document| document.lines.as_ref()) else {
            return (Value::Null, Value::Null);
        };
        let Some(lines) = self.plan.tables.get(&watched.0) else { return (Value::Null, Value::Null) };
        let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
        for row in &touched.lines {
            let record = row.before.as_ref().or(row.after.as_ref());
            let Some(key) = record.and_then(|record| record.get(&lines.key)).map(key_text) else { continue };
            first.entry(key.clone()).or_insert(row.before.as_ref());
            last.insert(key, row.after.as_ref());
        }
        let made = touched.own.iter().any(|row| row.operation == Operation::Insert);
        let gone = touched.own.last().is_some_and(|row| row.operation == Operation::Delete);
        let now: BTreeMap<String, &Record> = match read.lines.get(document).filter(|_| !made && !gone) {
            Some(lines_read) => {
                let keyed = |line: &'_ Record| line.get(&lines.key).map(key_text);
                lines_read.iter().filter_map(|line| Some((keyed(line)?, line))).collect()
            }
            // Created or deleted in the group, which then contains all of its lines.
            None => last.iter().filter_map(|(key, after)| Some((key.clone(), (*after)?))).collect(),
        };
        let mut before = now.clone();
        for (key, record) in first {
            match record {
                Some(record) => before.insert(key, record),
                None => before.remove(&key),
            };
        }
        let list = |records: BTreeMap<String, &Record>| {
            records.into_values().map(|line| Value::Object(self.shaped(lines, line))).collect()
        };
        let derived = |now: BTreeMap<String, &Record>| {
            let keyed = |line| Some((key_text(Record::get(line, &lines.key)?), line));
            let as_read: BTreeMap<String, &Record> =
                read.lines.get(document).into_iter().flatten().filter_map(keyed).collect();
            let line = |(key, line): (String, &Record)| {
                let mut line = line.clone();
                as_read.get(&key).into_iter().for_each(|read| take_derived(lines, &mut line, read));
                Value::Object(self.shaped(lines, &line))
            };
            now.into_iter().map(line).collect()
        };
        (list(before), derived(now))
    }

    /// The normalized record, by the column types of the database.
    pub fn shaped(&self, watched: &CapturedTable, record: &Record) -> Record {
        let of = |column: &str| watched.columns.iter().find(|(name, _)| name == column);
        self.shape.record(&watched.model, record.clone(), |column| of(column).map(|(_, name)| Kind::of_database(name)))
    }
}

/// Copies current values of columns that the ERP derives, such as a line's stock effect: triggers ignore them.
fn take_derived(watched: &CapturedTable, record: &mut Record, now: &Record) {
    for column in watched.ignored() {
        if let Some(value) = now.get(column) {
            record.insert(column.to_owned(), value.clone());
        }
    }
}

/// Adds the group and the time.
fn placed(change_group: &str, row: &OutboxRow, change: Change) -> Change {
    Change { burst: Some(change_group.to_owned()), at: Some(Timestamp::from_ms(row.at_ms)), ..change }
}

/// A row's unique name among all rows ever.
pub(crate) fn row_name(row: &OutboxRow) -> String {
    format!("{}-{}", row.mark, row.id)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
