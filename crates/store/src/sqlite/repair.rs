//! Resumes an endpoint after a user has repaired its receiver.

use const_format::formatcp;
use gancho_model::{EndpointId, Priority};
use rusqlite::params;

use super::rows::PENDING;
use super::write_context::{Notification, WriteContext};
use crate::StoreError;

/// Resumes at once: with a probe if the endpoint is failing, otherwise with its waiting retries.
pub(super) fn go_on(context: &mut WriteContext, n: i64, id: EndpointId) -> Result<(), StoreError> {
    match context.health(n)? {
        Some(health) if health.is_failing() => request_probe(context, n),
        _ => release_retries(context, n, id),
    }
}

/// Makes the next attempt a probe, regardless of its schedule.
pub(super) fn request_probe(context: &mut WriteContext, n: i64) -> Result<(), StoreError> {
    if let Some(mut health) = context.health(n)? {
        health.request_probe();
        context.set_health(n, health);
        context.endpoints_changed();
    }
    Ok(())
}

/// Makes waiting retries due now.
pub(super) fn release_retries(context: &mut WriteContext, n: i64, id: EndpointId) -> Result<(), StoreError> {
    let now = context.environment.mono();
    for lane in [Priority::Live, Priority::Replay] {
        let update = formatcp!(
            "UPDATE deliveries SET due = ?3 \
            WHERE state = {PENDING} AND endpoint = ?1 AND lane = ?2 AND due > ?3 AND leased IS NULL"
        );
        if context.db.prepare_cached(update)?.execute(params![n, lane as i64, now.ms()])? > 0 {
            context.notify_later(Notification::Due(id, lane, now));
        }
    }
    Ok(())
}
