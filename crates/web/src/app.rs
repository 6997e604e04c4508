use std::sync::{Arc, Mutex};

use gancho_model::{Caller, Environment};
use gancho_service::Services;
use gancho_store::Store;
use ipnet::IpNet;
use tokio::sync::watch;

use crate::{
    auth::{Tokens, limit::LoginRateLimiter},
    site::Site,
};

/// Renders metrics in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The settings of the HTTP side.
#[derive(Clone, Default)]
pub struct WebSettings {
    /// Admin tokens outside the store: `GANCHO_ADMIN_TOKEN`, and this machine's own.
    pub admin_tokens: Vec<String>,
    /// The public address of this server, if set.
    pub public_url: Option<String>,
    /// Password tries per minute.
    pub login_tries: usize,
    /// Trusted proxies.
    pub proxies: Vec<IpNet>,
    /// The effective settings, secrets masked: names, values and meanings.
    pub in_force: Vec<(String, String, String)>,
    /// Renders the metrics for `/metrics`.
    pub metrics: Option<Metrics>,
    /// Turns true when the server stops: waiting requests then return.
    pub closing: Option<watch::Receiver<bool>>,
    /// Demo mode, which every page states.
    pub is_demo: bool,
}

/// Shared by all handlers.
pub struct App {
    /// The use cases.
    pub(crate) services: Arc<Services>,
    /// The store, for plain reads.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) tokens: Tokens,
    pub(crate) tries: LoginRateLimiter,
    pub(crate) login_tries: usize,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) site: Site,
    pub(crate) in_force: Vec<(String, String, String)>,
    pub(crate) metrics: Option<Metrics>,
    /// The secret of the one-time setup link, while there are no users.
    pub(crate) setup: Mutex<Option<String>>,
    closing: Option<watch::Receiver<bool>>,
}

impl App {
    /// Combines the parts.
    pub fn new(services: Arc<Services>, settings: &WebSettings) -> Arc<Self> {
        Arc::new(Self {
            store: services.store.clone(),
            environment: services.environment.clone(),
            services,
            tokens: Tokens::new(&settings.admin_tokens),
            tries: LoginRateLimiter::default(),
            login_tries: settings.login_tries,
            proxies: settings.proxies.clone(),
            site: Site { is_demo: settings.is_demo, ..Site::new(settings.public_url.as_deref()) },
            in_force: settings.in_force.clone(),
            metrics: settings.metrics.clone(),
            setup: Mutex::default(),
            closing: settings.closing.clone(),
        })
    }

    /// The name of a caller's token.
    pub(crate) async fn who(&self, caller: Caller) -> String {
        let known = self.store.tokens().await.unwrap_or_default();
        let named = known.into_iter().find(|token| token.id == caller.token).map(|token| token.name);
        named.unwrap_or_else(|| "API".to_owned())
    }

    /// Returns when the server stops.
    pub(crate) async fn closing(&self) {
        match self.closing.clone() {
            Some(mut closing) => {
                // An error means that the sender was dropped: the server stops.
                let _ = closing.wait_for(|closing| *closing).await;
            }
            None => std::future::pending().await,
        }
    }
}
