//! Sending again what failed, was missed, or all: counted first, then done while the page may be left.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{EndpointId, Message, Timestamp};
use gancho_store::Replay;
use serde_json::{Value, json};

use super::show;
use crate::{
    App, api,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

const DAY_MS: i64 = 24 * 3600 * 1000;

pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
    form: Form,
) -> Response {
    let only_count = form.value("sure") != "yes";
    let counted = count(&app, id, &form).await;
    match counted {
        Ok((_, total)) if only_count => show::counted(&app, visitor, id, form, total).await,
        Ok((replay, total)) => {
            begin(&app, replay, total, visitor.user.name.clone());
            done(&app, &format!("/webhooks/{id}"), "replay-begun")
        }
        Err(problem) => error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem),
    }
}

async fn count(app: &App, id: EndpointId, form: &Form) -> Answer<(Replay, u64)> {
    let replay = api::endpoint::replay::what(app, id, input(form, app.environment.now()))?;
    let dry = Replay { dry_run: true, ..replay.clone() };
    let total = api::endpoint::replay::run(app, &dry, |_| {}).await?;
    Ok((replay, total))
}

fn input(form: &Form, now: Timestamp) -> Value {
    let days = form.value("days").parse::<i64>().unwrap_or(1).clamp(1, 3650);
    let only = if form.value("only").is_empty() { "failed" } else { form.value("only") };
    json!({"since": now.plus_ms(-days * DAY_MS), "only": only})
}

fn begin(app: &Arc<App>, replay: Replay, total: u64, who: String) {
    let (app, id) = (app.clone(), replay.endpoint);
    let job = app.jobs.begin(&id.to_string(), total);
    let jobs = app.jobs.clone();
    jobs.run(job, async move {
        let run = api::endpoint::replay::run(&app, &replay, |done| app.jobs.note(job, |job| job.done = done)).await;
        let broken = |problem: Problem| problem.sentence().cloned().unwrap_or_else(|| Message::new("problem-broken"));
        api::endpoint::replay::noted(&app, id, run.map_err(broken)?, &who).await;
        Ok(())
    });
}
