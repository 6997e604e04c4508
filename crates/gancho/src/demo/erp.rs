//! A simulated ERP: consistent customers, products, orders and invoices in the real ERP's format.

use gancho_facturascripts::event_types;
use gancho_model::{EventType, Record, Rng, Timestamp};
use serde_json::{Value, json};

const NAMES: &[&str] = &[
    "Talleres Peña SL",
    "Ana Núñez Gil",
    "Hostal Buenavista",
    "Librería El Faro",
    "Clínica Dental Soler",
    "Café Tetuán",
    "Bodegas Roldán SA",
    "Óptica Mirasol",
];
const GOODS: &[(&str, &str, f64)] = &[
    ("SILLA-01", "Silla de oficina negra", 89.5),
    ("MESA-02", "Mesa de roble 160 cm", 349.0),
    ("LAMP-07", "Lámpara de pie", 64.9),
    ("ESTA-03", "Estantería modular", 129.0),
    ("MONT-00", "Montaje a domicilio", 45.0),
];
/// Maximum unpaid invoices, of which one may be paid.
const OPEN_MAX: usize = 40;

/// The state of the simulated ERP.
pub struct PretendErp {
    began: Timestamp,
    customers: Vec<Record>,
    open: Vec<Record>,
    invoices: i64,
    orders: i64,
    stock: i64,
}

impl PretendErp {
    pub fn new(began: Timestamp) -> Self {
        Self { began, customers: vec![], open: vec![], invoices: 0, orders: 0, stock: 12 }
    }

    /// The next user action, as the body of `POST /changes`.
    pub fn act(&mut self, now: Timestamp, rng: &dyn Rng) -> Value {
        let mut chance = [0; 4];
        rng.fill(&mut chance);
        let [what, who, which, how] = chance.map(usize::from);
        let origin = match who % 10 {
            0..5 => json!({"kind": "user", "id": "ana"}),
            5..8 => json!({"kind": "api", "id": 3, "name": "Tienda"}),
            _ => json!({"kind": "user", "id": "luis"}),
        };
        let changes = match what % 10 {
            _ if self.customers.len() < 3 => self.customer(),
            0 => self.customer(),
            1 => self.moved(which),
            2 => self.order(which, how),
            3..6 if !self.open.is_empty() => self.payment(which),
            6 => self.sale(how),
            _ => self.invoice(which, how),
        };
        let burst = format!("{}-{}", now.ms(), what);
        let whole = |mut change: Value| {
            change["origin"] = origin.clone();
            change["burst"] = burst.clone().into();
            change["at"] = now.to_string().into();
            change
        };
        json!({"changes": changes.into_iter().map(whole).collect::<Vec<_>>()})
    }

    fn customer(&mut self) -> Vec<Value> {
        let n = self.customers.len();
        let mut one = sample("customer.created");
        let (code, name) = ((n + 1).to_string(), NAMES[n % NAMES.len()]);
        set(
            &mut one,
            &[
                ("codcliente", code.clone().into()),
                ("nombre", name.into()),
                ("razonsocial", name.into()),
                ("cifnif", format!("B{:08}", 10_000_000 + n).into()),
                ("email", format!("cliente{}@example.com", n + 1).into()),
            ],
        );
        self.customers.push(one.clone());
        vec![json!({"model": "Cliente", "operation": "insert", "key": code, "after": one})]
    }

    /// A customer's telephone number changes.
    fn moved(&mut self, which: usize) -> Vec<Value> {
        let place = which % self.customers.len();
        let before = self.customers[place].clone();
        set(&mut self.customers[place], &[("telefono1", format!("91{:07}", which * 7919 % 9_999_999).into())]);
        let key = before["codcliente"].clone();
        vec![
            json!({"model": "Cliente", "operation": "update", "key": key, "before": before, "after": self.customers[place]}),
        ]
    }

    fn order(&mut self, which: usize, how: usize) -> Vec<Value> {
        self.orders += 1;
        let mut one = sample("order.created");
        self.fill(&mut one, ("idpedido", self.orders, format!("PED{}A{}", self.year(), self.orders)), which, how);
        vec![json!({"model": "PedidoCliente", "operation": "insert", "key": self.orders, "after": one})]
    }

    fn invoice(&mut self, which: usize, how: usize) -> Vec<Value> {
        self.invoices += 1;
        let mut one = sample("invoice.created");
        self.fill(&mut one, ("idfactura", self.invoices, format!("FAC{}A{}", self.year(), self.invoices)), which, how);
        set(&mut one, &[("pagada", false.into()), ("vencida", false.into())]);
        if self.open.len() < OPEN_MAX {
            self.open.push(one.clone());
        }
        vec![json!({"model": "FacturaCliente", "operation": "insert", "key": self.invoices, "after": one})]
    }

    fn payment(&mut self, which: usize) -> Vec<Value> {
        let before = self.open.swap_remove(which % self.open.len());
        let mut after = before.clone();
        set(&mut after, &[("pagada", true.into())]);
        vec![
            json!({"model": "FacturaCliente", "operation": "update", "key": before["idfactura"], "before": before, "after": after}),
        ]
    }

    /// A sale reduces the stock; low stock is replenished.
    fn sale(&mut self, how: usize) -> Vec<Value> {
        let before_count = self.stock;
        self.stock = if before_count < 4 { 30 } else { before_count - 1 - (how % 3) as i64 };
        let of = |count: i64| {
            let mut stock = sample("stock.updated");
            set(
                &mut stock,
                &[
                    ("cantidad", count.into()),
                    ("disponible", count.into()),
                    ("referencia", GOODS[0].0.into()),
                    ("stockmin", 5.into()),
                ],
            );
            stock
        };
        let (before, after) = (of(before_count), of(self.stock));
        vec![
            json!({"model": "Stock", "operation": "update", "key": after["idstock"], "before": before, "after": after}),
        ]
    }

    /// A document of a customer, with lines and correct sums.
    fn fill(&self, document: &mut Record, (key, number, code): (&str, i64, String), which: usize, how: usize) {
        let customer = &self.customers[which % self.customers.len()];
        let cents = |amount: f64| (amount * 100.0).round() / 100.0;
        let template = document.get("lines").and_then(|lines| lines[0].as_object()).cloned().unwrap_or_default();
        let mut net = 0.0;
        let lines: Vec<Value> = (0..1 + how % 3)
            .map(|place| {
                let (reference, text, price) = GOODS[(which + place) % GOODS.len()];
                let count = 1 + (how + place) % 4;
                let total = cents(price * count as f64);
                net += total;
                let mut line = template.clone();
                set(
                    &mut line,
                    &[
                        ("idlinea", (number * 10 + place as i64).into()),
                        ("referencia", reference.into()),
                        ("descripcion", text.into()),
                        ("cantidad", count.into()),
                        ("pvpunitario", price.into()),
                        ("pvpsindto", total.into()),
                        ("pvptotal", total.into()),
                        ("orden", place.into()),
                    ],
                );
                if template.contains_key(key) {
                    line.insert(key.to_owned(), number.into());
                }
                Value::Object(line)
            })
            .collect();
        let (net, tax) = (cents(net), cents(net * 0.21));
        let date = self.began.to_string();
        set(
            document,
            &[
                (key, number.into()),
                ("codigo", code.into()),
                ("numero", number.to_string().into()),
                ("codcliente", customer["codcliente"].clone()),
                ("nombrecliente", customer["nombre"].clone()),
                ("cifnif", customer["cifnif"].clone()),
                ("fecha", date[..10].into()),
                ("neto", net.into()),
                ("netosindto", net.into()),
                ("totaliva", tax.into()),
                ("total", cents(net + tax).into()),
                ("totaleuros", cents(net + tax).into()),
                ("lines", lines.into()),
            ],
        );
    }

    fn year(&self) -> String {
        self.began.to_string()[..4].to_owned()
    }
}

/// A record in the real format.
fn sample(event: &str) -> Record {
    let data = EventType::parse(event).map(|event| event_types::sample(&event).0).unwrap_or_default();
    data.get("object").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn set(record: &mut Record, fields: &[(&str, Value)]) {
    for (name, value) in fields {
        record.insert((*name).to_owned(), value.clone());
    }
}
