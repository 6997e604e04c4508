//! Triggers in MariaDB's SQL. Pure.
//!
//! MariaDB resolves every item of an expression anew whenever a trigger fires; this is the main cost of capture. So a
//! row is an array, with its columns' names as one text beside it, and rows are compared as arrays. A handler in every
//! body leaves a marker in the outbox for what could not be written. The outbox is the only table in a body: the ERP's
//! statement opens every table named there, used or not. Rows are inserted one by one, also those of cascades: `INSERT
//! … SELECT` would hold the outbox's auto-increment lock until the ERP's statement ends.

use crate::capture::{CapturePlan, CapturedTable, Link};
use crate::database::{
    LOST, OUTBOX, OUTBOX_DAYS_MAX, OUTBOX_ROWS_MAX, OUTBOX_ROWS_SOME, SITE,
    backend::{SchemaObject, quoted, short},
    site::{SetUp, Site},
};

/// The operation in a marker of a lost change.
pub(super) const LOST_MARK: char = 'X';
/// The same for a full outbox. At twice the limit not even markers are written.
pub(super) const FULL_MARK: char = 'F';
/// Whether the outbox is full by the server's own estimate, or rows were not taken for too long: checked once per
/// connection, and again while it is so; the check reads no row, so it never waits for locks. Then a name for the
/// connection that is not reused with its number; and, in `@gancho_tx`, its transaction: 0 for none, else a name, or -1
/// if the last check is less than 200 ms old. The sum of these counters is constant within a transaction and rises with
/// the next; reading it takes 0.12 ms.
fn mark() -> String {
    let (rows, twice, some) = (OUTBOX_ROWS_MAX, 2 * OUTBOX_ROWS_MAX, OUTBOX_ROWS_SOME);
    let seconds = OUTBOX_DAYS_MAX * 24 * 3600;
    format!(
        "IF IFNULL(@gancho_full, 1) > 0 THEN SET @gancho_mark = IFNULL(@gancho_mark, UUID()), \
         @gancho_full = IFNULL((SELECT (TABLE_ROWS > {rows}) + (TABLE_ROWS > {twice}) FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{OUTBOX}'), 0); \
         IF @gancho_full = 0 AND (SELECT TABLE_ROWS > {some} FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{OUTBOX}') AND (SELECT SUBSTRING_INDEX(TABLE_COMMENT, ' ', 1) + {seconds} < UNIX_TIMESTAMP() \
         FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{SITE}') \
         THEN SET @gancho_full = 1; END IF; END IF; \
         IF NOT @@in_transaction THEN SET @gancho_tx = 0; \
         ELSEIF @@timestamp - @gancho_read BETWEEN 0 AND 0.2 THEN SET @gancho_tx = -1; \
         ELSE SET @gancho_read = @@timestamp, @gancho_tx = (SELECT 1 + SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS \
         WHERE VARIABLE_NAME IN ('COM_BEGIN', 'COM_COMMIT', 'COM_ROLLBACK', 'COM_XA_START')); END IF;"
    )
}

/// The outbox's columns in order: triggers must not write to one of another version.
const LAYOUT: &str = "id mark conn at source op columns old_row new_row secrets tx origin";
/// Columns of older versions' outboxes, and the statements that add the others. Their rows are still submitted.
const OLDER: [(&str, &str); 2] = [
    ("id mark conn at source op columns old_row new_row secrets", "ADD COLUMN tx BIGINT, ADD COLUMN origin TEXT"),
    ("id mark conn at source op columns old_row new_row secrets tx", "ADD COLUMN origin TEXT"),
];

/// `account`: the triggers' definer, `user@host`.
pub(super) fn parts(plan: &CapturePlan, account: &str) -> Vec<SchemaObject> {
    let mut parts = vec![
        SchemaObject {
            name: format!("table {OUTBOX}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {OUTBOX} (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, mark CHAR(36) NOT NULL, \
                 conn BIGINT UNSIGNED NOT NULL, at DATETIME(6) NOT NULL, source VARCHAR(64) NOT NULL, op CHAR(1) NOT NULL, \
                 columns TEXT, old_row LONGTEXT, new_row LONGTEXT, secrets TEXT, tx BIGINT, origin TEXT) \
                 ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
            ),
            drop: format!("DROP TABLE IF EXISTS {OUTBOX}"),
            mark: LAYOUT.into(),
            older: OLDER.map(|(columns, add)| (columns, format!("ALTER TABLE {OUTBOX} {add}"))).into(),
        },
        SchemaObject {
            name: format!("table {LOST}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {LOST} (source VARCHAR(64) PRIMARY KEY, count BIGINT UNSIGNED NOT NULL) \
                 ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
            ),
            drop: format!("DROP TABLE IF EXISTS {LOST}"),
            mark: String::new(),
            older: vec![],
        },
    ];
    for watched in plan.tables.values() {
        parts.push(trigger(account, 'i', &watched.table, "AFTER INSERT", &inserted(watched)));
        parts.push(trigger(account, 'u', &watched.table, "AFTER UPDATE", &updated(watched)));
    }
    let parents = plan.cascades.keys();
    let deleting: std::collections::BTreeSet<&String> = plan.tables.keys().chain(parents).collect();
    for table in deleting {
        parts.push(trigger(account, 'd', table, "BEFORE DELETE", &deleted(plan, table)));
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

/// The definer is explicit: triggers run as this account, regardless of who runs the script.
fn trigger(account: &str, kind: char, table: &str, when: &str, statements: &str) -> SchemaObject {
    // MariaDB limits names to 64 characters.
    let name = short(&format!("gancho_{kind}_{table}"), 64);
    let body = format!("BEGIN {} {statements} END", guard(table));
    let (quoted_name, on) = (quoted(&name, '`'), quoted(table, '`'));
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    let definer = format!("{}@{}", quoted(user, '`'), quoted(host, '`'));
    SchemaObject {
        create: format!("CREATE OR REPLACE DEFINER={definer} TRIGGER {quoted_name} {when} ON {on} FOR EACH ROW {body}"),
        drop: format!("DROP TRIGGER IF EXISTS {quoted_name}"),
        name: format!("trigger {name}"),
        mark: format!("{account} {when} {table} {body}"),
        older: vec![],
    }
}

/// Catches every error and leaves a marker; an error while doing so is caught too.
fn guard(table: &str) -> String {
    format!(
        "DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; \
         INSERT INTO {OUTBOX} (mark, conn, at, source, op) VALUES ('', 0, UTC_TIMESTAMP(6), {}, '{LOST_MARK}'); END;",
        text(table)
    )
}

fn inserted(watched: &CapturedTable) -> String {
    let insert = insert(watched, 'I', "NULL", &row(watched, "NEW", None), "NULL");
    format!("{} {insert}", mark())
}

/// Updates that change nothing, or only ignored columns, are not written and cost the ERP little. The comparison is
/// binary: a column's own collation may treat `García` and `garcia` as equal.
fn updated(watched: &CapturedTable) -> String {
    let news = |row: &str| array(watched.compared().map(|column| value(watched, row, column)));
    let (old, new) = (news("OLD"), news("NEW"));
    let changed = |column: &String| {
        let (old, new) = (value(watched, "OLD", column), value(watched, "NEW", column));
        format!("IF(BINARY {old} <=> BINARY {new}, NULL, {})", text(column))
    };
    let (secrets, or_secret) = match &watched.secrets[..] {
        [] => ("NULL".to_owned(), String::new()),
        secrets => {
            let names = secrets.iter().map(changed).collect::<Vec<_>>().join(", ");
            let names = format!("CONCAT_WS(' ', {names})");
            (names.clone(), format!(" OR {names} <> ''"))
        }
    };
    let insert = insert(watched, 'U', &old, &row(watched, "NEW", None), &secrets);
    format!("IF IFNULL(BINARY {old} <> BINARY {new}, TRUE){or_secret} THEN {} {insert} END IF;", mark())
}

/// The row itself, then cascades of foreign keys: in the order in which PostgreSQL fires.
fn deleted(plan: &CapturePlan, table: &str) -> String {
    let ways = plan.cascades.get(table).into_iter().flatten();
    let taken: Vec<String> = ways.filter_map(|way| cascade(plan, way)).collect();
    let own = plan.tables.get(table).map(|watched| insert(watched, 'D', &row(watched, "OLD", None), "NULL", "NULL"));
    format!("{} {} {}", mark(), own.unwrap_or_default(), taken.join(" "))
}

/// The rows at the end of a chain of foreign keys, deleted or unlinked.
fn cascade(plan: &CapturePlan, way: &[Link]) -> Option<String> {
    let last = way.last()?;
    let watched = plan.tables.get(&last.child)?;
    let mut which = format!("OLD.{}", quoted(&way[0].parent_column, '`'));
    for (link, next) in way.iter().zip(&way[1..]) {
        let (table, column) = (quoted(&link.child, '`'), quoted(&link.column, '`'));
        which = format!("(SELECT {} FROM {table} WHERE {column} IN ({which}))", quoted(&next.parent_column, '`'));
    }
    let (table, column) = (quoted(&last.child, '`'), quoted(&last.column, '`'));
    let old = row(watched, "t", None);
    let (op, new) = if last.deletes { ('D', "NULL".into()) } else { ('U', row(watched, "t", Some(&last.column))) };
    let insert = insert(watched, op, "r.old_row", "r.new_row", "NULL");
    Some(format!(
        "FOR r IN (SELECT {old} AS old_row, {new} AS new_row FROM {table} AS t WHERE t.{column} IN ({which})) DO {insert} END FOR;"
    ))
}

fn insert(watched: &CapturedTable, op: char, old: &str, new: &str, secrets: &str) -> String {
    let columns = serde_json::Value::from(watched.compared().chain(watched.ignored()).collect::<Vec<_>>());
    let table = text(&watched.table);
    format!(
        "IF @gancho_full = 0 THEN INSERT INTO {OUTBOX} (mark, conn, at, source, op, columns, old_row, new_row, secrets, tx, origin) \
         VALUES (@gancho_mark, CONNECTION_ID(), UTC_TIMESTAMP(6), {table}, '{op}', {}, {old}, {new}, {secrets}, @gancho_tx, @gancho_origin); \
         ELSEIF @gancho_full = 1 THEN INSERT INTO {OUTBOX} (mark, conn, at, source, op) \
         VALUES ('', 0, UTC_TIMESTAMP(6), {table}, '{FULL_MARK}'); END IF;",
        text(&columns.to_string()),
    )
}

/// A row's values in the order of the names; one column may be replaced by null.
fn row(watched: &CapturedTable, row: &str, without: Option<&str>) -> String {
    let columns = watched.compared().chain(watched.ignored());
    array(columns.map(|column| if without == Some(column) { "NULL".into() } else { value(watched, row, column) }))
}

/// A quoted string with escaped backslashes.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

/// A column's value as valid JSON: MariaDB writes bits raw and numbers with leading zeros, has no characters for bytes,
/// and does not mix charsets. Bytes are encoded as in PostgreSQL.
fn value(watched: &CapturedTable, row: &str, column: &str) -> String {
    let value = format!("{row}.{}", quoted(column, '`'));
    let kind = watched.columns.iter().find(|(name, _)| name == column).map_or("", |(_, kind)| kind.as_str());
    let word = kind.split(['(', ' ']).next().unwrap_or_default();
    // The rest after the length or the enumerated values.
    let rest = kind.rsplit(')').next().unwrap_or_default();
    match word {
        "bit" => format!("{value} + 0"),
        "year" => format!("CAST({value} AS CHAR)"),
        _ if rest.contains(" zerofill") => format!("CAST({value} AS CHAR)"),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector" => {
            format!("CONCAT(CHAR(92 USING utf8mb4), 'x', LOWER(HEX({value})))")
        }
        "inet4" | "inet6" | "uuid" => format!("CAST({value} AS CHAR)"),
        _ if SHAPES.contains(&word) => format!("ST_AsText({value})"),
        _ if rest.contains(" charset ") => format!("CONVERT({value} USING utf8mb4)"),
        _ => value,
    }
}

/// Spatial types: captured as text, `POINT(1 2)`.
const SHAPES: &[&str] = &[
    "geometry",
    "point",
    "linestring",
    "polygon",
    "multipoint",
    "multilinestring",
    "multipolygon",
    "geometrycollection",
];

/// Built as text: after an array once became too large, MariaDB 10.11 returns only NULL for it.
fn array(values: impl Iterator<Item = String>) -> String {
    format!("CONCAT(JSON_ARRAY({}))", values.collect::<Vec<_>>().join(", "))
}

/// A row as an object.
pub(super) fn object(watched: &CapturedTable, row: &str) -> String {
    let pair = |(column, _): &(String, String)| format!("{}, {}", text(column), value(watched, row, column));
    format!("JSON_OBJECT({})", watched.columns.iter().map(pair).collect::<Vec<_>>().join(", "))
}

/// A table recreated each time: this needs only the rights to create and drop tables, and its comment can be read
/// without opening it. The comment's first word is the time.
pub(super) fn site(set_up: &SetUp, now_s: i64) -> String {
    let Site { database, server, made } = &set_up.site;
    let comment = [&now_s.to_string(), &set_up.source, made, server, database].map(String::as_str).join(" ");
    format!("CREATE OR REPLACE TABLE {SITE} (n INT) ENGINE=InnoDB COMMENT = {}", text(&comment))
}

/// Parses the comment.
pub(super) fn read_site(comment: &str) -> Option<SetUp> {
    let mut words = comment.splitn(5, ' ').skip(1).map(ToOwned::to_owned);
    let (source, made, server, database) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some(SetUp { source, site: Site { database, server, made } })
}
