//! All deliveries that match are sent again: counted before anybody confirms.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_service::jobs::{DELIVERIES, Job};

use super::filter::{self, NAMES};
use crate::{
    App,
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

pub(crate) async fn ask(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "deliveries", "resend-title").with_done(query.get("done"));
    let filter = match filter::read(&query, context.now) {
        Ok(filter) => filter,
        Err(_) => return go(&app, &format!("/deliveries?{}", query.with(&NAMES, None))),
    };
    match app.services.count_resendable(filter).await {
        Ok(count) => page(&ResendPage { context, query, count, job: app.services.jobs.last(DELIVERIES) }),
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
    app.services.start_resend(filter, total, visitor.user.name);
    done(&app, &format!("/deliveries/resend?{}", query.with(&NAMES, None)), "resend-begun")
}
