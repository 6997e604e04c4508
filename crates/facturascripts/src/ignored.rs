//! Columns that the ERP derives: a change of these alone makes no event (EVENTS rule 5).

use crate::catalogue::{self, Kind};

/// The ignored columns of a model.
pub fn columns(model: &str) -> &'static [&'static str] {
    match model {
        "Cliente" => &["riesgoalcanzado", "codsubcuenta"],
        "Proveedor" => &["codsubcuenta"],
        "Producto" => &["stockfis", "actualizado"],
        "Variante" => &["stockfis"],
        "User" => &["lastactivity", "lastip", "lastbrowser", "logkey"],
        _ if is_document(model) => &["numdocs", "idasiento"],
        _ if model.starts_with("Linea") => &["servido", "actualizastock"],
        _ => &[],
    }
}

/// Whether a change of this column alone makes no event.
pub fn is_ignored(model: &str, column: &str) -> bool {
    columns(model).contains(&column)
}

fn is_document(model: &str) -> bool {
    catalogue::find(model).is_some_and(|model| matches!(model.kind, Kind::Document { .. }))
}
