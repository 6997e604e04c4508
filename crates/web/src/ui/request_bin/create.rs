use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_service::request_bin::NewBin;

use crate::{
    App,
    ui::{current_user::CurrentAdmin, done, error, form::Form, page_context::PageContext},
};

/// Creates a bin at once: its response is set on its page.
pub(crate) async fn make(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, _: Form) -> Response {
    let new = NewBin { ttl_s: None, respond: None };
    match app.services.create_bin(new, &visitor.user.name).await {
        Ok(bin) => done(&app, &format!("/bins/{}", bin.id), "bin-created"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "bins", "bins-title"), &problem.into()),
    }
}
