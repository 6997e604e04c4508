use std::collections::BTreeMap;

use crate::{
    Condition, EndpointId, Health, Include, OriginReference, Pattern, RetryPolicy, Secret, SourceId, Template,
    Timestamp, limits::Limits,
};

/// A registered webhook URL. The pages call it *webhook*.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// `ep_…`
    pub id: EndpointId,
    /// Its URL.
    pub url: String,
    /// Its display name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The subscribed types; at least one.
    pub events: Vec<Pattern>,
    /// Only events of these sources; of all if empty.
    pub sources: Vec<SourceId>,
    /// Whether it gets new events.
    pub enabled: bool,
    /// Whether its deliveries are held back.
    pub paused: bool,
    /// Custom header fields. Secret: they may contain tokens.
    pub headers: BTreeMap<String, String>,
    /// Timeout of an attempt, milliseconds.
    pub timeout_ms: u32,
    /// When to try again.
    pub retry: RetryPolicy,
    /// Maximum attempts per second.
    pub rate_per_s: Option<u32>,
    /// Maximum concurrent attempts.
    pub max_in_flight: Option<u32>,
    /// Only events that match this condition.
    pub condition: Option<Condition>,
    /// The template of its body.
    pub template: Option<Template>,
    /// Ignores events from these origins, such as its own changes.
    pub ignore_origins: Vec<OriginReference>,
    /// Only records of these companies of the ERP; of all if empty.
    pub companies: Vec<i64>,
    /// Data to include in its bodies beside the ERP's records.
    pub include: Vec<Include>,
    /// Fields whose values are masked everywhere in `data`.
    pub mask: Vec<String>,
    /// The secrets that sign its deliveries.
    pub secrets: SigningSecrets,
    /// Its health.
    pub health: Health,
    /// Why it is disabled, if no user disabled it.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a user last changed it.
    pub updated_at: Timestamp,
}

/// The `disabled_reason` of a listener's endpoint.
const LISTENER: &str = "listener";

/// An endpoint's secret, and the next one during a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningSecrets {
    /// The secret. During a rotation, the old one.
    pub current: Secret,
    /// The new secret, and until when both sign.
    pub next: Option<(Secret, Timestamp)>,
}

impl SigningSecrets {
    /// One secret, no rotation.
    pub fn one(secret: Secret) -> Self {
        Self { current: secret, next: None }
    }

    /// Starts a rotation. One that is under way is finished first.
    pub fn rotate(&mut self, new: Secret, until: Timestamp, now: Timestamp) {
        self.finish();
        if until <= now {
            self.current = new;
        } else {
            self.next = Some((new, until));
        }
    }

    /// Finishes a rotation: only the new secret signs from here on.
    pub fn finish(&mut self) {
        if let Some((next, _)) = self.next.take() {
            self.current = next;
        }
    }

    /// The secrets that sign at this time: the current one and, during a rotation, the new one.
    pub fn at(&self, now: Timestamp) -> (&Secret, Option<&Secret>) {
        match &self.next {
            Some((next, until)) if now < *until => (&self.current, Some(next)),
            Some((next, _)) => (next, None),
            None => (&self.current, None),
        }
    }
}

impl Endpoint {
    /// A new endpoint that subscribes to every event, with the default of every setting.
    pub fn new(id: EndpointId, url: impl Into<String>, secret: Secret, now: Timestamp) -> Self {
        Self {
            id,
            url: url.into(),
            name: None,
            description: None,
            events: vec![Pattern::everything()],
            sources: vec![],
            enabled: true,
            paused: false,
            headers: BTreeMap::new(),
            timeout_ms: Limits::default().attempt_ms,
            retry: RetryPolicy::default(),
            rate_per_s: None,
            max_in_flight: None,
            condition: None,
            template: None,
            ignore_origins: vec![],
            companies: vec![],
            include: vec![],
            mask: vec![],
            secrets: SigningSecrets::one(secret),
            health: Health::default(),
            disabled_reason: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Converts it to a listener's endpoint: it records forwarded events in the log, gets no events and is never
    /// called.
    #[must_use]
    pub fn into_listener(self) -> Self {
        Self { enabled: false, disabled_reason: Some(LISTENER.to_owned()), ..self }
    }

    /// Whether it belongs to a listener.
    pub fn is_listener(&self) -> bool {
        !self.enabled && self.disabled_reason.as_deref() == Some(LISTENER)
    }

    /// Whether deliveries other than tests may be sent.
    pub fn is_open(&self) -> bool {
        self.enabled && !self.paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation() {
        let at = Timestamp::from_s;
        let mut secrets = SigningSecrets::one(Secret::new("a"));
        secrets.rotate(Secret::new("b"), at(10), at(0));
        assert_eq!(secrets.at(at(9)), (&Secret::new("a"), Some(&Secret::new("b"))));
        assert_eq!(secrets.at(at(10)), (&Secret::new("b"), None));
        secrets.rotate(Secret::new("c"), at(20), at(5));
        assert_eq!(secrets.at(at(6)), (&Secret::new("b"), Some(&Secret::new("c"))));
        secrets.finish();
        assert_eq!(secrets.at(at(6)), (&Secret::new("c"), None));
        secrets.rotate(Secret::new("d"), at(6), at(6));
        assert_eq!(secrets.at(at(6)), (&Secret::new("d"), None));
    }
}
