//! One attempt, from the signature to its record.

use gancho_model::{Attempt, Endpoint, ErrorKind, Failure, HeaderLog, Reply, Timestamp, retry_after_ms};
use gancho_store::Claimed;
use http::header::RETRY_AFTER;
use url::Url;

use crate::{
    client::{Answer, Client, Exchange},
    request,
};

/// The result of trying to make an attempt.
pub(crate) enum Made {
    /// An attempt, and its reply.
    Attempt(Attempt, Reply),
    /// No attempt: this machine lacks a resource, which is not the receiver's fault.
    Nothing(String),
}

/// Makes one attempt. It always ends within the endpoint's time limit and yields one record.
pub(crate) async fn attempt(
    client: &Client,
    endpoint: &Endpoint,
    url: &Url,
    claimed: &Claimed,
    now: Timestamp,
) -> Made {
    fail::fail_point!("attempt");
    let headers = request::headers(endpoint, url, claimed, now);
    let request_headers = request::logged(&headers, Some(endpoint));
    let exchange = client.post(url, headers, claimed.body.clone(), endpoint.timeout_ms).await;
    match &exchange.result {
        Err(error) if error.is_ours => Made::Nothing(error.message.clone()),
        _ => {
            let reply = reply(&exchange, now);
            Made::Attempt(attempt_of(claimed, exchange, request_headers, now), reply)
        }
    }
}

fn reply(exchange: &Exchange, now: Timestamp) -> Reply {
    match &exchange.result {
        Ok(answer) => {
            let asked = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let retry_after_ms = asked.and_then(|text| retry_after_ms(text, now));
            Reply::Status { code: answer.status.as_u16(), retry_after_ms }
        }
        Err(_) => Reply::Nothing,
    }
}

fn attempt_of(claimed: &Claimed, exchange: Exchange, request_headers: HeaderLog, at: Timestamp) -> Attempt {
    let status_code = exchange.status.map(|status| status.as_u16());
    let (answer, error) = match exchange.result {
        Ok(answer) => {
            let error = (!answer.status.is_success()).then(|| refused(&answer));
            (Some(answer), error)
        }
        Err(error) => (None, Some(Failure::from(error))),
    };
    let (response_headers, body, response_truncated) = answer
        .map(|answer| (request::logged(&answer.headers, None), answer.body, answer.truncated))
        .unwrap_or_default();
    Attempt {
        n: claimed.attempts + 1,
        at,
        duration_ms: exchange.duration_ms,
        phases: exchange.phases,
        status_code,
        error,
        request_headers,
        response_headers,
        response_body: String::from_utf8_lossy(&body).into_owned(),
        response_truncated,
    }
}

fn refused(answer: &Answer) -> Failure {
    let status = answer.status.as_u16();
    let message = match status {
        300..=399 => format!("the receiver answered {status}, a redirect: redirects are not followed"),
        410 => "the receiver answered 410: it wants no more events".to_owned(),
        _ => format!("the receiver answered {status}"),
    };
    Failure { kind: ErrorKind::Status, message }
}
