//! New events and deliveries, written by one statement regardless of their number.

use std::collections::HashMap;

use const_format::formatcp;
use gancho_model::{DeliveryId, Event, Timestamp};
use sqlx::Row as _;

use super::{Db, connector, partition::first_number, rows};
use crate::StoreError;

/// Rows to write, column by column.
#[derive(Default)]
pub(super) struct NewRows {
    events: NewEvents,
    deliveries: NewDeliveries,
}

#[derive(Default)]
struct NewEvents {
    n: Vec<i64>,
    id: Vec<Vec<u8>>,
    kind: Vec<String>,
    created: Vec<i64>,
    arrived_at: Vec<i64>,
    source: Vec<Option<Vec<u8>>>,
    object: Vec<Option<String>>,
    label: Vec<Option<String>>,
    body: Vec<Vec<u8>>,
}

#[derive(Default)]
struct NewDeliveries {
    first: Vec<i64>,
    id: Vec<Vec<u8>>,
    event: Vec<i64>,
    endpoint: Vec<i64>,
    state: Vec<i64>,
    reason: Vec<Option<String>>,
    lane: Vec<i64>,
    max_attempts: Vec<i64>,
    due: Vec<Option<i64>>,
    leased: Vec<Option<i64>>,
    node: Vec<Option<Vec<u8>>>,
    created_at: Vec<i64>,
    body: Vec<Option<Vec<u8>>>,
}

/// A delivery to write.
pub(super) struct NewDelivery<'a> {
    pub id: DeliveryId,
    pub event_arrived_at: Timestamp,
    pub event: i64,
    pub endpoint: i64,
    pub state: i64,
    pub reason: Option<&'a str>,
    pub lane: i64,
    pub max_attempts: u32,
    pub due: Option<i64>,
    pub leased: Option<i64>,
    pub node: Option<Vec<u8>>,
    pub created_at: i64,
    pub body: Option<&'a [u8]>,
}

impl NewRows {
    pub fn add_event(&mut self, number: i64, event: &Event) {
        let new = &mut self.events;
        new.n.push(number);
        new.id.push(event.id.bytes().to_vec());
        new.kind.push(event.event.as_str().to_owned());
        new.created.push(event.created.ms());
        new.arrived_at.push(event.arrived_at.ms());
        new.source.push(event.source.as_ref().map(|source| source.bytes().to_vec()));
        new.object.push(event.object.as_ref().map(|object| rows::storable(&object.to_string())));
        new.label.push(event.label.as_deref().map(rows::storable));
        new.body.push(event.body.to_vec());
    }

    pub fn add_delivery(&mut self, delivery: NewDelivery<'_>) {
        let new = &mut self.deliveries;
        new.first.push(first_number(delivery.event_arrived_at));
        new.id.push(delivery.id.bytes().to_vec());
        new.event.push(delivery.event);
        new.endpoint.push(delivery.endpoint);
        new.state.push(delivery.state);
        new.reason.push(delivery.reason.map(ToOwned::to_owned));
        new.lane.push(delivery.lane);
        new.max_attempts.push(i64::from(delivery.max_attempts));
        new.due.push(delivery.due);
        new.leased.push(delivery.leased);
        new.node.push(delivery.node);
        new.created_at.push(delivery.created_at);
        new.body.push(delivery.body.map(<[u8]>::to_vec));
    }

    /// When the events arrived, in their order.
    pub fn arrival_times(&self) -> impl Iterator<Item = Timestamp> {
        self.events.arrived_at.iter().copied().map(Timestamp::from_ms)
    }

    /// Writes all rows in one statement; returns the numbers of the deliveries by id.
    pub async fn write(self, db: &mut Db) -> Result<HashMap<Vec<u8>, i64>, StoreError> {
        let Self { events, deliveries } = self;
        if events.n.is_empty() && deliveries.id.is_empty() {
            return Ok(HashMap::new());
        }
        if deliveries.id.is_empty() {
            events
                .bind(query(formatcp!(
                    "{INSERT_EVENTS} $1::bigint[], $2::bytea[], $3::text[], $4::bigint[], \
                $5::bigint[], $6::bytea[], $7::text[], $8::text[], $9::bytea[])"
                )))
                .execute(db)
                .await?;
            return Ok(HashMap::new());
        }
        let insert = match events.n.is_empty() {
            true => deliveries.bind(query(INSERT_DELIVERIES)),
            false => events.bind(deliveries.bind(query(INSERT_BOTH))),
        };
        let found = insert.fetch_all(db).await?;
        found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }
}

/// Followed by its columns, each an array.
const INSERT_EVENTS: &str =
    "INSERT INTO events (n, id, type, created, arrived_at, source, object, label, body) SELECT * FROM unnest(";

// In order: the later delivery of an endpoint has the greater number.
const INSERT_DELIVERIES: &str = "INSERT INTO deliveries (n, id, event, endpoint, state, reason, lane, attempts, max_attempts, \
    due, leased, node, created_at, body) SELECT first + nextval('delivery_numbers'), id, event, endpoint, state, reason, lane, 0, \
    max_attempts, due, leased, node, created_at, body FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], \
    $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[], $11::bigint[], $12::bytea[], \
    $13::bigint[]) WITH ORDINALITY AS w (id, event, endpoint, state, reason, lane, max_attempts, due, leased, node, \
    created_at, body, first, place) ORDER BY place RETURNING id, n";

const INSERT_BOTH: &str = formatcp!(
    "WITH made AS ({INSERT_EVENTS} $14::bigint[], $15::bytea[], $16::text[], $17::bigint[], $18::bigint[], $19::bytea[], \
    $20::text[], $21::text[], $22::bytea[])) {INSERT_DELIVERIES}"
);

type Binding = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn query(statement: &'static str) -> Binding {
    sqlx::query(statement).persistent(connector::keeps_statements())
}

impl NewEvents {
    fn bind(self, query: Binding) -> Binding {
        let query = query.bind(self.n).bind(self.id).bind(self.kind).bind(self.created).bind(self.arrived_at);
        query.bind(self.source).bind(self.object).bind(self.label).bind(self.body)
    }
}

impl NewDeliveries {
    fn bind(self, query: Binding) -> Binding {
        let query = query.bind(self.id).bind(self.event).bind(self.endpoint).bind(self.state).bind(self.reason);
        let query = query.bind(self.lane).bind(self.max_attempts).bind(self.due).bind(self.leased).bind(self.node);
        query.bind(self.created_at).bind(self.body).bind(self.first)
    }
}
