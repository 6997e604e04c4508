//! Between rows and the model's types.

use std::{cell::RefCell, collections::HashMap};

use gancho_model::{
    Condition, Delivery, DeliveryId, Endpoint, EndpointId, ErrorKind, Event, EventId, EventType, Health, Include,
    LastAttempt, Moment, MonoTime, ObjectKey, OriginReference, Pattern, Pending, Priority, Reason, RetryPolicy, Secret,
    SigningSecrets, SourceId, State, Template, Timestamp, WaitingFor,
};
use rusqlite::{Connection, Params, Row};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{StoreError, vault::Vault};

/// States as the table keeps them, for statements.
pub(super) const PENDING: i64 = State::Pending as i64;
pub(super) const DELIVERED: i64 = State::Delivered as i64;
pub(super) const FAILED: i64 = State::Failed as i64;
pub(super) const CANCELLED: i64 = State::Cancelled as i64;
/// Queues as the table keeps them.
pub(super) const REPLAY: i64 = Priority::Replay as i64;
pub(super) const TEST: i64 = Priority::Test as i64;

pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() // our own types have no keys that JSON can't hold
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Broken(format!("a row can't be read: {error}")))
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Broken(format!("a row can't be read: {what}"))
}

pub(super) fn time(ms: Option<i64>) -> Option<Timestamp> {
    ms.map(Timestamp::from_ms)
}

/// What stands in `endpoints.config`.
#[derive(Serialize, Deserialize)]
pub(super) struct Config {
    name: Option<String>,
    description: Option<String>,
    events: Vec<Pattern>,
    sources: Vec<SourceId>,
    timeout_ms: u32,
    retry: RetryPolicy,
    rate_per_s: Option<u32>,
    max_in_flight: Option<u32>,
    // Younger than the first release of the table.
    #[serde(default)]
    condition: Option<String>,
    #[serde(default)]
    template: Option<String>,
    #[serde(default)]
    ignore_origins: Vec<OriginReference>,
    #[serde(default)]
    companies: Vec<i64>,
    #[serde(default)]
    include: Vec<Include>,
}

impl Config {
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            name: endpoint.name.clone(),
            description: endpoint.description.clone(),
            events: endpoint.events.clone(),
            sources: endpoint.sources.clone(),
            timeout_ms: endpoint.timeout_ms,
            retry: endpoint.retry.clone(),
            rate_per_s: endpoint.rate_per_s,
            max_in_flight: endpoint.max_in_flight,
            condition: endpoint.condition.as_ref().map(|condition| condition.as_str().to_owned()),
            template: endpoint.template.as_ref().map(|template| template.as_str().to_owned()),
            ignore_origins: endpoint.ignore_origins.clone(),
            companies: endpoint.companies.clone(),
            include: endpoint.include.clone(),
        }
    }
}

/// What stands in `endpoints.sealed`.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    url: String,
    secret: String,
    next: Option<(String, i64)>,
    headers: std::collections::BTreeMap<String, String>,
}

impl Sealed {
    pub fn of(endpoint: &Endpoint) -> Self {
        let SigningSecrets { current, next } = &endpoint.secrets;
        Self {
            url: endpoint.url.clone(),
            secret: current.expose().to_owned(),
            next: next.as_ref().map(|(secret, until)| (secret.expose().to_owned(), until.ms())),
            headers: endpoint.headers.clone(),
        }
    }

    fn open(vault: &Vault, id: EndpointId, sealed: &[u8]) -> Result<Self, StoreError> {
        let opened = vault.open(id.bytes(), sealed).map_err(|error| StoreError::Broken(error.to_string()))?;
        serde_json::from_slice(&opened).map_err(|_| damaged("sealed"))
    }
}

const ENDPOINT: &str =
    "n, id, config, sealed, enabled, paused, disabled_reason, health, created_at, updated_at FROM endpoints";

/// Endpoints where a condition holds, with their numbers.
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
    let id = EndpointId::from_bytes(row.get(1)?);
    let config: Config = from_json(&row.get::<_, String>(2)?)?;
    let sealed = Sealed::open(vault, id, &row.get::<_, Vec<u8>>(3)?)?;
    let next = sealed.next.map(|(secret, until)| (Secret::new(secret), Timestamp::from_ms(until)));
    Ok(Endpoint {
        id,
        url: sealed.url,
        name: config.name,
        description: config.description,
        events: config.events,
        sources: config.sources,
        enabled: row.get(4)?,
        paused: row.get(5)?,
        headers: sealed.headers,
        timeout_ms: config.timeout_ms,
        retry: config.retry,
        rate_per_s: config.rate_per_s,
        max_in_flight: config.max_in_flight,
        condition: config.condition.map(Condition::kept),
        template: config.template.map(Template::kept),
        ignore_origins: config.ignore_origins,
        companies: config.companies,
        include: config.include,
        secrets: SigningSecrets { current: Secret::new(sealed.secret), next },
        health: from_json(&row.get::<_, String>(7)?)?,
        disabled_reason: row.get(6)?,
        created_at: Timestamp::from_ms(row.get(8)?),
        updated_at: Timestamp::from_ms(row.get(9)?),
    })
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

pub(super) fn event_type(text: &str) -> Result<EventType, StoreError> {
    EventType::parse(text).map_err(|_| damaged("an event's type"))
}

/// The columns that [`Deliveries`] reads, and the tables they stand in.
pub(super) const DELIVERY: &str = "d.id, e.id, e.type, p.id, p.sealed, d.state, d.reason, d.lane, d.attempts, \
    d.max_attempts, d.due, d.leased, d.created_at, d.last_at, d.last_status, d.last_error, d.last_ms, d.n, e.label, \
    p.enabled, p.paused, p.config ->> 'rate_per_s', p.health";
/// Where a delivery's number stands among them.
pub(super) const DELIVERY_NUMBER: usize = 17;
/// How many they are.
pub(super) const DELIVERY_COLUMNS: usize = 23;
pub(super) const DELIVERY_FROM: &str =
    "deliveries d JOIN events e ON e.n = d.event JOIN endpoints p ON p.n = d.endpoint";

/// Reads deliveries of one query. An endpoint's address rests sealed: it is opened once, not for each of them.
pub(super) struct Deliveries<'a> {
    vault: &'a Vault,
    now: Moment,
    urls: RefCell<HashMap<[u8; 16], String>>,
}

impl<'a> Deliveries<'a> {
    pub fn new(vault: &'a Vault, now: Moment) -> Self {
        Self { vault, now, urls: RefCell::default() }
    }

    /// From the columns of [`DELIVERY`].
    pub fn read(&self, row: &Row<'_>) -> Result<Delivery, StoreError> {
        let state = state_of(row.get(5)?)?;
        let waiting = waiting(row, state, self.now.mono)?;
        let reason: Option<String> = row.get(6)?;
        let error: Option<String> = row.get(15)?;
        let last = match row.get::<_, Option<i64>>(13)? {
            Some(at) => Some(LastAttempt {
                at: Timestamp::from_ms(at),
                status_code: row.get(14)?,
                error: error.as_deref().and_then(ErrorKind::parse),
                duration_ms: row.get::<_, Option<u32>>(16)?.unwrap_or(0),
            }),
            None => None,
        };
        Ok(Delivery {
            id: DeliveryId::from_bytes(row.get(0)?),
            event_id: EventId::from_bytes(row.get(1)?),
            event: event_type(&row.get::<_, String>(2)?)?,
            label: row.get(18)?,
            endpoint_id: EndpointId::from_bytes(row.get(3)?),
            url: self.url(row)?,
            state,
            reason: reason.as_deref().and_then(Reason::parse),
            lane: lane_of(row.get(7)?)?,
            attempts: row.get(8)?,
            max_attempts: row.get(9)?,
            waiting_for: waiting.map(|(reason, _)| reason),
            next_attempt_at: waiting.and_then(|(_, until)| until).map(|until| self.now.shown(until)),
            created_at: Timestamp::from_ms(row.get(12)?),
            last,
        })
    }

    fn url(&self, row: &Row<'_>) -> Result<String, StoreError> {
        let id: [u8; 16] = row.get(3)?;
        if let Some(url) = self.urls.borrow().get(&id) {
            return Ok(url.clone());
        }
        let sealed = Sealed::open(self.vault, EndpointId::from_bytes(id), &row.get::<_, Vec<u8>>(4)?)?;
        self.urls.borrow_mut().insert(id, sealed.url.clone());
        Ok(sealed.url)
    }
}

/// What a delivery waits for, if it waits.
fn waiting(row: &Row<'_>, state: State, now: MonoTime) -> Result<Option<(WaitingFor, Option<MonoTime>)>, StoreError> {
    let due: Option<i64> = row.get(10)?;
    let Some(due) = due.filter(|_| state == State::Pending) else { return Ok(None) };
    let leased: Option<i64> = row.get(11)?;
    let health: Health = from_json(&row.get::<_, String>(22)?)?;
    let pending = Pending {
        lane: lane_of(row.get(7)?)?,
        due: MonoTime::from_ms(leased.unwrap_or(due)),
        leased: leased.is_some(),
        enabled: row.get(19)?,
        paused: row.get(20)?,
        rated: row.get::<_, Option<i64>>(21)?.is_some(),
        health: &health,
    };
    Ok(Some(pending.waiting(now)))
}

pub(super) fn state_of(number: i64) -> Result<State, StoreError> {
    usize::try_from(number).ok().and_then(|n| State::ALL.get(n)).copied().ok_or_else(|| damaged("a state"))
}

pub(super) fn lane_of(number: i64) -> Result<Priority, StoreError> {
    usize::try_from(number).ok().and_then(|n| Priority::ALL.get(n)).copied().ok_or_else(|| damaged("a lane"))
}
