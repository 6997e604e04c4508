//! What an endpoint gets of an event whose type and source it asked for: all of it, nothing, or a body of its own.

use std::cell::OnceCell;

use bytes::Bytes;
use serde_json::Value;

use crate::{ConditionInput, Endpoint, Origin, Reason};

/// An event's body, as the rules of endpoints look at it: read once, and only where there is one with rules.
pub struct EventView<'a> {
    body: &'a [u8],
    parsed: OnceCell<Value>,
    input: OnceCell<ConditionInput>,
}

impl<'a> EventView<'a> {
    /// Of a body that was rendered here.
    pub fn of(body: &'a [u8]) -> Self {
        Self { body, parsed: OnceCell::new(), input: OnceCell::new() }
    }

    fn value(&self) -> &Value {
        self.parsed.get_or_init(|| serde_json::from_slice(self.body).unwrap_or_default())
    }

    fn input(&self) -> &ConditionInput {
        self.input.get_or_init(|| ConditionInput::of(self.value(), self.body.len()))
    }
}

/// Why an event that an endpoint asked for is not sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, as it is kept.
    pub reason: Reason,
    /// What went wrong, where something did.
    pub why: Option<String>,
}

impl Refusal {
    fn plain(reason: Reason) -> Self {
        Self { reason, why: None }
    }
}

/// Applies the rules of an endpoint: the origins that it ignores, its companies, its condition, its template. Returns the
/// body that it gets instead of the usual one, if it has one of its own, at most `bytes_max` long.
///
/// # Errors
/// Why it gets nothing.
pub fn tailor(endpoint: &Endpoint, event: &EventView<'_>, bytes_max: usize) -> Result<Option<Bytes>, Refusal> {
    if !endpoint.ignore_origins.is_empty() && is_ignored(endpoint, event.value()) {
        return Err(Refusal::plain(Reason::Origin));
    }
    if !endpoint.companies.is_empty() && is_of_another_company(endpoint, event.value()) {
        return Err(Refusal::plain(Reason::Company));
    }
    if let Some(condition) = &endpoint.condition {
        match condition.holds(event.input()) {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::plain(Reason::Condition)),
            Err(error) => return Err(Refusal { reason: Reason::ConditionError, why: Some(error.0) }),
        }
    }
    let Some(template) = &endpoint.template else { return Ok(None) };
    let rendered = template.render(event.value(), bytes_max);
    rendered.map(Some).map_err(|error| Refusal { reason: Reason::TemplateError, why: Some(error.0) })
}

fn is_ignored(endpoint: &Endpoint, body: &Value) -> bool {
    let origin = Origin::of_body(body);
    origin.is_some_and(|origin| endpoint.ignore_origins.iter().any(|ignored| ignored.is_of(&origin)))
}

/// Records that belong to no company, such as customers, are of all.
fn is_of_another_company(endpoint: &Endpoint, body: &Value) -> bool {
    let company = body["data"]["object"]["idempresa"].as_i64();
    company.is_some_and(|company| !endpoint.companies.contains(&company))
}

impl Endpoint {
    /// Whether it has rules that look at an event's body.
    pub fn is_tailored(&self) -> bool {
        let rules = self.condition.is_some() || self.template.is_some();
        rules || !self.ignore_origins.is_empty() || !self.companies.is_empty()
    }
}
