//! Triggers in PostgreSQL's SQL. Pure.
//!
//! One function serves all tables; a trigger's argument names the columns that may not be written.
//! Whatever goes wrong inside is caught by a block of its own and counted in a sequence, which
//! survives a rollback. `WHEN (OLD.* IS DISTINCT FROM NEW.*)` names no column: the ERP may still
//! change their types.

use crate::database::{
    LOST, OUTBOX,
    erp::{Part, quoted, text},
    watch::{Plan, Watched},
};

/// The function's name.
const FUNCTION: &str = "gancho_capture";
/// The channel on which the outbox is announced.
pub(super) const CHANNEL: &str = "gancho_outbox";

pub(super) fn parts(plan: &Plan, schema: &str) -> Vec<Part> {
    let at = |name: &str| format!("{}.{name}", quoted(schema, '"'));
    let mut parts = vec![
        Part {
            name: format!("table {OUTBOX}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {} (id bigserial PRIMARY KEY, mark text NOT NULL, pid int NOT NULL, tx text NOT NULL, \
                 at timestamptz NOT NULL, source text NOT NULL, op text NOT NULL, old_row jsonb, new_row jsonb, secrets text)",
                at(OUTBOX)
            ),
            drop: format!("DROP TABLE IF EXISTS {}", at(OUTBOX)),
            mark: String::new(),
        },
        Part {
            name: format!("sequence {LOST}"),
            create: format!("CREATE SEQUENCE IF NOT EXISTS {}", at(LOST)),
            drop: format!("DROP SEQUENCE IF EXISTS {}", at(LOST)),
            mark: String::new(),
        },
    ];
    let body = body(schema);
    parts.push(Part {
        name: format!("function {FUNCTION}"),
        create: format!(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET lock_timeout = '250ms' AS $gancho${body}$gancho$",
            at(FUNCTION)
        ),
        drop: format!("DROP FUNCTION IF EXISTS {}()", at(FUNCTION)),
        mark: body,
    });
    for watched in plan.tables.values() {
        parts.push(trigger(watched, schema, "gancho_row", "AFTER INSERT OR DELETE", ""));
        parts.push(trigger(watched, schema, "gancho_update", "AFTER UPDATE", "WHEN (OLD.* IS DISTINCT FROM NEW.*) "));
    }
    parts
}

/// `trigger NAME ON TABLE`, `table NAME`, …
pub(super) fn drop_of(name: &str, schema: &str) -> String {
    let at = |name: &str| format!("{}.{}", quoted(schema, '"'), quoted(name, '"'));
    match name.split_once(' ') {
        Some(("trigger", rest)) => match rest.split_once(" ON ") {
            Some((trigger, table)) => format!("DROP TRIGGER IF EXISTS {} ON {}", quoted(trigger, '"'), at(table)),
            None => String::new(),
        },
        Some(("function", name)) => format!("DROP FUNCTION IF EXISTS {}()", at(name)),
        Some((kind, name)) => format!("DROP {} IF EXISTS {}", kind.to_uppercase(), at(name)),
        None => String::new(),
    }
}

/// One statement each, so that a table is never without its trigger in between for others.
fn trigger(watched: &Watched, schema: &str, name: &str, when: &str, condition: &str) -> Part {
    let table = format!("{}.{}", quoted(schema, '"'), quoted(&watched.table, '"'));
    let hidden = watched.secrets.join(" ");
    let drop = format!("DROP TRIGGER IF EXISTS {name} ON {table}");
    let create = format!(
        "{drop}; CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW {condition}EXECUTE PROCEDURE {}.{FUNCTION}({})",
        quoted(schema, '"'),
        text(&hidden)
    );
    Part { name: format!("trigger {name} ON {}", watched.table), create, drop, mark: format!("O {hidden}") }
}

fn body(schema: &str) -> String {
    let schema = quoted(schema, '"');
    format!(
        r#"
DECLARE
    old_row jsonb; new_row jsonb; changed text; session text;
    hidden text[] := string_to_array(TG_ARGV[0], ' ');
BEGIN
    BEGIN
        IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD); END IF;
        IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW); END IF;
        IF cardinality(hidden) > 0 THEN
            IF TG_OP = 'UPDATE' THEN
                SELECT string_agg(name, ' ') INTO changed FROM unnest(hidden) AS name
                    WHERE old_row -> name IS DISTINCT FROM new_row -> name;
            END IF;
            old_row := old_row - hidden; new_row := new_row - hidden;
        END IF;
        -- A column that came since, by whose name it is a secret.
        IF coalesce(old_row, new_row)::text ~* '(_secret|_password|_token)": ' THEN
            SELECT jsonb_object_agg(key, value) INTO old_row FROM jsonb_each(old_row)
                WHERE key !~* '(_secret|_password|_token)$';
            SELECT jsonb_object_agg(key, value) INTO new_row FROM jsonb_each(new_row)
                WHERE key !~* '(_secret|_password|_token)$';
        END IF;
        session := current_setting('gancho.mark', true);
        IF session IS NULL OR session = '' THEN
            session := md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text);
            PERFORM set_config('gancho.mark', session, false);
        END IF;
        INSERT INTO {schema}.{OUTBOX} (mark, pid, tx, at, source, op, old_row, new_row, secrets)
            VALUES (session, pg_backend_pid(), txid_current()::text, clock_timestamp(), TG_TABLE_NAME,
                left(TG_OP, 1), old_row, new_row, changed);
        PERFORM pg_notify('{CHANNEL}', '');
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            PERFORM nextval('{schema}.{LOST}');
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END;
    RETURN NULL;
END"#
    )
}
