use std::time::Duration;

use bytes::Bytes;
use gancho_model::{ErrorKind, Phases};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::{
    Client, SendError,
    dial::millis,
    pool::{self, Connection},
};

/// Timeout for the body once the header is complete: the status decides, the body is only for the log.
const BODY_MAX: Duration = Duration::from_secs(2);

/// A response: its header, and the received part of its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Vec<u8>,
    /// Whether the body is incomplete.
    pub truncated: bool,
}

/// One exchange: its phases and its result.
#[derive(Debug)]
pub struct Exchange {
    /// The phases that were reached.
    pub phases: Phases,
    /// The response's status, even if its header could not be parsed.
    pub status: Option<StatusCode>,
    /// The result.
    pub result: Result<Answer, SendError>,
    /// Total duration.
    pub duration_ms: u32,
}

/// The state of a running exchange, reported on timeout.
#[derive(Default)]
struct Progress {
    phases: Phases,
    status: Option<StatusCode>,
}

/// The received part of a response's body.
struct Body {
    kept: Vec<u8>,
    /// Whether `kept` is the whole body.
    whole: bool,
    /// Whether the body was read to its end, so that the connection can be reused.
    ended: bool,
}

impl Client {
    /// Posts a body. One deadline covers everything: name resolution, connection, TLS, request, response.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes, deadline_ms: u32) -> Exchange {
        let began = Instant::now();
        let mut progress = Progress::default();
        let ends_at = began + Duration::from_millis(deadline_ms.into());
        let head = timeout_at(ends_at, self.head(url, headers, body, &mut progress)).await;
        let result = match head {
            Ok(Ok((connection, response))) => Ok(self.finish(url, connection, response, ends_at, &mut progress).await),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(SendError::new(ErrorKind::Timeout, late(&progress))),
        };
        Exchange { phases: progress.phases, status: progress.status, result, duration_ms: millis(began) }
    }

    /// Connects to a URL without sending a request, to check that it is reachable.
    ///
    /// # Errors
    /// The same errors as an attempt's.
    pub async fn reach(&self, url: &Url) -> Result<Phases, SendError> {
        let mut phases = Phases::default();
        self.dial(url, &mut phases).await.map(|_| phases)
    }

    /// Drops idle connections that are too old.
    pub fn sweep(&self) {
        self.pool.sweep();
    }

    /// Sends the request and reads the response's header.
    async fn head(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        progress: &mut Progress,
    ) -> Result<(Connection, Response<Incoming>), SendError> {
        let is_pooled = !self.guard.is_own_bin(url);
        if let Some(mut connection) = is_pooled.then(|| self.pool.take(pool::key(url))).flatten()
            && connection.sender.ready().await.is_ok()
        {
            match send(&mut connection, url, headers.clone(), body.clone(), progress).await {
                // The receiver closed the idle connection while we wrote, without a response: retry once on a new one.
                Err(error) if error.kind == ErrorKind::Connect && progress.status.is_none() => {}
                result => return result.map(|response| (connection, response)),
            }
        }
        let mut connection = self.dial(url, &mut progress.phases).await?;
        let response = send(&mut connection, url, headers, body, progress).await?;
        Ok((connection, response))
    }

    /// Reads the response's body for the log; a broken body does not invalidate the response.
    async fn finish(
        &self,
        url: &Url,
        connection: Connection,
        response: Response<Incoming>,
        ends_at: Instant,
        progress: &mut Progress,
    ) -> Answer {
        let began = Instant::now();
        let (head, body) = response.into_parts();
        let body = self.read(body, ends_at.min(began + BODY_MAX)).await;
        progress.phases.body_ms = Some(millis(began));
        if body.ended && !self.guard.is_own_bin(url) {
            self.pool.put(pool::key(url), connection);
        }
        Answer { status: head.status, headers: head.headers, body: body.kept, truncated: !body.whole }
    }

    async fn read(&self, mut incoming: Incoming, ends_at: Instant) -> Body {
        let mut body = Body { kept: vec![], whole: true, ended: false };
        let mut read = 0;
        while read <= self.options.read_bytes {
            match timeout_at(ends_at, incoming.frame()).await {
                Ok(None) => return Body { ended: true, ..body },
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let room = self.options.kept_bytes.saturating_sub(body.kept.len());
                    body.whole &= data.len() <= room;
                    body.kept.extend_from_slice(&data[..data.len().min(room)]);
                    read += data.len();
                }
                // The connection broke, or the timeout expired.
                Ok(Some(Err(_))) | Err(_) => break,
            }
        }
        Body { whole: false, ..body }
    }
}

/// Sends a request on an open connection.
async fn send(
    connection: &mut Connection,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
    progress: &mut Progress,
) -> Result<Response<Incoming>, SendError> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url[url::Position::BeforePath..url::Position::AfterQuery]
        .parse()
        .map_err(|_| SendError::new(ErrorKind::Protocol, "the URL's path can't be sent"))?;
    *request.headers_mut() = headers;
    connection.seen.clear();
    let began = Instant::now();
    let sent = connection.sender.send_request(request).await;
    let response = sent.map_err(|error| {
        progress.status = connection.seen.status();
        SendError::of_hyper(&error, progress.status)
    })?;
    progress.phases.first_byte_ms = Some(millis(began));
    progress.status = Some(response.status());
    Ok(response)
}

/// The phase in which the deadline expired.
fn late(progress: &Progress) -> &'static str {
    match progress {
        Progress { phases: Phases { connect_ms: None, .. }, .. } => "no answer within the time limit",
        _ => "connected, but no answer within the time limit",
    }
}
