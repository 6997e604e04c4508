//! Stock that fell below its minimum (EVENTS rule 11).

use gancho_model::Record;
use serde_json::Value;

use super::{Events, previous, update};
use crate::{catalogue, fold::Folded};

pub(super) fn stock_events(folded: &Folded, events: &mut Events<'_>) {
    let Some((before, after, diff)) = update(folded, catalogue::find("Stock")) else { return };
    if is_low(after) && !is_low(before) {
        events.push("low", previous(diff));
    }
}

fn is_low(stock: &Record) -> bool {
    let number = |column: &str| stock.get(column).and_then(Value::as_f64);
    matches!((number("disponible"), number("stockmin")), (Some(there), Some(least)) if least > 0.0 && there < least)
}
