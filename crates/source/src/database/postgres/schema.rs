//! Reads PostgreSQL's catalogue: its tables and our objects.

use std::collections::BTreeMap;

use sqlx::{Row, postgres::PgConnection};

use super::{ErpError, failed};
use crate::capture::Schema;

/// Cascades fire row triggers here, so foreign keys are not needed. Partitions are captured by their parent's trigger,
/// which PostgreSQL copies to them: they don't count as tables.
pub(super) async fn read_schema(db: &mut PgConnection, name: &str) -> Result<Schema, ErpError> {
    let mut schema = Schema::default();
    let columns = "SELECT c.relname::text AS name, a.attname::text AS col, format_type(a.atttypid, a.atttypmod) AS kind, \
        coalesce(a.attnum = ANY(i.indkey::int2[]), false) AS in_key \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
        LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum";
    for row in sqlx::query(columns).bind(name).fetch_all(&mut *db).await.map_err(failed)? {
        let text = |name| row.try_get::<String, _>(name).map_err(failed);
        let table = schema.tables.entry(text("name")?).or_default();
        let column = text("col")?;
        if row.try_get("in_key").map_err(failed)? {
            table.key.push(column.clone());
        }
        table.columns.push((column, text("kind")?));
    }
    Ok(schema)
}

pub(super) async fn installed(db: &mut PgConnection, name: &str) -> Result<BTreeMap<String, String>, ErpError> {
    let mut found = BTreeMap::new();
    let relations = "SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || c.relname AS name, \
        CASE c.relkind WHEN 'S' THEN '' ELSE (SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a \
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END AS mark \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relname IN ('gancho_outbox', 'gancho_lost', 'gancho_site', 'gancho_dropped')";
    // A function executable by PUBLIC (after a restore without privileges) is not as expected.
    let functions = "SELECT 'function ' || p.proname AS name, \
        CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') THEN 'everybody''s ' ELSE '' END || p.prosrc AS mark FROM pg_proc p \
        JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1 AND p.proname LIKE 'gancho\\_%'";
    // The definition includes when it fires, what it calls, and whether it is disabled.
    let triggers = "SELECT 'trigger ' || t.tgname || ' ON ' || c.relname AS name, \
        t.tgenabled::text || t.tgtype || ' ' || p.proname || coalesce(' ' || nullif(t.tgattr::text, ''), '') \
        || CASE WHEN t.tgqual IS NULL THEN '' ELSE ' WHEN' END AS mark FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
        JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND NOT t.tgisinternal AND NOT c.relispartition AND t.tgname LIKE 'gancho\\_%'";
    for select in [relations, functions, triggers] {
        for row in sqlx::query(select).bind(name).fetch_all(&mut *db).await.map_err(failed)? {
            found.insert(row.try_get("name").map_err(failed)?, row.try_get("mark").map_err(failed)?);
        }
    }
    Ok(found)
}
