//! Pages of events and deliveries, by keyset: the cost of a page does not depend on its position.

use const_format::formatcp;
use gancho_model::{Delivery, DeliveryId, Event, State};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{Db, rows, rows::DELIVERED};
use crate::{DeliveryFilter, EventFilter, Page, StoreError, stored::delivery::DeliveryReader};

/// Rows scanned for one page. A filter with few matches ends the page early, with a cursor to continue.
pub(super) const SCAN_MAX: usize = 20_000;
/// Maximum events found by label.
const LABELLED_MAX: usize = 1_000;
/// How many of the newest events are scanned for a label before its index is used.
const NEWEST: usize = 4 * LABELLED_MAX;
/// Rows read at once during a scan.
pub(super) const READ: i64 = 500;

pub(super) async fn feed(
    db: &mut Db,
    after: u64,
    filter: &EventFilter,
    limit: usize,
) -> Result<Page<Event, u64>, StoreError> {
    let object = filter.object.as_ref().map(|object| rows::storable(&object.to_string()));
    let condition = if object.is_some() { "object = $3" } else { "$3::text IS NULL" };
    let select = format!("SELECT {} FROM events WHERE n > $1 AND {condition} ORDER BY n LIMIT $2", rows::EVENT);
    let mut last = i64::try_from(after).unwrap_or(i64::MAX).max(0);
    let (mut items, mut looked_at) = (vec![], 0);
    while items.len() < limit && looked_at < SCAN_MAX {
        let most = READ.min(if filter.is_plain() { (limit - items.len()) as i64 } else { READ });
        let found = all!(db, AssertSqlSafe(select.clone()), last, most, object.as_deref());
        for row in &found {
            let event = rows::event(row)?;
            last = event.sequence.cast_signed();
            if filter.takes(&event) {
                items.push(event);
            }
            if items.len() == limit {
                break;
            }
        }
        looked_at += found.len();
        if found.len() < most as usize {
            break;
        }
    }
    Ok(Page { items, next: Some(last.unsigned_abs()) })
}

/// The number of the cursor's delivery; earlier deliveries have lower ones.
pub(super) async fn number_before(db: &mut Db, before: Option<DeliveryId>) -> Result<i64, StoreError> {
    let Some(id) = before else { return Ok(i64::MAX) };
    Ok(scalar!(db, i64, "SELECT n FROM deliveries WHERE id = $1", id.bytes().as_slice()).unwrap_or(0))
}

pub(super) async fn deliveries(
    db: &mut Db,
    before: Option<DeliveryId>,
    filter: &DeliveryFilter,
    limit: usize,
    reading: &DeliveryReader<'_>,
) -> Result<Page<Delivery, DeliveryId>, StoreError> {
    let before = number_before(db, before).await?;
    let mut page = Page { items: vec![], next: None };
    let mut looked_at = 0;
    let most = if filter.is_served_by_an_index() { limit + 1 } else { SCAN_MAX };
    for some in newest(db, before, filter, most).await?.chunks(READ as usize) {
        for (_, delivery, matches) in read_deliveries(db, some, filter, reading).await? {
            if page.items.len() == limit {
                page.next = page.items.last().map(|last: &Delivery| last.id);
                return Ok(page);
            }
            looked_at += 1;
            page.next = (looked_at == SCAN_MAX).then_some(delivery.id);
            if matches {
                page.items.push(delivery);
            }
        }
    }
    Ok(page)
}

/// Numbers of deliveries before a cursor, newest first, narrowed by the conditions that have an index.
pub(super) async fn newest(
    db: &mut Db,
    before: i64,
    filter: &DeliveryFilter,
    most: usize,
) -> Result<Vec<i64>, StoreError> {
    let most = most as i64;
    if !filter.ids.is_empty() {
        let ids: Vec<Vec<u8>> = filter.ids.iter().map(|id| id.bytes().to_vec()).collect();
        let chosen = "SELECT n FROM deliveries WHERE id = ANY($1) AND n < $2 ORDER BY n DESC";
        return Ok(column!(db, i64, chosen, ids, before));
    }
    if let Some(event) = filter.event {
        let of = "SELECT n FROM deliveries WHERE event = (SELECT n FROM events WHERE id = $3) AND n < $1 \
            ORDER BY n DESC LIMIT $2";
        return Ok(column!(db, i64, of, before, most, event.bytes().as_slice()));
    }
    if let Some(start) = &filter.label {
        // Deliveries have the order of their events.
        let last = scalar!(db, i64, "SELECT event FROM deliveries WHERE n = $1", before);
        let events = labelled(db, start, false, last.map_or(i64::MAX, |event| event + 1)).await?;
        let of = "SELECT n FROM deliveries WHERE event = ANY($3) AND n < $1 ORDER BY n DESC LIMIT $2";
        return Ok(column!(db, i64, of, before, most, events));
    }
    match (filter.endpoint, filter.state) {
        (None, None) => {
            Ok(column!(db, i64, "SELECT n FROM deliveries WHERE n < $1 ORDER BY n DESC LIMIT $2", before, most))
        }
        (None, Some(state)) if state as i64 > 1 => {
            let of = formatcp!(
                "SELECT n FROM deliveries WHERE state > {DELIVERED} AND state = $3 AND n < $1 ORDER BY n DESC LIMIT $2"
            );
            Ok(column!(db, i64, of, before, most, state as i64))
        }
        (endpoint, state) => {
            let select = "SELECT n FROM endpoints WHERE $1::bytea IS NULL OR id = $1";
            let endpoints = column!(db, i64, select, endpoint.as_ref().map(|id| id.bytes().as_slice()));
            newest_of(db, before, (&endpoints, state), most).await
        }
    }
}

/// The same for these endpoints, in one state or all.
async fn newest_of(
    db: &mut Db,
    before: i64,
    (endpoints, state): (&[i64], Option<State>),
    most: i64,
) -> Result<Vec<i64>, StoreError> {
    let states: &[State] = state.as_ref().map_or(State::ALL, std::slice::from_ref);
    let mut numbers = vec![];
    for endpoint in endpoints {
        for state in states {
            let select =
                "SELECT n FROM deliveries WHERE endpoint = $3 AND state = $4 AND n < $1 ORDER BY n DESC LIMIT $2";
            numbers.extend(column!(db, i64, select, before, most, endpoint, *state as i64));
        }
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(numbers)
}

/// Deliveries with their numbers, newest first, each with whether it matches the filter.
pub(super) async fn read_deliveries(
    db: &mut Db,
    numbers: &[i64],
    filter: &DeliveryFilter,
    reading: &DeliveryReader<'_>,
) -> Result<Vec<(i64, Delivery, bool)>, StoreError> {
    let text = if filter.text.is_some() { "e.body, p.config::json ->> 'name'" } else { "''::bytea, NULL" };
    let (columns, from) = (rows::DELIVERY, rows::DELIVERY_FROM);
    let select = format!("SELECT {columns}, {text} FROM {from} WHERE d.n = ANY($1) ORDER BY d.n DESC");
    let found = all!(db, AssertSqlSafe(select), numbers);
    let read = |row: &PgRow| {
        let delivery = rows::delivery(reading, row)?;
        let (body, name): (&[u8], Option<&str>) =
            (row.try_get(rows::DELIVERY_COLUMNS)?, row.try_get(rows::DELIVERY_COLUMNS + 1)?);
        let matches = filter.takes(&delivery) && filter.finds(&delivery, body, name);
        Ok((row.try_get(rows::DELIVERY_NUMBER)?, delivery, matches))
    };
    found.iter().map(read).collect()
}

/// Events, newest first. Indexed conditions narrow them down first; the others are checked row by row.
pub(super) async fn recent(
    db: &mut Db,
    before: Option<u64>,
    filter: &EventFilter,
    limit: usize,
) -> Result<Page<Event, u64>, StoreError> {
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    if let Some(start) = filter.label.as_ref().filter(|_| filter.object.is_none()) {
        let numbers = labelled(db, start, filter.exactly, before).await?;
        return read_recent(db, &numbers, filter, limit).await;
    }
    let object = filter.object.as_ref().map(|object| rows::storable(&object.to_string()));
    let condition = if object.is_some() { "object = $3" } else { "$3::text IS NULL" };
    let select = format!("SELECT n FROM events WHERE n > 0 AND n < $1 AND {condition} ORDER BY n DESC LIMIT $2");
    let most = if filter.is_plain() { limit + 1 } else { SCAN_MAX };
    let numbers = column!(db, i64, AssertSqlSafe(select), before, most as i64, object);
    read_recent(db, &numbers, filter, limit).await
}

/// A page of these events, filtered.
async fn read_recent(
    db: &mut Db,
    numbers: &[i64],
    filter: &EventFilter,
    limit: usize,
) -> Result<Page<Event, u64>, StoreError> {
    let mut page = Page { items: vec![], next: None };
    let select = format!("SELECT {} FROM events WHERE n = ANY($1) ORDER BY n DESC", rows::EVENT);
    for some in numbers.chunks(READ as usize) {
        for row in all!(db, AssertSqlSafe(select.clone()), some) {
            if page.items.len() == limit {
                page.next = page.items.last().map(|last: &Event| last.sequence);
                return Ok(page);
            }
            let event = rows::event(&row)?;
            if filter.takes(&event) {
                page.items.push(event);
            }
        }
    }
    // Incomplete: there may be more matches.
    let last = numbers.last().and_then(|n| u64::try_from(*n).ok());
    page.next = last.filter(|_| numbers.len() >= SCAN_MAX);
    Ok(page)
}

/// Events before a number whose label starts with this, or equals it, newest first. Few matches are found by an index;
/// if there are many, the newest events contain enough of them.
async fn labelled(db: &mut Db, start: &str, exactly: bool, before: i64) -> Result<Vec<i64>, StoreError> {
    let start = rows::storable(start).to_ascii_lowercase();
    let end = if exactly { format!("{start}\u{1}") } else { format!("{start}{}", char::MAX) };
    let is = if exactly {
        "lower(label COLLATE \"C\") COLLATE \"C\" = $1"
    } else {
        "lower(label COLLATE \"C\") COLLATE \"C\" >= $1"
    };
    let of = format!("{is} AND lower(label COLLATE \"C\") COLLATE \"C\" < $2 AND n > 0 AND n < $3");
    // For searches of a whole series, which match nearly all of the newest events.
    let newest = format!(
        "SELECT n FROM (SELECT n, label FROM events WHERE n > 0 AND n < $3 ORDER BY n DESC LIMIT {NEWEST}) AS e \
        WHERE {of} ORDER BY n DESC LIMIT {LABELLED_MAX}"
    );
    let mut numbers = column!(db, i64, AssertSqlSafe(newest), &start, &end, before);
    if numbers.len() == LABELLED_MAX {
        return Ok(numbers);
    }
    let by_index = format!("SELECT n FROM events WHERE {of} AND label IS NOT NULL LIMIT {SCAN_MAX}");
    numbers = column!(db, i64, AssertSqlSafe(by_index), &start, &end, before);
    if numbers.len() == SCAN_MAX {
        let by_number = format!("SELECT n FROM events WHERE {of} ORDER BY n DESC LIMIT {LABELLED_MAX}");
        numbers = column!(db, i64, AssertSqlSafe(by_number), &start, &end, before);
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.truncate(LABELLED_MAX);
    Ok(numbers)
}
