//! `/api/v1`: one folder per noun, one file per verb.

pub(crate) mod bin;
pub(crate) mod body;
mod change;
mod consumer;
pub(crate) mod delivery;
pub(crate) mod endpoint;
mod event;
mod event_type;
mod hook;
mod job;
mod listener;
mod missing;
mod node;
pub(crate) mod page;
pub(crate) mod personal_data;
pub mod problem;
pub(crate) mod source;
mod statuses;
pub(crate) mod token;

use std::sync::Arc;

use axum::{
    Router,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use gancho_service::input::{ClientId, JsonValue, ZoneName};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

/// The document's header.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Gancho",
        description = "Webhooks for FacturaScripts. Send a token as `Authorization: Bearer TOKEN` or `X-Auth-Token: TOKEN`. Errors are RFC 9457 problems.",
    ),
    components(schemas(problem::ProblemBody, ClientId, JsonValue, ZoneName)),
    modifiers(&Security),
    security(("token" = [])),
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// The routes, and the OpenAPI document generated from them.
pub(crate) fn router() -> (Router<Arc<App>>, utoipa::openapi::OpenApi) {
    let api = OpenApiRouter::new()
        .routes(routes!(endpoint::create::create, endpoint::list::list))
        .routes(routes!(endpoint::show::show, endpoint::change::change, endpoint::remove::remove))
        .routes(routes!(endpoint::secret::show))
        .routes(routes!(endpoint::rotate::rotate))
        .routes(routes!(endpoint::test::test))
        .routes(routes!(endpoint::replay::replay))
        .routes(routes!(job::show::show))
        .routes(routes!(job::go_on::go_on))
        .routes(routes!(endpoint::retry::retry))
        .routes(routes!(endpoint::check::check))
        .routes(routes!(endpoint::send::send))
        .routes(routes!(endpoint::preview::preview))
        .routes(routes!(endpoint::presets::list))
        .routes(routes!(event_type::list::list))
        .routes(routes!(event::send::send, event::feed::feed))
        .routes(routes!(event::show::show))
        .routes(routes!(change::send::send))
        .routes(routes!(change::hand_over::hand_over))
        .routes(routes!(change::send_shown::send_shown))
        .routes(routes!(delivery::list::list))
        .routes(routes!(delivery::show::show))
        .routes(routes!(delivery::retry::retry))
        .routes(routes!(delivery::cancel::cancel))
        .routes(routes!(source::create::create, source::list::list))
        .routes(routes!(source::show::show, source::change::change, source::remove::remove))
        .routes(routes!(source::check::check))
        .routes(routes!(source::backfill::backfill))
        .routes(routes!(source::backfill::start))
        .routes(routes!(source::confirm::confirm))
        .routes(routes!(bin::create::create, bin::list::list))
        .routes(routes!(bin::show::show, bin::change::change, bin::remove::remove))
        .routes(routes!(bin::requests::list))
        .routes(routes!(consumer::create::create, consumer::list::list))
        .routes(routes!(consumer::show::show, consumer::remove::remove))
        .routes(routes!(consumer::events::events))
        .routes(routes!(consumer::acknowledge::acknowledge))
        .routes(routes!(hook::subscribe::subscribe))
        .routes(routes!(hook::samples::samples))
        .routes(routes!(hook::unsubscribe::unsubscribe))
        .routes(routes!(listener::open::open))
        .routes(routes!(listener::events::events))
        .routes(routes!(listener::report::report))
        .routes(routes!(node::list::list))
        .routes(routes!(personal_data::export::export))
        .routes(routes!(personal_data::erase::erase))
        .routes(routes!(token::create::create, token::list::list))
        .routes(routes!(token::remove::remove));
    let (router, mut document) =
        OpenApiRouter::with_openapi(Document::openapi()).nest("/api/v1", api).split_for_parts();
    statuses::complete(&mut document);
    (router.layer(axum::middleware::from_fn(missing::name)), document)
}

/// The OpenAPI document as JSON.
pub fn document() -> String {
    router().1.to_pretty_json().unwrap_or_default()
}

pub(crate) async fn openapi(document: Arc<utoipa::openapi::OpenApi>) -> Response {
    let json = document.to_json().unwrap_or_default();
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}
