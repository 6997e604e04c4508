use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::EndpointId;

use super::names;
use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{draw, error, frame::Frame, page, query::Query, say, visitor::Visitor},
};

/// Webhooks on a page.
const LIMIT: usize = 50;

pub(crate) struct Row {
    id: String,
    name: String,
    host: String,
    state: (String, &'static str),
    events: String,
    success: String,
    spark: String,
    waiting: u64,
    oldest: String,
    p95: String,
    last: String,
    enabled: bool,
    paused: bool,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    next: Option<String>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor, query: Query) -> Response {
    let frame = Frame::new(&app, &visitor, "webhooks", "webhooks-title").with_done(query.get("done"));
    match rows(&app, &frame, query.read("after", |text| text.parse().ok())).await {
        Ok((rows, next)) => page(&Page { frame, rows, next: next.map(|id| id.to_string()) }),
        Err(problem) => error::of(frame, &problem),
    }
}

async fn rows(app: &App, frame: &Frame, after: Option<EndpointId>) -> Answer<(Vec<Row>, Option<EndpointId>)> {
    let found = app.store.endpoints(after, LIMIT).await?;
    let standings = app.store.standings(found.items.iter().map(|endpoint| endpoint.id).collect()).await?;
    let hours = app.store.hours(frame.now.plus_ms(-23 * draw::HOUR_MS)).await.map_err(Problem::from)?;
    let words = &frame.words;
    let row = |(endpoint, standing): (&gancho_model::Endpoint, gancho_store::Standing)| {
        let day = draw::last_day(&hours, |hour| hour.endpoint == endpoint.id, frame.now);
        let sum = draw::sum(&day);
        let (name, host) = names(endpoint);
        let success = sum.success().map_or_else(|| "–".to_owned(), |share| words.percent(share));
        Row {
            id: endpoint.id.to_string(),
            name,
            host,
            state: say::health_state(words, endpoint.health.state(endpoint.enabled, endpoint.paused)),
            events: endpoint.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            spark: draw::spark(
                &day,
                &words.said(&gancho_model::Said::plain("spark-title").with("share", success.as_str())),
            ),
            success,
            waiting: standing.pending,
            oldest: standing.oldest_pending_at.map_or_else(String::new, |at| words.span(frame.now.since_ms(at))),
            p95: sum.p95_ms().map_or_else(|| "–".to_owned(), |ms| words.span(ms.into())),
            last: endpoint.health.last_success_at.map_or_else(|| "–".to_owned(), |at| words.ago(at, frame.now)),
            enabled: endpoint.enabled,
            paused: endpoint.paused,
        }
    };
    Ok((found.items.iter().zip(standings).map(row).collect(), found.next))
}
