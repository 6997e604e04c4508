use std::cmp::Ordering;

use axum::{
    body::Body,
    http::{Response, header},
};
use gancho_facturascripts::columns::Kind;
use gancho_model::Record;
use serde_json::{Value, json};

use super::{
    Asked, Inner, Trap,
    table::{Table, turned},
};
use crate::Engine;

/// Refusals until all requests are blocked.
const INCIDENTS_MAX: u32 = 5;

pub(super) fn answer(erp: &mut Inner, asked: &Asked, key: &str, trap: Option<Trap>) -> Response<Body> {
    match &trap {
        Some(Trap::Html(status)) => return html(*status),
        Some(Trap::Off) => return frame(409, "API desactivada. Puede activarla desde el panel de control"),
        Some(Trap::Moved(to)) => {
            let moved = Response::builder().status(301).header(header::LOCATION, to);
            return moved.body(Body::empty()).expect("an answer");
        }
        Some(Trap::NoRecord) => return plain(404, &json!({"error": "Registro no encontrado"})),
        _ => {}
    }
    if !asked.is_api {
        return html(404);
    }
    if erp.incidents >= INCIDENTS_MAX {
        return frame(429, "Por motivos de seguridad se ha bloqueado durante 10 minutos el acceso desde su IP.");
    }
    let Some(rights) = erp.keys.get(key) else {
        erp.incidents += 1;
        return frame(401, "Clave de API no válida");
    };
    if asked.list.is_empty() {
        return plain(200, &json!({"resources": erp.tables.keys().collect::<Vec<_>>()}));
    }
    if rights.as_ref().is_some_and(|lists| !lists.contains(&asked.list)) {
        erp.incidents += 1;
        return frame(403, "Prohibido");
    }
    let Some(table) = erp.tables.get(&asked.list) else { return frame(404, "Recurso de API no válido") };
    match asked.key.as_deref() {
        Some("schema") => plain(200, &table.schema(erp.engine)),
        Some(key) => match table.rows.get(&table.key(key)) {
            Some(row) => plain(200, &table.written(erp.engine, row)),
            None => plain(404, &json!({"error": "Registro no encontrado"})),
        },
        None => list(table, erp.engine, asked, trap.as_ref()),
    }
}

fn list(table: &Table, engine: Engine, asked: &Asked, trap: Option<&Trap>) -> Response<Body> {
    let mut rows: Vec<&Record> = table.rows.values().collect();
    for (name, value) in &asked.query {
        let Some(condition) = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']')) else { continue };
        let (column, how) = split(table, condition);
        if !table.shows(column) {
            return plain(400, &json!({"error": format!("fields not allowed: {column}")}));
        }
        if !keep(&mut rows, table, engine, column, how, value) {
            return counted(vec![], Some(0), trap);
        }
    }
    for (name, direction) in asked.query.iter().rev() {
        let Some(column) = name.strip_prefix("sort[").and_then(|rest| rest.strip_suffix(']')) else { continue };
        if !table.shows(column) {
            return plain(400, &json!({"error": format!("fields not allowed: {column}")}));
        }
        rows.sort_by(|one, other| {
            let order = compare(&one[column], &other[column]);
            if direction.eq_ignore_ascii_case("desc") { order.reverse() } else { order }
        });
    }
    let number = |name: &str, otherwise: usize| match asked.get(name) {
        None => otherwise,
        Some(text) => text.parse().ok().filter(|number| *number > 0).unwrap_or(usize::MAX),
    };
    let offset = asked.get("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
    let total = rows.len();
    let page = rows.into_iter().skip(offset).take(number("limit", 50));
    counted(page.map(|row| table.written(engine, row)).collect(), Some(total), trap)
}

/// `fecha_gte` is the column `fecha` and the operator.
fn split<'a>(table: &Table, condition: &'a str) -> (&'a str, &'a str) {
    match condition.rsplit_once('_') {
        Some((column, how)) if !table.columns.contains_key(condition) && table.columns.contains_key(column) => {
            (column, how)
        }
        _ => (condition, ""),
    }
}

/// Keeps the rows that match a filter; returns `false` if it results in invalid SQL.
fn keep(rows: &mut Vec<&Record>, table: &Table, engine: Engine, column: &str, how: &str, value: &str) -> bool {
    let kind = table.columns[column];
    let is_iso = value.get(..4).is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit()));
    let wanted = match kind {
        Kind::Int | Kind::Number => match value.parse::<f64>() {
            Ok(number) => json!(number),
            Err(_) => return false,
        },
        // MariaDB compares the word with the number 0.
        Kind::Bool => json!(value == "1" || (value == "true" && engine == Engine::Postgres)),
        Kind::Date if !is_iso => json!(turned(value)),
        _ => json!(value),
    };
    if matches!(how, "is" | "isnot") && value != "null" {
        return false;
    }
    rows.retain(|row| {
        let found = &row[column];
        let order = compare(found, &wanted);
        match how {
            "gt" => !found.is_null() && order == Ordering::Greater,
            "gte" => !found.is_null() && order != Ordering::Less,
            "lt" => !found.is_null() && order == Ordering::Less,
            "lte" => !found.is_null() && order != Ordering::Greater,
            "neq" => order != Ordering::Equal,
            "like" => found.as_str().is_some_and(|text| text.to_lowercase().contains(&value.to_lowercase())),
            "null" | "is" => found.is_null(),
            "notnull" | "isnot" => !found.is_null(),
            _ => order == Ordering::Equal,
        }
    });
    true
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_f64().partial_cmp(&other.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

fn counted(mut rows: Vec<Value>, mut total: Option<usize>, trap: Option<&Trap>) -> Response<Body> {
    match trap {
        Some(Trap::Empty) => (rows, total) = (vec![], Some(0)),
        Some(Trap::Cut(count)) => rows.truncate(*count),
        Some(Trap::Uncounted) => total = None,
        _ => {}
    }
    let mut body = Value::Array(rows).to_string().into_bytes();
    match trap {
        Some(Trap::Torn) => body.truncate(body.len() / 2),
        Some(Trap::Latin) => body = body.iter().flat_map(|byte| [*byte, 0xF1]).collect(),
        _ => {}
    }
    let mut response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    if let Some(total) = total {
        response = response.header("x-total-count", total);
    }
    response.body(Body::from(body)).expect("an answer")
}

fn plain(status: u16, body: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(body.to_string())).expect("an answer")
}

fn frame(status: u16, message: &str) -> Response<Body> {
    plain(status, &json!({"status": "error", "message": message}))
}

fn html(status: u16) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/html; charset=UTF-8");
    response.body(Body::from("<!doctype html><html><body><h1>Error a665</h1></body></html>")).expect("an answer")
}
