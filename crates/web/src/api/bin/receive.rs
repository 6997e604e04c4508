//! A bin's URL: stores every request and sends the bin's response. Outside of the API, without authentication.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::any,
};
use gancho_model::{BinFault, BinId};
use gancho_service::request_bin::Incoming;
use tokio_stream::StreamExt;

use crate::{
    App,
    api::{body::BODY, problem::Problem},
    auth::ClientConnection,
};

/// The pause before each byte of a trickled response.
const TRICKLE: Duration = Duration::from_secs(1);
/// Bytes to trickle if the response has no body.
const EMPTY_TRICKLE: usize = 60;

/// The routes of all bins.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new().route("/bin/{id}", any(receive)).route("/bin/{id}/{*rest}", any(receive_below))
}

async fn receive_below(
    State(app): State<Arc<App>>,
    Path((id, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    keep(&app, &id, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn receive(State(app): State<Arc<App>>, Path(id): Path<String>, request: Request) -> Response {
    keep(&app, &id, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn keep(app: &App, id: &str, request: Request) -> Result<Response, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("there is no bin {id}, or it has expired"));
    let bin: BinId = id.parse().map_err(|_| missing())?;
    let (parts, body) = request.into_parts();
    let most = app.services.limits.request_bytes;
    let late = || Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
    let large = |_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a bin takes {most} bytes at most"));
    let body = tokio::time::timeout(BODY, to_bytes(body, most)).await.map_err(|_| late())?.map_err(large)?;
    let incoming = Incoming {
        method: parts.method.to_string(),
        rest: rest(&parts.uri, id),
        headers: fields(&parts.headers),
        body: body.into(),
    };
    let respond = app.services.receive(bin, incoming).await?;
    let connection = parts.extensions.get::<ClientConnection>();
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(respond.delay_ms.into())) => {}
        () = app.closing() => {}
    }
    match (respond.fault, connection) {
        (Some(BinFault::Reset), Some(connection)) => {
            connection.reset();
            Ok(std::future::pending().await)
        }
        (Some(BinFault::Trickle), _) => Ok(answer(respond.status, trickle(respond.body))),
        _ => Ok(answer(respond.status, Body::from(respond.body))),
    }
}

/// What follows the bin's own path.
fn rest(uri: &Uri, id: &str) -> String {
    let whole = uri.path_and_query().map_or("", |whole| whole.as_str());
    whole.split_once(id).map_or_else(String::new, |(_, rest)| rest.to_owned())
}

fn fields(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// As plain text: content from others must never be a document of this origin.
fn answer(status: u16, body: Body) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let headers = [
        (CONTENT_TYPE.as_str(), "text/plain; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "no-store"),
    ];
    (status, headers, body).into_response()
}

/// One byte per second; a placeholder if there is no body.
fn trickle(body: String) -> Body {
    let bytes = if body.is_empty() { vec![b'.'; EMPTY_TRICKLE] } else { body.into_bytes() };
    let slow = tokio_stream::iter(bytes).then(async |byte| {
        tokio::time::sleep(TRICKLE).await;
        Ok::<_, Infallible>(vec![byte])
    });
    Body::from_stream(slow)
}
