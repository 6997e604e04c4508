//! Converts between rows and the model's types.

use const_format::formatcp;
use gancho_model::{Delivery, DeliveryId, Endpoint, EndpointId, Event, EventId, ObjectKey, SourceId, Timestamp};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{Db, clock::SharedClock, partition::EVENT_OF_DELIVERY};
use crate::{
    StoreError,
    stored::{
        delivery::{DeliveryColumns, DeliveryReader},
        endpoint::EndpointColumns,
    },
    vault::Vault,
};

pub(super) use crate::stored::{
    CANCELLED, DELIVERED, FAILED, PENDING, REPLAY, TEST, damaged, event_type, from_json, to_json,
};

/// The 16 bytes of an id.
pub(super) fn id(row: &PgRow, column: usize) -> Result<[u8; 16], StoreError> {
    let bytes: Vec<u8> = row.try_get(column)?;
    bytes.try_into().map_err(|_| damaged("an id"))
}

/// The same for a nullable column.
pub(super) fn optional_id(row: &PgRow, column: usize) -> Result<Option<[u8; 16]>, StoreError> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    bytes.map(|bytes| bytes.try_into().map_err(|_| damaged("an id"))).transpose()
}

/// A non-negative number.
pub(super) fn count(row: &PgRow, column: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(column)?.unsigned_abs())
}

pub(super) fn time(row: &PgRow, column: usize) -> Result<Timestamp, StoreError> {
    Ok(Timestamp::from_ms(row.try_get(column)?))
}

pub(super) fn optional_time(row: &PgRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp::from_ms))
}

/// The holder of a lease is the node that claimed the delivery, or that accepted the event. A lease is identified by
/// its end, as [`SharedClock::kept_ends`] gives it.
pub(super) const IS_OURS: &str = "leased IS NOT NULL AND due = ANY($1) AND (node = $2 OR node IS NULL)";

/// A node's attempt also counts if its lease expired meanwhile and the node claimed the delivery again: it does not
/// start a second attempt beside the first.
pub(super) const IS_OUR_ATTEMPT: &str = "leased IS NOT NULL AND (node = $2 OR (node IS NULL AND due = ANY($1)))";

/// Text without U+0000, which PostgreSQL can't store.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

const ENDPOINT: &str =
    "n, id, config, sealed, enabled, paused, disabled_reason, health, created_at, updated_at FROM endpoints";

/// Endpoints that match a condition, with their numbers.
pub(super) async fn endpoints(
    db: &mut Db,
    vault: &Vault,
    clock: &SharedClock,
    condition: &str,
) -> Result<Vec<(i64, Endpoint)>, StoreError> {
    let found = all!(db, AssertSqlSafe(format!("SELECT {ENDPOINT} WHERE {condition}")));
    found.iter().map(|row| endpoint(row, vault, clock)).collect()
}

/// An endpoint that is not removed.
pub(super) async fn one_endpoint(
    db: &mut Db,
    vault: &Vault,
    clock: &SharedClock,
    id: EndpointId,
) -> Result<(i64, Endpoint), StoreError> {
    let select = AssertSqlSafe(format!("SELECT {ENDPOINT} WHERE id = $1 AND removed_at IS NULL"));
    let row = first!(db, select, id.bytes().as_slice()).ok_or(StoreError::NotFound)?;
    endpoint(&row, vault, clock)
}

/// The next endpoints after one, in order.
pub(super) async fn endpoints_after(
    db: &mut Db,
    vault: &Vault,
    clock: &SharedClock,
    after: Option<EndpointId>,
    limit: i64,
) -> Result<Vec<(i64, Endpoint)>, StoreError> {
    let select = AssertSqlSafe(format!(
        "SELECT {ENDPOINT} WHERE removed_at IS NULL AND n > coalesce((SELECT n FROM endpoints WHERE id = $1), 0) \
        ORDER BY n LIMIT $2"
    ));
    let found = all!(db, select, after.as_ref().map(|id| id.bytes().as_slice()), limit);
    found.iter().map(|row| endpoint(row, vault, clock)).collect()
}

fn endpoint(row: &PgRow, vault: &Vault, clock: &SharedClock) -> Result<(i64, Endpoint), StoreError> {
    let columns = EndpointColumns {
        id: id(row, 1)?,
        config: row.try_get(2)?,
        sealed: row.try_get(3)?,
        enabled: row.try_get(4)?,
        paused: row.try_get(5)?,
        disabled_reason: row.try_get(6)?,
        health: row.try_get(7)?,
        created_at: row.try_get(8)?,
        updated_at: row.try_get(9)?,
    };
    let endpoint = columns.read(vault)?;
    Ok((row.try_get(0)?, Endpoint { health: clock.own_health(endpoint.health), ..endpoint }))
}

/// The columns that [`event`] reads.
pub(super) const EVENT: &str = "n, id, type, created, arrived_at, source, object, body, label";

pub(super) fn event(row: &PgRow) -> Result<Event, StoreError> {
    let number: i64 = row.try_get(0)?;
    let object: Option<String> = row.try_get(6)?;
    Ok(Event {
        id: EventId::from_bytes(id(row, 1)?),
        sequence: u64::try_from(number).unwrap_or(0),
        event: event_type(row.try_get(2)?)?,
        created: time(row, 3)?,
        arrived_at: time(row, 4)?,
        source: optional_id(row, 5)?.map(SourceId::from_bytes),
        object: object.as_deref().and_then(ObjectKey::parse),
        label: row.try_get(8)?,
        body: row.try_get::<Vec<u8>, _>(7)?.into(),
    })
}

/// The columns that [`delivery`] reads, and their tables.
pub(super) const DELIVERY: &str = "d.id, e.id, e.type, p.id, p.sealed, d.state, d.reason, d.lane, d.attempts, \
    d.max_attempts, d.due, d.leased, d.created_at, d.last_at, d.last_status, d.last_error, d.last_ms, d.n, e.label, \
    p.enabled, p.paused, p.config::json ->> 'rate_per_s', p.health";
/// Index of the delivery's number among them.
pub(super) const DELIVERY_NUMBER: usize = 17;
/// Number of columns.
pub(super) const DELIVERY_COLUMNS: usize = 23;
pub(super) const DELIVERY_FROM: &str =
    formatcp!("deliveries d JOIN events e ON {EVENT_OF_DELIVERY} JOIN endpoints p ON p.n = d.endpoint");

/// From the columns of [`DELIVERY`].
pub(super) fn delivery(reader: &DeliveryReader<'_>, row: &PgRow) -> Result<Delivery, StoreError> {
    let small = |column: usize| -> Result<u32, StoreError> {
        u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| damaged("a delivery's number"))
    };
    let last_status: Option<i64> = row.try_get(14)?;
    let last_ms: Option<i64> = row.try_get(16)?;
    reader.read(DeliveryColumns {
        id: id(row, 0)?,
        event_id: id(row, 1)?,
        event_type: row.try_get(2)?,
        endpoint_id: id(row, 3)?,
        sealed: row.try_get(4)?,
        state: row.try_get(5)?,
        reason: row.try_get(6)?,
        lane: row.try_get(7)?,
        attempts: small(8)?,
        max_attempts: small(9)?,
        due: row.try_get(10)?,
        leased: row.try_get(11)?,
        created_at: row.try_get(12)?,
        last_at: row.try_get(13)?,
        last_status: last_status.and_then(|status| u16::try_from(status).ok()),
        last_error: row.try_get(15)?,
        last_ms: last_ms.and_then(|ms| u32::try_from(ms).ok()),
        label: row.try_get(18)?,
        enabled: row.try_get(19)?,
        paused: row.try_get(20)?,
        is_rated: row.try_get::<Option<String>, _>(21)?.is_some(),
        health: row.try_get(22)?,
    })
}

/// One delivery with its number.
pub(super) async fn one_delivery(
    db: &mut Db,
    id: DeliveryId,
    reader: &DeliveryReader<'_>,
) -> Result<(i64, Delivery), StoreError> {
    let select = AssertSqlSafe(format!("SELECT {DELIVERY} FROM {DELIVERY_FROM} WHERE d.id = $1"));
    let row = first!(db, select, id.bytes().as_slice()).ok_or(StoreError::NotFound)?;
    Ok((row.try_get(DELIVERY_NUMBER)?, delivery(reader, &row)?))
}
