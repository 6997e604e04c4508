//! SQLite as source or target of a copy.

use std::path::Path;

use async_trait::async_trait;
use gancho_model::Rng;
use rusqlite::{
    Connection, OptionalExtension, params_from_iter,
    types::{ToSql, ToSqlOutput, ValueRef},
};

use super::{FILE, OpenError, numbers, schema};
use crate::{
    side::{
        Side,
        table::{Column, CopiedTable},
        value::{ColumnKind, Row, Value},
    },
    vault::Vault,
};

/// The key in `meta` that marks an incomplete copy.
pub(super) const MARK: &str = "copying";

/// An open database with its reading position.
pub(crate) struct SqliteSide {
    db: Connection,
    reads: Option<(&'static CopiedTable, Option<Vec<Value>>)>,
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Nothing => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl SqliteSide {
    /// Opens the database of a data dir and migrates it, or creates it.
    pub fn open(data_dir: &Path, vault: &Vault, rng: &dyn Rng) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE);
        if !path.exists() {
            schema::create(&path)?;
        }
        let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.clone(), why: error.to_string() };
        let mut db = Connection::open(&path).map_err(unusable)?;
        schema::prepare(&db, 0).map_err(unusable)?;
        schema::migrate(&mut db, &path, vault, rng)?;
        numbers::keep_numbers(&db).map_err(unusable)?;
        Ok(Self { db, reads: None })
    }

    fn page(&self, table: &'static CopiedTable, after: Option<&[Value]>, limit: usize) -> rusqlite::Result<Vec<Row>> {
        let names =
            |columns: &'static [Column]| columns.iter().map(|column| column.sqlite).collect::<Vec<_>>().join(", ");
        let (key, all) = (names(&table.columns[..table.key]), names(table.columns));
        let places: Vec<String> = (1..=table.key).map(|n| format!("?{n}")).collect();
        let own = format!("({key}) > ({})", places.join(", "));
        let (greater, order) = table.sqlite_key.unwrap_or((&own, &key));
        let greater = if after.is_some() { greater } else { "true" };
        let (name, only) = (table.name, table.only);
        let select = format!("SELECT {all} FROM {name} WHERE {only} AND {greater} ORDER BY {order} LIMIT {limit}");
        let mut statement = self.db.prepare_cached(&select)?;
        let found = statement.query_map(params_from_iter(after.unwrap_or_default()), |row| {
            (0..table.columns.len()).map(|n| Ok(value(row.get_ref(n)?, &table.columns[n]))).collect()
        })?;
        found.collect()
    }

    fn insert(&mut self, table: &'static CopiedTable, rows: &[Row]) -> rusqlite::Result<()> {
        let names: Vec<&str> = table.columns.iter().map(|column| column.sqlite).collect();
        let places: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let own =
            format!("INSERT OR REPLACE INTO {} ({}) VALUES ({})", table.name, names.join(", "), places.join(", "));
        let transaction = self.db.transaction()?;
        {
            let mut insert = transaction.prepare_cached(table.sqlite_insert.unwrap_or(&own))?;
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        transaction.commit()
    }
}

/// Text stored as a blob is still read as text.
fn value(found: ValueRef<'_>, column: &Column) -> Value {
    match (found, column.kind) {
        (ValueRef::Null, _) => Value::Nothing,
        (ValueRef::Integer(number), _) => Value::Number(number),
        (ValueRef::Real(number), _) => Value::Number(number as i64),
        (ValueRef::Text(bytes) | ValueRef::Blob(bytes), ColumnKind::Bytes) => Value::Bytes(bytes.to_vec()),
        // PostgreSQL can't store U+0000.
        (ValueRef::Text(bytes) | ValueRef::Blob(bytes), _) => {
            Value::Text(String::from_utf8_lossy(bytes).replace('\0', "\u{FFFD}"))
        }
    }
}

fn said(error: rusqlite::Error) -> String {
    format!("SQLite: {error}")
}

#[async_trait]
impl Side for SqliteSide {
    async fn is_in_use(&mut self) -> Result<bool, String> {
        // The copying process holds the lock of the data dir.
        Ok(false)
    }

    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, String> {
        let select = format!("SELECT count(*) FROM {} WHERE {}", table.name, table.only);
        self.db.query_row(&select, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs).map_err(said)
    }

    async fn open(&mut self, table: &'static CopiedTable, after: Option<Vec<Value>>) -> Result<(), String> {
        self.reads = Some((table, after));
        Ok(())
    }

    async fn next(&mut self, limit: usize) -> Result<Vec<Row>, String> {
        let Some((table, after)) = self.reads.take() else { return Ok(vec![]) };
        let rows = self.page(table, after.as_deref(), limit).map_err(said)?;
        self.reads = rows.last().map(|last| (table, Some(last[..table.key].to_vec())));
        Ok(rows)
    }

    async fn last_key(&mut self, table: &'static CopiedTable) -> Result<Option<Vec<Value>>, String> {
        let key: Vec<&str> = table.columns[..table.key].iter().map(|column| column.sqlite).collect();
        let order: Vec<String> = key.iter().map(|name| format!("{name} DESC")).collect();
        let select = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", key.join(", "), table.name, order.join(", "));
        let read = |row: &rusqlite::Row<'_>| {
            (0..table.key).map(|n| Ok(value(row.get_ref(n)?, &table.columns[n]))).collect::<rusqlite::Result<Vec<_>>>()
        };
        self.db.query_row(&select, [], read).optional().map_err(said)
    }

    async fn write(&mut self, table: &'static CopiedTable, rows: Vec<Row>) -> Result<(), String> {
        self.insert(table, &rows).map_err(said)
    }

    async fn is_marked(&mut self) -> Result<bool, String> {
        is_copy_in_parts(&self.db).map_err(said)
    }

    async fn mark(&mut self, is_whole: bool) -> Result<(), String> {
        let change =
            if is_whole { "DELETE FROM meta WHERE name = ?1" } else { "INSERT OR REPLACE INTO meta VALUES (?1, 1)" };
        self.db.execute(change, [MARK]).map(drop).map_err(said)
    }
}

/// Whether this database holds an incomplete copy.
pub(super) fn is_copy_in_parts(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM meta WHERE name = ?1)", [MARK], |row| row.get(0))
}
