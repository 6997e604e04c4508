use std::sync::Arc;

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};
use gancho_model::{Bin, BinFault, BinId, BinRequest, BinResponse, Message, SignatureCheck};

use crate::{
    App,
    api::problem::{Answer, Problem},
    site::ServerAddress,
    ui::{current_user::CurrentAdmin, draw, error, form::Form, id::Id, page, page_context::PageContext, query::Query},
};

/// Maximum requests shown, newest first.
const SHOWN: u64 = 50;

/// A bin as shown.
pub(crate) struct BinFacts {
    pub id: BinId,
    pub url: String,
    /// Its response, described.
    pub answers: String,
    pub received: u64,
    pub expires: String,
}

/// A request as shown.
struct ReceivedRequest {
    n: u64,
    at: String,
    line: String,
    headers: Vec<(String, String)>,
    /// The body, if it is JSON.
    json: Option<String>,
    /// The raw body, with undecodable bytes replaced.
    body: String,
    truncated: bool,
    /// Whether its signature is valid, if known.
    signature: Option<bool>,
}

#[derive(Template)]
#[template(path = "bin.html")]
struct BinPage {
    context: PageContext,
    bin: BinFacts,
    form: Form,
    requests: Vec<ReceivedRequest>,
    is_local: bool,
}

pub(super) fn facts(app: &App, context: &PageContext, bin: &Bin, headers: &HeaderMap) -> BinFacts {
    BinFacts {
        id: bin.id,
        url: format!("{}/bin/{}", ServerAddress::of(&app.site, headers).url, bin.id),
        answers: answers(context, &bin.respond),
        received: bin.received,
        expires: context.words.ago(bin.expires_at, context.now),
    }
}

/// A bin's response, described.
fn answers(context: &PageContext, respond: &BinResponse) -> String {
    let words = &context.words;
    let what = match respond.fault {
        Some(BinFault::Reset) => words.get("bin-fault-reset"),
        Some(BinFault::Trickle) => format!("{} · {}", respond.status, words.get("bin-fault-trickle")),
        None => respond.status.to_string(),
    };
    let delay = (respond.delay_ms > 0)
        .then(|| words.message(&Message::new("bin-after").with("span", words.span(respond.delay_ms.into()))));
    let every = (respond.every > 1).then(|| words.message(&Message::new("bin-every").with("n", respond.every)));
    [Some(what), delay, every].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<BinId>,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let context = PageContext::new(&app, &visitor, "bins", "bin-title").with_done(query.get("done"));
    match read(&app, &context, id, &headers).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

/// The page again, with the errors of its form.
pub(super) async fn refused(
    app: &App,
    context: PageContext,
    id: BinId,
    headers: &HeaderMap,
    (form, problem): (Form, &Problem),
) -> Response {
    match read(app, &context, id, headers).await {
        Ok(mut read) => {
            read.form = form.refused(problem, &context.words);
            crate::ui::refused(&read)
        }
        Err(problem) => error::of(context, &problem),
    }
}

async fn read(app: &App, context: &PageContext, id: BinId, headers: &HeaderMap) -> Answer<BinPage> {
    let now = context.now;
    let bin = app.store.bin(id, now).await?;
    let after = bin.received.saturating_sub(SHOWN);
    let received = app.store.bin_requests(id, after, usize::try_from(SHOWN).unwrap_or(0), now).await?;
    let check = SignatureCheck::of(id, &app.store.all_endpoints().await?, now);
    let requests = received.into_iter().rev().map(|request| {
        let signature = check.check(&request);
        shown(context, request, signature)
    });
    Ok(BinPage {
        bin: facts(app, context, &bin, headers),
        form: filled(&bin.respond),
        requests: requests.collect(),
        is_local: ServerAddress::of(&app.site, headers).is_local,
        context: context.clone(),
    })
}

/// The form with the current values.
fn filled(respond: &BinResponse) -> Form {
    Form::filled(vec![
        ("status", respond.status.to_string()),
        ("delay_ms", respond.delay_ms.to_string()),
        ("every", respond.every.to_string()),
        ("fault", respond.fault.map(BinFault::as_str).unwrap_or_default().to_owned()),
        ("body", respond.body.clone()),
    ])
}

fn shown(context: &PageContext, request: BinRequest, signature: Option<bool>) -> ReceivedRequest {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    ReceivedRequest {
        n: request.n,
        at: context.words.exact(request.at),
        line: format!("{} /bin/…{}", request.method, request.rest),
        headers: request.headers,
        json: serde_json::from_slice(&request.body).ok().map(|value| draw::json(&value)),
        body,
        truncated: request.truncated,
        signature,
    }
}
