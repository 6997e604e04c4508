use std::sync::Arc;

use gancho_intake::Intake;
use gancho_model::{Ambient, Hearing, limits::Limits};
use gancho_store::Store;
use tokio::sync::watch;

use crate::auth::Tokens;

/// Renders counted things in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the HTTP side is told by the settings.
#[derive(Clone, Default)]
pub struct WebSettings {
    /// The limits of CONTRACT §4.
    pub limits: Limits,
    /// `GANCHO_ADMIN_TOKEN`, if it is set.
    pub admin_token: Option<String>,
    /// Renders what the parts counted, for `/metrics`.
    pub metrics: Option<Metrics>,
    /// Turns true when the server stops: what waits for news then answers.
    pub closing: Option<watch::Receiver<bool>>,
}

/// What every handler may use.
pub struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) hearing: Arc<dyn Hearing>,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) limits: Limits,
    pub(crate) tokens: Tokens,
    pub(crate) metrics: Option<Metrics>,
    closing: Option<watch::Receiver<bool>>,
}

impl App {
    /// Puts the HTTP side together.
    pub fn new(
        store: Arc<dyn Store>,
        intake: Arc<Intake>,
        hearing: Arc<dyn Hearing>,
        ambient: Arc<dyn Ambient>,
        settings: &WebSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            intake,
            hearing,
            tokens: Tokens::new(settings.admin_token.as_deref()),
            limits: settings.limits,
            metrics: settings.metrics.clone(),
            closing: settings.closing.clone(),
            store,
            ambient,
        })
    }

    /// Returns when the server stops.
    pub(crate) async fn closing(&self) {
        match self.closing.clone() {
            Some(mut closing) => {
                // An error means that whoever would tell is gone: it stops.
                let _ = closing.wait_for(|closing| *closing).await;
            }
            None => std::future::pending().await,
        }
    }
}
