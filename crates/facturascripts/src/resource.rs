//! Names of models in the ERP's REST API, and the columns that filter its lists.

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
    /// Whether keys are increasing numbers, so that new records have greater keys.
    pub serial: bool,
    /// The column with a record's date.
    pub day: Option<&'static str>,
    /// The column with the creation date.
    pub born: Option<&'static str>,
    /// The column with the time of the last change; few models have one.
    pub touched: Option<&'static str>,
    /// For documents: the list of their lines, in which a column named like the document's key references it.
    pub lines: Option<String>,
}

/// Keys of the ERP's other models: class, table, key. As of version 2026.65.
const KEYS: &[(&str, &str, &str)] = &[
    ("AgenciaTransporte", "agenciastrans", "codtrans"),
    ("Agente", "agentes", "codagente"),
    ("ApiAccess", "api_access", "id"),
    ("Atributo", "atributos", "codatributo"),
    ("AtributoValor", "atributos_valores", "id"),
    ("AttachedFile", "attached_files", "idfile"),
    ("AttachedFileRelation", "attached_files_rel", "id"),
    ("Ciudad", "ciudades", "idciudad"),
    ("CodigoPostal", "codigos_postales", "id"),
    ("ConceptoPartida", "conceptos_partidas", "codconcepto"),
    ("CronJob", "cronjobs", "id"),
    ("Cuenta", "cuentas", "idcuenta"),
    ("CuentaBanco", "cuentasbanco", "codcuenta"),
    ("CuentaBancoCliente", "cuentasbcocli", "codcuenta"),
    ("CuentaBancoProveedor", "cuentasbcopro", "codcuenta"),
    ("CuentaEspecial", "cuentasesp", "codcuentaesp"),
    ("Diario", "diarios", "iddiario"),
    ("Divisa", "divisas", "coddivisa"),
    ("Ejercicio", "ejercicios", "codejercicio"),
    ("EmailNotification", "emails_notifications", "name"),
    ("EmailSent", "emails_sent", "id"),
    ("Fabricante", "fabricantes", "codfabricante"),
    ("Familia", "familias", "codfamilia"),
    ("FormatoDocumento", "formatos_documentos", "id"),
    ("GrupoClientes", "gruposclientes", "codgrupo"),
    ("IdentificadorFiscal", "idsfiscales", "tipoidfiscal"),
    ("ImpuestoZona", "impuestoszonas", "id"),
    ("LogMessage", "logs", "id"),
    ("Page", "pages", "name"),
    ("PageFilter", "pages_filters", "id"),
    ("PageOption", "pages_options", "id"),
    ("Pais", "paises", "codpais"),
    ("ProductoImagen", "productos_imagenes", "id"),
    ("ProductoProveedor", "productosprov", "id"),
    ("Provincia", "provincias", "idprovincia"),
    ("PuntoInteresCiudad", "puntos_interes_ciudades", "id"),
    ("RegularizacionImpuesto", "regularizacionimpuestos", "idregiva"),
    ("Retencion", "retenciones", "codretencion"),
    ("SecuenciaDocumento", "secuencias_documentos", "idsecuencia"),
    ("Subcuenta", "subcuentas", "idsubcuenta"),
    ("Tarifa", "tarifas", "codtarifa"),
];

impl Resource {
    /// The list of a model, by its class or table.
    pub fn of(model: &str) -> Self {
        let table = columns::find(model);
        let other = KEYS.iter().find(|(class, table, _)| [*class, *table].contains(&model));
        let class = table.map_or(other.map_or(model, |(class, _, _)| class), |table| table.model);
        let known = catalogue::find(class);
        let has = |column: &'static str| table.filter(|table| table.columns.contains_key(column)).map(|_| column);
        let is_dated =
            known.is_some_and(|model| !matches!(model.kind, ModelKind::Plain | ModelKind::User | ModelKind::Stock));
        let key = table.map_or(other.map_or("id", |(_, _, key)| key), |table| table.key);
        Self {
            model: class.to_owned(),
            name: plural(class),
            // In other tables, numeric keys begin with `id`.
            serial: table.map_or(key.starts_with("id"), |table| table.columns.get(table.key) == Some(&Kind::Int)),
            key: key.to_owned(),
            day: has("fecha").filter(|_| is_dated),
            born: has("fechaalta"),
            touched: has("actualizado"),
            lines: known.and_then(|model| model.lines).map(plural),
        }
    }
}

/// A resource's name is the class in lower case and plural, by the ERP's own rule.
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
        let family = Resource::of("familias");
        assert_eq!((&*family.name, &*family.key, family.serial), ("familias", "codfamilia", false));
        let other = Resource::of("Maquina");
        assert_eq!((&*other.name, &*other.key, other.serial), ("maquinas", "id", true));
    }
}
