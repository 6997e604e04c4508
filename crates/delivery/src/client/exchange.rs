use std::time::Duration;

use bytes::Bytes;
use gancho_model::{ErrorKind, Phases};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use url::Url;

use super::{
    Client, SendError,
    dial::millis,
    pool::{self, Sender},
};

/// An answer, read to its end or to the limit.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// The beginning of its body.
    pub body: Vec<u8>,
    /// Whether there was more than that.
    pub truncated: bool,
}

/// One exchange: where its time went, and how it ended.
#[derive(Debug)]
pub struct Exchange {
    /// The phases that were reached.
    pub phases: Phases,
    /// The answer's head, even if its body did not come through.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub result: Result<Answer, SendError>,
    /// All in all.
    pub duration_ms: u32,
}

/// What is known while an exchange runs, so that a deadline that strikes can tell.
#[derive(Default)]
struct Progress {
    phases: Phases,
    status: Option<StatusCode>,
}

impl Client {
    /// Posts a body. One deadline covers everything: name, connection, TLS, request, answer.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Bytes, deadline_ms: u32) -> Exchange {
        let began = Instant::now();
        let mut progress = Progress::default();
        let deadline = Duration::from_millis(deadline_ms.into());
        let result = timeout(deadline, self.exchange(url, headers, body, &mut progress)).await;
        let result = result.unwrap_or_else(|_| Err(SendError::new(ErrorKind::Timeout, late(&progress))));
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

    async fn exchange(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        progress: &mut Progress,
    ) -> Result<Answer, SendError> {
        let key = pool::key(url);
        if let Some(mut sender) = self.pool.take(key)
            && sender.ready().await.is_ok()
        {
            match self.send(&mut sender, url, headers.clone(), body.clone(), progress).await {
                // The receiver closed the idle connection as we wrote. Nothing came back: once more on a new one.
                Err(error) if error.kind == ErrorKind::Connect && progress.status.is_none() => {}
                result => return self.keep(key, sender, result),
            }
        }
        let mut sender = self.dial(url, &mut progress.phases).await?;
        let result = self.send(&mut sender, url, headers, body, progress).await;
        self.keep(key, sender, result)
    }

    fn keep(&self, key: &str, sender: Sender, result: Result<(Answer, bool), SendError>) -> Result<Answer, SendError> {
        let (answer, whole) = result?;
        if whole {
            self.pool.put(key, sender);
        }
        Ok(answer)
    }

    /// Sends on an open connection; says whether the answer was read to its end.
    async fn send(
        &self,
        sender: &mut Sender,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
        progress: &mut Progress,
    ) -> Result<(Answer, bool), SendError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url[url::Position::BeforePath..url::Position::AfterQuery]
            .parse()
            .map_err(|_| SendError::new(ErrorKind::Protocol, "the URL's path can't be sent"))?;
        *request.headers_mut() = headers;
        let began = Instant::now();
        let response = sender.send_request(request).await.map_err(|error| SendError::of_hyper(&error))?;
        progress.phases.first_byte_ms = Some(millis(began));
        progress.status = Some(response.status());
        let began = Instant::now();
        let read = self.read(response).await;
        progress.phases.body_ms = Some(millis(began));
        read
    }

    async fn read(&self, response: Response<Incoming>) -> Result<(Answer, bool), SendError> {
        let (head, mut body) = response.into_parts();
        let mut answer = Answer { status: head.status, headers: head.headers, body: vec![], truncated: false };
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| SendError::of_hyper(&error))?.into_data() else { continue };
            let room = self.options.kept_bytes.saturating_sub(answer.body.len());
            answer.truncated |= data.len() > room;
            answer.body.extend_from_slice(&data[..data.len().min(room)]);
            read += data.len();
            if read > self.options.read_bytes {
                answer.truncated = true;
                return Ok((answer, false));
            }
        }
        Ok((answer, true))
    }
}

/// What was being waited for when the deadline struck.
fn late(progress: &Progress) -> &'static str {
    match progress {
        Progress { status: Some(_), .. } => "the answer's body did not end within the time limit",
        Progress { phases: Phases { connect_ms: None, .. }, .. } => "no answer within the time limit",
        _ => "connected, but no answer within the time limit",
    }
}
