use gancho_model::{
    Endpoint, Message, RetryPolicy, SourceId,
    limits::{ATTEMPT_MS_MAX, DELAY_S_MAX, RETRIES_MAX},
};

use crate::input::{Fields, HeaderFields, Later, List, NewSecret, Patch, Subscription, Text, WebhookUrl, Whole, input};

/// When to try again.
type Delays = List<Whole<0, { DELAY_S_MAX as i64 }>, 0, RETRIES_MAX>;
/// What an endpoint asks for.
type Subscriptions = List<Subscription, 1, 100>;
type Timeout = Whole<100, { ATTEMPT_MS_MAX as i64 }>;

input! {
    /// When an attempt that failed is made again.
    pub struct RetryInput {
        /// The wait before each further attempt, seconds.
        pub delays_s: Delays,
    }
}

input! {
    /// An endpoint to be made.
    pub struct NewEndpoint {
        /// Where to: http or https, without credentials, and deliverable.
        pub url: WebhookUrl,
        /// Types and patterns such as `invoice.*`.
        pub events: Subscriptions,
        /// What people call it.
        pub name: Option<Text<1, 100>>,
        /// What it is for.
        pub description: Option<Text<0, 1000>>,
        /// A secret of your own; made if left out.
        pub secret: Option<NewSecret>,
        /// Whether it collects; true if left out.
        pub enabled: Option<bool>,
        /// Whether it waits, collecting; false if left out.
        pub paused: Option<bool>,
        /// Header fields to add to every delivery.
        pub headers: Option<HeaderFields>,
        /// Only events of these sources; of all if empty.
        pub sources: Option<List<SourceId, 0, 100>>,
        /// An attempt all in all, milliseconds.
        pub timeout_ms: Option<Timeout>,
        /// When to try again.
        pub retry: Option<RetryInput>,
        /// At most so many attempts a second.
        pub rate_per_s: Option<Whole<1, 100_000>>,
        /// At most so many attempts at once.
        pub max_in_flight: Option<Whole<1, 256>>,
        /// Not served yet.
        pub condition: Later,
        /// Not served yet.
        pub template: Later,
    }
}

input! {
    /// What is to be changed of an endpoint. What is left out stays as it is; null clears what may be empty.
    pub struct EndpointPatch {
        /// Where to. If it leads to another origin (scheme, host, port), header fields that are not given are dropped.
        pub url: Option<WebhookUrl>,
        /// Types and patterns such as `invoice.*`.
        pub events: Option<Subscriptions>,
        /// What people call it.
        pub name: Patch<Text<1, 100>>,
        /// What it is for.
        pub description: Patch<Text<0, 1000>>,
        /// Whether it collects.
        pub enabled: Option<bool>,
        /// Whether it waits, collecting.
        pub paused: Option<bool>,
        /// Header fields to add to every delivery; `***` stands for the value that a field has.
        pub headers: Patch<HeaderFields>,
        /// Only events of these sources; of all if empty.
        pub sources: Patch<List<SourceId, 0, 100>>,
        /// An attempt all in all, milliseconds.
        pub timeout_ms: Option<Timeout>,
        /// When to try again.
        pub retry: Option<RetryInput>,
        /// At most so many attempts a second.
        pub rate_per_s: Patch<Whole<1, 100_000>>,
        /// At most so many attempts at once.
        pub max_in_flight: Patch<Whole<1, 256>>,
        /// Not served yet.
        pub condition: Later,
        /// Not served yet.
        pub template: Later,
    }
    check refuse_secret;
}

/// A secret is changed in a way of its own, so that receivers have time.
fn refuse_secret(fields: &mut Fields<'_, '_>) {
    if fields.take::<Option<crate::input::Anything>>("secret").flatten().is_some() {
        fields.wrong("secret", Message::new("error-rotate"));
    }
}

/// A value that was given, to be set; one that was not is left as it is.
fn given<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

impl NewEndpoint {
    /// What is set of an endpoint that is made.
    pub(super) fn into_patch(self) -> EndpointPatch {
        EndpointPatch {
            url: Some(self.url),
            events: Some(self.events),
            name: given(self.name),
            description: given(self.description),
            enabled: self.enabled,
            paused: self.paused,
            headers: given(self.headers),
            sources: given(self.sources),
            timeout_ms: self.timeout_ms,
            retry: self.retry,
            rate_per_s: given(self.rate_per_s),
            max_in_flight: given(self.max_in_flight),
            condition: self.condition,
            template: self.template,
        }
    }
}

impl EndpointPatch {
    /// A change of nothing.
    pub fn nothing() -> Self {
        Self {
            url: None,
            events: None,
            name: Patch::Keep,
            description: Patch::Keep,
            enabled: None,
            paused: None,
            headers: Patch::Keep,
            sources: Patch::Keep,
            timeout_ms: None,
            retry: None,
            rate_per_s: Patch::Keep,
            max_in_flight: Patch::Keep,
            condition: Later,
            template: Later,
        }
    }

    /// Changes an endpoint.
    pub(super) fn apply(self, endpoint: &mut Endpoint) {
        if let Some(WebhookUrl(url)) = self.url {
            endpoint.url = url;
        }
        if let Some(List(events)) = self.events {
            endpoint.events = events.into_iter().map(|one| one.0).collect();
        }
        self.name.apply(&mut endpoint.name, |name| name.0);
        self.description.apply(&mut endpoint.description, |text| text.0);
        if let Some(enabled) = self.enabled {
            if endpoint.enabled != enabled {
                endpoint.disabled_reason = None;
            }
            endpoint.enabled = enabled;
        }
        endpoint.paused = self.paused.unwrap_or(endpoint.paused);
        match self.headers {
            Patch::Keep => {}
            Patch::Clear => endpoint.headers.clear(),
            Patch::Set(headers) => endpoint.headers = headers.unmasked(&endpoint.headers),
        }
        match self.sources {
            Patch::Keep => {}
            Patch::Clear => endpoint.sources.clear(),
            Patch::Set(List(sources)) => endpoint.sources = sources,
        }
        if let Some(timeout) = self.timeout_ms {
            endpoint.timeout_ms = timeout.small();
        }
        if let Some(RetryInput { delays_s: List(delays) }) = self.retry {
            endpoint.retry = RetryPolicy { delays_s: delays.into_iter().map(Whole::small).collect() };
        }
        self.rate_per_s.apply(&mut endpoint.rate_per_s, Whole::small);
        self.max_in_flight.apply(&mut endpoint.max_in_flight, Whole::small);
    }
}
