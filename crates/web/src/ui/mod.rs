//! Pages: rendered on the server, working without scripts except where they are live. One file per page; their actions
//! use the same use cases as the API.

mod assets;
mod catalogue;
pub(crate) mod current_user;
mod delivery;
mod docs;
mod draw;
mod enter;
pub(crate) mod error;
mod event;
mod figures;
mod form;
mod guide;
mod id;
mod issue;
mod job;
mod kits;
mod locale;
mod overview;
mod page_context;
mod person;
mod plugin;
mod query;
mod request_bin;
pub(crate) mod say;
mod search;
mod settings;
mod source;
mod submit;
mod visit;
mod webhook;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use crate::{App, live};

/// No external content, no inline scripts or styles, no framing.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The pages.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/login", get(enter::login::show).post(enter::login::enter))
        .route("/logout", post(enter::logout::leave))
        .route("/setup", get(enter::setup::show).post(enter::setup::make))
        .route("/language", post(enter::language::choose))
        .route("/webhooks", get(webhook::list::show))
        .route("/webhooks/new", get(webhook::create::show).post(webhook::create::make))
        .route("/webhooks/look", post(webhook::look::show))
        .route("/webhooks/{id}", get(webhook::show::show))
        .route("/webhooks/{id}/settings", post(webhook::change::save))
        .route("/webhooks/{id}/remove", get(webhook::remove::ask).post(webhook::remove::remove))
        .route("/webhooks/{id}/replay", post(webhook::replay::replay))
        .route("/webhooks/{id}/backfill", post(webhook::backfill::begin))
        .route("/webhooks/{id}/{act}", post(webhook::act::act))
        .route("/deliveries", get(delivery::list::show))
        .route("/deliveries/resend", get(delivery::bulk::ask_resend).post(delivery::bulk::resend))
        .route("/deliveries/cancel", get(delivery::bulk::ask_cancel).post(delivery::bulk::cancel))
        .route("/deliveries/{id}", get(delivery::show::show))
        .route("/deliveries/{id}/{act}", post(delivery::act::act))
        .route("/events", get(event::list::show))
        .route("/events/why", get(event::why::show))
        .route("/events/{id}", get(event::show::show))
        .route("/events/{id}/send", post(event::send::send))
        .route("/catalogue", get(catalogue::list))
        .route("/catalogue/{event}", get(catalogue::show))
        .route("/sources", get(source::list::show))
        .route("/sources/new", get(source::create::show).post(source::create::make))
        .route("/sources/{id}", get(source::show::show))
        .route("/sources/{id}/settings", post(source::change::save))
        .route("/sources/{id}/confirm", post(source::confirm::confirm))
        .route("/sources/{id}/pause", post(source::pause::pause))
        .route("/sources/{id}/resume", post(source::pause::resume))
        .route("/sources/{id}/remove", get(source::remove::ask).post(source::remove::remove))
        .route("/bins", get(request_bin::list::show).post(request_bin::create::make))
        .route("/bins/{id}", get(request_bin::show::show))
        .route("/bins/{id}/settings", post(request_bin::change::save))
        .route("/bins/{id}/webhook", post(request_bin::act::webhook))
        .route("/bins/{id}/remove", post(request_bin::act::remove))
        .route("/settings", get(settings::show))
        .route("/settings/me", post(settings::me::save))
        .route("/settings/sessions/end", post(settings::me::end_session))
        .route("/settings/people", post(settings::people::add))
        .route("/settings/people/{id}", post(settings::people::save))
        .route("/settings/people/{id}/remove", post(settings::people::remove))
        .route("/settings/tokens", post(settings::tokens::add))
        .route("/settings/tokens/{id}/remove", post(settings::tokens::remove))
        .route("/settings/consumers/{name}/remove", post(settings::consumers::remove))
        .route("/settings/personal-data", post(settings::personal_data::act))
        .route("/settings/mail", post(settings::mail::save))
        .route("/settings/mail/test", post(settings::mail::send_test))
        .route("/search", get(search::show))
        .route("/docs", get(docs::show))
        .route("/docs/{name}", get(guide::show))
        .route("/docs/files/{name}", get(guide::file))
        .route("/Gancho.zip", get(plugin::download))
        .route("/kits/{name}", get(kits::download))
        .route("/live", get(live::show))
        .route("/assets/{name}", get(assets::show))
        .layer(axum::middleware::from_fn(guard))
}

/// The path of the one-time link for the first administrator, if there are no users yet.
///
/// # Errors
/// If the store fails.
pub async fn setup_link(app: &App) -> Result<Option<String>, gancho_store::StoreError> {
    let path = enter::setup::link(app).await?;
    Ok(path.map(|path| app.site.link(&path)))
}

/// Adds security headers to all responses for browsers.
async fn guard(request: Request, next: Next) -> Response {
    let is_asset = request.uri().path().contains("/assets/");
    let mut response = next.run(request).await;
    careful(response.headers_mut(), is_asset);
    response
}

/// Security headers.
fn careful(headers: &mut HeaderMap, is_asset: bool) {
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if !is_asset {
        headers.insert("cache-control", HeaderValue::from_static("no-store"));
    }
}

/// A page as a response.
pub(crate) fn answer(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => {
            let mut response = (status, [("content-type", "text/html; charset=utf-8")], html).into_response();
            // Responses that no page handles are outside of the guard.
            careful(response.headers_mut(), false);
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The page itself.
fn page(page: &impl Template) -> Response {
    answer(StatusCode::OK, page)
}

/// The form again, with its errors.
fn refused(page: &impl Template) -> Response {
    answer(StatusCode::UNPROCESSABLE_ENTITY, page)
}

/// Redirects to another page.
fn go(app: &App, path: &str) -> Response {
    Redirect::to(&app.site.link(path)).into_response()
}

/// Redirects to a page that reports what was done.
fn done(app: &App, path: &str, what: &str) -> Response {
    let mark = if path.contains('?') { '&' } else { '?' };
    go(app, &format!("{path}{mark}done={what}"))
}
