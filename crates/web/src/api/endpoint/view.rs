use std::collections::BTreeMap;

use gancho_model::{Endpoint, HealthState, RetryPolicy, Timestamp, mask};
use gancho_store::EndpointBacklog;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Reader;

/// An endpoint. Its secret is left out, the values of its headers are masked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointView {
    id: String,
    /// Where to; secrets inside are masked for readers.
    url: String,
    name: Option<String>,
    description: Option<String>,
    /// What it asks for.
    events: Vec<String>,
    /// Only events of these sources; of all if empty.
    sources: Vec<String>,
    enabled: bool,
    paused: bool,
    /// Why it is disabled, where no person did it: `gone` or `failing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    headers: BTreeMap<String, &'static str>,
    /// Only events for which this holds, in CEL.
    condition: Option<String>,
    /// What is sent instead of the usual body, in Jinja.
    template: Option<String>,
    /// Nothing that these wrote.
    ignore_origins: Vec<String>,
    /// Only records of these companies; of all if empty.
    companies: Vec<i64>,
    /// What is put into its bodies: `customer`, or nothing.
    include: Vec<&'static str>,
    /// Fields whose values it does not get.
    mask: Vec<String>,
    timeout_ms: u32,
    #[schema(value_type = Object)]
    retry: RetryPolicy,
    rate_per_s: Option<u32>,
    max_in_flight: Option<u32>,
    health: HealthView,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Only where it was changed: what was dropped because the URL leads to another origin, such as `headers.X-Key`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
}

/// How an endpoint is doing.
#[derive(Debug, Serialize, ToSchema)]
struct HealthView {
    #[schema(value_type = String)]
    state: HealthState,
    consecutive_failures: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_success_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_failure_at: Option<Timestamp>,
    pending: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_pending_at: Option<Timestamp>,
    /// The same in a sentence, where one endpoint is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
}

impl EndpointView {
    pub fn new(endpoint: &Endpoint, backlog: EndpointBacklog, reader: Reader) -> Self {
        let health = &endpoint.health;
        Self {
            id: endpoint.id.to_string(),
            url: if reader.sees_secrets() { endpoint.url.clone() } else { mask::url(&endpoint.url) },
            name: endpoint.name.clone(),
            description: endpoint.description.clone(),
            events: endpoint.events.iter().map(ToString::to_string).collect(),
            sources: endpoint.sources.iter().map(ToString::to_string).collect(),
            enabled: endpoint.enabled,
            paused: endpoint.paused,
            disabled_reason: endpoint.disabled_reason.clone(),
            headers: endpoint.headers.keys().map(|name| (name.clone(), mask::MASK)).collect(),
            condition: endpoint.condition.as_ref().map(|condition| condition.as_str().to_owned()),
            template: endpoint.template.as_ref().map(|template| template.as_str().to_owned()),
            ignore_origins: endpoint.ignore_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            companies: endpoint.companies.clone(),
            include: endpoint.include.iter().map(|include| include.as_str()).collect(),
            mask: endpoint.mask.clone(),
            timeout_ms: endpoint.timeout_ms,
            retry: endpoint.retry.clone(),
            rate_per_s: endpoint.rate_per_s,
            max_in_flight: endpoint.max_in_flight,
            health: HealthView {
                state: health.state(endpoint.enabled, endpoint.paused),
                consecutive_failures: health.consecutive_failures,
                last_success_at: health.last_success_at,
                last_failure_at: health.last_failure_at,
                pending: backlog.pending,
                oldest_pending_at: backlog.oldest_pending_at,
                summary: None,
            },
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
            secret: None,
            dropped: vec![],
        }
    }

    pub fn with_summary(mut self, summary: String) -> Self {
        self.health.summary = Some(summary);
        self
    }

    pub fn with_secret(self, secret: &gancho_model::Secret) -> Self {
        Self { secret: Some(secret.expose().to_owned()), ..self }
    }
}
