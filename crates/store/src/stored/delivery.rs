//! A delivery's columns, with those of its event and endpoint that it needs.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use gancho_model::{
    Delivery, DeliveryId, EndpointId, ErrorKind, EventId, LastAttempt, Moment, MonoTime, Pending, Reason, State,
    Timestamp, WaitingFor,
};

use super::{endpoint::Sealed, event_type, from_json, lane_of, shifted, state_of};
use crate::{StoreError, vault::Vault};

/// The columns of a delivery.
pub(crate) struct DeliveryColumns {
    pub id: [u8; 16],
    pub event_id: [u8; 16],
    pub event_type: String,
    pub endpoint_id: [u8; 16],
    pub sealed: Vec<u8>,
    pub state: i64,
    pub reason: Option<String>,
    pub lane: i64,
    pub attempts: u32,
    pub max_attempts: u32,
    pub due: Option<i64>,
    pub leased: Option<i64>,
    pub created_at: i64,
    pub last_at: Option<i64>,
    pub last_status: Option<u16>,
    pub last_error: Option<String>,
    pub last_ms: Option<u32>,
    pub label: Option<String>,
    pub enabled: bool,
    pub paused: bool,
    pub is_rated: bool,
    pub health: String,
}

/// Reads the deliveries of one query. An endpoint's address is stored sealed: it is decrypted once, not per delivery.
pub(crate) struct DeliveryReader<'a> {
    vault: &'a Vault,
    now: Moment,
    /// How far the store's clock is ahead of this process's, milliseconds.
    ahead_ms: i64,
    urls: Mutex<HashMap<[u8; 16], String>>,
}

impl<'a> DeliveryReader<'a> {
    pub fn new(vault: &'a Vault, now: Moment) -> Self {
        Self { vault, now, ahead_ms: 0, urls: Mutex::default() }
    }

    /// For rows stored by a clock that is this far ahead of this process's.
    pub fn with_clock_ahead(self, ahead_ms: i64) -> Self {
        Self { ahead_ms, ..self }
    }

    pub fn read(&self, columns: DeliveryColumns) -> Result<Delivery, StoreError> {
        let state = state_of(columns.state)?;
        let waiting = self.waiting(&columns, state)?;
        let last = columns.last_at.map(|at| LastAttempt {
            at: Timestamp::from_ms(at),
            status_code: columns.last_status,
            error: columns.last_error.as_deref().and_then(ErrorKind::parse),
            duration_ms: columns.last_ms.unwrap_or(0),
        });
        Ok(Delivery {
            id: DeliveryId::from_bytes(columns.id),
            event_id: EventId::from_bytes(columns.event_id),
            event: event_type(&columns.event_type)?,
            endpoint_id: EndpointId::from_bytes(columns.endpoint_id),
            url: self.url(&columns)?,
            state,
            reason: columns.reason.as_deref().and_then(Reason::parse),
            lane: lane_of(columns.lane)?,
            attempts: columns.attempts,
            max_attempts: columns.max_attempts,
            waiting_for: waiting.map(|(reason, _)| reason),
            next_attempt_at: waiting.and_then(|(_, until)| until).map(|until| self.now.shown(until)),
            created_at: Timestamp::from_ms(columns.created_at),
            label: columns.label,
            last,
        })
    }

    fn url(&self, columns: &DeliveryColumns) -> Result<String, StoreError> {
        let id = columns.endpoint_id;
        let mut urls = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = urls.get(&id) {
            return Ok(url.clone());
        }
        let sealed = Sealed::open(self.vault, EndpointId::from_bytes(id), &columns.sealed)?;
        urls.insert(id, sealed.url.clone());
        Ok(sealed.url)
    }

    /// What a pending delivery waits for.
    fn waiting(
        &self,
        columns: &DeliveryColumns,
        state: State,
    ) -> Result<Option<(WaitingFor, Option<MonoTime>)>, StoreError> {
        let Some(due) = columns.due.filter(|_| state == State::Pending) else { return Ok(None) };
        let health = shifted(from_json(&columns.health)?, -self.ahead_ms);
        let pending = Pending {
            lane: lane_of(columns.lane)?,
            due: MonoTime::from_ms(columns.leased.unwrap_or(due) - self.ahead_ms),
            leased: columns.leased.is_some(),
            enabled: columns.enabled,
            paused: columns.paused,
            rated: columns.is_rated,
            health: &health,
        };
        Ok(Some(pending.waiting(self.now.mono)))
    }
}
