//! Tokens: keys of programs.

pub mod create;
pub mod list;
pub mod remove;

use gancho_model::{Timestamp, Token};
use serde::Serialize;
use utoipa::ToSchema;

/// A token; its text is shown once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    id: String,
    name: String,
    /// `admin`, `read` or `ingest`.
    scope: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
}

impl TokenView {
    fn new(token: &Token, text: Option<String>) -> Self {
        let (name, scope) = (token.name.clone(), token.scope.as_str());
        Self { id: token.id.to_string(), name, scope, created_at: token.created_at, token: text }
    }
}
