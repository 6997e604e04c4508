use std::sync::{Arc, Mutex};

use gancho_intake::Intake;
use gancho_model::{
    AuditEntry, Caller, Environment, Mailing, Probing, SourceControl, address::Allowed, limits::Limits,
};
use gancho_store::Store;
use ipnet::IpNet;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::{
    auth::{Tokens, limit::LoginRateLimiter},
    jobs::Jobs,
    site::Site,
};

/// Renders counted things in Prometheus' text format.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the HTTP side is told by the settings.
#[derive(Clone, Default)]
pub struct WebSettings {
    /// The limits of CONTRACT §4.
    pub limits: Limits,
    /// Private addresses that webhooks may have.
    pub allowed: Allowed,
    /// `GANCHO_ADMIN_TOKEN`, if it is set.
    pub admin_token: Option<String>,
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
}

/// The rooms that the HTTP side speaks to.
#[derive(Clone)]
pub struct Services {
    /// Where things rest.
    pub store: Arc<dyn Store>,
    /// Where things come in.
    pub intake: Arc<Intake>,
    /// What watches ERPs.
    pub sources: Arc<dyn SourceControl>,
    /// What looks whether a URL can be reached.
    pub probing: Arc<dyn Probing>,
    /// What sends mail.
    pub mailing: Arc<dyn Mailing>,
    /// Time and chance.
    pub environment: Arc<dyn Environment>,
}

/// What every handler may use.
pub struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) sources: Arc<dyn SourceControl>,
    pub(crate) probing: Arc<dyn Probing>,
    pub(crate) mailing: Arc<dyn Mailing>,
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) limits: Limits,
    pub(crate) allowed: Allowed,
    pub(crate) tokens: Tokens,
    pub(crate) tries: LoginRateLimiter,
    pub(crate) login_tries: usize,
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) site: Site,
    pub(crate) jobs: Jobs,
    pub(crate) in_force: Vec<(String, String, String)>,
    pub(crate) metrics: Option<Metrics>,
    /// The secret of the one-time link, while there is nobody who could sign in.
    pub(crate) setup: Mutex<Option<String>>,
    closing: Option<watch::Receiver<bool>>,
}

impl App {
    /// Puts the HTTP side together.
    pub fn new(rooms: Services, settings: &WebSettings) -> Arc<Self> {
        Arc::new(Self {
            store: rooms.store,
            intake: rooms.intake,
            sources: rooms.sources,
            probing: rooms.probing,
            mailing: rooms.mailing,
            environment: rooms.environment,
            tokens: Tokens::new(settings.admin_token.as_deref()),
            tries: LoginRateLimiter::default(),
            login_tries: settings.login_tries,
            proxies: settings.proxies.clone(),
            site: Site::new(settings.public_url.as_deref()),
            jobs: Jobs::default(),
            limits: settings.limits,
            allowed: settings.allowed.clone(),
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

    /// Keeps who did what. What was done is done: if that can't be kept, the log says so.
    pub(crate) async fn note(
        &self,
        who: &str,
        action: &str,
        object: &impl ToString,
        name: String,
        details: Map<String, Value>,
    ) {
        let object = object.to_string();
        tracing::info!(who, action, object, "somebody changed something");
        let (who, action, at) = (who.to_owned(), action.to_owned(), self.environment.now());
        if let Err(error) = self.store.note(AuditEntry { at, who, action, object, name, details }).await {
            tracing::warn!(%error, "who did what could not be kept");
        }
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
