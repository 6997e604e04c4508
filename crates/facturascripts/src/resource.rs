//! What the ERP's REST API calls its models, and by which columns its lists can be narrowed.

use crate::{
    catalogue::{self, Kind as ModelKind},
    columns::{self, Kind},
};

/// A list of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The model's class.
    pub model: String,
    /// Its name in addresses: `facturaclientes`.
    pub name: String,
    /// The primary key.
    pub key: String,
    /// Whether keys are numbers that count up, so that a new record's is greater.
    pub serial: bool,
    /// The column with the day that a record is of.
    pub day: Option<&'static str>,
    /// The column with the day on which it was made.
    pub born: Option<&'static str>,
    /// The column with the moment of the last change; few have one.
    pub touched: Option<&'static str>,
    /// Of documents: the list of their lines, in which the column of the document's key names it.
    pub lines: Option<String>,
}

impl Resource {
    /// The list of a model, by its class or table.
    pub fn of(model: &str) -> Self {
        let table = columns::find(model);
        let class = table.map_or(model, |table| table.model);
        let known = catalogue::find(class);
        let has = |column: &'static str| table.filter(|table| table.columns.contains_key(column)).map(|_| column);
        let is_dated =
            known.is_some_and(|model| !matches!(model.kind, ModelKind::Plain | ModelKind::User | ModelKind::Stock));
        let key = table.map_or("id", |table| table.key);
        Self {
            model: class.to_owned(),
            name: plural(class),
            serial: table.is_none_or(|table| table.columns.get(table.key) == Some(&Kind::Int)),
            key: key.to_owned(),
            day: has("fecha").filter(|_| is_dated),
            born: has("fechaalta"),
            touched: has("actualizado"),
            lines: known.and_then(|model| model.lines).map(plural),
        }
    }
}

/// A resource's name is the class in lower case and in the plural, by the ERP's own rule.
fn plural(class: &str) -> String {
    let name = class.to_lowercase();
    let end = match name.chars().last() {
        Some('s') => "",
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'k') => "s",
        _ if name.ends_with("ser") || name.ends_with("tion") => "s",
        _ => "es",
    };
    name + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_the_api_has_them() {
        for (class, name) in [
            ("FacturaCliente", "facturaclientes"),
            ("FacturaProveedor", "facturaproveedores"),
            ("User", "users"),
            ("RoleAccess", "roleaccess"),
            ("Stock", "stocks"),
            ("EstadoDocumento", "estadodocumentos"),
            ("DocTransformation", "doctransformations"),
            ("WorkEvent", "workeventes"),
            ("ApiKey", "apikeyes"),
            ("Pais", "pais"),
        ] {
            assert_eq!(Resource::of(class).name, name);
        }
    }

    #[test]
    fn what_lists_can_be_narrowed_by() {
        let invoice = Resource::of("facturascli");
        assert_eq!((&*invoice.model, &*invoice.key, invoice.serial), ("FacturaCliente", "idfactura", true));
        assert_eq!((invoice.day, invoice.lines.as_deref()), (Some("fecha"), Some("lineafacturaclientes")));
        let customer = Resource::of("Cliente");
        assert_eq!((customer.serial, customer.day, customer.born), (false, None, Some("fechaalta")));
        assert_eq!(Resource::of("Producto").touched, Some("actualizado"));
        assert_eq!(Resource::of("ReciboCliente").day, Some("fecha"));
        let other = Resource::of("Maquina");
        assert_eq!((&*other.name, &*other.key, other.serial), ("maquinas", "id", true));
    }
}
