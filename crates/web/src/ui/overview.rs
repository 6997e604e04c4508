use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Endpoint, HealthState, Said, Tally, Timestamp};

use super::{
    draw::{self, Bar},
    error,
    frame::Frame,
    page,
    query::Query,
    say::{self, Condition},
    source,
    visitor::Visitor,
    webhook::names,
};
use crate::{App, api::problem::Answer};

/// Something that a person should look at.
struct Care {
    link: String,
    name: String,
    colour: &'static str,
    text: String,
}

/// A step of the way to the first delivery.
struct Step {
    done: bool,
    link: &'static str,
    id: &'static str,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    cares: Vec<Care>,
    picture: String,
    day: Tally,
    waiting: u64,
    sources: Vec<source::list::Row>,
    steps: Vec<Step>,
}

impl Page {
    fn success(&self) -> String {
        self.day.success().map_or_else(|| "–".into(), |share| self.frame.words.percent(share))
    }

    fn settled(&self) -> bool {
        self.steps.iter().all(|step| step.done)
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor, query: Query) -> Response {
    let frame = Frame::new(&app, &visitor, "overview", "overview-title").with_done(query.get("done"));
    match read(&app, &frame).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

async fn read(app: &App, frame: &Frame) -> Answer<Page> {
    let hours = app.store.hours(frame.now.plus_ms(-23 * draw::HOUR_MS)).await?;
    let day = draw::last_day(&hours, |_| true, frame.now);
    let endpoints = app.store.all_endpoints().await?;
    let standings = app.store.standings(endpoints.iter().map(|endpoint| endpoint.id).collect()).await?;
    let mut cares = vec![];
    for (endpoint, standing) in endpoints.iter().zip(&standings) {
        if needs_care(endpoint) {
            let own = draw::sum(&draw::last_day(&hours, |hour| hour.endpoint == endpoint.id, frame.now));
            let condition = Condition { endpoint, standing: *standing, day: own, now: frame.moment };
            cares.push(Care {
                link: format!("/webhooks/{}", endpoint.id),
                name: names(endpoint).0,
                colour: "bad",
                text: say::health(&frame.words, &condition),
            });
        }
    }
    let sources = source::list::rows(app, frame).await?;
    cares.extend(sources.iter().filter(|source| source.down).map(|source| Care {
        link: format!("/sources/{}", source.id),
        name: source.name.clone(),
        colour: "bad",
        text: source.sentence.clone(),
    }));
    let delivered = endpoints.iter().any(|endpoint| endpoint.health.last_success_at.is_some());
    let heard = sources.iter().any(|source| source.heard);
    Ok(Page {
        picture: picture(frame, &day),
        day: draw::sum(&day),
        waiting: standings.iter().map(|standing| standing.pending).sum(),
        steps: vec![
            Step { done: !sources.is_empty(), link: "/sources/new", id: "first-source" },
            Step { done: !endpoints.is_empty(), link: "/webhooks/new", id: "first-webhook" },
            Step { done: delivered, link: "/webhooks", id: "first-delivery" },
            Step { done: heard, link: "/sources", id: "first-heard" },
        ],
        sources,
        cares,
        frame: frame.clone(),
    })
}

/// Whether a person should look: it fails, or was disabled by nobody.
fn needs_care(endpoint: &Endpoint) -> bool {
    match endpoint.health.state(endpoint.enabled, endpoint.paused) {
        HealthState::Failing => true,
        HealthState::Disabled => endpoint.disabled_reason.is_some(),
        _ => false,
    }
}

/// A day as one picture.
pub(crate) fn picture(frame: &Frame, day: &[Tally; 24]) -> String {
    let words = &frame.words;
    let last = frame.now.ms().div_euclid(draw::HOUR_MS);
    let bar = |(place, tally): (usize, &Tally)| {
        let hour = last - 23 + i64::try_from(place).unwrap_or(0);
        let hour = words.hour(Timestamp::from_ms(hour * draw::HOUR_MS));
        let said = Said::plain("hour-title")
            .with("hour", hour.as_str())
            .with("delivered", tally.delivered)
            .with("retried", tally.retried)
            .with("failed", tally.failed);
        Bar { tally: *tally, title: words.said(&said), hour }
    };
    let bars: Vec<Bar> = day.iter().enumerate().map(bar).collect();
    let sum = draw::sum(day);
    let said = Said::plain("day-title")
        .with("delivered", sum.delivered)
        .with("retried", sum.retried)
        .with("failed", sum.failed);
    draw::day(&bars, &words.said(&said))
}
