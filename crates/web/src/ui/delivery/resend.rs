//! All deliveries that match are sent again: counted before anybody confirms.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::Message;
use gancho_store::{Resend, StoreError};

use super::filter::{self, NAMES};
use crate::{
    App,
    jobs::Job,
    ui::{current_user::CurrentAdmin, done, error, form::Form, go, page, page_context::PageContext, query::Query},
};

#[derive(Template)]
#[template(path = "deliveries_resend.html")]
struct ResendPage {
    context: PageContext,
    query: Query,
    count: u64,
    job: Option<Job>,
}

impl ResendPage {
    /// The filters that are set, to be carried along.
    fn filters(&self) -> Vec<(&'static str, String)> {
        let set = NAMES.iter().filter_map(|name| self.query.get(name).map(|value| (*name, value.to_owned())));
        set.collect()
    }

    fn back(&self) -> String {
        self.context.link(format!("/deliveries?{}", self.query.with(&NAMES, None)))
    }
}

/// What it is about, among pieces of work.
const ABOUT: &str = "deliveries";

pub(crate) async fn ask(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "deliveries", "resend-title").with_done(query.get("done"));
    let filter = match filter::read(&query, context.now) {
        Ok(filter) => filter,
        Err(_) => return go(&app, &format!("/deliveries?{}", query.with(&NAMES, None))),
    };
    let resend = Resend { filter, dry_run: true, now: app.environment.mono() };
    match run(&app, &resend, |_| {}).await {
        Ok(count) => page(&ResendPage { context, query, count, job: app.jobs.last(ABOUT) }),
        Err(problem) => error::of(context, &problem.into()),
    }
}

pub(crate) async fn resend(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let query = Query::of(NAMES.iter().map(|name| (*name, form.value(name))));
    let total = form.value("count").parse().unwrap_or(0);
    let filter = match filter::read(&query, app.environment.now()) {
        Ok(filter) => filter,
        Err(_) => return go(&app, &format!("/deliveries?{}", query.with(&NAMES, None))),
    };
    let resend = Resend { filter, dry_run: false, now: app.environment.mono() };
    let job = app.jobs.begin(ABOUT, total);
    let (working, who) = (app.clone(), visitor.user.name);
    app.jobs.run(job, async move {
        let run = run(&working, &resend, |done| working.jobs.note(job, |job| job.done = done)).await;
        let count = run.map_err(|_| Message::new("problem-busy"))?;
        let details = [("count".to_owned(), count.into())].into_iter().collect();
        working.note(&who, "deliveries.resent", &"", String::new(), details).await;
        Ok(())
    });
    done(&app, &format!("/deliveries/resend?{}", query.with(&NAMES, None)), "resend-begun")
}

/// Batch after batch; says how far it is.
async fn run(app: &App, resend: &Resend, mut tell: impl FnMut(u64)) -> Result<u64, StoreError> {
    let (mut count, mut before) = (0, None);
    loop {
        let resent = app.store.resend(resend.clone(), before).await?;
        count += resent.count;
        tell(count);
        before = resent.next;
        if before.is_none() {
            return Ok(count);
        }
    }
}
