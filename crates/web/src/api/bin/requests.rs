use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use gancho_model::{BinId, SignatureCheck};
use gancho_service::input::Whole;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::BinRequestView;
use crate::{
    App,
    api::{
        page::{self, Id, Limit, Query},
        problem::Answer,
    },
    auth::Admin,
};

/// Requests, oldest first. `next` is never null: ask again with it.
#[derive(Serialize, ToSchema)]
pub(crate) struct BinRequests {
    data: Vec<BinRequestView>,
    next: String,
}

gancho_service::input! {
    /// Which requests.
    pub struct BinRequestsQuery {
        /// After this number: the `next` of the page before.
        pub after: Option<Whole<0, { i64::MAX }>>,
        /// At most so many on a page.
        pub limit: Option<Limit>,
        /// Wait so many seconds for one, if there is none.
        pub wait: Option<Whole<0, 60>>,
    }
}

/// What a bin received, oldest first. With `wait`, an empty page waits for a request.
#[utoipa::path(get, path = "/bins/{id}/requests", tag = "bins", params(("id" = String, Path), BinRequestsQuery),
    responses((status = 200, body = BinRequests)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<BinId>,
    Query(query): Query<BinRequestsQuery>,
) -> Answer<Json<BinRequests>> {
    let after = query.after.map_or(0, |after| after.0.unsigned_abs());
    let (limit, wait_s) = (page::limit(query.limit), query.wait.map_or(0, |wait| wait.0.unsigned_abs()));
    let mut pulse = app.store.pulse();
    pulse.mark_unchanged();
    let now = app.environment.now();
    let mut found = app.store.bin_requests(id, after, limit, now).await?;
    if found.is_empty() && wait_s > 0 {
        let waiting = async {
            while found.is_empty() && pulse.changed().await.is_ok() {
                found = app.store.bin_requests(id, after, limit, app.environment.now()).await?;
            }
            Ok::<(), crate::api::problem::Problem>(())
        };
        tokio::select! {
            done = waiting => done?,
            () = tokio::time::sleep(Duration::from_secs(wait_s)) => {}
            () = app.closing() => {}
        }
    }
    let check = SignatureCheck::of(id, &app.store.all_endpoints().await?, now);
    let next = found.last().map_or(after, |last| last.n).to_string();
    let view = |request| {
        let is_right = check.check(&request);
        BinRequestView::new(request, is_right)
    };
    Ok(Json(BinRequests { data: found.into_iter().map(view).collect(), next }))
}
