//! Looks now and then what needs people, and tells them.

use std::{sync::Arc, time::Duration};

use gancho_model::{Ambient, Endpoint, Fact, Hearing, LastAttempt, Said, Source, State, Timestamp, User, mask};
use gancho_store::{DeliveryFilter, Store, StoreError};
use gancho_words::{Language, Words, ZONE};
use tokio_util::sync::CancellationToken;

use crate::{
    Post,
    notice::{self, Notice, Told},
};

/// What may get lost where times are rounded, milliseconds.
const ROUNDED_MS: i64 = 5;

/// Tells people.
pub struct Watch {
    /// Where things rest.
    pub store: Arc<dyn Store>,
    /// How sources do.
    pub hearing: Arc<dyn Hearing>,
    /// The post.
    pub post: Arc<Post>,
    /// The time.
    pub ambient: Arc<dyn Ambient>,
    /// Where people reach this server, to look.
    pub site: String,
    /// How often it looks.
    pub every: Duration,
}

/// What is told of, for the text.
struct About {
    /// By which it is remembered what was told.
    object: String,
    name: String,
    path: String,
    since: Option<Timestamp>,
    why: Option<Said>,
    gone: bool,
}

impl Watch {
    /// Looks until the stop.
    pub async fn run(self, stop: CancellationToken) {
        while tokio::time::timeout(self.every, stop.cancelled()).await.is_err() {
            fail::fail_point!("mail");
            if let Err(error) = self.step().await {
                tracing::warn!(%error, "the store did not say what people should be told; trying again");
            }
        }
    }

    /// One look.
    ///
    /// # Errors
    /// When the store does not answer. What was not told is told at the next look.
    pub async fn step(&self) -> Result<(), StoreError> {
        let now = self.ambient.now();
        for endpoint in self.store.all_endpoints().await? {
            let about = of_endpoint(&endpoint);
            let known = self.store.told(&about.object).await?;
            let lost = known.is_none() && self.lost(&endpoint).await?;
            if let Some((what, next)) = notice::of_endpoint(&endpoint, lost, parse(known.as_deref())) {
                self.tell(&about, what, known, next, now).await?;
            }
        }
        for source in self.store.sources().await? {
            let standing = self.hearing.standing(source.id).unwrap_or_default();
            let about = of_source(&source, &standing);
            let known = self.store.told(&about.object).await?;
            if let Some((what, next)) = notice::of_source(&standing, parse(known.as_deref()), now) {
                self.tell(&about, what, known, next, now).await?;
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
        // Failures are counted from an attempt's end; it is kept by its beginning.
        let ended = |last: LastAttempt| last.at.plus_ms(i64::from(last.duration_ms) + ROUNDED_MS);
        Ok(page.items.iter().filter_map(|delivery| delivery.last).any(|last| ended(last) >= since))
    }

    /// Remembers first, then tells: of many nodes one does, and nobody is told twice.
    async fn tell(
        &self,
        about: &About,
        what: Notice,
        known: Option<String>,
        next: Option<Told>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let next = next.and_then(|told| serde_json::to_string(&told).ok());
        if !self.store.tell(&about.object, known.clone(), next.clone(), now).await? {
            return Ok(());
        }
        tracing::info!(object = about.object, ?what, "people are told");
        let (mut sent, mut failed) = (0, 0);
        for user in self.store.users().await? {
            let Some(to) = user.email.clone() else { continue };
            let (subject, text) = self.written(about, what, &user);
            if let Err(why) = self.post.send(&to, &subject, &text).await {
                let why = Words::english().said(&why);
                tracing::warn!(user = user.name, why, "a mail could not be sent");
                failed += 1;
            } else {
                sent += 1;
            }
        }
        if sent == 0 && failed > 0 {
            // Nobody knows: the next look tries again.
            self.store.tell(&about.object, next, known, now).await?;
        }
        Ok(())
    }

    /// In the person's language and zone.
    fn written(&self, about: &About, what: Notice, user: &User) -> (String, String) {
        let language = user.language.as_deref().and_then(Language::parse).unwrap_or(Language::Es);
        let words = Words::new(language, user.time_zone.as_deref().unwrap_or(ZONE));
        let since = about.since.map(|since| words.full(since)).unwrap_or_default();
        let why = about.why.as_ref().map(|why| words.said(why)).unwrap_or_default();
        let facts = [("name", Fact::from(about.name.as_str())), ("since", Fact::from(since)), ("why", Fact::from(why))];
        let (subject, text) = match what {
            Notice::First => ("mail-first-subject", "mail-first-text"),
            Notice::Soon => ("mail-soon-subject", "mail-soon-text"),
            Notice::Disabled if about.gone => ("mail-disabled-subject", "mail-gone-text"),
            Notice::Disabled => ("mail-disabled-subject", "mail-disabled-text"),
            Notice::Recovered => ("mail-recovered-subject", "mail-recovered-text"),
            Notice::Down => ("mail-down-subject", "mail-down-text"),
            Notice::Up => ("mail-up-subject", "mail-up-text"),
        };
        let link = words.with("mail-look", &[("link", Fact::from(format!("{}{}", self.site, about.path)))]);
        let text = format!("{}\n\n{link}\n\n-- \n{}\n", words.with(text, &facts), words.get("mail-foot"));
        (words.with(subject, &facts), text)
    }
}

fn parse(told: Option<&str>) -> Option<Told> {
    told.and_then(|told| serde_json::from_str(told).ok())
}

fn of_endpoint(endpoint: &Endpoint) -> About {
    About {
        object: endpoint.id.to_string(),
        name: endpoint.name.clone().unwrap_or_else(|| mask::url(&endpoint.url)),
        path: format!("/webhooks/{}", endpoint.id),
        since: endpoint.health.failures_since,
        why: None,
        gone: endpoint.disabled_reason.as_deref() == Some("gone"),
    }
}

fn of_source(source: &Source, standing: &gancho_model::Standing) -> About {
    About {
        object: source.id.to_string(),
        name: source.name.clone(),
        path: format!("/sources/{}", source.id),
        since: standing.down_since,
        why: standing.last_error.clone(),
        gone: false,
    }
}
