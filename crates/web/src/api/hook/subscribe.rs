use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_service::{
    endpoint::NewEndpoint,
    input::{self, Subscription, Text, WebhookUrl},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

gancho_service::input! {
    /// A subscription.
    pub struct HookInput {
        /// Where to.
        pub target_url: WebhookUrl,
        /// A type or pattern such as `invoice.paid`.
        pub event: Subscription,
        /// What people call it; `REST hook` if left out.
        pub name: Option<Text<1, 100>>,
    }
}

/// A subscription that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookView {
    /// The webhook, `ep_…`: for unsubscribing.
    id: String,
    target_url: String,
    event: String,
    /// What deliveries are signed with.
    secret: String,
}

/// Subscribes: the same as `POST /endpoints`, in the shape in which automation services ask for it.
#[utoipa::path(post, path = "/hooks", tag = "hooks", request_body = HookInput, responses((status = 201, body = HookView)))]
pub(crate) async fn subscribe(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(hook): Body<HookInput>,
) -> Answer<(StatusCode, Json<HookView>)> {
    let (url, event) = (hook.target_url.0, hook.event.0.to_string());
    let name = hook.name.map_or_else(|| "REST hook".to_owned(), |name| name.0);
    let new = json!({"url": url, "events": [event], "name": name});
    let new: NewEndpoint = input::read(new, app.services.rules())?;
    let endpoint = app.services.create_endpoint(new, &app.who(caller).await).await?;
    let secret = endpoint.secrets.current.expose().to_owned();
    let view = HookView { id: endpoint.id.to_string(), target_url: endpoint.url, event, secret };
    Ok((StatusCode::CREATED, Json(view)))
}
