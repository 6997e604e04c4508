//! Converts between rows and the model's types.

use gancho_model::{Delivery, Endpoint, Event, EventId, Moment, ObjectKey, SourceId, Timestamp};
use rusqlite::{Connection, Params, Row};

use crate::{
    StoreError,
    stored::{
        delivery::{DeliveryColumns, DeliveryReader},
        endpoint::EndpointColumns,
    },
    vault::Vault,
};

pub(super) use crate::stored::{
    CANCELLED, DELIVERED, FAILED, PENDING, REPLAY, TEST, damaged,
    endpoint::{Config, Sealed},
    event_type, from_json, state_of, to_json,
};

pub(super) fn time(ms: Option<i64>) -> Option<Timestamp> {
    ms.map(Timestamp::from_ms)
}

const ENDPOINT: &str =
    "n, id, config, sealed, enabled, paused, disabled_reason, health, created_at, updated_at FROM endpoints";

/// Endpoints that match a condition, with their numbers.
pub(super) fn endpoints(
    db: &Connection,
    vault: &Vault,
    condition: &str,
    params: impl Params,
) -> Result<Vec<(i64, Endpoint)>, StoreError> {
    let mut select = db.prepare_cached(&format!("SELECT {ENDPOINT} WHERE {condition}"))?;
    let mut rows = select.query(params)?;
    let mut found = vec![];
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, endpoint(row, vault)?));
    }
    Ok(found)
}

fn endpoint(row: &Row<'_>, vault: &Vault) -> Result<Endpoint, StoreError> {
    let columns = EndpointColumns {
        id: row.get(1)?,
        config: row.get(2)?,
        sealed: row.get(3)?,
        enabled: row.get(4)?,
        paused: row.get(5)?,
        disabled_reason: row.get(6)?,
        health: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
    };
    columns.read(vault)
}

/// The columns that [`event`] reads.
pub(super) const EVENT: &str = "n, id, type, created, arrived_at, source, object, body, label";

pub(super) fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let number: i64 = row.get(0)?;
    let source: Option<[u8; 16]> = row.get(5)?;
    let object: Option<String> = row.get(6)?;
    Ok(Event {
        id: EventId::from_bytes(row.get(1)?),
        sequence: u64::try_from(number).unwrap_or(0),
        event: event_type(&row.get::<_, String>(2)?)?,
        created: Timestamp::from_ms(row.get(3)?),
        arrived_at: Timestamp::from_ms(row.get(4)?),
        source: source.map(SourceId::from_bytes),
        object: object.as_deref().and_then(ObjectKey::parse),
        label: row.get(8)?,
        body: row.get::<_, Vec<u8>>(7)?.into(),
    })
}

/// The columns that [`Deliveries`] reads, and their tables.
pub(super) const DELIVERY: &str = "d.id, e.id, e.type, p.id, p.sealed, d.state, d.reason, d.lane, d.attempts, \
    d.max_attempts, d.due, d.leased, d.created_at, d.last_at, d.last_status, d.last_error, d.last_ms, d.n, e.label, \
    p.enabled, p.paused, p.config ->> 'rate_per_s', p.health";
/// Index of the delivery's number among them.
pub(super) const DELIVERY_NUMBER: usize = 17;
/// Number of columns.
pub(super) const DELIVERY_COLUMNS: usize = 23;
pub(super) const DELIVERY_FROM: &str =
    "deliveries d JOIN events e ON e.n = d.event JOIN endpoints p ON p.n = d.endpoint";

/// Reads the deliveries of one query.
pub(super) struct Deliveries<'a>(DeliveryReader<'a>);

impl<'a> Deliveries<'a> {
    pub fn new(vault: &'a Vault, now: Moment) -> Self {
        Self(DeliveryReader::new(vault, now))
    }

    /// From the columns of [`DELIVERY`].
    pub fn read(&self, row: &Row<'_>) -> Result<Delivery, StoreError> {
        self.0.read(DeliveryColumns {
            id: row.get(0)?,
            event_id: row.get(1)?,
            event_type: row.get(2)?,
            endpoint_id: row.get(3)?,
            sealed: row.get(4)?,
            state: row.get(5)?,
            reason: row.get(6)?,
            lane: row.get(7)?,
            attempts: row.get(8)?,
            max_attempts: row.get(9)?,
            due: row.get(10)?,
            leased: row.get(11)?,
            created_at: row.get(12)?,
            last_at: row.get(13)?,
            last_status: row.get(14)?,
            last_error: row.get(15)?,
            last_ms: row.get(16)?,
            label: row.get(18)?,
            enabled: row.get(19)?,
            paused: row.get(20)?,
            is_rated: row.get::<_, Option<i64>>(21)?.is_some(),
            health: row.get(22)?,
        })
    }
}
