//! PostgreSQL as source or target of a copy.

use std::time::Duration;

use async_trait::async_trait;
use gancho_model::Timestamp;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    Db, OpenError, address, connector, numbers,
    partition::{COUNTED_BITS, Partitions},
    schema, waiting,
};
use crate::{
    side::{
        Side,
        table::{Column, CopiedTable, TABLES},
        value::{ColumnKind, Row, Value},
    },
    vault::Vault,
};

/// The key in `about` that marks an incomplete copy.
const MARK: &str = "copying";

/// The counter bits of a delivery's number.
const COUNTED: i64 = (1 << COUNTED_BITS) - 1;
/// Index of `arrived_at` in an event's row.
const ARRIVED_AT: usize = 4;

/// Longer than a node counts as active after it left.
const JUST_ENDED: Duration = Duration::from_millis(1_500);

/// A connection with its open cursor.
pub(crate) struct PostgresSide {
    db: Db,
    partitions: Partitions,
    /// Whether partitions for the past months exist.
    is_prepared: bool,
    reads: Option<&'static CopiedTable>,
}

impl PostgresSide {
    /// Opens a database and migrates it.
    pub async fn open(url: &str, authorities: Option<Vec<u8>>, vault: &Vault) -> Result<Self, OpenError> {
        let address = address::connect_options(url, authorities)?;
        let unreachable = |error| OpenError::Unreachable { host: address.get_host().to_owned(), error };
        let (mut db, _) = connector::connect_first(&address).await.map_err(unreachable)?;
        schema::migrate(&mut db, vault).await?;
        sqlx::raw_sql(numbers::KEEP).execute(&mut db).await?;
        Ok(Self { db, partitions: Partitions::default(), is_prepared: false, reads: None })
    }

    async fn is_anybody_there(&mut self) -> Result<bool, sqlx::Error> {
        let select = "SELECT EXISTS \
            (SELECT 1 FROM nodes WHERE until > (extract(epoch FROM clock_timestamp()) * 1000)::bigint)";
        sqlx::query_scalar(select).persistent(false).fetch_one(&mut self.db).await
    }

    async fn run(&mut self, statement: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.db).await.map(drop)
    }

    /// Opens a cursor, in the same order as SQLite's.
    async fn declare(&mut self, table: &'static CopiedTable, after: Option<Vec<Value>>) -> Result<(), sqlx::Error> {
        self.end().await?;
        let key = &table.columns[..table.key];
        let by: Vec<String> = key.iter().map(ordered).collect();
        let places: Vec<String> = (1..=table.key).map(|n| format!("${n}")).collect();
        let greater = match after {
            Some(_) => format!("({}) > ({})", by.join(", "), places.join(", ")),
            None => "true".to_owned(),
        };
        let columns: Vec<&str> = table.columns.iter().map(|column| column.postgres).collect();
        let declare = format!(
            "DECLARE copied NO SCROLL CURSOR FOR SELECT {} FROM {} WHERE {} AND {greater} ORDER BY {}",
            columns.join(", "),
            table.name,
            table.only,
            by.join(", ")
        );
        self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let mut declaring = sqlx::query(AssertSqlSafe(declare)).persistent(false);
        for value in after.into_iter().flatten() {
            declaring = match value {
                Value::Nothing => declaring.bind(None::<i64>),
                Value::Number(number) => declaring.bind(number),
                Value::Text(text) => declaring.bind(text),
                Value::Bytes(bytes) => declaring.bind(bytes),
            };
        }
        declaring.execute(&mut self.db).await?;
        self.reads = Some(table);
        Ok(())
    }

    /// Closes the cursor.
    async fn end(&mut self) -> Result<(), sqlx::Error> {
        if self.reads.take().is_some() {
            self.run("ROLLBACK").await?;
        }
        Ok(())
    }

    async fn fetch(&mut self, limit: usize) -> Result<Vec<Row>, sqlx::Error> {
        let Some(table) = self.reads else { return Ok(vec![]) };
        let fetch = format!("FETCH {limit} FROM copied");
        let found = sqlx::query(AssertSqlSafe(fetch)).persistent(false).fetch_all(&mut self.db).await?;
        if found.is_empty() {
            self.end().await?;
        }
        found.iter().map(|row| row_of(row, table.columns)).collect()
    }

    async fn insert(&mut self, table: &'static CopiedTable, rows: Vec<Row>) -> Result<(), sqlx::Error> {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let all = names.join(", ");
        let (targets, values) = table.postgres_insert.unwrap_or((&all, &all));
        let arrays: Vec<String> = table
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| format!("${}::{}[]", n + 1, type_of(column.kind)))
            .collect();
        // A new database already has the feed's two numbers.
        let known = if table.name == "meta" { "(name) DO UPDATE SET value = excluded.value" } else { "DO NOTHING" };
        let counted = if table.is_counted { "OVERRIDING SYSTEM VALUE" } else { "" };
        let insert = format!(
            "INSERT INTO {} ({targets}) {counted} SELECT {values} FROM unnest({}) AS w ({all}) ON CONFLICT {known}",
            table.name,
            arrays.join(", "),
        );
        self.end().await?;
        self.run("BEGIN").await?;
        if table.name == "events" {
            if !self.is_prepared {
                let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
                let now = sqlx::query_scalar(now).persistent(false).fetch_one(&mut self.db).await?;
                let covered = self.partitions.cover_past(&mut self.db, Timestamp::from_ms(now)).await;
                covered.map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
                self.is_prepared = true;
            }
            let times = rows.iter().filter_map(|row| row[ARRIVED_AT].clone().into_number().map(Timestamp::from_ms));
            let times: Vec<Timestamp> = times.collect();
            self.partitions
                .cover(&mut self.db, times)
                .await
                .map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
        }
        let mut inserting = sqlx::query(AssertSqlSafe(insert)).persistent(false);
        for (n, column) in table.columns.iter().enumerate() {
            let values = rows.iter().map(|row| row[n].clone());
            inserting = match column.kind {
                ColumnKind::Number => inserting.bind(values.map(Value::into_number).collect::<Vec<_>>()),
                ColumnKind::Flag => {
                    inserting.bind(values.map(|one| one.into_number().map(|one| one != 0)).collect::<Vec<_>>())
                }
                ColumnKind::Text => inserting.bind(values.map(Value::into_text).collect::<Vec<_>>()),
                ColumnKind::Bytes => inserting.bind(values.map(Value::into_bytes).collect::<Vec<_>>()),
            };
        }
        inserting.execute(&mut self.db).await?;
        self.run("COMMIT").await
    }

    /// Sets PostgreSQL's sequences to continue after the copied rows.
    async fn count_on(&mut self) -> Result<(), sqlx::Error> {
        for table in TABLES.iter().filter(|table| table.is_counted) {
            let (name, column) = (table.name, table.columns[0].name);
            let set = format!(
                "SELECT setval(pg_get_serial_sequence('{name}', '{column}'), (SELECT max({column}) FROM {name}))"
            );
            self.run(&set).await?;
        }
        let set = format!("SELECT setval('delivery_numbers', max(n & {COUNTED})) FROM deliveries HAVING max(n) > 0");
        self.run(&set).await
    }
}

/// The ordering of rows: text by its bytes, regardless of the database's collation.
fn ordered(column: &Column) -> String {
    match column.kind {
        ColumnKind::Text => format!("{} COLLATE \"C\"", column.postgres),
        _ => column.postgres.to_owned(),
    }
}

fn type_of(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "bigint",
        ColumnKind::Flag => "boolean",
        ColumnKind::Text => "text",
        ColumnKind::Bytes => "bytea",
    }
}

fn row_of(row: &PgRow, columns: &[Column]) -> Result<Row, sqlx::Error> {
    let value = |(n, column): (usize, &Column)| {
        Ok(match column.kind {
            ColumnKind::Number => row.try_get::<Option<i64>, _>(n)?.map(Value::Number),
            ColumnKind::Flag => row.try_get::<Option<bool>, _>(n)?.map(|flag| Value::Number(flag.into())),
            ColumnKind::Text => row.try_get::<Option<String>, _>(n)?.map(Value::Text),
            ColumnKind::Bytes => row.try_get::<Option<Vec<u8>>, _>(n)?.map(Value::Bytes),
        }
        .unwrap_or(Value::Nothing))
    };
    columns.iter().enumerate().map(value).collect()
}

fn said(error: sqlx::Error) -> String {
    format!("PostgreSQL: {error}")
}

#[async_trait]
impl Side for PostgresSide {
    async fn is_in_use(&mut self) -> Result<bool, String> {
        if !self.is_anybody_there().await.map_err(said)? {
            return Ok(false);
        }
        // A node that left counts as active for one more second.
        tokio::time::sleep(JUST_ENDED).await;
        self.is_anybody_there().await.map_err(said)
    }

    async fn count(&mut self, table: &'static CopiedTable) -> Result<u64, String> {
        let select = format!("SELECT count(*) FROM {} WHERE {}", table.name, table.only);
        let counting = sqlx::query_scalar::<_, i64>(AssertSqlSafe(select)).persistent(false);
        counting.fetch_one(&mut self.db).await.map(i64::unsigned_abs).map_err(said)
    }

    async fn open(&mut self, table: &'static CopiedTable, after: Option<Vec<Value>>) -> Result<(), String> {
        self.declare(table, after).await.map_err(said)
    }

    async fn next(&mut self, limit: usize) -> Result<Vec<Row>, String> {
        self.fetch(limit).await.map_err(said)
    }

    async fn last_key(&mut self, table: &'static CopiedTable) -> Result<Option<Vec<Value>>, String> {
        let key = &table.columns[..table.key];
        let names: Vec<&str> = key.iter().map(|column| column.postgres).collect();
        let order: Vec<String> = key.iter().map(|column| format!("{} DESC", ordered(column))).collect();
        let select = format!("SELECT {} FROM {} ORDER BY {} LIMIT 1", names.join(", "), table.name, order.join(", "));
        let found = sqlx::query(AssertSqlSafe(select)).persistent(false).fetch_optional(&mut self.db).await;
        found.and_then(|row| row.map(|row| row_of(&row, key)).transpose()).map_err(said)
    }

    async fn write(&mut self, table: &'static CopiedTable, rows: Vec<Row>) -> Result<(), String> {
        self.insert(table, rows).await.map_err(said)
    }

    async fn is_marked(&mut self) -> Result<bool, String> {
        is_copy_in_parts(&mut self.db).await.map_err(said)
    }

    async fn mark(&mut self, is_whole: bool) -> Result<(), String> {
        if is_whole {
            self.count_on().await.map_err(said)?;
            // Backlog counts are not copied: they follow from the deliveries.
            waiting::count_anew(&mut self.db).await.map_err(said)?;
        }
        // While copying, deliveries are found by the part of their number that SQLite also has.
        let change = match is_whole {
            true => format!("DROP INDEX IF EXISTS deliveries_copied; DELETE FROM about WHERE name = '{MARK}'"),
            false => format!(
                "CREATE INDEX IF NOT EXISTS deliveries_copied ON deliveries ((n & {COUNTED})); \
                INSERT INTO about VALUES ('{MARK}', '1')"
            ),
        };
        self.run(&change).await.map_err(said)
    }
}

/// Whether this database holds an incomplete copy.
pub(super) async fn is_copy_in_parts(db: &mut Db) -> Result<bool, sqlx::Error> {
    let select = "SELECT EXISTS (SELECT 1 FROM about WHERE name = $1)";
    sqlx::query_scalar(select).bind(MARK).persistent(false).fetch_one(db).await
}
