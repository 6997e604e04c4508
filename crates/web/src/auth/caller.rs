//! Extractors for handlers' arguments that check the caller's scope.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use gancho_model::{Caller, Scope};

use super::ClientConnection;
use crate::{App, api::problem::Problem};

/// Any valid token.
#[derive(Clone, Copy, Debug)]
pub struct Anyone(pub Caller);
/// `admin`.
#[derive(Clone, Copy, Debug)]
pub struct Admin(pub Caller);
/// `admin` and `read`.
#[derive(Clone, Copy, Debug)]
pub struct Reader(pub Caller);
/// `admin`, `ingest`, and a source's token.
#[derive(Clone, Copy, Debug)]
pub struct Ingest(pub Caller);

impl Reader {
    /// Whether secrets in URLs are shown.
    pub fn sees_secrets(&self) -> bool {
        self.0.scope == Scope::Admin
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    if let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
        return Some(token.trim());
    }
    // The header name of FacturaScripts' API.
    headers.get("x-auth-token")?.to_str().ok().map(str::trim)
}

async fn caller(parts: &Parts, app: &App) -> Result<Caller, Problem> {
    let Some(token) = token(&parts.headers) else {
        return Err(Problem::unauthorized("send a token: Authorization: Bearer TOKEN"));
    };
    let caller = app.tokens.caller(token, &*app.store, app.environment.mono()).await?;
    let caller = caller.ok_or_else(|| Problem::unauthorized("the token is not known: it may have been removed"))?;
    ClientConnection::note_known(&parts.extensions);
    Ok(caller)
}

macro_rules! callers {
    ($($name:ident: $allowed:pat => $needs:literal),+ $(,)?) => {$(
        impl FromRequestParts<Arc<App>> for $name {
            type Rejection = Problem;
            async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
                let caller = caller(parts, app).await?;
                match caller.scope {
                    $allowed => Ok(Self(caller)),
                    #[allow(unreachable_patterns)]
                    other => Err(Problem::forbidden(other.as_str(), $needs)),
                }
            }
        }
    )+};
}

callers! {
    Anyone: _ => "any",
    Admin: Scope::Admin => "admin",
    Reader: Scope::Admin | Scope::Read => "read",
    Ingest: Scope::Admin | Scope::Ingest | Scope::Source(_) => "ingest",
}
