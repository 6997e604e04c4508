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

/// How long the body of an answer is read whose header is complete: the status has decided, the rest is for the log.
const BODY_MAX: Duration = Duration::from_secs(2);

/// An answer: its header, and as much of its body as came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Vec<u8>,
    /// Whether that is not the whole body.
    pub truncated: bool,
}

/// One exchange: where its time went, and how it ended.
#[derive(Debug)]
pub struct Exchange {
    /// The phases that were reached.
    pub phases: Phases,
    /// The answer's status, even if its header could not be read.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub result: Result<Answer, SendError>,
    /// All in all.
    pub duration_ms: u32,
}

/// What is known while an exchange runs, so that a deadline that strikes can report it.
#[derive(Default)]
struct Progress {
    phases: Phases,
    status: Option<StatusCode>,
}

/// The body of an answer, as far as it came.
struct Body {
    kept: Vec<u8>,
    /// Whether `kept` is all of it.
    whole: bool,
    /// Whether it was read to its end, so that the connection can be used again.
    ended: bool,
}

impl Client {
    /// Posts a body. One deadline covers everything: name, connection, TLS, request, answer.
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

    /// Dials a URL and sends nothing: can it be reached?
    ///
    /// # Errors
    /// What stands in the way, as an attempt would say it.
    pub async fn reach(&self, url: &Url) -> Result<Phases, SendError> {
        let mut phases = Phases::default();
        self.dial(url, &mut phases).await.map(|_| phases)
    }

    /// Drops idle connections that are too old.
    pub fn sweep(&self) {
        self.pool.sweep();
    }

    /// Sends the request, and reads the answer's header.
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
                // The receiver closed the idle connection as we wrote. Nothing came back: once more on a new one.
                Err(error) if error.kind == ErrorKind::Connect && progress.status.is_none() => {}
                result => return result.map(|response| (connection, response)),
            }
        }
        let mut connection = self.dial(url, &mut progress.phases).await?;
        let response = send(&mut connection, url, headers, body, progress).await?;
        Ok((connection, response))
    }

    /// Reads the answer's body, for the log: however it ends, the answer is one.
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
                // It broke, or takes too long.
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

/// What was being waited for when the deadline struck.
fn late(progress: &Progress) -> &'static str {
    match progress {
        Progress { phases: Phases { connect_ms: None, .. }, .. } => "no answer within the time limit",
        _ => "connected, but no answer within the time limit",
    }
}
