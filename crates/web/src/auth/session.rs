//! Sessions of people: a cookie holds a random text, the store its digest.

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gancho_model::{Session, User};
use gancho_store::StoreError;
use sha2::{Digest, Sha256};

use super::{cookie, digest};
use crate::App;

/// How long a session lasts after it was used last, milliseconds: two weeks.
const LASTS_MS: i64 = 14 * 24 * 3600 * 1000;
/// How long a session lasts however often it is used, milliseconds: ninety days.
const LASTS_MS_MAX: i64 = 90 * 24 * 3600 * 1000;
/// How often its use is written down, milliseconds.
const TOUCH_MS: i64 = 10 * 60 * 1000;
/// What a browser may say of itself.
const AGENT_LENGTH: usize = 200;

/// A random text that nobody guesses.
pub fn random(app: &App) -> String {
    let mut bytes = [0; 32];
    app.environment.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The token that a form carries: only pages that were made for this cookie know it, and the cookie
/// can't be derived from it.
pub fn csrf_token(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("gancho form {cookie}")))
}

/// The cookie on which a form's token hangs: the session's; before anybody signed in, the visit's.
pub fn form_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie::get(headers, cookie::SESSION).or_else(|| cookie::get(headers, cookie::VISIT))
}

/// Who is signed in, if anybody is.
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

/// Begins a session, and gives its cookie.
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
