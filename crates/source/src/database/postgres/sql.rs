//! Triggers in PostgreSQL's SQL. Pure.
//!
//! The ERP opens a connection per request, and PostgreSQL compiles every function and plans every statement anew on
//! each: this is the main cost of capture. So each table has one trigger and a function that is a single expression,
//! and all write through one function, which is compiled once. Errors inside are caught and counted in a sequence,
//! which survives a rollback. Function bodies don't depend on columns: the ERP may still change their types.

use const_format::formatcp;
use gancho_facturascripts::secrets;

use crate::capture::{CapturePlan, CapturedTable};
use crate::database::{
    LOST, OUTBOX, OUTBOX_DAYS_MAX, OUTBOX_ROWS_MAX, OUTBOX_ROWS_SOME, SITE,
    backend::{SchemaObject, quoted, short, text},
};

/// Counts changes dropped because the outbox was full.
pub(super) const DROPPED: &str = "gancho_dropped";
/// Rows of an outbox with fewer bytes are not counted.
const SMALL_BYTES: u64 = 100_000_000;
/// An outbox with fewer bytes has fewer than [`OUTBOX_ROWS_SOME`] rows: eight pages.
const FEW_BYTES: u64 = 65_536;
/// The function that writes a row to the outbox.
const WRITE: &str = "gancho_write";
/// The prefix of each table's function.
pub(super) const CAPTURE: &str = "gancho_capture_";
/// Each table's trigger.
const TRIGGER: &str = "gancho_row";
/// The channel for notifications of new rows.
pub(super) const CHANNEL: &str = "gancho_outbox";

/// The `tgtype` of a row trigger AFTER INSERT, DELETE and UPDATE, and `tgenabled`: enabled.
/// <https://www.postgresql.org/docs/current/catalog-pg-trigger.html>
const ALL_AFTER: &str = "O29";
/// The outbox's columns in order: triggers must not write to one of another version.
const LAYOUT: &str = "id pid port tx at source op old_row new_row secrets origin";
/// Columns of an older version's outbox.
const OLDER: &str = "id pid port tx at source op old_row new_row secrets";
/// Who made the change, as the plugin sets it on the connection; a column default, so it adds no cost to the functions.
const ORIGIN: &str = "origin text DEFAULT nullif(current_setting('gancho.origin', true), '')";

pub(super) fn parts(plan: &CapturePlan, schema: &str) -> Vec<SchemaObject> {
    let at = |name: &str| format!("{}.{name}", quoted(schema, '"'));
    let mut parts = vec![
        SchemaObject {
            name: format!("table {OUTBOX}"),
            create: format!("CREATE TABLE IF NOT EXISTS {} ({COLUMNS}) WITH (toast_tuple_target = 8160)", at(OUTBOX)),
            drop: format!("DROP TABLE IF EXISTS {}", at(OUTBOX)),
            mark: LAYOUT.into(),
            older: vec![(OLDER, format!("ALTER TABLE {} ADD COLUMN {ORIGIN}", at(OUTBOX)))],
        },
        SchemaObject {
            name: format!("table {SITE}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {} (source text, database text, server text, made text, seen timestamptz)",
                at(SITE)
            ),
            drop: format!("DROP TABLE IF EXISTS {}", at(SITE)),
            mark: "source database server made seen".into(),
            older: vec![],
        },
    ];
    parts.extend([LOST, DROPPED].map(|name| SchemaObject {
        name: format!("sequence {name}"),
        create: format!("CREATE SEQUENCE IF NOT EXISTS {}", at(name)),
        drop: format!("DROP SEQUENCE IF EXISTS {}", at(name)),
        mark: String::new(),
        older: vec![],
    }));
    parts.push(function(schema, WRITE, WRITE_ARGUMENTS, "boolean", "", &write(schema)));
    for watched in plan.tables.values() {
        let name = capture_name(&watched.table);
        let rights = "SECURITY DEFINER SET lock_timeout = '250ms' SET search_path = pg_catalog, pg_temp";
        parts.push(function(schema, &name, "", "trigger", rights, &capture(schema, watched)));
        parts.push(trigger(watched, schema));
    }
    parts
}

/// `trigger NAME ON TABLE`, `table NAME`, …
pub(super) fn drop_of(name: &str, schema: &str) -> String {
    let at = |name: &str| format!("{}.{}", quoted(schema, '"'), quoted(name, '"'));
    match name.split_once(' ') {
        Some(("trigger", rest)) => match rest.split_once(" ON ") {
            Some((trigger, table)) => drop_trigger(trigger, schema, table),
            None => String::new(),
        },
        Some(("function", WRITE)) => format!("DROP FUNCTION IF EXISTS {}({WRITE_ARGUMENTS})", at(WRITE)),
        Some(("function", name)) => format!("DROP FUNCTION IF EXISTS {}()", at(name)),
        Some((kind, name)) => format!("DROP {} IF EXISTS {}", kind.to_uppercase(), at(name)),
        None => String::new(),
    }
}

/// Only a table's owner may drop its triggers. An account that was only allowed to make them drops its own function
/// instead, and the trigger goes with it.
fn drop_trigger(trigger: &str, schema: &str, table: &str) -> String {
    let at = |name: &str| format!("{}.{}", quoted(schema, '"'), quoted(name, '"'));
    let (name, table) = (quoted(trigger, '"'), at(table));
    format!(
        "DO $gancho$ DECLARE called text; BEGIN DROP TRIGGER IF EXISTS {name} ON {table}; \
         EXCEPTION WHEN insufficient_privilege THEN \
         SELECT tgfoid::regprocedure INTO called FROM pg_trigger WHERE tgrelid = {}::regclass AND tgname = {}; \
         EXECUTE 'DROP FUNCTION ' || called || ' CASCADE'; END $gancho$",
        text(&table),
        text(trigger),
    )
}

/// PostgreSQL truncates longer names.
fn capture_name(table: &str) -> String {
    short(&format!("{CAPTURE}{table}"), 63)
}

/// One statement each, so that other sessions never see the table without its trigger.
fn trigger(watched: &CapturedTable, schema: &str) -> SchemaObject {
    let table = format!("{}.{}", quoted(schema, '"'), quoted(&watched.table, '"'));
    let name = capture_name(&watched.table);
    let function = quoted(&name, '"');
    let create = format!(
        "DROP TRIGGER IF EXISTS {TRIGGER} ON {table}; CREATE TRIGGER {TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE PROCEDURE {}.{function}()",
        quoted(schema, '"'),
    );
    SchemaObject {
        name: format!("trigger {TRIGGER} ON {}", watched.table),
        create,
        drop: drop_trigger(TRIGGER, schema, &watched.table),
        mark: format!("{ALL_AFTER} {name}"),
        older: vec![],
    }
}

fn function(schema: &str, name: &str, arguments: &str, returns: &str, rights: &str, body: &str) -> SchemaObject {
    let at = format!("{}.{}", quoted(schema, '"'), quoted(name, '"'));
    SchemaObject {
        name: format!("function {name}"),
        create: format!(
            "CREATE OR REPLACE FUNCTION {at}({arguments}) RETURNS {returns} LANGUAGE plpgsql {rights} AS $gancho${body}$gancho$; \
             REVOKE EXECUTE ON FUNCTION {at}({arguments}) FROM PUBLIC"
        ),
        drop: format!("DROP FUNCTION IF EXISTS {at}({arguments})"),
        mark: body.to_owned(),
        older: vec![],
    }
}

const WRITE_ARGUMENTS: &str =
    "source text, op text, old_row jsonb, new_row jsonb, known text[], hidden text[], noise text[]";

/// Columns that the outbox fills in itself. Its key is no sequence: the ERP reads the key of its own row with
/// lastval(). It combines microseconds with the process id.
const COLUMNS: &str = formatcp!(
    "id bigint PRIMARY KEY DEFAULT ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 2048 + pg_backend_pid() % 2048), \
    pid int NOT NULL DEFAULT pg_backend_pid(), port int DEFAULT inet_client_port(), tx bigint NOT NULL DEFAULT txid_current(), \
    at timestamptz NOT NULL DEFAULT clock_timestamp(), source text NOT NULL, op text NOT NULL, old_row jsonb, new_row jsonb, secrets text, {ORIGIN}"
);

/// Updates that touch only ignored columns are not written; ignored columns are also left out of `old_row`. A column
/// added since is checked by its name, so that a secret is left out before the tables are read again. Whether the
/// outbox is full, or rows were not taken for too long, is checked once per connection, and again while it is so.
fn write(schema: &str) -> String {
    let schema = quoted(schema, '"');
    let insert = format!(
        "INSERT INTO {schema}.{OUTBOX} (source, op, old_row, new_row, secrets) \
         VALUES (source, op, CASE op WHEN 'UPDATE' THEN old_row - noise ELSE old_row END, new_row, changed)"
    );
    let full = format!(
        "((SELECT max(seen) < now() - interval '{OUTBOX_DAYS_MAX} days' FROM {schema}.{SITE}) \
         AND EXISTS (SELECT FROM {schema}.{OUTBOX} OFFSET {OUTBOX_ROWS_SOME})) \
         OR (pg_relation_size('{schema}.{OUTBOX}') > {SMALL_BYTES} \
         AND EXISTS (SELECT FROM {schema}.{OUTBOX} OFFSET {OUTBOX_ROWS_MAX}))"
    );
    let secret = secrets::pattern();
    format!(
        r#"
DECLARE
    changed text;
BEGIN
    IF old_row - noise = new_row - noise THEN RETURN false; END IF;
    IF coalesce(current_setting('gancho.full', true), '') <> 'no' THEN
        -- So little is neither: for most connections that is all to be asked.
        IF pg_relation_size('{schema}.{OUTBOX}') < {FEW_BYTES} THEN
            PERFORM set_config('gancho.full', 'no', false);
        ELSE
            PERFORM set_config('gancho.full', CASE WHEN {full} THEN 'yes' ELSE 'no' END, false);
        END IF;
    END IF;
    IF current_setting('gancho.full') = 'yes' THEN
        PERFORM nextval('{schema}.{DROPPED}');
        RETURN false;
    END IF;
    IF hidden IS NOT NULL THEN
        IF op = 'UPDATE' THEN
            SELECT string_agg(name, ' ') INTO changed FROM unnest(hidden) AS name
                WHERE old_row -> name IS DISTINCT FROM new_row -> name;
        END IF;
        old_row := old_row - hidden; new_row := new_row - hidden;
    END IF;
    IF coalesce(new_row, old_row) - known <> '{{}}' THEN
        SELECT jsonb_object_agg(key, value) INTO old_row FROM jsonb_each(old_row)
            WHERE key !~* '{secret}';
        SELECT jsonb_object_agg(key, value) INTO new_row FROM jsonb_each(new_row)
            WHERE key !~* '{secret}';
    END IF;
    {insert} ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Somebody else had the very same key. The clock has gone on.
        {insert};
    END IF;
    RETURN true;
END"#
    )
}

/// `OLD` is null for INSERT, `NEW` for DELETE.
fn capture(schema: &str, watched: &CapturedTable) -> String {
    let schema = quoted(schema, '"');
    let table = text(&watched.table);
    let known = names(watched.columns.iter().map(|(column, _)| column.as_str()));
    let ignored = names(watched.ignored());
    let hidden = match &watched.secrets[..] {
        [] => "NULL".to_owned(),
        secrets => names(secrets.iter().map(String::as_str)),
    };
    format!(
        r#"
DECLARE
    told boolean;
BEGIN
    BEGIN
        told := {schema}.{WRITE}({table}, TG_OP, to_jsonb(OLD), to_jsonb(NEW), {known}, {hidden}, {ignored});
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            PERFORM setval('{schema}.{LOST}', CASE WHEN is_called THEN last_value + 1 ELSE 1 END) FROM {schema}.{LOST};
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END;
    -- Outside of the guarded block, whose memory would be kept for each row until the ERP's COMMIT.
    told := told AND pg_notify('{CHANNEL}', '') IS NULL;
    RETURN NEW;
END"#
    )
}

/// An array of names. <https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>
fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let name = |name: &str| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    text(&format!("{{{}}}", names.map(name).collect::<Vec<_>>().join(",")))
}
