use std::collections::BTreeMap;

use gancho_model::{Endpoint, EndpointId, EventView, Include, Refusal, Secret, mismatch, tailor};
use gancho_store::EventFilter;

use super::{EndpointPatch, input::Subscriptions};
use crate::{
    ServiceResult, Services,
    input::{List, Patch, Text, Whole, input},
};

/// A week, milliseconds.
const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;
/// The most recent events that a preview evaluates.
const EVENTS_MAX: usize = 500;
/// Bodies shown.
const SHOWN: usize = 3;

input! {
    /// Rules to be tried on events of the last week.
    pub struct PreviewInput {
        /// Types and patterns.
        pub events: Subscriptions,
        /// Only events of these sources.
        pub sources: Option<List<gancho_model::SourceId, 0, 100>>,
        /// Only events for which this holds.
        pub condition: Option<gancho_model::Condition>,
        /// What would be sent instead of the usual body.
        pub template: Option<gancho_model::Template>,
        /// Nothing that these wrote.
        pub ignore_origins: Option<List<gancho_model::OriginReference, 0, 100>>,
        /// Only records of these companies.
        pub companies: Option<List<Whole<1, { i32::MAX as i64 }>, 0, 100>>,
        /// What is put into the bodies: `customer`, or nothing.
        pub include: Option<List<Include, 0, 1>>,
        /// Fields whose values are not sent.
        pub mask: Option<List<Text<1, 100>, 0, 50>>,
    }
}

/// The result of rules for the events of the last week.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// Evaluated events of the requested types.
    pub looked_at: u64,
    /// Whether there are more events.
    pub more: bool,
    /// Events that would be sent.
    pub sent: u64,
    /// Events that would not be sent, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// The first error, if any.
    pub error: Option<String>,
    /// The newest that would be sent: the event and its body.
    pub examples: Vec<(gancho_model::Event, String)>,
}

impl Services {
    /// Evaluates rules for the newest events of the last week.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn preview(&self, input: PreviewInput) -> ServiceResult<Preview> {
        let now = self.environment.now();
        let patch = EndpointPatch {
            sources: Patch::filled(input.sources),
            condition: Patch::filled(input.condition),
            template: Patch::filled(input.template),
            ignore_origins: Patch::filled(input.ignore_origins),
            companies: Patch::filled(input.companies),
            include: Patch::filled(input.include),
            mask: Patch::filled(input.mask),
            events: Some(input.events),
            ..EndpointPatch::nothing()
        };
        let mut endpoint = Endpoint::new(EndpointId::new(now, &*self.environment), "", Secret::new(""), now);
        patch.apply(&mut endpoint);
        let since = Some(now.plus_ms(-WEEK_MS));
        let filter = EventFilter { types: endpoint.events.clone(), since, ..EventFilter::default() };
        let page = self.store.recent(None, filter, EVENTS_MAX).await?;
        let mut preview = Preview { more: page.next.is_some(), ..Preview::default() };
        let customers = self.customers_of(&endpoint, &page.items).await?;
        for event in page.items {
            if mismatch(&endpoint, &event.event, event.source).is_some() {
                continue;
            }
            preview.looked_at += 1;
            let view = EventView::of(&event.body).with_customers(event.source, &customers);
            match tailor(&endpoint, &view, self.limits.event_bytes) {
                Ok(body) => {
                    preview.sent += 1;
                    if preview.examples.len() < SHOWN {
                        let body = body.unwrap_or_else(|| event.body.clone());
                        preview.examples.push((event, String::from_utf8_lossy(&body).into_owned()));
                    }
                }
                Err(Refusal { reason, why }) => {
                    *preview.refused.entry(reason.as_str()).or_default() += 1;
                    preview.error = preview.error.or(why);
                }
            }
        }
        Ok(preview)
    }
}
