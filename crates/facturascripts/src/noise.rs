//! Columns that the ERP derives: an update of nothing else is no news (EVENTS rule 5).

use crate::catalogue::{self, Kind};

/// Whether a change of this column alone is no news.
pub fn is_noise(model: &str, column: &str) -> bool {
    let noise: &[&str] = match model {
        "Cliente" => &["riesgoalcanzado", "codsubcuenta"],
        "Proveedor" => &["codsubcuenta"],
        "Producto" => &["stockfis", "actualizado"],
        "Variante" => &["stockfis"],
        "User" => &["lastactivity", "lastip", "lastbrowser", "logkey"],
        _ if is_document(model) => &["numdocs", "idasiento"],
        _ if model.starts_with("Linea") => &["servido", "actualizastock"],
        _ => &[],
    };
    noise.contains(&column)
}

fn is_document(model: &str) -> bool {
    catalogue::find(model).is_some_and(|model| matches!(model.kind, Kind::Document { .. }))
}
