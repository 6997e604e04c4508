//! The ERP's models that mean something to a business, and what their events are called.

/// What kind of thing a model is: it decides which rules apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A document with lines. Invoices are paid and fall due, too.
    Document {
        /// Whether it is an invoice.
        invoice: bool,
    },
    /// An instalment of an invoice.
    Receipt,
    /// A payment of a receipt.
    Payment,
    /// Quantities of a product in a warehouse.
    Stock,
    /// A person who signs in to the ERP.
    User,
    /// Roles, their members and rights: they change what users may do.
    Permission,
    /// Nothing more than created, updated, deleted.
    Plain,
}

impl Kind {
    /// The word for it in `facts.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document { invoice: true } => "invoice",
            Self::Document { invoice: false } => "document",
            Self::Receipt => "receipt",
            Self::Payment => "payment",
            Self::Stock => "stock",
            Self::User => "user",
            Self::Permission => "permission",
            Self::Plain => "plain",
        }
    }

    /// The columns that say that it is paid, and due; nothing for what is neither.
    pub fn flags(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Document { invoice: true } => Some(["pagada", "vencida"]),
            Self::Receipt => Some(["pagado", "vencido"]),
            _ => None,
        }
    }
}

/// A model of the ERP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// The class.
    pub name: &'static str,
    /// The noun of its events; empty where it has none of its own.
    pub noun: &'static str,
    /// What kind of thing it is.
    pub kind: Kind,
    /// The model of its lines.
    pub lines: Option<&'static str>,
    /// Where it stands in the catalogue.
    pub area: Area,
}

/// A part of the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// What is sold.
    Sales,
    /// What is bought.
    Purchases,
    /// With whom.
    People,
    /// What lies in the warehouse.
    Warehouse,
    /// Who works with the ERP.
    Users,
}

impl Area {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sales => "sales",
            Self::Purchases => "purchases",
            Self::People => "people",
            Self::Warehouse => "warehouse",
            Self::Users => "users",
        }
    }
}

const DOCUMENT: Kind = Kind::Document { invoice: false };
const INVOICE: Kind = Kind::Document { invoice: true };

#[rustfmt::skip]
/// Every model of the catalogue.
pub const MODELS: &[Model] = &[
    model("FacturaCliente", "invoice", INVOICE, Some("LineaFacturaCliente"), Area::Sales),
    model("FacturaProveedor", "supplier_invoice", INVOICE, Some("LineaFacturaProveedor"), Area::Purchases),
    model("AlbaranCliente", "delivery_note", DOCUMENT, Some("LineaAlbaranCliente"), Area::Sales),
    model("AlbaranProveedor", "supplier_delivery_note", DOCUMENT, Some("LineaAlbaranProveedor"), Area::Purchases),
    model("PedidoCliente", "order", DOCUMENT, Some("LineaPedidoCliente"), Area::Sales),
    model("PedidoProveedor", "supplier_order", DOCUMENT, Some("LineaPedidoProveedor"), Area::Purchases),
    model("PresupuestoCliente", "estimate", DOCUMENT, Some("LineaPresupuestoCliente"), Area::Sales),
    model("PresupuestoProveedor", "supplier_estimate", DOCUMENT, Some("LineaPresupuestoProveedor"), Area::Purchases),
    model("ReciboCliente", "receipt", Kind::Receipt, None, Area::Sales),
    model("ReciboProveedor", "supplier_receipt", Kind::Receipt, None, Area::Purchases),
    model("PagoCliente", "payment", Kind::Payment, None, Area::Sales),
    model("PagoProveedor", "supplier_payment", Kind::Payment, None, Area::Purchases),
    model("Cliente", "customer", Kind::Plain, None, Area::People),
    model("Proveedor", "supplier", Kind::Plain, None, Area::People),
    model("Contacto", "contact", Kind::Plain, None, Area::People),
    model("Producto", "product", Kind::Plain, None, Area::Warehouse),
    model("Variante", "product_variant", Kind::Plain, None, Area::Warehouse),
    model("Stock", "stock", Kind::Stock, None, Area::Warehouse),
    model("User", "user", Kind::User, None, Area::Users),
    model("Role", "", Kind::Permission, None, Area::Users),
    model("RoleUser", "", Kind::Permission, None, Area::Users),
    model("RoleAccess", "", Kind::Permission, None, Area::Users),
];

const fn model(name: &'static str, noun: &'static str, kind: Kind, lines: Option<&'static str>, area: Area) -> Model {
    Model { name, noun, kind, lines, area }
}

/// The model of this class.
pub fn find(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|model| model.name == name)
}
