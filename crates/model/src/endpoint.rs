use std::collections::BTreeMap;

use crate::{
    Condition, EndpointId, Health, Include, OriginReference, Pattern, RetryPolicy, Secret, SourceId, Template,
    Timestamp, limits::Limits,
};

/// A registered webhook URL. Pages call it *webhook*.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// `ep_…`
    pub id: EndpointId,
    /// Where to.
    pub url: String,
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it asks for; at least one.
    pub events: Vec<Pattern>,
    /// Only events of these sources; of all if empty.
    pub sources: Vec<SourceId>,
    /// Whether it collects.
    pub enabled: bool,
    /// Whether it waits, collecting.
    pub paused: bool,
    /// Header fields of the owner's own. Secret: tokens stand in them.
    pub headers: BTreeMap<String, String>,
    /// An attempt all in all, milliseconds.
    pub timeout_ms: u32,
    /// When to try again.
    pub retry: RetryPolicy,
    /// At most so many attempts a second.
    pub rate_per_s: Option<u32>,
    /// At most so many attempts at once.
    pub max_in_flight: Option<u32>,
    /// Only events for which this holds.
    pub condition: Option<Condition>,
    /// What it gets instead of the usual body.
    pub template: Option<Template>,
    /// Nothing that comes from these: what it wrote itself.
    pub ignore_origins: Vec<OriginReference>,
    /// Only records of these companies of the ERP; of all if empty.
    pub companies: Vec<i64>,
    /// What is put into its bodies beside what the ERP's records hold.
    pub include: Vec<Include>,
    /// Fields whose values it does not get, wherever they stand in `data`.
    pub mask: Vec<String>,
    /// What its deliveries are signed with.
    pub secrets: SigningSecrets,
    /// How it has been answering.
    pub health: Health,
    /// Why it is disabled, where no person did it.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a person last changed it.
    pub updated_at: Timestamp,
}

/// Why the endpoint of a listener is disabled.
const LISTENER: &str = "listener";

/// An endpoint's secret, and the next one while a rotation overlaps.
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

    /// Begins a rotation. One that is under way is finished first.
    pub fn rotate(&mut self, new: Secret, until: Timestamp, now: Timestamp) {
        self.finish();
        if until <= now {
            self.current = new;
        } else {
            self.next = Some((new, until));
        }
    }

    /// Ends a rotation: only the new secret signs from here on.
    pub fn finish(&mut self) {
        if let Some((next, _)) = self.next.take() {
            self.current = next;
        }
    }

    /// What signs at this moment: the secret and, while both do, the new one.
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

    /// As the place in the log of what a listener forwards: it collects nothing and is never called from here.
    #[must_use]
    pub fn into_listener(self) -> Self {
        Self { enabled: false, disabled_reason: Some(LISTENER.to_owned()), ..self }
    }

    /// Whether it is a listener's.
    pub fn is_listener(&self) -> bool {
        !self.enabled && self.disabled_reason.as_deref() == Some(LISTENER)
    }

    /// Whether deliveries may go, tests aside.
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
