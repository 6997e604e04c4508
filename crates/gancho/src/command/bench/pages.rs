//! Measures pages with a growing log: each through the whole router, in this process.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::Request,
};
use gancho_intake::Intake;
use gancho_mail::Mailer;
use gancho_model::{
    Clock as _, DeliveryId, EventId, Message, Record, Role, Session, Source, SourceId, User, UserId, address::Allowed,
    limits::Limits,
};
use gancho_service::{
    Finding, Parts, Probing, RecordPage, Refused, Services, Shown, SourceControl, SourceStatus,
    account::digest,
    outbox::{OutboxPayload, OutboxReceipt},
};
use gancho_store::{EventFilter, Store};
use gancho_web::{App, WebSettings};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::{
    cli_error::{CliError, CliResult},
    system::System,
};

/// Measurements per page; the median is shown.
const TIMES: usize = 11;
/// The session cookie's value.
const COOKIE: &str = "bench";

/// Prints each page's duration and size.
pub async fn run(store: Arc<dyn Store>) -> CliResult {
    sign_in(&*store).await?;
    let router = router(store.clone());
    let pages = pages(&*store).await?;
    say!("\nMilliseconds for one page, the middle of {TIMES}, and its bytes");
    for (name, path) in pages {
        let (mut took, mut bytes) = (vec![], 0);
        for _ in 0..TIMES {
            let began = Instant::now();
            bytes = get(&router, &path).await?;
            took.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        took.sort_by(f64::total_cmp);
        say!("{name:<24} {:>8.2} ms {bytes:>8} bytes   (at most 20 ms)", took[TIMES / 2]);
    }
    Ok(())
}

async fn pages(store: &dyn Store) -> Result<Vec<(&'static str, String)>, CliError> {
    let endpoint = store.all_endpoints().await.map_err(CliError::refused)?[0].id;
    let newest = store.recent(None, EventFilter::default(), 1).await.map_err(CliError::refused)?;
    let event: EventId = newest.items.first().ok_or_else(|| CliError::because("the store is empty"))?.id;
    let delivery: DeliveryId = store.deliveries_of(event).await.map_err(CliError::refused)?[0].id;
    Ok(vec![
        ("overview", "/".into()),
        ("webhooks", "/webhooks".into()),
        ("webhook", format!("/webhooks/{endpoint}")),
        ("deliveries", "/deliveries".into()),
        ("deliveries, filtered", format!("/deliveries?endpoint={endpoint}&state=pending")),
        ("deliveries, by number", "/deliveries?document=F2026A1".into()),
        ("delivery", format!("/deliveries/{delivery}")),
        ("events", "/events".into()),
        ("events, by number", "/events?document=F2026A1".into()),
        ("event", format!("/events/{event}")),
        ("why", "/events/why?document=F2026A1".into()),
        ("search, many", "/search?q=2026A".into()),
        ("search, a name", "/search?q=pena%2042".into()),
        ("search, a tax number", "/search?q=000042".into()),
        ("search, nothing", "/search?q=nobody%20has%20this".into()),
        ("why, a name", "/events/why?document=guell".into()),
        ("catalogue", "/catalogue".into()),
        ("settings", "/settings".into()),
    ])
}

async fn get(router: &Router, path: &str) -> Result<usize, CliError> {
    let request = Request::get(path).header("host", "localhost").header("cookie", format!("gancho_session={COOKIE}"));
    let request = request.body(Body::empty()).map_err(CliError::refused)?;
    let answer = router.clone().oneshot(request).await.map_err(CliError::refused)?;
    if answer.status() != 200 {
        return Err(CliError::because(format!("{path} answers {}", answer.status())));
    }
    Ok(to_bytes(answer.into_body(), usize::MAX).await.map_err(CliError::refused)?.len())
}

async fn sign_in(store: &dyn Store) -> CliResult {
    let now = System.now();
    let id = UserId::new(now, &System);
    let (email, language, time_zone) = (None, Some("es".to_owned()), None);
    let user = User {
        id,
        name: "bench".into(),
        role: Role::Admin,
        password_hash: "-".into(),
        email,
        language,
        time_zone,
        created_at: now,
    };
    store.add_user(user).await.map_err(CliError::refused)?;
    let expires_at = now.plus_ms(3_600_000);
    let session =
        Session { digest: digest(COOKIE), user: id, agent: String::new(), created_at: now, seen_at: now, expires_at };
    store.add_session(session).await.map_err(CliError::refused)
}

fn router(store: Arc<dyn Store>) -> Router {
    let intake = Arc::new(Intake::new(store.clone(), Arc::new(System), Limits::default()));
    let (sources, probing, mailing) = (Arc::new(Nobody), Arc::new(Nobody), Arc::new(Mailer::none()));
    let parts = Parts { store, intake, sources, probing, mailing, environment: Arc::new(System) };
    let services = Services::new(parts, Limits::default(), Allowed::default());
    gancho_web::router(App::new(services, &WebSettings::default()))
}

/// Watches no ERP and checks no URL.
struct Nobody;

#[async_trait::async_trait]
impl SourceControl for Nobody {
    async fn plan(&self, _: &Source) -> Result<String, Message> {
        Ok(String::new())
    }
    async fn install(&self, _: &Source) -> Result<(), Refused> {
        Ok(())
    }
    async fn record(&self, _: &Source, _: &str, _: &str) -> Result<Option<Record>, Message> {
        Ok(None)
    }

    async fn records(&self, _: &Source, _: &RecordPage) -> Result<Vec<(String, Record)>, Message> {
        Ok(vec![])
    }

    async fn uninstall(&self, _: &Source) -> Result<(), Message> {
        Ok(())
    }
    async fn check(&self, _: &Source) -> Vec<Finding> {
        vec![]
    }
    async fn leave(&self, _: &Source, _: &Source) -> Result<(), Message> {
        Ok(())
    }
    async fn end_watching(&self, _: SourceId) {}
    async fn same_erp(&self, _: &Source, _: &Source) -> bool {
        false
    }
    async fn confirm(&self, _: &Source) -> Result<(), Message> {
        Ok(())
    }

    async fn hand_over(&self, _: &Source, _: OutboxPayload) -> Result<OutboxReceipt, Message> {
        Ok(OutboxReceipt::default())
    }
    fn shown(&self, _: &Source, _: OutboxPayload) -> Result<Option<Shown>, Message> {
        Ok(None)
    }

    fn status(&self, _: SourceId) -> Option<SourceStatus> {
        None
    }
    fn sources_changed(&self) {}
}

#[async_trait::async_trait]
impl Probing for Nobody {
    async fn probe(&self, _: &str) -> Vec<Finding> {
        vec![]
    }
}
