//! Users' sessions: a cookie contains a random text, the store its digest.

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gancho_model::{Session, User};
use gancho_store::StoreError;
use sha2::{Digest, Sha256};

use super::{cookie, digest};
use crate::App;

/// Lifetime of a session after its last use, milliseconds: two weeks.
const LASTS_MS: i64 = 14 * 24 * 3600 * 1000;
/// Maximum lifetime of a session, milliseconds: ninety days.
const LASTS_MS_MAX: i64 = 90 * 24 * 3600 * 1000;
/// Interval of storing its use, milliseconds.
const TOUCH_MS: i64 = 10 * 60 * 1000;
/// Maximum length of `User-Agent`.
const AGENT_LENGTH: usize = 200;

/// A random text that can't be guessed.
pub fn random(app: &App) -> String {
    let mut bytes = [0; 32];
    app.environment.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A form's CSRF token: only pages for this cookie contain it, and the cookie can't be derived from it.
pub fn csrf_token(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("gancho form {cookie}")))
}

/// The cookie that a form's CSRF token depends on: the session's, or before signing in, the visit's.
pub fn form_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie::get(headers, cookie::SESSION).or_else(|| cookie::get(headers, cookie::VISIT))
}

/// The signed-in user, if any.
pub async fn read_session(app: &App, headers: &HeaderMap) -> Result<Option<(Session, User)>, StoreError> {
    let Some(text) = cookie::get(headers, cookie::SESSION) else { return Ok(None) };
    let now = app.environment.now();
    let found = app.store.session(digest(text), now).await?;
    if let Some((session, _)) = &found
        && now.since_ms(session.seen_at) > TOUCH_MS
    {
        let ends = now.plus_ms(LASTS_MS).min(session.created_at.plus_ms(LASTS_MS_MAX));
        app.store.touch_session(session.digest, now, ends).await?;
    }
    Ok(found)
}

/// Starts a session and returns its cookie.
pub async fn begin(app: &App, user: &User, headers: &HeaderMap) -> Result<Option<HeaderValue>, StoreError> {
    let (text, now) = (random(app), app.environment.now());
    let agent = headers.get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let session = Session {
        digest: digest(&text),
        user: user.id,
        agent: agent.chars().take(AGENT_LENGTH).collect(),
        created_at: now,
        seen_at: now,
        expires_at: now.plus_ms(LASTS_MS),
    };
    app.store.add_session(session).await?;
    Ok(cookie::set(app, cookie::SESSION, &text, LASTS_MS_MAX / 1000))
}
