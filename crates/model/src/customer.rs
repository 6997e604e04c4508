//! What an endpoint may have put beside a customer's code: how to address and invoice them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Change, Record, SourceId};

/// The column of a record that names its customer.
const CODE: &str = "codcliente";
/// The model of customers, whose records need nothing put beside them.
pub const CUSTOMER_MODEL: &str = "Cliente";

/// What an endpoint may ask to have put into bodies.
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

/// What is known of a customer beside the code, as the ERP names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The name.
    pub nombre: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The tax number.
    pub cifnif: Option<String>,
}

/// Customers by the ERP that they are of, and their code there.
pub type Customers = HashMap<(SourceId, String), Customer>;

impl Customer {
    /// Of the ERP's record.
    pub fn of(record: &Record) -> Self {
        let text = |column: &str| record.get(column).and_then(Value::as_str).map(ToOwned::to_owned);
        Self { nombre: text("nombre"), email: text("email"), cifnif: text("cifnif") }
    }

    /// As it stands in a body.
    pub fn to_json(&self) -> Value {
        json!({"nombre": self.nombre, "email": self.email, "cifnif": self.cifnif})
    }
}

/// The code of the customer that a record is about; nothing where there is none.
pub fn customer_code(record: &Record) -> Option<&str> {
    record.get(CODE)?.as_str().filter(|code| !code.is_empty())
}

impl Change {
    /// The code of the customer that it is about, unless it is about the customer's own record.
    pub fn customer_code(&self) -> Option<&str> {
        let record = self.after.as_ref().or(self.before.as_ref()).filter(|_| self.row.model != CUSTOMER_MODEL)?;
        customer_code(record)
    }
}
