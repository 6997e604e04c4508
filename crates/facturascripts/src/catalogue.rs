//! The ERP's models with business meaning, and the nouns of their events.

/// The kind of a model, which determines its rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A document with lines. Invoices can also be paid and become due.
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
    /// A user of the ERP.
    User,
    /// Roles, their members and rights, which determine users' permissions.
    Permission,
    /// Only created, updated, deleted.
    Plain,
}

impl Kind {
    /// Its name in `facts.json`.
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

    /// The columns with the paid and due flags; `None` for kinds without them.
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
    /// The noun of its events; empty if it has none of its own.
    pub noun: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The model of its lines.
    pub lines: Option<&'static str>,
    /// Its section in the catalogue.
    pub area: Area,
}

/// A business area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Sales.
    Sales,
    /// Purchases.
    Purchases,
    /// Customers and suppliers.
    People,
    /// Warehouse.
    Warehouse,
    /// Users of the ERP.
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
