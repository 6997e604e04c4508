use std::collections::BTreeMap;

use gancho_facturascripts::{
    columns::{self, Kind},
    secrets,
};
use gancho_model::Record;
use serde_json::{Map, Value, json};

use crate::Engine;

/// Records of one model, in key order.
pub(super) struct Table {
    pub model: &'static str,
    pub key: &'static str,
    pub columns: BTreeMap<String, Kind>,
    pub rows: BTreeMap<Key, Record>,
}

/// Numbers before texts, each in their own order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Number(i64),
    Text(String),
}

impl Table {
    pub fn new(table: &columns::Table) -> Self {
        let columns = table.columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
        let table = columns::find(table.model).expect("a table that we know");
        Self { model: table.model, key: table.key, columns: columns.collect(), rows: BTreeMap::new() }
    }

    pub fn put(&mut self, record: Record) {
        let key = self.key_of(&record);
        let mut whole: Record = self.columns.keys().map(|name| (name.clone(), Value::Null)).collect();
        whole.extend(record);
        self.rows.insert(key, whole);
    }

    pub fn set(&mut self, key: &str, columns: Record) {
        let key = self.key(key);
        self.rows.get_mut(&key).expect("the record is there").extend(columns);
    }

    pub fn remove(&mut self, key: &str) {
        let key = self.key(key);
        self.rows.remove(&key).expect("the record was there");
    }

    pub fn fill(&mut self, records: Vec<Record>) {
        self.rows.clear();
        records.into_iter().for_each(|record| self.put(record));
    }

    pub fn add_column(&mut self, name: &str, kind: Kind) {
        self.columns.insert(name.to_owned(), kind);
        self.rows.values_mut().for_each(|row| drop(row.insert(name.to_owned(), Value::Null)));
    }

    pub fn key(&self, text: &str) -> Key {
        match (self.columns.get(self.key), text.parse()) {
            (Some(Kind::Int), Ok(number)) => Key::Number(number),
            _ => Key::Text(text.to_owned()),
        }
    }

    fn key_of(&self, record: &Record) -> Key {
        match &record[self.key] {
            Value::String(text) => self.key(text),
            other => self.key(&other.to_string()),
        }
    }

    /// Whether a column may be read and filtered by.
    pub fn shows(&self, column: &str) -> bool {
        self.columns.contains_key(column) && !secrets::is_secret(self.model, column)
    }

    /// A record in the API's format.
    pub fn written(&self, engine: Engine, row: &Record) -> Value {
        let shown = row.iter().filter(|(name, _)| self.shows(name));
        let value = |(name, value): (&String, &Value)| {
            let written = match (self.columns[name], value.as_str()) {
                (Kind::Date, Some(day)) => json!(turned(day)),
                (Kind::Timestamp, Some(at)) if engine == Engine::MariaDb => match at.split_once(' ') {
                    Some((day, hour)) => json!(format!("{} {hour}", turned(day))),
                    None => value.clone(),
                },
                _ => value.clone(),
            };
            (name.clone(), written)
        };
        Value::Object(shown.map(value).collect())
    }

    /// The columns' types as the database names them.
    pub fn schema(&self, engine: Engine) -> Value {
        let mariadb = engine == Engine::MariaDb;
        let name = |kind| match kind {
            Kind::Text if mariadb => "varchar(100)",
            Kind::Text => "character varying(100)",
            Kind::Int if mariadb => "int(11)",
            Kind::Int => "integer",
            Kind::Number if mariadb => "double",
            Kind::Number => "double precision",
            Kind::Bool if mariadb => "tinyint(1)",
            Kind::Bool => "boolean",
            Kind::Date => "date",
            Kind::Time if mariadb => "time",
            Kind::Time => "time without time zone",
            Kind::Timestamp if mariadb => "timestamp",
            Kind::Timestamp => "timestamp without time zone",
        };
        let shown = self.columns.iter().filter(|(column, _)| self.shows(column));
        let facts = |(column, kind): (&String, &Kind)| {
            (column.clone(), json!({"type": name(*kind), "default": null, "is_nullable": "YES"}))
        };
        Value::Object(shown.map(facts).collect::<Map<_, _>>())
    }
}

/// `2026-11-25` as `25-11-2026`, and back.
pub(super) fn turned(day: &str) -> String {
    day.split('-').rev().collect::<Vec<_>>().join("-")
}
