use gancho_model::{Delivery, Endpoint, Event, EventView, Reason, tailor};

use crate::ui::page_context::PageContext;

/// Why a delivery ended, if no attempt explains it.
pub(crate) fn reason_word(context: &PageContext, reason: Reason) -> String {
    context.words.get(&format!("reason-{}", reason.as_str().replace('_', "-")))
}

/// The same, with the current error of a failing rule.
pub(crate) fn in_full(
    context: &PageContext,
    event: &Event,
    endpoint: Option<&Endpoint>,
    delivery: &Delivery,
) -> String {
    let Some(reason) = delivery.reason else { return String::new() };
    let today = endpoint.map(|endpoint| tailor(endpoint, &EventView::of(&event.body), usize::MAX));
    let refusal = today.and_then(Result::err).filter(|refusal| refusal.reason == reason);
    let word = reason_word(context, reason);
    refusal.and_then(|refusal| refusal.why).map_or_else(|| word.clone(), |why| format!("{word} ({why})"))
}
