use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use gancho_model::{Bin, BinRequest, BinResponse, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::site::{ServerAddress, Site};

/// A bin.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BinView {
    id: String,
    /// Where to send: any method, and any path below it.
    pub url: String,
    /// What it answers: `status`, `delay_ms`, `body`, `every`, `fault`.
    #[schema(value_type = Object)]
    respond: BinResponse,
    /// How many requests came so far; the newest 500 are kept.
    received: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl BinView {
    pub fn new(bin: &Bin, site: &Site, headers: &HeaderMap) -> Self {
        Self {
            id: bin.id.to_string(),
            url: format!("{}/bin/{}", ServerAddress::of(site, headers).url, bin.id),
            respond: bin.respond.clone(),
            received: bin.received,
            created_at: bin.created_at,
            expires_at: bin.expires_at,
        }
    }
}

/// A request that a bin received.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BinRequestView {
    /// Which of its bin, counted from 1.
    pub n: u64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    method: String,
    /// What follows the bin's own path: a path, a query.
    path: String,
    /// Names and values, in their order.
    headers: Vec<(String, String)>,
    /// The body as text, undecodable bytes replaced.
    body: String,
    /// The same bytes in base64, where they are not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
    /// Whether the body was longer than what is kept.
    truncated: bool,
    /// Whether its signature is right; null where no webhook has this URL.
    signature_valid: Option<bool>,
}

impl BinRequestView {
    pub fn new(request: BinRequest, signature_valid: Option<bool>) -> Self {
        let is_text = std::str::from_utf8(&request.body).is_ok();
        Self {
            n: request.n,
            at: request.at,
            method: request.method,
            path: request.rest,
            headers: request.headers,
            body: String::from_utf8_lossy(&request.body).into_owned(),
            body_base64: (!is_text).then(|| STANDARD.encode(&request.body)),
            truncated: request.truncated,
            signature_valid,
        }
    }
}
