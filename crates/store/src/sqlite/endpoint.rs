//! Endpoints are added, changed, removed.

use async_trait::async_trait;
use gancho_model::{DeliveryId, Endpoint, EndpointId, Lane, Moment, Said, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::{
    SqliteStore, accept,
    desk::{Desk, Ring},
    repair, replay, rows,
};
use crate::{Endpoints, NewEvent, Page, Replay, Replayed, Standing, StoreError, vault::Vault};

/// Deliveries cancelled at once when an endpoint is removed; upkeep does the rest.
pub(super) const CANCEL_MAX: u32 = 1000;

#[async_trait]
impl Endpoints for SqliteStore {
    async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.write(true, move |desk| {
            let insert = "INSERT INTO endpoints (id, config, sealed, enabled, paused, disabled_reason, health, \
                pending, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)";
            desk.db.prepare_cached(insert)?.execute(params![
                endpoint.id.bytes(),
                rows::to_json(&rows::Config::of(&endpoint)),
                sealed(desk, &endpoint),
                endpoint.enabled,
                endpoint.paused,
                endpoint.disabled_reason,
                rows::to_json(&endpoint.health),
                endpoint.created_at.ms(),
                endpoint.updated_at.ms(),
            ])?;
            desk.endpoints_changed();
            Ok(())
        })
        .await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Endpoint, StoreError> {
        let vault = self.vault.clone();
        self.read(move |db| one(db, &vault, id).map(|(_, endpoint)| endpoint)).await
    }

    async fn endpoints(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page<Endpoint, EndpointId>, StoreError> {
        let vault = self.vault.clone();
        self.read(move |db| {
            let condition = "removed_at IS NULL AND n > coalesce((SELECT n FROM endpoints WHERE id = ?1), 0) \
                ORDER BY n LIMIT ?2";
            let after = after.as_ref().map(EndpointId::bytes);
            let found = rows::endpoints(db, &vault, condition, params![after, limit as i64 + 1])?;
            let mut items: Vec<_> = found.into_iter().map(|(_, endpoint)| endpoint).collect();
            let more = items.len() > limit;
            items.truncate(limit);
            let next = items.last().map(|endpoint| endpoint.id).filter(|_| more);
            Ok(Page { items, next })
        })
        .await
    }

    async fn save_endpoint(&self, endpoint: Endpoint, read_at: Timestamp) -> Result<(), StoreError> {
        self.write(true, move |desk| save(desk, &endpoint, read_at)).await
    }

    async fn remove_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, move |desk| {
            let n = desk.number_of(id)?;
            let pending: i64 =
                desk.db.query_row("SELECT pending FROM endpoints WHERE n = ?1", [n], |row| row.get(0))?;
            desk.db.execute("UPDATE endpoints SET removed_at = ?2 WHERE n = ?1", params![n, now.ms()])?;
            cancel_waiting(desk, n, CANCEL_MAX)?;
            desk.endpoints_changed();
            Ok(u64::try_from(pending).unwrap_or(0))
        })
        .await
    }

    async fn standings(&self, ids: Vec<EndpointId>) -> Result<Vec<Standing>, StoreError> {
        self.read(move |db| {
            let select = "SELECT pending, (SELECT d.created_at FROM deliveries d WHERE d.endpoint = p.n AND d.state = 0 \
                ORDER BY d.n LIMIT 1) FROM endpoints p WHERE id = ?1";
            let mut select = db.prepare_cached(select)?;
            let mut standing = |id: &EndpointId| -> Result<Standing, StoreError> {
                let found = select.query_row([id.bytes()], |row| {
                    let pending: i64 = row.get(0)?;
                    let oldest_pending_at = rows::time(row.get(1)?);
                    Ok(Standing { pending: u64::try_from(pending).unwrap_or(0), oldest_pending_at })
                });
                Ok(found.optional()?.unwrap_or_default())
            };
            ids.iter().map(&mut standing).collect()
        })
        .await
    }

    async fn replay(&self, replay: Replay, after: Option<u64>, now: Moment) -> Result<Replayed, StoreError> {
        self.write(true, move |desk| replay::replay(desk, &replay, after, now)).await
    }

    async fn retry_endpoint(&self, id: EndpointId) -> Result<u64, StoreError> {
        self.write(true, move |desk| repair::retry_endpoint(desk, id)).await
    }

    async fn send_test(&self, endpoint: EndpointId, event: NewEvent) -> Result<DeliveryId, StoreError> {
        self.write(true, move |desk| {
            let routes = desk.routes()?;
            let (n, endpoint) = routes.iter().find(|(_, known)| known.id == endpoint).ok_or(StoreError::NotFound)?;
            let number = accept::insert_event(desk, &event, false)?;
            accept::insert_delivery(desk, &event, number, *n, endpoint, Lane::Test)
        })
        .await
    }
}

fn sealed(desk: &Desk, endpoint: &Endpoint) -> Vec<u8> {
    let plain = rows::to_json(&rows::Sealed::of(endpoint));
    desk.vault.seal(endpoint.id.bytes(), plain.as_bytes(), &*desk.ambient)
}

pub(super) fn one(db: &rusqlite::Connection, vault: &Vault, id: EndpointId) -> Result<(i64, Endpoint), StoreError> {
    let mut found = rows::endpoints(db, vault, "id = ?1 AND removed_at IS NULL", [id.bytes()])?;
    found.pop().ok_or(StoreError::NotFound)
}

fn save(desk: &mut Desk, endpoint: &Endpoint, read_at: Timestamp) -> Result<(), StoreError> {
    let (n, known) = one(&desk.db, &desk.vault, endpoint.id)?;
    if known.updated_at != read_at {
        return Err(StoreError::Conflict(Said::plain("conflict-changed")));
    }
    let update = "UPDATE endpoints SET config = ?2, sealed = ?3, enabled = ?4, paused = ?5, \
        disabled_reason = ?6, updated_at = ?7 WHERE n = ?1";
    desk.db.prepare_cached(update)?.execute(params![
        n,
        rows::to_json(&rows::Config::of(endpoint)),
        sealed(desk, endpoint),
        endpoint.enabled,
        endpoint.paused,
        endpoint.disabled_reason,
        endpoint.updated_at.ms().max(read_at.ms() + 1),
    ])?;
    let health = desk.health(n)?.unwrap_or(known.health);
    if endpoint.enabled && !known.enabled {
        desk.set_health(n, health.anew());
    } else if (known.paused && !endpoint.paused || known.url != endpoint.url) && health.consecutive_failures > 0 {
        repair::go_on(desk, n, endpoint.id)?;
    }
    desk.endpoints_changed();
    for lane in Lane::ALL {
        desk.tell(Ring::Due(endpoint.id, *lane, desk.ambient.mono()));
    }
    Ok(())
}

/// Cancels some of what waits for a removed endpoint; returns how many.
pub(super) fn cancel_waiting(desk: &mut Desk, n: i64, limit: u32) -> Result<u64, StoreError> {
    let update = "UPDATE deliveries SET state = 3, reason = 'endpoint_removed', due = NULL, leased = NULL WHERE n IN \
        (SELECT n FROM deliveries WHERE endpoint = ?1 AND state = 0 LIMIT ?2)";
    let cancelled = desk.db.prepare_cached(update)?.execute(params![n, limit])?;
    desk.waiting(n, -(cancelled as i64));
    Ok(cancelled as u64)
}
