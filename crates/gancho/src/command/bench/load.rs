//! Posts events of about 1 KB, one per request, over several connections.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};

use crate::{
    cli_error::{CliError, CliResult},
    system::since_1970,
};

/// What to post.
pub struct Plan {
    pub url: String,
    pub events: u32,
    pub connections: u32,
    pub rate: u32,
}

/// Posts, and prints the elapsed milliseconds.
pub async fn run(plan: Plan) -> CliResult {
    let url = Url::parse(&plan.url).map_err(CliError::refused)?;
    let left = Arc::new(AtomicU32::new(plan.events));
    let began = Instant::now();
    let mut posting = JoinSet::new();
    for n in 0..plan.connections {
        // Spread evenly over the interval instead of in bursts.
        let every =
            (plan.rate > 0).then(|| Duration::from_secs_f64(f64::from(plan.connections) / f64::from(plan.rate)));
        let first = every.map(|every| began + every.mul_f64(f64::from(n) / f64::from(plan.connections)));
        posting.spawn(connection(url.clone(), left.clone(), first.zip(every)));
    }
    while let Some(ended) = posting.join_next().await {
        ended.map_err(CliError::refused)??;
    }
    println!("{}", began.elapsed().as_millis());
    Ok(())
}

async fn connection(url: Url, left: Arc<AtomicU32>, pace: Option<(Instant, Duration)>) -> CliResult {
    let address = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
    let stream = TcpStream::connect(&address).await.map_err(CliError::refused)?;
    stream.set_nodelay(true).map_err(CliError::refused)?;
    let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(CliError::refused)?;
    tokio::spawn(driver);
    let mut ticks = pace.map(|(first, every)| tokio::time::interval_at(first, every));
    while take(&left) {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let request = Request::post(url.path())
            .header(header::HOST, &address)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-auth-token", "bench-token")
            .body(Full::new(event()))
            .map_err(CliError::refused)?;
        sender.ready().await.map_err(CliError::refused)?;
        let answer = sender.send_request(request).await.map_err(CliError::refused)?;
        let status = answer.status();
        answer.into_body().collect().await.map_err(CliError::refused)?;
        if !status.is_success() {
            return Err(CliError::because(format!("a post was answered {status}")));
        }
    }
    Ok(())
}

fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

/// Microseconds since 1970, for comparing load and receiver.
pub fn micros() -> u64 {
    u64::try_from(since_1970().as_micros()).unwrap_or(u64::MAX)
}

/// An invoice of about 1 KB that contains the time.
fn event() -> Bytes {
    let now = micros();
    Bytes::from(format!(
        r#"{{"event":"invoice.paid","data":{{"object":{{"sent_us":{now},"idfactura":123,"codigo":"FAC2026A123","nombrecliente":"Talleres Ejemplo SL","total":1000.5,"pagada":true,"observaciones":"{}"}},"previous":{{"pagada":false}}}}}}"#,
        "x".repeat(760)
    ))
}
