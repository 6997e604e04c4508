//! Triggers in PostgreSQL's SQL. Pure.
//!
//! Each table has a function of its own, and all write through one. Whatever goes wrong inside is caught
//! by a block of its own and counted in a sequence, which survives a rollback. `WHEN (OLD.* IS DISTINCT
//! FROM NEW.*)` names no column: the ERP may still change their types; bodies of functions bind nothing.

use gancho_facturascripts::noise;

use crate::database::{
    LOST, OUTBOX,
    erp::{Part, quoted, text},
    watch::{Plan, Watched},
};

/// Writes a row into the outbox.
const WRITE: &str = "gancho_write";
/// Begins the name of each table's function.
pub(super) const CAPTURE: &str = "gancho_capture_";
/// The channel on which the outbox is announced.
pub(super) const CHANNEL: &str = "gancho_outbox";

pub(super) fn parts(plan: &Plan, schema: &str) -> Vec<Part> {
    let at = |name: &str| format!("{}.{name}", quoted(schema, '"'));
    let mut parts = vec![
        Part {
            name: format!("table {OUTBOX}"),
            create: format!(
                "CREATE TABLE IF NOT EXISTS {} (id bigint PRIMARY KEY, mark text NOT NULL, pid int NOT NULL, tx text NOT NULL, \
                 at timestamptz NOT NULL, source text NOT NULL, op text NOT NULL, old_row jsonb, new_row jsonb, secrets text) \
                 WITH (toast_tuple_target = 8160)",
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
    parts.push(function(schema, WRITE, WRITE_ARGUMENTS, "void", "", &write(schema)));
    for watched in plan.tables.values() {
        let name = format!("{CAPTURE}{}", watched.table);
        let rights = "SECURITY DEFINER SET lock_timeout = '250ms' SET search_path = pg_catalog, pg_temp";
        parts.push(function(schema, &name, "", "trigger", rights, &capture(schema, watched)));
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
        Some(("function", WRITE)) => format!("DROP FUNCTION IF EXISTS {}({WRITE_ARGUMENTS})", at(WRITE)),
        Some(("function", name)) => format!("DROP FUNCTION IF EXISTS {}()", at(name)),
        Some((kind, name)) => format!("DROP {} IF EXISTS {}", kind.to_uppercase(), at(name)),
        None => String::new(),
    }
}

/// One statement each, so that a table is never without its trigger in between for others.
fn trigger(watched: &Watched, schema: &str, name: &str, when: &str, condition: &str) -> Part {
    let table = format!("{}.{}", quoted(schema, '"'), quoted(&watched.table, '"'));
    let function = quoted(&format!("{CAPTURE}{}", watched.table), '"');
    let drop = format!("DROP TRIGGER IF EXISTS {name} ON {table}");
    let create = format!(
        "{drop}; CREATE TRIGGER {name} {when} ON {table} FOR EACH ROW {condition}EXECUTE PROCEDURE {}.{function}()",
        quoted(schema, '"'),
    );
    Part { name: format!("trigger {name} ON {}", watched.table), create, drop, mark: "O".into() }
}

fn function(schema: &str, name: &str, arguments: &str, returns: &str, rights: &str, body: &str) -> Part {
    let at = format!("{}.{}", quoted(schema, '"'), quoted(name, '"'));
    Part {
        name: format!("function {name}"),
        create: format!(
            "CREATE OR REPLACE FUNCTION {at}({arguments}) RETURNS {returns} LANGUAGE plpgsql {rights} AS $gancho${body}$gancho$; \
             REVOKE EXECUTE ON FUNCTION {at}({arguments}) FROM PUBLIC"
        ),
        drop: format!("DROP FUNCTION IF EXISTS {at}({arguments})"),
        mark: body.to_owned(),
    }
}

const WRITE_ARGUMENTS: &str = "source text, op text, old_row jsonb, new_row jsonb, hidden text[]";

fn write(schema: &str) -> String {
    let schema = quoted(schema, '"');
    format!(
        r#"
DECLARE
    changed text;
    session text := current_setting('gancho.mark', true);
    -- No sequence: the ERP asks with lastval() for the key of its own row. Microseconds, and whose they are.
    row_key bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 2048 + pg_backend_pid() % 2048;
BEGIN
    IF cardinality(hidden) > 0 THEN
        IF op = 'U' THEN
            SELECT string_agg(name, ' ') INTO changed FROM unnest(hidden) AS name
                WHERE old_row -> name IS DISTINCT FROM new_row -> name;
        END IF;
        old_row := old_row - hidden; new_row := new_row - hidden;
    END IF;
    -- A column that came since, by whose name it is a secret.
    IF coalesce(new_row, old_row)::text ~* '("(apikey|api_key|logkey|passwd|password|private_key|two_factor_secret_key)|_secret|_password|_token)": ' THEN
        SELECT jsonb_object_agg(key, value) INTO old_row FROM jsonb_each(old_row)
            WHERE key !~* '(^(apikey|api_key|logkey|passwd|password|private_key|two_factor_secret_key)|_secret|_password|_token)$';
        SELECT jsonb_object_agg(key, value) INTO new_row FROM jsonb_each(new_row)
            WHERE key !~* '(^(apikey|api_key|logkey|passwd|password|private_key|two_factor_secret_key)|_secret|_password|_token)$';
    END IF;
    IF session IS NULL OR session = '' THEN
        session := set_config('gancho.mark',
            md5(random()::text || clock_timestamp()::text || pg_backend_pid()::text), false);
    END IF;
    row_key := greatest(row_key, coalesce(nullif(current_setting('gancho.key', true), ''), '0')::bigint + 1);
    LOOP
        INSERT INTO {schema}.{OUTBOX} (id, mark, pid, tx, at, source, op, old_row, new_row, secrets)
            VALUES (row_key, session, pg_backend_pid(), txid_current()::text, clock_timestamp(), source, op, old_row, new_row, changed)
            ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
        row_key := row_key + 1;
    END LOOP;
    PERFORM set_config('gancho.key', row_key::text, false);
    PERFORM pg_notify('{CHANNEL}', '');
END"#
    )
}

/// An update of nothing but what is no news is not written, and costs the ERP little.
fn capture(schema: &str, watched: &Watched) -> String {
    let schema = quoted(schema, '"');
    let table = text(&watched.table);
    let hidden = text(&format!("{{{}}}", watched.secrets.join(",")));
    let noise = watched.columns.iter().filter(|(column, _)| noise::is_noise(&watched.model, column));
    let set = |(column, _): &(String, String)| {
        let column = quoted(column, '"');
        format!("OLD.{column} := NEW.{column}; ")
    };
    let noise: String = noise.map(set).collect();
    let unless = match noise.as_str() {
        "" => String::new(),
        _ => format!("{noise}\n            IF OLD IS NOT DISTINCT FROM NEW THEN RETURN NULL; END IF;\n            "),
    };
    let write =
        |op: char, old: &str, new: &str| format!("PERFORM {schema}.{WRITE}({table}, '{op}', {old}, {new}, {hidden});");
    format!(
        r#"
BEGIN
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            {unless}{}
        ELSIF TG_OP = 'INSERT' THEN
            {}
        ELSE
            {}
        END IF;
    EXCEPTION WHEN OTHERS THEN
        BEGIN
            PERFORM setval('{schema}.{LOST}', CASE WHEN is_called THEN last_value + 1 ELSE 1 END) FROM {schema}.{LOST};
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END;
    RETURN NULL;
END"#,
        write('U', "to_jsonb(OLD)", "to_jsonb(NEW)"),
        write('I', "NULL", "to_jsonb(NEW)"),
        write('D', "to_jsonb(OLD)", "NULL"),
    )
}
