//! Checks periodically for conditions that need attention, and sends alerts.

use std::{sync::Arc, time::Duration};

use gancho_model::{Arg, Endpoint, Environment, LastAttempt, Message, Source, State, Timestamp, User, mask};
use gancho_service::{SourceControl, mail::load_mail_server};
use gancho_store::{DeliveryFilter, Store, StoreError};
use gancho_words::{Language, Words, ZONE};
use tokio_util::sync::CancellationToken;

use crate::{
    Mailer,
    alert::{self, Alert, AlertState},
};

/// Tolerance for rounded times, milliseconds.
const ROUNDED_MS: i64 = 5;

/// Sends alerts.
pub struct AlertLoop {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The status of sources.
    pub sources: Arc<dyn SourceControl>,
    /// Sends the mail.
    pub post: Arc<Mailer>,
    /// Clock and randomness.
    pub environment: Arc<dyn Environment>,
    /// The server's address, for links.
    pub site: String,
    /// Interval between checks.
    pub every: Duration,
}

/// The subject of an alert, for its text.
struct Subject {
    /// The key of the alert's state.
    object: String,
    name: String,
    path: String,
    since: Option<Timestamp>,
    why: Option<Message>,
    gone: bool,
}

impl AlertLoop {
    /// Checks until the stop.
    pub async fn run(self, stop: CancellationToken) {
        while tokio::time::timeout(self.every, stop.cancelled()).await.is_err() {
            fail::fail_point!("mail");
            if let Err(error) = self.step().await {
                tracing::warn!(%error, "the alert check failed; retrying");
            }
        }
    }

    /// One check.
    ///
    /// # Errors
    /// If the store fails. Alerts that were not sent are retried at the next check.
    pub async fn step(&self) -> Result<(), StoreError> {
        // Another process may have changed it.
        load_mail_server(&*self.store, &*self.post).await?;
        let now = self.environment.now();
        // Listeners are developers' programs: they are never sent to.
        let endpoints = self.store.all_endpoints().await?;
        for endpoint in endpoints.into_iter().filter(|endpoint| !endpoint.is_listener()) {
            let about = of_endpoint(&endpoint);
            let known = self.store.alert_state(&about.object).await?;
            let last = parse_state(known.as_deref());
            let lost = matches!(last, None | Some(AlertState::Disabled)) && self.lost(&endpoint).await?;
            if let Some((what, next)) = alert::of_endpoint(&endpoint, lost, last) {
                self.alert(&about, what, known, next, now).await?;
            }
        }
        for source in self.store.sources().await? {
            // The status is not known yet.
            let Some(status) = self.sources.status(source.id) else { continue };
            let about = of_source(&source, &status);
            let known = self.store.alert_state(&about.object).await?;
            if let Some((what, next)) = alert::of_source(&status, parse_state(known.as_deref()), now) {
                self.alert(&about, what, known, next, now).await?;
            }
        }
        Ok(())
    }

    /// Whether a delivery failed for good since the failures began.
    async fn lost(&self, endpoint: &Endpoint) -> Result<bool, StoreError> {
        let Some(since) = endpoint.health.failures_since else { return Ok(false) };
        let filter =
            DeliveryFilter { endpoint: Some(endpoint.id), state: Some(State::Failed), ..DeliveryFilter::default() };
        let page = self.store.deliveries(None, filter, 20).await?;
        // Failures are counted from an attempt's end; its start is stored.
        let ended = |last: LastAttempt| last.at.plus_ms(i64::from(last.duration_ms) + ROUNDED_MS);
        Ok(page.items.iter().filter_map(|delivery| delivery.last).any(|last| ended(last) >= since))
    }

    /// Stores the new state first, then sends: of several nodes one does, and no alert is sent twice.
    async fn alert(
        &self,
        about: &Subject,
        what: Alert,
        known: Option<String>,
        next: Option<AlertState>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let next = next.and_then(|state| serde_json::to_string(&state).ok());
        if !self.store.set_alert_state(&about.object, known.clone(), next.clone(), now).await? {
            return Ok(());
        }
        tracing::info!(object = about.object, ?what, "sending an alert");
        let (mut sent, mut failed) = (0, 0);
        for user in self.store.users().await? {
            let Some(to) = user.email.clone() else { continue };
            let (subject, text) = self.written(about, what, &user);
            if let Err(why) = self.post.send(&to, &subject, &text).await {
                let why = Words::english().message(&why);
                tracing::warn!(user = user.name, why, "a mail could not be sent");
                failed += 1;
            } else {
                sent += 1;
            }
        }
        if sent == 0 && failed > 0 {
            // No mail was sent: the next check retries.
            self.store.set_alert_state(&about.object, next, known, now).await?;
        }
        Ok(())
    }

    /// In the user's language and time zone.
    fn written(&self, about: &Subject, what: Alert, user: &User) -> (String, String) {
        let language = user.language.as_deref().and_then(Language::parse).unwrap_or(Language::Es);
        let words = Words::new(language, user.time_zone.as_deref().unwrap_or(ZONE));
        let since = about.since.map(|since| words.full(since)).unwrap_or_default();
        let why = about.why.as_ref().map(|why| words.message(why)).unwrap_or_default();
        let facts = [("name", Arg::from(about.name.as_str())), ("since", Arg::from(since)), ("why", Arg::from(why))];
        let (subject, text) = match what {
            Alert::First => ("mail-first-subject", "mail-first-text"),
            Alert::Soon => ("mail-soon-subject", "mail-soon-text"),
            Alert::Disabled if about.gone => ("mail-disabled-subject", "mail-gone-text"),
            Alert::Disabled => ("mail-disabled-subject", "mail-disabled-text"),
            Alert::Recovered => ("mail-recovered-subject", "mail-recovered-text"),
            Alert::Down => ("mail-down-subject", "mail-down-text"),
            Alert::Up => ("mail-up-subject", "mail-up-text"),
        };
        let link = words.with("mail-look", &[("link", Arg::from(format!("{}{}", self.site, about.path)))]);
        let text = format!("{}\n\n{link}\n\n-- \n{}\n", words.with(text, &facts), words.get("mail-foot"));
        (words.with(subject, &facts), text)
    }
}

fn parse_state(state: Option<&str>) -> Option<AlertState> {
    state.and_then(|state| serde_json::from_str(state).ok())
}

fn of_endpoint(endpoint: &Endpoint) -> Subject {
    Subject {
        object: endpoint.id.to_string(),
        name: endpoint.name.clone().unwrap_or_else(|| mask::url(&endpoint.url)),
        path: format!("/webhooks/{}", endpoint.id),
        since: endpoint.health.failures_since,
        why: None,
        gone: endpoint.disabled_reason.as_deref() == Some("gone"),
    }
}

fn of_source(source: &Source, status: &gancho_service::SourceStatus) -> Subject {
    Subject {
        object: source.id.to_string(),
        name: source.name.clone(),
        path: format!("/sources/{}", source.id),
        since: status.down_since,
        why: status.last_error.clone(),
        gone: false,
    }
}
