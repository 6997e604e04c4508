//! Triggers in MariaDB's SQL. Pure.
//!
//! Every body is guarded by a handler, which leaves a mark in the outbox for what could not be written.
//! The outbox is the only table that a body names: the ERP's statement opens every one of them, whether
//! or not it is used. Rows are inserted one by one, cascades too: `INSERT … SELECT` would hold the
//! outbox's auto-increment lock until the ERP's statement ends.

use gancho_facturascripts::{columns::Kind, noise};

use crate::database::{
    LOST, OUTBOX,
    erp::{Part, quoted, text},
    schema::Link,
    watch::{Plan, Watched},
};

/// What a mark of a lost change has in the place of an operation.
pub(super) const LOST_MARK: char = 'X';
/// A name for the connection that does not come back when its number does.
const MARK: &str = "IF @gancho_mark IS NULL THEN SET @gancho_mark = UUID(); END IF;";

pub(super) fn parts(plan: &Plan) -> Vec<Part> {
    let mut parts = vec![
        Part {
            name: format!("table {OUTBOX}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {OUTBOX} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mark CHAR(36) NOT NULL, \
                 conn BIGINT UNSIGNED NOT NULL, at DATETIME(6) NOT NULL, source VARCHAR(64) NOT NULL, op CHAR(1) NOT NULL, \
                 old_row LONGTEXT, new_row LONGTEXT, secrets TEXT) \
                 ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
            ),
            drop: format!("DROP TABLE IF EXISTS {OUTBOX}"),
            mark: String::new(),
        },
        Part {
            name: format!("table {LOST}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {LOST} (source VARCHAR(64) PRIMARY KEY, count BIGINT UNSIGNED NOT NULL) \
                 ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
            ),
            drop: format!("DROP TABLE IF EXISTS {LOST}"),
            mark: String::new(),
        },
    ];
    for watched in plan.tables.values() {
        parts.push(trigger('i', &watched.table, "AFTER INSERT", &inserted(watched)));
        parts.push(trigger('u', &watched.table, "AFTER UPDATE", &updated(watched)));
    }
    let parents = plan.cascades.keys();
    let deleting: std::collections::BTreeSet<&String> = plan.tables.keys().chain(parents).collect();
    for table in deleting {
        parts.push(trigger('d', table, "BEFORE DELETE", &deleted(plan, table)));
    }
    parts
}

pub(super) fn drop_of(name: &str) -> String {
    match name.split_once(' ') {
        Some(("trigger", name)) => format!("DROP TRIGGER IF EXISTS {}", quoted(name, '`')),
        Some((kind, name)) => format!("DROP {} IF EXISTS {}", kind.to_uppercase(), quoted(name, '`')),
        None => String::new(),
    }
}

fn trigger(kind: char, table: &str, when: &str, (variables, statements): &(&str, String)) -> Part {
    let name = format!("gancho_{kind}_{table}");
    let body = format!("BEGIN {variables} {} {statements} END", guard(table));
    let (quoted_name, on) = (quoted(&name, '`'), quoted(table, '`'));
    Part {
        create: format!("CREATE OR REPLACE TRIGGER {quoted_name} {when} ON {on} FOR EACH ROW {body}"),
        drop: format!("DROP TRIGGER IF EXISTS {quoted_name}"),
        name: format!("trigger {name}"),
        mark: body,
    }
}

/// Whatever goes wrong is caught, and marked; whatever goes wrong with that is caught too.
fn guard(table: &str) -> String {
    format!(
        "DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; \
         INSERT INTO {OUTBOX} (mark, conn, at, source, op) VALUES ('', 0, UTC_TIMESTAMP(6), {}, '{LOST_MARK}'); END;",
        text(table)
    )
}

fn inserted(watched: &Watched) -> (&'static str, String) {
    let insert = insert(&watched.table, 'I', "NULL", &object(watched, "NEW", None), "NULL");
    ("", format!("{MARK} {insert}"))
}

/// An update that changes nothing, or nothing but what is no news, is not written, and costs the ERP
/// little. Of the old row only what changed is written: the rest stands in the new one.
fn updated(watched: &Watched) -> (&'static str, String) {
    let told = watched.columns.iter().filter(|(column, _)| !noise::is_noise(&watched.model, column));
    let old = told.map(old_value).collect::<Vec<_>>().join(", ");
    let changed = |column: &String| format!("IF({}, NULL, {})", same(column, Kind::Text), text(column));
    let secrets = match &watched.secrets[..] {
        [] => "''".to_owned(),
        secrets => format!("CONCAT_WS(' ', {})", secrets.iter().map(changed).collect::<Vec<_>>().join(", ")),
    };
    let new = object(watched, "NEW", None);
    let insert = insert(&watched.table, 'U', "CONCAT('{', gancho_old, '}')", &new, "gancho_secrets");
    let statements = format!(
        "SET gancho_old = CONCAT_WS(',', {old}), gancho_secrets = {secrets}; \
         IF gancho_old <> '' OR gancho_secrets <> '' THEN {MARK} {insert} END IF;"
    );
    ("DECLARE gancho_old LONGTEXT; DECLARE gancho_secrets TEXT;", statements)
}

/// `"column":"old value"` if it changed. Every value as a text: what it is, its column says.
fn old_value((column, kind): &(String, String)) -> String {
    let (name, kind) = (quoted(column, '`'), Kind::of_database(kind));
    let value = match kind {
        Kind::Text => format!("JSON_QUOTE(OLD.{name})"),
        _ => format!("CONCAT('\"', OLD.{name}, '\"')"),
    };
    let key = text(&format!("{}:", serde_json::Value::from(column.as_str())));
    format!("IF({}, NULL, CONCAT({key}, IFNULL({value}, 'null')))", same(column, kind))
}

/// Texts are compared as bytes: to the column's own collation `García` and `garcia` may be the same.
fn same(column: &str, kind: Kind) -> String {
    let name = quoted(column, '`');
    match kind {
        Kind::Text => format!("BINARY OLD.{name} <=> BINARY NEW.{name}"),
        _ => format!("OLD.{name} <=> NEW.{name}"),
    }
}

/// The row itself, then what foreign keys take along: in the order in which PostgreSQL tells it.
fn deleted(plan: &Plan, table: &str) -> (&'static str, String) {
    let ways = plan.cascades.get(table).into_iter().flatten();
    let taken: Vec<String> = ways.filter_map(|way| cascade(plan, way)).collect();
    let own = plan
        .tables
        .get(table)
        .map(|watched| insert(&watched.table, 'D', &object(watched, "OLD", None), "NULL", "NULL"));
    ("", format!("{MARK} {} {}", own.unwrap_or_default(), taken.join(" ")))
}

/// The rows at the end of a way of foreign keys, deleted or unlinked.
fn cascade(plan: &Plan, way: &[Link]) -> Option<String> {
    let last = way.last()?;
    let watched = plan.tables.get(&last.child)?;
    let mut which = format!("OLD.{}", quoted(&way[0].parent_column, '`'));
    for (link, next) in way.iter().zip(&way[1..]) {
        let (table, column) = (quoted(&link.child, '`'), quoted(&link.column, '`'));
        which = format!("(SELECT {} FROM {table} WHERE {column} IN ({which}))", quoted(&next.parent_column, '`'));
    }
    let (table, column) = (quoted(&last.child, '`'), quoted(&last.column, '`'));
    let old = object(watched, "t", None);
    let (op, new) = if last.deletes { ('D', "NULL".into()) } else { ('U', object(watched, "t", Some(&last.column))) };
    let insert = insert(&watched.table, op, "r.old_row", "r.new_row", "NULL");
    Some(format!(
        "FOR r IN (SELECT {old} AS old_row, {new} AS new_row FROM {table} AS t WHERE t.{column} IN ({which})) DO {insert} END FOR;"
    ))
}

fn insert(table: &str, op: char, old: &str, new: &str, secrets: &str) -> String {
    format!(
        "INSERT INTO {OUTBOX} (mark, conn, at, source, op, old_row, new_row, secrets) \
         VALUES (@gancho_mark, CONNECTION_ID(), UTC_TIMESTAMP(6), {}, '{op}', {old}, {new}, {secrets});",
        text(table)
    )
}

/// A row as JSON; one column perhaps as null.
pub(super) fn object(watched: &Watched, row: &str, without: Option<&str>) -> String {
    let pair = |(column, _): &(String, String)| {
        let name = text(column);
        match without == Some(column) {
            true => format!("{name}, NULL"),
            false => format!("{name}, {row}.{}", quoted(column, '`')),
        }
    };
    format!("JSON_OBJECT({})", watched.columns.iter().map(pair).collect::<Vec<_>>().join(", "))
}
