//! Customer data that an endpoint may include beside a customer's code: for addressing and invoicing.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Change, Record, SourceId};

/// The column that references a record's customer.
const CODE: &str = "codcliente";
/// The model of customers; their own records need no addition.
pub const CUSTOMER_MODEL: &str = "Cliente";

/// Data that an endpoint may include in bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// The customer's name, e-mail and tax number, as `customer` beside `codcliente`.
    Customer,
}

impl Include {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        (word == "customer").then_some(Self::Customer)
    }
}

/// Customer data beside the code, as the ERP names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The name.
    pub nombre: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The tax number.
    pub cifnif: Option<String>,
}

/// Customers by their ERP and code.
pub type Customers = HashMap<(SourceId, String), Customer>;

impl Customer {
    /// Parses the ERP's record.
    pub fn of(record: &Record) -> Self {
        let text = |column: &str| record.get(column).and_then(Value::as_str).map(ToOwned::to_owned);
        Self { nombre: text("nombre"), email: text("email"), cifnif: text("cifnif") }
    }

    /// Its form in a body.
    pub fn to_json(&self) -> Value {
        json!({"nombre": self.nombre, "email": self.email, "cifnif": self.cifnif})
    }
}

/// The customer code in a record, if any.
pub fn customer_code(record: &Record) -> Option<&str> {
    record.get(CODE)?.as_str().filter(|code| !code.is_empty())
}

impl Change {
    /// The event's customer code, unless it is about the customer's own record.
    pub fn customer_code(&self) -> Option<&str> {
        let record = self.after.as_ref().or(self.before.as_ref()).filter(|_| self.row.model != CUSTOMER_MODEL)?;
        customer_code(record)
    }
}
