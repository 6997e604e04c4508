use gancho_model::{Decision, State};
use gancho_store::DeliveryFilter;

use crate::{Bench, outcome};

/// Every filter gives exactly what looking at each delivery would, in the same order, page by page.
pub(crate) async fn filters_agree_with_looking_at_each(bench: Bench) {
    let mut endpoints = vec![];
    for pattern in ["*", "a.*", "b.*"] {
        endpoints.push(bench.add_endpoint(&[pattern]).await.id);
    }
    let mut events = vec![];
    for n in 0..30 {
        bench.environment.advance_ms(1000);
        events.extend(bench.accept(vec![bench.event(["a.x", "b.y", "c.z"][n % 3])]).await);
    }
    for (n, claimed) in bench.claim(endpoints[0], 9).await.claimed.iter().enumerate() {
        let verdict = [Decision::Delivered, Decision::Failed][n % 2];
        bench.store.record(bench.node, vec![outcome(claimed, verdict, bench.moment())].into()).await.expect("recorded");
    }
    let all = bench.store.deliveries(None, DeliveryFilter::default(), 1000).await.expect("reads").items;
    assert_eq!(all.len(), 50);
    assert!(all.is_sorted_by(|a, b| a.created_at >= b.created_at), "newest first");

    let mut filters = vec![DeliveryFilter::default()];
    for endpoint in [None, Some(endpoints[0]), Some(endpoints[1])] {
        for state in [None, Some(State::Pending), Some(State::Delivered), Some(State::Failed), Some(State::Skipped)] {
            for event in [None, Some(events[0].0)] {
                for since in [None, Some(all[20].created_at)] {
                    let types = if since.is_some() {
                        vec![gancho_model::Pattern::parse("a.*").expect("a pattern")]
                    } else {
                        vec![]
                    };
                    filters.push(DeliveryFilter { endpoint, state, event, since, types, ..DeliveryFilter::default() });
                }
            }
        }
    }
    for filter in filters {
        let right: Vec<_> = all
            .iter()
            .filter(|one| filter.endpoint.is_none_or(|id| one.endpoint_id == id))
            .filter(|one| filter.event.is_none_or(|id| one.event_id == id))
            .filter(|one| filter.state.is_none_or(|state| one.state == state))
            .filter(|one| filter.since.is_none_or(|since| one.created_at >= since))
            .filter(|one| filter.types.is_empty() || filter.types.iter().any(|pattern| pattern.matches(&one.event)))
            .map(|one| one.id)
            .collect();
        let (mut seen, mut before) = (vec![], None);
        loop {
            let page = bench.store.deliveries(before, filter.clone(), 4).await.expect("reads");
            seen.extend(page.items.iter().map(|one| one.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, right, "{filter:?}");
    }
}
