use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};

use super::show::{BinFacts, facts};
use crate::{
    App,
    ui::{current_user::CurrentUser, error, page, page_context::PageContext, query::Query},
};

#[derive(Template)]
#[template(path = "bins.html")]
struct BinsPage {
    context: PageContext,
    rows: Vec<BinFacts>,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: CurrentUser,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let context = PageContext::new(&app, &visitor, "bins", "bins-title").with_done(query.get("done"));
    match app.store.bins(context.now).await {
        Ok(bins) => {
            let rows = bins.iter().map(|bin| facts(&app, &context, bin, &headers)).collect();
            page(&BinsPage { context, rows })
        }
        Err(problem) => error::of(context, &problem.into()),
    }
}
