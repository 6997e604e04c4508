//! A person has repaired a receiver and wants to go on.

use gancho_model::{Endpoint, EndpointId, Lane, Said};
use rusqlite::params;

use super::{
    desk::{Desk, Ring},
    endpoint,
};
use crate::StoreError;

/// Goes on at once: by a probe where the endpoint is failing, else with the retries that wait.
pub(super) fn go_on(desk: &mut Desk, n: i64, id: EndpointId) -> Result<(), StoreError> {
    match desk.health(n)? {
        Some(health) if health.is_failing() => request_probe(desk, n),
        _ => release_retries(desk, n, id),
    }
}

/// The next attempt that begins is a probe, whatever was planned.
pub(super) fn request_probe(desk: &mut Desk, n: i64) -> Result<(), StoreError> {
    if let Some(mut health) = desk.health(n)? {
        health.request_probe();
        desk.set_health(n, health);
        desk.endpoints_changed();
    }
    Ok(())
}

/// What waits for a later attempt is due now.
pub(super) fn release_retries(desk: &mut Desk, n: i64, id: EndpointId) -> Result<(), StoreError> {
    let now = desk.ambient.mono();
    for lane in [Lane::Live, Lane::Replay] {
        let update = "UPDATE deliveries SET due = ?3 \
            WHERE state = 0 AND endpoint = ?1 AND lane = ?2 AND due > ?3 AND leased IS NULL";
        if desk.db.prepare_cached(update)?.execute(params![n, lane as i64, now.ms()])? > 0 {
            desk.tell(Ring::Due(id, lane, now));
        }
    }
    Ok(())
}

/// The same as a verb of its own, for an endpoint that is open.
pub(super) fn retry_endpoint(desk: &mut Desk, id: EndpointId) -> Result<u64, StoreError> {
    let (n, endpoint) = endpoint::one(&desk.db, &desk.vault, id)?;
    match endpoint {
        Endpoint { enabled: false, .. } => Err(StoreError::Conflict(Said::plain("conflict-disabled"))),
        Endpoint { paused: true, .. } => Err(StoreError::Conflict(Said::plain("conflict-paused"))),
        _ => {
            go_on(desk, n, id)?;
            let select = "SELECT pending FROM endpoints WHERE n = ?1";
            let pending: i64 = desk.db.prepare_cached(select)?.query_row([n], |row| row.get(0))?;
            Ok(u64::try_from(pending).unwrap_or(0))
        }
    }
}
