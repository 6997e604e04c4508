//! An endpoint's columns, plain and sealed.

use std::collections::BTreeMap;

use gancho_model::{
    Condition, Endpoint, EndpointId, Include, Message, OriginReference, Pattern, RetryPolicy, Secret, SigningSecrets,
    SourceId, Template, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{damaged, from_json};
use crate::{StoreError, vault::Vault};

/// Contents of `endpoints.config`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Config {
    name: Option<String>,
    description: Option<String>,
    events: Vec<Pattern>,
    sources: Vec<SourceId>,
    timeout_ms: u32,
    retry: RetryPolicy,
    rate_per_s: Option<u32>,
    max_in_flight: Option<u32>,
    // Added after the table's first release.
    #[serde(default)]
    condition: Option<String>,
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    ignore_origins: Vec<OriginReference>,
    #[serde(default)]
    companies: Vec<i64>,
    #[serde(default)]
    include: Vec<Include>,
    #[serde(default)]
    mask: Vec<String>,
}

impl Config {
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            name: endpoint.name.clone(),
            description: endpoint.description.clone(),
            events: endpoint.events.clone(),
            sources: endpoint.sources.clone(),
            timeout_ms: endpoint.timeout_ms,
            retry: endpoint.retry.clone(),
            rate_per_s: endpoint.rate_per_s,
            max_in_flight: endpoint.max_in_flight,
            condition: endpoint.condition.as_ref().map(|condition| condition.as_str().to_owned()),
            template: endpoint.template.as_ref().map(|template| template.as_str().to_owned()),
            ignore_origins: endpoint.ignore_origins.clone(),
            companies: endpoint.companies.clone(),
            include: endpoint.include.clone(),
            mask: endpoint.mask.clone(),
        }
    }
}

/// Contents of `endpoints.sealed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sealed {
    pub url: String,
    secret: String,
    next: Option<(String, i64)>,
    headers: BTreeMap<String, String>,
}

impl Sealed {
    pub fn of(endpoint: &Endpoint) -> Self {
        let SigningSecrets { current, next } = &endpoint.secrets;
        Self {
            url: endpoint.url.clone(),
            secret: current.expose().to_owned(),
            next: next.as_ref().map(|(secret, until)| (secret.expose().to_owned(), until.ms())),
            headers: endpoint.headers.clone(),
        }
    }

    pub fn open(vault: &Vault, id: EndpointId, sealed: &[u8]) -> Result<Self, StoreError> {
        let opened = vault.open(id.bytes(), sealed).map_err(|error| StoreError::Broken(error.to_string()))?;
        serde_json::from_slice(&opened).map_err(|_| damaged("sealed"))
    }
}

/// The columns of an endpoint.
pub(crate) struct EndpointColumns {
    pub id: [u8; 16],
    pub config: String,
    pub sealed: Vec<u8>,
    pub enabled: bool,
    pub paused: bool,
    pub disabled_reason: Option<String>,
    pub health: String,
    pub created_at: i64,
    pub updated_at: i64,
}

impl EndpointColumns {
    pub fn read(self, vault: &Vault) -> Result<Endpoint, StoreError> {
        let id = EndpointId::from_bytes(self.id);
        let config: Config = from_json(&self.config)?;
        let sealed = Sealed::open(vault, id, &self.sealed)?;
        let next = sealed.next.map(|(secret, until)| (Secret::new(secret), Timestamp::from_ms(until)));
        Ok(Endpoint {
            id,
            url: sealed.url,
            name: config.name,
            description: config.description,
            events: config.events,
            sources: config.sources,
            enabled: self.enabled,
            paused: self.paused,
            headers: sealed.headers,
            timeout_ms: config.timeout_ms,
            retry: config.retry,
            rate_per_s: config.rate_per_s,
            max_in_flight: config.max_in_flight,
            condition: config.condition.map(Condition::kept),
            template: config.template.map(Template::kept),
            ignore_origins: config.ignore_origins,
            companies: config.companies,
            include: config.include,
            mask: config.mask,
            secrets: SigningSecrets { current: Secret::new(sealed.secret), next },
            health: from_json(&self.health)?,
            disabled_reason: self.disabled_reason,
            created_at: Timestamp::from_ms(self.created_at),
            updated_at: Timestamp::from_ms(self.updated_at),
        })
    }
}

/// A new endpoint's id is or was another's.
pub(crate) fn id_taken() -> StoreError {
    StoreError::Conflict(Message::new("error-endpoint-id-taken"))
}
