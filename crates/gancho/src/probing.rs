//! Checks whether a URL is reachable, for forms: with the same guard and client as deliveries.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gancho_delivery::Client;
use gancho_model::{ErrorKind, Message, target};
use gancho_service::{Finding, Probing};

/// Timeout of a check.
const PATIENCE: Duration = Duration::from_secs(6);

/// Checks with the client of deliveries. No request is sent.
pub struct Probe(pub Arc<Client>);

#[async_trait]
impl Probing for Probe {
    async fn probe(&self, url: &str) -> Vec<Finding> {
        let url = match target::parse(url) {
            Ok(url) => url,
            Err(error) => return vec![Finding::bad("url", error.message())],
        };
        let encrypted = url.scheme() == "https";
        let mut found = vec![Finding::good("url", Message::new("probe-parse"))];
        found.push(match encrypted {
            true => Finding::good("https", Message::new("probe-https")),
            false => Finding::bad("https", Message::new("probe-http")),
        });
        let host = url.host_str().unwrap_or_default().to_owned();
        found.push(match tokio::time::timeout(PATIENCE, self.0.reach(&url)).await {
            Ok(Ok(_)) => Finding::good("reach", Message::new("probe-reached").with("host", host)),
            Ok(Err(error)) if error.kind == ErrorKind::Blocked => {
                Finding::bad("reach", Message::new("probe-blocked").with("why", error.message))
            }
            Ok(Err(error)) => {
                Finding::bad("reach", Message::new("probe-failed").with("why", Message::new(kind_of(error.kind))))
            }
            Err(_) => Finding::bad("reach", Message::new("probe-failed").with("why", Message::new("why-timeout"))),
        });
        found
    }
}

fn kind_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Dns => "why-dns",
        ErrorKind::Connect => "why-connect",
        ErrorKind::Tls => "why-tls",
        ErrorKind::Timeout => "why-timeout",
        ErrorKind::Blocked => "why-blocked",
        ErrorKind::Protocol | ErrorKind::Status => "why-protocol",
    }
}
