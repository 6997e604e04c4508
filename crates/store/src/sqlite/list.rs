//! Pages of events and deliveries, by keyset: the cost of a page does not depend on its position.

use const_format::formatcp;
use gancho_model::{Delivery, DeliveryId, Event, State};
use rusqlite::{Connection, OptionalExtension, ToSql, params_from_iter};

use super::rows;
use super::rows::DELIVERED;
use crate::{DeliveryFilter, EventFilter, Page, StoreError};

/// Rows scanned for one page. A filter with few matches ends the page early, with a cursor to continue.
pub(super) const SCAN_MAX: usize = 20_000;

pub(super) fn feed(
    db: &Connection,
    after: u64,
    filter: &EventFilter,
    limit: usize,
) -> Result<Page<Event, u64>, StoreError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let object = filter.object.as_ref().map(ToString::to_string);
    let condition = if object.is_some() { "n > ?1 AND object = ?2" } else { "n > ?1 AND ?2 IS NULL" };
    let select = format!("SELECT {} FROM events WHERE {condition} ORDER BY n LIMIT ?3", rows::EVENT);
    let mut select = db.prepare_cached(&select)?;
    let mut found = select.query((after.max(0), object, SCAN_MAX as i64))?;
    let mut items = vec![];
    let mut next = u64::try_from(after).unwrap_or(0);
    while items.len() < limit
        && let Some(row) = found.next()?
    {
        let event = rows::event(row)?;
        next = event.sequence;
        if filter.takes(&event) {
            items.push(event);
        }
    }
    Ok(Page { items, next: Some(next) })
}

pub(super) fn deliveries(
    db: &Connection,
    before: Option<DeliveryId>,
    filter: &DeliveryFilter,
    limit: usize,
    reading: &rows::Deliveries<'_>,
) -> Result<Page<Delivery, DeliveryId>, StoreError> {
    let before: i64 = match before {
        Some(id) => {
            let select = "SELECT n FROM deliveries WHERE id = ?1";
            db.query_row(select, [id.bytes()], |row| row.get(0)).optional()?.unwrap_or(0)
        }
        None => i64::MAX,
    };
    let mut page = Page { items: vec![], next: None };
    let mut looked_at = 0;
    let most = if filter.is_served_by_an_index() { limit + 1 } else { SCAN_MAX };
    for n in newest(db, before, filter, most)? {
        if page.items.len() == limit {
            page.next = page.items.last().map(|last: &Delivery| last.id);
            break;
        }
        looked_at += 1;
        let (delivery, matches) = read_delivery(db, n, filter, reading)?;
        let id = delivery.id;
        if matches {
            page.items.push(delivery);
        }
        if looked_at == SCAN_MAX {
            page.next = Some(id);
            break;
        }
    }
    Ok(page)
}

/// Numbers of deliveries before a cursor, newest first, narrowed by the conditions that have an index.
pub(super) fn newest(
    db: &Connection,
    before: i64,
    filter: &DeliveryFilter,
    most: usize,
) -> Result<Vec<i64>, StoreError> {
    // The same SQL text for each page, so that the prepared statement is reused.
    let one = |sql: &str, params: &[&dyn ToSql]| -> Result<Vec<i64>, StoreError> {
        let mut select = db.prepare_cached(&format!("{sql} AND n < ?1 ORDER BY n DESC LIMIT ?2"))?;
        let most = most as i64;
        let bound: [&dyn ToSql; 2] = [&before, &most];
        let numbers = select.query_map(params_from_iter(bound.iter().chain(params)), |row| row.get(0))?;
        Ok(numbers.collect::<rusqlite::Result<_>>()?)
    };
    if !filter.ids.is_empty() {
        return chosen(db, before, &filter.ids);
    }
    if let Some(event) = filter.event {
        return one("SELECT n FROM deliveries WHERE event = (SELECT n FROM events WHERE id = ?3)", &[event.bytes()]);
    }
    if let Some(start) = &filter.label {
        // Deliveries have the order of their events.
        let last = "SELECT event FROM deliveries WHERE n = ?1";
        let last: Option<i64> = db.prepare_cached(last)?.query_row([before], |row| row.get(0)).optional()?;
        let last = last.map_or(i64::MAX, |event| event + 1);
        let events = labelled(db, start, false, last)?;
        let of = "SELECT n FROM deliveries WHERE event IN (SELECT value FROM json_each(?3))";
        return one(of, &[&rows::to_json(&events)]);
    }
    let endpoints: Vec<i64> = match filter.endpoint {
        Some(id) => {
            let select = "SELECT n FROM endpoints WHERE id = ?1";
            db.query_row(select, [id.bytes()], |row| row.get(0)).optional()?.into_iter().collect()
        }
        None => match filter.state {
            None => return one("SELECT n FROM deliveries WHERE true", &[]),
            Some(state) if state as i64 > 1 => {
                return one(
                    formatcp!("SELECT n FROM deliveries WHERE state > {DELIVERED} AND state = ?3"),
                    &[&(state as i64)],
                );
            }
            Some(_) => {
                let mut all = db.prepare_cached("SELECT n FROM endpoints")?;
                all.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
            }
        },
    };
    let states: &[State] = filter.state.as_ref().map_or(State::ALL, std::slice::from_ref);
    let mut numbers = vec![];
    for endpoint in endpoints {
        for state in states {
            let select = "SELECT n FROM deliveries WHERE endpoint = ?3 AND state = ?4";
            numbers.extend(one(select, &[&endpoint, &(*state as i64)])?);
        }
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.truncate(most);
    Ok(numbers)
}

/// The numbers of these deliveries before a cursor, newest first.
fn chosen(db: &Connection, before: i64, ids: &[DeliveryId]) -> Result<Vec<i64>, StoreError> {
    let mut select = db.prepare_cached("SELECT n FROM deliveries WHERE id = ?1 AND n < ?2")?;
    let mut numbers: Vec<i64> = vec![];
    for id in ids {
        numbers.extend(select.query_row((id.bytes(), before), |row| row.get::<_, i64>(0)).optional()?);
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    Ok(numbers)
}

/// One delivery, and whether it matches the filter.
pub(super) fn read_delivery(
    db: &Connection,
    n: i64,
    filter: &DeliveryFilter,
    reading: &rows::Deliveries<'_>,
) -> Result<(Delivery, bool), StoreError> {
    let text = if filter.text.is_some() { "e.body, p.config ->> 'name'" } else { "x'', NULL" };
    let select = format!("SELECT {}, {text} FROM {} WHERE d.n = ?1", rows::DELIVERY, rows::DELIVERY_FROM);
    let mut select = db.prepare_cached(&select)?;
    let mut found = select.query([n])?;
    let row = found.next()?.ok_or_else(|| rows::damaged("a delivery without its event"))?;
    let delivery = reading.read(row)?;
    let (body, name): (Vec<u8>, Option<String>) =
        (row.get(rows::DELIVERY_COLUMNS)?, row.get(rows::DELIVERY_COLUMNS + 1)?);
    let matches = filter.takes(&delivery) && filter.finds(&delivery, &body, name.as_deref());
    Ok((delivery, matches))
}

/// Events, newest first. Indexed conditions narrow them down first; the others are checked row by row.
pub(super) fn recent(
    db: &Connection,
    before: Option<u64>,
    filter: &EventFilter,
    limit: usize,
) -> Result<Page<Event, u64>, StoreError> {
    let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
    if let Some(start) = filter.label.as_ref().filter(|_| filter.object.is_none()) {
        return read_recent(db, &labelled(db, start, filter.exactly, before)?, filter, limit);
    }
    let object = filter.object.as_ref().map(ToString::to_string);
    let condition = if object.is_some() { "object = ?2" } else { "?2 IS NULL" };
    let select = format!("SELECT n FROM events WHERE n > 0 AND n < ?1 AND {condition} ORDER BY n DESC LIMIT ?3");
    let mut select = db.prepare_cached(&select)?;
    let most = if filter.is_plain() { limit + 1 } else { SCAN_MAX };
    let numbers = select.query_map((before, object, most as i64), |row| row.get(0))?;
    read_recent(db, &numbers.collect::<rusqlite::Result<Vec<i64>>>()?, filter, limit)
}

/// A page of these events, filtered.
fn read_recent(
    db: &Connection,
    numbers: &[i64],
    filter: &EventFilter,
    limit: usize,
) -> Result<Page<Event, u64>, StoreError> {
    let mut select = db.prepare_cached(&format!("SELECT {} FROM events WHERE n = ?1", rows::EVENT))?;
    let mut page = Page { items: vec![], next: None };
    for n in numbers {
        if page.items.len() == limit {
            page.next = page.items.last().map(|last: &Event| last.sequence);
            return Ok(page);
        }
        let mut found = select.query([n])?;
        let Some(row) = found.next()? else { continue };
        let event = rows::event(row)?;
        if filter.takes(&event) {
            page.items.push(event);
        }
    }
    // Incomplete: there may be more matches.
    let last = numbers.last().and_then(|n| u64::try_from(*n).ok());
    page.next = last.filter(|_| numbers.len() >= SCAN_MAX);
    Ok(page)
}

/// Events before a number whose label starts with this, or equals it, newest first. Few matches are found by an index;
/// if there are many, the newest events contain enough of them.
fn labelled(db: &Connection, start: &str, exactly: bool, before: i64) -> Result<Vec<i64>, StoreError> {
    let end = if exactly { format!("{start}\0") } else { format!("{start}{}", char::MAX) };
    let of = "label COLLATE NOCASE >= ?1 AND label COLLATE NOCASE < ?2 AND n > 0 AND n < ?3";
    let by_index =
        format!("SELECT n FROM events INDEXED BY events_by_label WHERE {of} AND label IS NOT NULL LIMIT {SCAN_MAX}");
    let mut select = db.prepare_cached(&by_index)?;
    let mut numbers: Vec<i64> =
        select.query_map((start, &end, before), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    if numbers.len() == SCAN_MAX {
        let by_number = format!("SELECT n FROM events NOT INDEXED WHERE {of} ORDER BY n DESC LIMIT 1000");
        let mut select = db.prepare_cached(&by_number)?;
        numbers = select.query_map((start, &end, before), |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    }
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.truncate(1000);
    Ok(numbers)
}
