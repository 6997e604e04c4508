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

/// Renders counted things in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the settings say to the HTTP side.
#[derive(Clone, Default)]
pub struct WebSettings {
    /// Tokens that may do everything without standing in the store: `GANCHO_ADMIN_TOKEN`, and this machine's own.
    pub admin_tokens: Vec<String>,
    /// The address under which people reach this server, if it is set.
    pub public_url: Option<String>,
    /// How often a minute a password may be tried.
    pub login_tries: usize,
    /// Proxies that are believed about whom they ask for.
    pub proxies: Vec<IpNet>,
    /// The settings in force, secrets masked: names, values and meanings.
    pub in_force: Vec<(String, String, String)>,
    /// Renders what the parts counted, for `/metrics`.
    pub metrics: Option<Metrics>,
    /// Turns true when the server stops: what waits for news then answers.
    pub closing: Option<watch::Receiver<bool>>,
    /// What is shown is pretended, and every page says so.
    pub is_demo: bool,
}

/// What every handler may use.
pub struct App {
    /// What people and programs do.
    pub(crate) services: Arc<Services>,
    /// Where what is only looked at is read.
    pub(crate) store: Arc<dyn Store>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) tokens: Tokens,
    pub(crate) tries: LoginRateLimiter,
    pub(crate) login_tries: usize,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) site: Site,
    pub(crate) in_force: Vec<(String, String, String)>,
    pub(crate) metrics: Option<Metrics>,
    /// The secret of the one-time link, while there is nobody who could sign in.
    pub(crate) setup: Mutex<Option<String>>,
    closing: Option<watch::Receiver<bool>>,
}

impl App {
    /// Puts the HTTP side together.
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

    /// Who makes a request by a token: the token's name.
    pub(crate) async fn who(&self, caller: Caller) -> String {
        let known = self.store.tokens().await.unwrap_or_default();
        let named = known.into_iter().find(|token| token.id == caller.token).map(|token| token.name);
        named.unwrap_or_else(|| "API".to_owned())
    }

    /// Returns when the server stops.
    pub(crate) async fn closing(&self) {
        match self.closing.clone() {
            Some(mut closing) => {
                // An error means that the sender is gone: it stops.
                let _ = closing.wait_for(|closing| *closing).await;
            }
            None => std::future::pending().await,
        }
    }
}
