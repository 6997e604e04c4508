//! What who only asks can know, beside what triggers heard: what came and went in between, and what
//! leaves no trace in what may be read, is not among it. All else is the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{matrix::timeless, replay::Heard};

/// Derived columns, which differ by the moment of reading.
const DERIVED: &[&str] = &[
    "riesgoalcanzado",
    "codsubcuenta",
    "stockfis",
    "actualizado",
    "numdocs",
    "idasiento",
    "servido",
    "actualizastock",
];

/// A type and its object.
type Name = (String, String);

/// Says where asking differs from hearing beyond what asking can't know.
pub fn compare(heard: &[Heard], polled: &[Heard]) -> Vec<String> {
    let mut wrong = vec![];
    for (heard, polled) in heard.iter().zip(polled) {
        let (expected, found) = (knowable(&heard.events), by_name(&polled.events));
        let operation = &heard.operation;
        for (name, events) in &expected {
            match found.get(name).map(Vec::as_slice) {
                Some([one]) => wrong.extend(difference(operation, name, events, one)),
                other => {
                    wrong.push(format!("{operation}: asking finds {} × {name:?}", other.map_or(0, <[_]>::len)));
                }
            }
        }
        for name in found.keys().filter(|name| !expected.contains_key(*name)) {
            wrong.push(format!("{operation}: asking finds {name:?}, which nothing heard"));
        }
    }
    wrong
}

/// By type and object, what is left if only the end of an operation can be seen.
fn knowable(events: &[Value]) -> BTreeMap<Name, Vec<&Value>> {
    let mut all = by_name(events);
    let of = |noun: &str, object: &str| -> Name { (noun.to_owned(), object.to_owned()) };
    let names: Vec<Name> = all.keys().cloned().collect();
    for (event, object) in names.clone() {
        let noun = event.split('.').next().unwrap_or_default();
        let made = all.contains_key(&of(&format!("{noun}.created"), &object));
        let is_hidden = event == "user.session_changed" || (made && event.ends_with(".updated"));
        if is_hidden {
            all.remove(&(event, object));
        }
    }
    for ((event, object), acts) in &mut all {
        let noun = event.split('.').next().unwrap_or_default();
        let made = names.contains(&of(&format!("{noun}.created"), object));
        if made {
            // Made and changed in between two questions is made as it is now.
            *acts = events
                .iter()
                .filter(|one| name_of(one).1 == *object && name_of(one).0.starts_with(&format!("{noun}.")))
                .collect();
        }
    }
    all
}

fn by_name(events: &[Value]) -> BTreeMap<Name, Vec<&Value>> {
    let mut all: BTreeMap<Name, Vec<&Value>> = BTreeMap::new();
    for event in events {
        all.entry(name_of(event)).or_default().push(event);
    }
    all
}

fn name_of(event: &Value) -> Name {
    let (kind, object) = (event["event"].as_str().unwrap_or_default(), &event["data"]["object"]);
    let key = match kind.split('.').next().unwrap_or_default() {
        "receipt" | "supplier_receipt" => "idrecibo",
        "payment" | "supplier_payment" => "idpago",
        "customer" => "codcliente",
        "supplier" => "codproveedor",
        "contact" => "idcontacto",
        "product" => "idproducto",
        "product_variant" => "idvariante",
        "stock" => "idstock",
        "user" => "nick",
        _ => "codigo",
    };
    (kind.to_owned(), object[key].to_string())
}

/// One event must be the same; of several acts on one record, the last one shows how it ended.
fn difference(operation: &str, name: &Name, all: &[&Value], polled: &Value) -> Option<String> {
    let shown = |event: &Value| {
        let data = underived(timeless(event));
        if all.len() > 1 { data["object"].clone() } else { data }
    };
    let (one, other) = (shown(all.last()?), shown(polled));
    (one != other).then(|| format!("{operation}: {name:?} differs\n  heard {one}\n  asked {other}"))
}

fn underived(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, _)| !DERIVED.contains(&name.as_str()));
            kept.map(|(name, value)| (name, underived(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(underived).collect(),
        other => other,
    }
}
