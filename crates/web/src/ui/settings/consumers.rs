//! Consumers of the feed, with their positions.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    response::Response,
};
use gancho_model::Consumer;

use crate::{
    App,
    ui::{current_user::CurrentAdmin, done, error, form::Form, page_context::PageContext},
};

/// A consumer as shown.
pub(super) struct ConsumerRow {
    pub name: String,
    pub behind: String,
    pub acked: String,
}

impl ConsumerRow {
    /// `last` is the feed's last sequence number.
    pub fn new(context: &PageContext, consumer: &Consumer, last: u64) -> Self {
        Self {
            name: consumer.name.clone(),
            behind: context.words.number(last.saturating_sub(consumer.position).cast_signed()),
            acked: consumer.acked_at.map_or_else(|| context.t("never"), |at| context.ago(&at)),
        }
    }
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Path(name): Path<String>,
    _: Form,
) -> Response {
    match app.services.remove_consumer(&name, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=tokens", "consumer-removed"),
        Err(error) => error::of(PageContext::new(&app, &visitor, "settings", "problem-title"), &error.into()),
    }
}
