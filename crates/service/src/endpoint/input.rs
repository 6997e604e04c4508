use gancho_model::{
    Condition, Endpoint, EndpointId, Include, Message, OriginReference, RetryPolicy, SourceId, Template,
    limits::{ATTEMPT_MS_MAX, DELAY_S_MAX, RETRIES_MAX},
};

use crate::input::{Fields, HeaderFields, List, NewSecret, Patch, Subscription, Text, WebhookUrl, Whole, input};

/// Delays between attempts.
type Delays = List<Whole<0, { DELAY_S_MAX as i64 }>, 0, RETRIES_MAX>;
/// The subscriptions of an endpoint.
pub(super) type Subscriptions = List<Subscription, 1, 100>;
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
        /// An id that it had elsewhere, such as in the ERP's plugin, and that nothing here ever had; made if left out.
        pub id: Option<EndpointId>,
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
        /// Only events for which this holds: an expression in CEL over `event`, `data`, `source`, `origin`, `id` and
        /// `created`, such as `data.object.total > 1000`.
        pub condition: Option<Condition>,
        /// What is sent instead of the usual body: a Jinja template over the same names that makes JSON.
        pub template: Option<Template>,
        /// Nothing that these wrote: `kind:id` such as `api:3`, or a kind.
        pub ignore_origins: Option<List<OriginReference, 0, 100>>,
        /// Only records of these companies (`idempresa`), and those that belong to none; all if empty.
        pub companies: Option<List<Whole<1, { i32::MAX as i64 }>, 0, 100>>,
        /// What is put into its bodies: `customer` puts name, e-mail and tax number beside `codcliente`, as
        /// `data.object.customer`.
        pub include: Option<List<Include, 0, 1>>,
        /// Fields whose values it does not get: wherever one of this name stands in `data` (the record, its lines, its old
        /// values, the customer), `***` stands in its place. Conditions see the values, templates don't.
        pub mask: Option<List<Text<1, 100>, 0, 50>>,
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
        /// Only events for which this holds: an expression in CEL.
        pub condition: Patch<Condition>,
        /// What is sent instead of the usual body: a Jinja template that makes JSON.
        pub template: Patch<Template>,
        /// Nothing that these wrote: `kind:id` such as `api:3`, or a kind.
        pub ignore_origins: Patch<List<OriginReference, 0, 100>>,
        /// Only records of these companies (`idempresa`), and those that belong to none; all if empty.
        pub companies: Patch<List<Whole<1, { i32::MAX as i64 }>, 0, 100>>,
        /// What is put into its bodies: `customer`, or nothing.
        pub include: Patch<List<Include, 0, 1>>,
        /// Fields whose values it does not get.
        pub mask: Patch<List<Text<1, 100>, 0, 50>>,
    }
    check refuse_secret;
}

/// A secret is changed by rotation, so that receivers have time.
fn refuse_secret(fields: &mut Fields<'_, '_>) {
    if fields.take::<Option<crate::input::Anything>>("secret").flatten().is_some() {
        fields.wrong("secret", Message::new("error-rotate"));
    }
}

/// A given value is set; otherwise the field is kept.
fn given<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

/// Changes a list; null empties it.
fn apply_list<T, U, const MIN: usize, const MAX: usize>(
    patch: Patch<List<T, MIN, MAX>>,
    known: &mut Vec<U>,
    make: impl Fn(T) -> U,
) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => known.clear(),
        Patch::Set(List(items)) => *known = items.into_iter().map(make).collect(),
    }
}

impl NewEndpoint {
    /// The settings of a new endpoint.
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
            condition: given(self.condition),
            template: given(self.template),
            ignore_origins: given(self.ignore_origins),
            companies: given(self.companies),
            include: given(self.include),
            mask: given(self.mask),
        }
    }
}

impl EndpointPatch {
    /// A patch without changes.
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
            condition: Patch::Keep,
            template: Patch::Keep,
            ignore_origins: Patch::Keep,
            companies: Patch::Keep,
            include: Patch::Keep,
            mask: Patch::Keep,
        }
    }

    /// Applies the changes to an endpoint.
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
        apply_list(self.sources, &mut endpoint.sources, |source| source);
        if let Some(timeout) = self.timeout_ms {
            endpoint.timeout_ms = timeout.small();
        }
        if let Some(RetryInput { delays_s: List(delays) }) = self.retry {
            endpoint.retry = RetryPolicy { delays_s: delays.into_iter().map(Whole::small).collect() };
        }
        self.rate_per_s.apply(&mut endpoint.rate_per_s, Whole::small);
        self.max_in_flight.apply(&mut endpoint.max_in_flight, Whole::small);
        self.condition.apply(&mut endpoint.condition, |condition| condition);
        self.template.apply(&mut endpoint.template, |template| template);
        apply_list(self.ignore_origins, &mut endpoint.ignore_origins, |origin| origin);
        apply_list(self.companies, &mut endpoint.companies, |company| company.0);
        apply_list(self.include, &mut endpoint.include, |include| include);
        apply_list(self.mask, &mut endpoint.mask, |field| field.0);
    }
}
