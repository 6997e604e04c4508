use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::EndpointId;

use super::names;
use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{
        current_user::CurrentUser, draw, error, figures::Figures, page, page_context::PageContext, query::Query, say,
    },
};

/// Webhooks per page.
const LIMIT: usize = 50;

pub(crate) struct WebhookRow {
    id: String,
    name: String,
    host: String,
    state: (String, &'static str),
    events: String,
    spark: String,
    figures: Figures,
    last: String,
    enabled: bool,
    paused: bool,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    context: PageContext,
    rows: Vec<WebhookRow>,
    next: Option<String>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "webhooks", "webhooks-title").with_done(query.get("done"));
    match rows(&app, &context, query.read("after", |text| text.parse().ok())).await {
        Ok((rows, next)) => page(&WebhooksPage { context, rows, next: next.map(|id| id.to_string()) }),
        Err(problem) => error::of(context, &problem),
    }
}

async fn rows(
    app: &App,
    context: &PageContext,
    after: Option<EndpointId>,
) -> Answer<(Vec<WebhookRow>, Option<EndpointId>)> {
    let found = app.store.endpoints(after, LIMIT).await?;
    let backlogs = app.store.backlogs(found.items.iter().map(|endpoint| endpoint.id).collect()).await?;
    let hours = app.store.hours(context.now.plus_ms(-23 * draw::HOUR_MS)).await.map_err(Problem::from)?;
    let failed = app.store.failed_since(context.now.plus_ms(-draw::DAY_MS)).await?;
    let words = &context.words;
    let row = |(endpoint, backlog): (&gancho_model::Endpoint, gancho_store::EndpointBacklog)| {
        let day = draw::last_day(&hours, |hour| hour.endpoint == endpoint.id, context.now);
        let failed = failed.get(&endpoint.id).copied().unwrap_or(0);
        let figures = Figures::new(context, &draw::sum(&day), backlog, failed);
        let (name, host) = names(endpoint);
        let title = gancho_model::Message::new("spark-title").with("share", figures.success.as_str());
        WebhookRow {
            id: endpoint.id.to_string(),
            name,
            host,
            state: say::health_state(words, endpoint),
            events: endpoint.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            spark: draw::spark(&day, &words.message(&title)),
            figures,
            last: endpoint.health.last_success_at.map_or_else(|| "–".to_owned(), |at| words.ago(at, context.now)),
            enabled: endpoint.enabled,
            paused: endpoint.paused,
        }
    };
    Ok((found.items.iter().zip(backlogs).map(row).collect(), found.next))
}
