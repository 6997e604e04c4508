//! Reads MariaDB's catalogue: its tables and our objects.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{Row, mysql::MySqlConnection};

use super::{ErpError, failed};
use crate::capture::{Link, Schema};
use crate::database::OUTBOX;

/// Tries and pause of reading tables that are being altered.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// MariaDB silently omits tables that are being altered from `information_schema`, for an instant even their names;
/// without them, their events and those of their cascades would be missed. So every listed name must have columns, and
/// two consecutive reads must agree.
pub(super) async fn read_schema(db: &mut MySqlConnection) -> Result<Schema, ErpError> {
    let (mut tries, mut last) = (0, None);
    loop {
        tries += 1;
        let mut schema = columns(db).await?;
        let (others, whole) = others(db, &schema).await?;
        others.iter().for_each(|name| drop(schema.tables.remove(name)));
        schema.links = links(db).await?;
        // A table that can't be opened for so long is broken or altered all the time.
        if whole && last.as_ref() == Some(&schema) || tries == TRIES {
            schema.is_partial = !whole;
            return Ok(without_hidden(schema));
        }
        last = Some(schema);
        tokio::time::sleep(PAUSE).await;
    }
}

/// For tests: without a table that the catalogue hides all the time.
fn without_hidden(schema: Schema) -> Schema {
    fail::fail_point!("hidden-table", |table| {
        let mut schema = schema.clone();
        schema.tables.retain(|name, _| Some(name) != table.as_ref());
        schema
    });
    schema
}

/// Names that are no tables (views, sequences); and whether all tables could be read.
async fn others(db: &mut MySqlConnection, schema: &Schema) -> Result<(Vec<String>, bool), ErpError> {
    let select = "SELECT CAST(TABLE_NAME AS CHAR) AS name, CAST(TABLE_TYPE AS CHAR) AS kind FROM information_schema.TABLES \
        WHERE TABLE_SCHEMA = DATABASE()";
    let (mut others, mut tables, mut whole) = (vec![], 0, true);
    for row in sqlx::query(select).fetch_all(&mut *db).await.map_err(failed)? {
        let name: String = row.try_get("name").map_err(failed)?;
        match row.try_get::<Option<String>, _>("kind").map_err(failed)?.as_deref() {
            Some("BASE TABLE" | "SYSTEM VERSIONED") if schema.tables.contains_key(&name) => tables += 1,
            None | Some("BASE TABLE" | "SYSTEM VERSIONED") => whole = false,
            Some(_) => others.push(name),
        }
    }
    let all = schema.tables.keys().filter(|name| !others.contains(name)).count();
    Ok((others, whole && all == tables))
}

async fn columns(db: &mut MySqlConnection) -> Result<Schema, ErpError> {
    let mut schema = Schema::default();
    let columns = "SELECT CAST(c.TABLE_NAME AS CHAR) AS name, CAST(c.COLUMN_NAME AS CHAR) AS col, \
        CAST(CONCAT(c.COLUMN_TYPE, IF(c.CHARACTER_SET_NAME IS NULL OR c.CHARACTER_SET_NAME IN ('utf8mb4', 'utf8mb3', 'utf8', 'ascii'), '', \
        CONCAT(' charset ', c.CHARACTER_SET_NAME))) AS CHAR) AS kind, CAST(c.COLUMN_KEY AS CHAR) AS part, CAST(c.EXTRA AS CHAR) AS extra, \
        CAST(coalesce(c.GENERATION_EXPRESSION, '') AS CHAR) AS expression FROM information_schema.COLUMNS c \
        WHERE c.TABLE_SCHEMA = DATABASE() AND coalesce(c.GENERATION_EXPRESSION, '') NOT IN ('ROW START', 'ROW END') ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION";
    let mut computed = vec![];
    for row in sqlx::query(columns).fetch_all(&mut *db).await.map_err(failed)? {
        let text = |name| row.try_get::<String, _>(name).map_err(failed);
        let (name, column, extra) = (text("name")?, text("col")?, text("extra")?.to_uppercase());
        let table = schema.tables.entry(name.clone()).or_default();
        if text("part")? == "PRI" {
            table.key.push(column.clone());
        }
        if extra.contains("AUTO_INCREMENT") {
            table.counted = Some(column.clone());
        }
        if extra.contains("VIRTUAL") {
            computed.push((name, column.clone(), text("expression")?));
        }
        table.columns.push((column, text("kind")?));
    }
    for (name, column, expression) in computed {
        if let Some(table) = schema.tables.get_mut(&name) {
            table.leave_out_if_counted(&column, &expression);
        }
    }
    Ok(schema)
}

async fn links(db: &mut MySqlConnection) -> Result<Vec<Link>, ErpError> {
    let mut found = vec![];
    let links = "SELECT CAST(k.TABLE_NAME AS CHAR) AS child, CAST(k.COLUMN_NAME AS CHAR) AS col, \
        CAST(k.REFERENCED_TABLE_NAME AS CHAR) AS parent, CAST(k.REFERENCED_COLUMN_NAME AS CHAR) AS parent_col, \
        CAST(r.DELETE_RULE AS CHAR) AS rule FROM information_schema.KEY_COLUMN_USAGE k \
        JOIN information_schema.REFERENTIAL_CONSTRAINTS r \
        ON r.CONSTRAINT_SCHEMA = DATABASE() AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME \
        WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE() \
        AND r.DELETE_RULE IN ('CASCADE', 'SET NULL') ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME";
    for row in sqlx::query(links).fetch_all(&mut *db).await.map_err(failed)? {
        let text = |name| row.try_get::<String, _>(name).map_err(failed);
        found.push(Link {
            child: text("child")?,
            column: text("col")?,
            parent: text("parent")?,
            parent_column: text("parent_col")?,
            deletes: text("rule")? == "CASCADE",
        });
    }
    Ok(found)
}

/// The tables of all our triggers.
pub(super) async fn trigger_tables(db: &mut MySqlConnection) -> Result<BTreeMap<String, String>, ErpError> {
    let select = "SELECT CAST(TRIGGER_NAME AS CHAR) AS name, CAST(EVENT_OBJECT_TABLE AS CHAR) AS tab FROM information_schema.TRIGGERS \
        WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'gancho\\_%'";
    let mut found = BTreeMap::new();
    for row in sqlx::query(select).fetch_all(&mut *db).await.map_err(failed)? {
        let name: String = row.try_get("name").map_err(failed)?;
        found.insert(format!("trigger {name}"), row.try_get("tab").map_err(failed)?);
    }
    Ok(found)
}

pub(super) async fn installed(db: &mut MySqlConnection) -> Result<BTreeMap<String, String>, ErpError> {
    let mut found = BTreeMap::new();
    let tables = "SELECT CAST(TABLE_NAME AS CHAR) AS name, \
        CAST(GROUP_CONCAT(COLUMN_NAME ORDER BY ORDINAL_POSITION SEPARATOR ' ') AS CHAR) AS columns FROM information_schema.COLUMNS \
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('gancho_outbox', 'gancho_lost', 'gancho_site') GROUP BY TABLE_NAME";
    for row in sqlx::query(tables).fetch_all(&mut *db).await.map_err(failed)? {
        let name: String = row.try_get("name").map_err(failed)?;
        let mark = if name == OUTBOX { row.try_get("columns").map_err(failed)? } else { String::new() };
        found.insert(format!("table {name}"), mark);
    }
    // With definer, timing and table: a table may have been renamed.
    let triggers = "SELECT CAST(TRIGGER_NAME AS CHAR) AS name, CONCAT(DEFINER, ' ', ACTION_TIMING, ' ', EVENT_MANIPULATION, ' ', \
        EVENT_OBJECT_TABLE, ' ', ACTION_STATEMENT) AS body FROM information_schema.TRIGGERS \
        WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND TRIGGER_NAME LIKE 'gancho\\_%'";
    for row in sqlx::query(triggers).fetch_all(&mut *db).await.map_err(failed)? {
        let name: String = row.try_get("name").map_err(failed)?;
        found.insert(format!("trigger {name}"), row.try_get("body").map_err(failed)?);
    }
    Ok(found)
}
