//! Applies an endpoint's rules to an event that it subscribes to: the usual body, its own body, or none.

use std::cell::OnceCell;

use bytes::Bytes;
use serde_json::Value;

use crate::{
    ConditionInput, Customers, Endpoint, Include, Origin, Reason, SourceId, customer::customer_code, event::write_body,
    mask,
};

/// An event's body for endpoints' rules, parsed only if needed and once.
pub struct EventView<'a> {
    body: &'a [u8],
    customers: Option<(SourceId, &'a Customers)>,
    plain: Seen,
    /// With the customer included beside the code.
    whole: Seen,
}

/// A parsed body.
#[derive(Default)]
struct Seen {
    value: OnceCell<Value>,
    input: OnceCell<ConditionInput>,
}

impl<'a> EventView<'a> {
    /// For a body rendered by Gancho.
    pub fn of(body: &'a [u8]) -> Self {
        Self { body, customers: None, plain: Seen::default(), whole: Seen::default() }
    }

    /// With the known customers of the event's ERP.
    #[must_use]
    pub fn with_customers(self, source: Option<SourceId>, customers: &'a Customers) -> Self {
        Self { customers: source.map(|source| (source, customers)), ..self }
    }

    fn value(&self) -> &Value {
        self.plain.value.get_or_init(|| serde_json::from_slice(self.body).unwrap_or_default())
    }

    /// The customer code in the event; `None` for an event of the customer's own record.
    fn customer_code(&self) -> Option<&str> {
        let is_own = self.value()["event"].as_str().is_none_or(|event| event.starts_with("customer."));
        if is_own { None } else { customer_code(self.value()["data"]["object"].as_object()?) }
    }

    /// With the customer beside the code; null if unknown.
    fn with_customer(&self) -> &Value {
        self.whole.value.get_or_init(|| {
            let mut value = self.value().clone();
            if let Some(code) = self.customer_code() {
                let known = self.customers.and_then(|(source, all)| all.get(&(source, code.to_owned())));
                value["data"]["object"]["customer"] = known.map_or(Value::Null, crate::Customer::to_json);
            }
            value
        })
    }

    /// The view of an endpoint.
    fn seen_by(&self, endpoint: &Endpoint) -> (&Value, &OnceCell<ConditionInput>) {
        match endpoint.include.contains(&Include::Customer) && self.customer_code().is_some() {
            true => (self.with_customer(), &self.whole.input),
            false => (self.value(), &self.plain.input),
        }
    }
}

/// The customer code in an event's body, if a customer can be included.
pub fn customer_of_body(body: &[u8]) -> Option<String> {
    EventView::of(body).customer_code().map(ToOwned::to_owned)
}

/// Why an event that matches an endpoint's subscription is not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The stored reason.
    pub reason: Reason,
    /// The error, if any.
    pub why: Option<String>,
}

impl Refusal {
    fn plain(reason: Reason) -> Self {
        Self { reason, why: None }
    }
}

/// Applies an endpoint's rules: ignored origins, companies, included data, condition, template. Returns its own body
/// instead of the usual one, if it has one, of at most `bytes_max` bytes.
///
/// # Errors
/// Why nothing is sent.
pub fn tailor(endpoint: &Endpoint, event: &EventView<'_>, bytes_max: usize) -> Result<Option<Bytes>, Refusal> {
    if !endpoint.ignore_origins.is_empty() && is_ignored(endpoint, event.value()) {
        return Err(Refusal::plain(Reason::Origin));
    }
    if !endpoint.companies.is_empty() && is_of_another_company(endpoint, event.value()) {
        return Err(Refusal::plain(Reason::Company));
    }
    let (value, input) = event.seen_by(endpoint);
    if let Some(condition) = &endpoint.condition {
        match condition.holds(input.get_or_init(|| ConditionInput::of(value, event.body.len()))) {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::plain(Reason::Condition)),
            Err(error) => return Err(Refusal { reason: Reason::ConditionError, why: Some(error.0) }),
        }
    }
    body(endpoint, event, bytes_max)
}

/// The endpoint's own body, regardless of its other rules; `None` if it gets the usual one.
///
/// # Errors
/// Why there is none.
pub fn body(endpoint: &Endpoint, event: &EventView<'_>, bytes_max: usize) -> Result<Option<Bytes>, Refusal> {
    if endpoint.include.is_empty() && endpoint.template.is_none() && endpoint.mask.is_empty() {
        return Ok(None);
    }
    let (seen, _) = event.seen_by(endpoint);
    // Before the template runs, since its output is sent, too.
    let masked = (!endpoint.mask.is_empty()).then(|| without(seen, &endpoint.mask));
    let value = masked.as_ref().unwrap_or(seen);
    let Some(template) = &endpoint.template else {
        let is_plain = std::ptr::eq(value, event.value()) || masked.as_ref() == Some(event.value());
        return Ok((!is_plain).then(|| write_body(value)));
    };
    let rendered = template.render(value, bytes_max);
    rendered.map(Some).map_err(|error| Refusal { reason: Reason::TemplateError, why: Some(error.0) })
}

/// A body with the values of these fields of `data` masked at any depth.
fn without(body: &Value, fields: &[String]) -> Value {
    fn hide(value: &mut Value, fields: &[String]) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    if !fields.contains(name) {
                        hide(member, fields);
                    } else if !member.is_null() {
                        *member = mask::MASK.into();
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| hide(item, fields)),
            _ => {}
        }
    }
    let mut body = body.clone();
    if let Some(data) = body.get_mut("data") {
        hide(data, fields);
    }
    body
}

fn is_ignored(endpoint: &Endpoint, body: &Value) -> bool {
    let origin = Origin::of_body(body);
    origin.is_some_and(|origin| endpoint.ignore_origins.iter().any(|ignored| ignored.is_of(&origin)))
}

/// Records without a company, such as customers, belong to all.
fn is_of_another_company(endpoint: &Endpoint, body: &Value) -> bool {
    let company = body["data"]["object"]["idempresa"].as_i64();
    company.is_some_and(|company| !endpoint.companies.contains(&company))
}

impl Endpoint {
    /// Whether it has rules that depend on an event's body.
    pub fn is_tailored(&self) -> bool {
        let rules = self.condition.is_some() || self.template.is_some() || !self.include.is_empty();
        rules || !self.mask.is_empty() || !self.ignore_origins.is_empty() || !self.companies.is_empty()
    }
}
