//! Formats columns and values of the ERP for users.

use gancho_facturascripts::columns::{Kind, tables};
use gancho_model::Timestamp;
use gancho_words::Words;
use serde_json::Value;

/// Columns with amounts of money.
const MONEY: &[&str] = &[
    "baseimponible",
    "coste",
    "debe",
    "gastos",
    "haber",
    "importe",
    "liquidado",
    "neto",
    "netosindto",
    "precio",
    "pvpsindto",
    "pvptotal",
    "pvpunitario",
    "riesgoalcanzado",
    "riesgomax",
    "saldo",
    "total",
    "totalbeneficio",
    "totalcoste",
    "totaleuros",
    "totalirpf",
    "totaliva",
    "totalrecargo",
    "totalsuplidos",
];
/// Columns with percentages.
const PERCENT: &[&str] = &["dtopor", "dtopor1", "dtopor2", "irpf", "iva", "margen", "recargo"];

/// A column's title in the ERP; its raw name if unknown.
pub(crate) fn column(words: &Words, name: &str) -> String {
    words.column(name).map_or_else(|| name.to_owned(), |(title, _)| title)
}

/// A formatted value: money with its currency, dates as text.
pub(crate) fn value(words: &Words, column: &str, value: &Value, currency: &str) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => words.get("yes"),
        Value::Bool(false) => words.get("no"),
        Value::Number(number) if MONEY.contains(&column) => words.money(number.as_f64().unwrap_or_default(), currency),
        Value::Number(number) if PERCENT.contains(&column) => {
            words.percent(number.as_f64().unwrap_or_default() / 100.0)
        }
        Value::Number(number) if number.is_f64() => words.decimal(number.as_f64().unwrap_or_default(), 2),
        Value::String(text) => moment(words, column, text).unwrap_or_else(|| text.clone()),
        Value::Array(items) => words.count("items", items.len() as u64),
        other => other.to_string(),
    }
}

/// A formatted date or time, if the column contains one.
fn moment(words: &Words, column: &str, text: &str) -> Option<String> {
    match kind(column)? {
        Kind::Date => words.date(text),
        Kind::Timestamp => Timestamp::parse(text).map(|at| words.full(at)),
        _ => None,
    }
}

/// Columns with the same name have the same type in all tables.
fn kind(column: &str) -> Option<Kind> {
    tables().iter().find_map(|table| table.columns.get(column).copied())
}
