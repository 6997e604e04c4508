//! Resends or cancels selected or all matching deliveries: counted before the user confirms.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::Timestamp;
use gancho_service::job::DELIVERIES;
use gancho_store::{BulkAct, DeliveryFilter};

use super::filter::{self, NAMES};
use crate::{
    App,
    api::problem::Answer,
    ui::{
        current_user::{CurrentAdmin, CurrentUser},
        done, error,
        form::Form,
        go,
        job::{self, JobView},
        page,
        page_context::PageContext,
        query::Query,
    },
};

#[derive(Template)]
#[template(path = "deliveries_bulk.html")]
struct BulkPage {
    context: PageContext,
    query: Query,
    /// `resend` or `cancel`.
    act: &'static str,
    count: u64,
    counted_at: Timestamp,
    job: Option<JobView>,
}

impl BulkPage {
    /// Which deliveries it applies to, and which not.
    fn hint(&self) -> String {
        let is_chosen = self.act == "resend" && self.query.get("ids").is_some();
        self.context.t(format!("bulk-hint-{}{}", self.act, if is_chosen { "-chosen" } else { "" }))
    }

    /// Whether it was confirmed just now: confirming again would repeat it.
    fn is_done(&self) -> bool {
        self.context.done.is_some()
    }

    /// The active filters, to be passed on.
    fn filters(&self) -> Vec<(&'static str, String)> {
        let set = NAMES.iter().filter_map(|name| self.query.get(name).map(|value| (*name, value.to_owned())));
        set.collect()
    }

    fn back(&self) -> String {
        self.context.link(list(&self.query))
    }
}

/// The list that it was requested from.
fn list(query: &Query) -> String {
    let names: Vec<&str> = NAMES.into_iter().filter(|name| *name != "ids").collect();
    format!("/deliveries?{}", query.with(&names, None))
}

pub(crate) async fn ask_resend(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    query: Query,
) -> Response {
    ask(&app, &visitor, query, BulkAct::Resend).await
}

pub(crate) async fn ask_cancel(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    query: Query,
) -> Response {
    ask(&app, &visitor, query, BulkAct::Cancel).await
}

async fn ask(app: &App, visitor: &CurrentUser, query: Query, act: BulkAct) -> Response {
    let is_chosen = query.get("ids").is_some();
    let (word, title) = match act {
        BulkAct::Resend if is_chosen => ("resend", "resend-title-chosen"),
        BulkAct::Resend => ("resend", "resend-title"),
        BulkAct::Cancel => ("cancel", "cancel-title"),
    };
    let context = PageContext::new(app, visitor, "deliveries", title).with_done(query.get("done"));
    let is_choice = query.get("chosen").is_some();
    let query = query.joined("ids");
    if is_choice && query.get("ids").is_none() {
        // An empty selection does not mean all.
        return done(app, &list(&query), "none-chosen");
    }
    let Ok(filter) = filter::read(&query, &context.words, context.now) else { return go(app, &list(&query)) };
    let read = async {
        let count = app.services.count_deliveries(act, filter).await?;
        let job = job::read(app, &context, DELIVERIES).await?;
        Answer::Ok((count, job.filter(|_| act == BulkAct::Resend)))
    };
    match read.await {
        Ok((count, job)) => page(&BulkPage { counted_at: context.now, context, query, act: word, count, job }),
        Err(problem) => error::of(context, &problem),
    }
}

pub(crate) async fn resend(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let (query, filter) = match counted(&app, &visitor, &form) {
        Ok(counted) => counted,
        Err(back) => return go(&app, &back),
    };
    let total = form.value("count").parse().unwrap_or(0);
    match app.services.start_resend(filter, total, visitor.user.name.clone()).await {
        Ok(()) => done(&app, &format!("/deliveries/resend?{}", query.with(&NAMES, None)), "resend-begun"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "deliveries", "problem-title"), &problem.into()),
    }
}

pub(crate) async fn cancel(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let (query, filter) = match counted(&app, &visitor, &form) {
        Ok(counted) => counted,
        Err(back) => return go(&app, &back),
    };
    match app.services.cancel_deliveries(filter, &visitor.user.name).await {
        Ok(_) => done(&app, &list(&query), "deliveries-cancelled"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "deliveries", "problem-title"), &problem.into()),
    }
}

/// The action applies to what was counted: time spans count from then, and deliveries ended or created since are
/// skipped.
fn counted(app: &App, visitor: &CurrentUser, form: &Form) -> Result<(Query, DeliveryFilter), String> {
    let query = Query::of(NAMES.iter().map(|name| (*name, form.value(name))));
    let at = form.value("counted_at").parse().map_or_else(|_| app.environment.now(), Timestamp::from_ms);
    let filter = filter::read(&query, &visitor.words, at).map_err(|_| list(&query))?;
    let until = filter.until.map_or(at, |until| until.min(at));
    Ok((query, DeliveryFilter { ended_by: Some(at), until: Some(until.plus_ms(1)), ..filter }))
}
