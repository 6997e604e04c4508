//! Attempts are recorded, each with what follows from it.

use gancho_model::{AttemptEnd, Endpoint, Event, EventType, Health, Lane, MonoTime, State, Turn, Verdict, mask};
use rusqlite::{OptionalExtension, params};

use serde_json::json;

use super::{
    accept,
    desk::{Desk, Ring},
    repair, replay,
};
use crate::{NewEvent, Outcome, StoreError, Turned};

/// Records outcomes; `attempts` are the same outcomes' attempts, rendered.
pub(super) fn record(desk: &mut Desk, outcomes: &[Outcome], attempts: &[String]) -> Result<Vec<Turned>, StoreError> {
    let routes = desk.routes()?;
    let mut turned = vec![];
    for (outcome, attempt) in outcomes.iter().zip(attempts) {
        insert_attempt(desk, outcome, attempt)?;
        let known = routes.iter().find(|(_, endpoint)| endpoint.id == outcome.endpoint);
        if let Some((n, _)) = known.filter(|_| outcome.lane != Lane::Test) {
            tally(desk, *n, outcome);
        }
        update_delivery(desk, outcome, known.map(|(n, _)| *n))?;
        // Of a removed endpoint, only the delivery is left to be recorded.
        let Some((n, endpoint)) = known else { continue };
        let turn = note_health(desk, *n, endpoint, outcome)?;
        turned.extend(turn.map(|turn| Turned { endpoint: outcome.endpoint, turn }));
    }
    Ok(turned)
}

fn tally(desk: &mut Desk, endpoint: i64, outcome: &Outcome) {
    let tally = desk.tally(endpoint, outcome.attempt.at);
    match outcome.verdict {
        Verdict::Delivered => tally.note_delivered(outcome.attempt.duration_ms),
        Verdict::Retry { .. } => tally.retried += 1,
        Verdict::Failed => tally.failed += 1,
    }
}

/// One attempt, one record. A number that is taken (two nodes ran over one lease) gets the next free one.
fn insert_attempt(desk: &Desk, outcome: &Outcome, blob: &str) -> Result<(), StoreError> {
    let base = outcome.handle << 16;
    let mut insert = desk.db.prepare_cached("INSERT OR IGNORE INTO attempts (k, attempt) VALUES (?1, ?2)")?;
    if insert.execute(params![base + i64::from(outcome.attempt.n), blob])? == 0 {
        let next =
            "INSERT INTO attempts (k, attempt) SELECT max(k) + 1, ?2 FROM attempts WHERE k BETWEEN ?1 AND ?1 + 65535";
        desk.db.prepare_cached(next)?.execute(params![base, blob])?;
    }
    Ok(())
}

/// What becomes of the delivery. One that a person sent again during its last attempt goes on; one
/// that was cancelled during an attempt stays cancelled, unless it arrived: then that is the truth.
fn update_delivery(desk: &mut Desk, outcome: &Outcome, endpoint: Option<i64>) -> Result<(), StoreError> {
    let attempt = &outcome.attempt;
    let (state, retry_at) = match outcome.verdict {
        Verdict::Delivered => (State::Delivered, None),
        Verdict::Retry { at } => (State::Pending, Some(at)),
        Verdict::Failed if has_more_attempts(desk, outcome)? => (State::Pending, Some(outcome.ended_at.mono)),
        Verdict::Failed => (State::Failed, None),
    };
    let update = "UPDATE deliveries SET state = ?2, due = ?3, leased = NULL, attempts = max(attempts, ?4), \
        last_at = ?5, last_status = ?6, last_error = ?7, last_ms = ?8 WHERE n = ?1 AND state = 0";
    let updated = desk.db.prepare_cached(update)?.execute(params![
        outcome.handle,
        state as i64,
        retry_at.map(MonoTime::ms),
        attempt.n,
        attempt.at.ms(),
        attempt.status_code,
        attempt.error.as_ref().map(|error| error.kind.as_str()),
        attempt.duration_ms,
    ])?;
    match (updated, retry_at) {
        (0, _) => update_ended(desk, outcome, state == State::Delivered),
        (_, Some(at)) => {
            desk.tell(Ring::Due(outcome.endpoint, outcome.lane, at));
            Ok(())
        }
        (_, None) => {
            let endpoint = match endpoint {
                Some(endpoint) => endpoint,
                None => endpoint_of(desk, outcome)?,
            };
            desk.waiting(endpoint, -1);
            Ok(())
        }
    }
}

/// Whether a person gave it more attempts since this one began.
fn has_more_attempts(desk: &Desk, outcome: &Outcome) -> Result<bool, StoreError> {
    let select = "SELECT max_attempts > ?2 FROM deliveries WHERE n = ?1";
    let params = params![outcome.handle, outcome.max_attempts];
    let more: Option<bool> = desk.db.prepare_cached(select)?.query_row(params, |row| row.get(0)).optional()?;
    Ok(more.unwrap_or(false))
}

/// The number of an endpoint that was removed meanwhile.
fn endpoint_of(desk: &Desk, outcome: &Outcome) -> Result<i64, StoreError> {
    let select = "SELECT endpoint FROM deliveries WHERE n = ?1";
    Ok(desk.db.prepare_cached(select)?.query_row([outcome.handle], |row| row.get(0))?)
}

fn update_ended(desk: &Desk, outcome: &Outcome, arrived: bool) -> Result<(), StoreError> {
    let attempt = &outcome.attempt;
    let update = "UPDATE deliveries SET state = iif(?2, 1, state), reason = iif(?2, NULL, reason), \
        attempts = max(attempts, ?3), last_at = ?4, last_status = ?5, last_error = ?6, last_ms = ?7 WHERE n = ?1";
    desk.db.prepare_cached(update)?.execute(params![
        outcome.handle,
        arrived,
        attempt.n,
        attempt.at.ms(),
        attempt.status_code,
        attempt.error.as_ref().map(|error| error.kind.as_str()),
        attempt.duration_ms,
    ])?;
    Ok(())
}

fn note_health(desk: &mut Desk, n: i64, endpoint: &Endpoint, outcome: &Outcome) -> Result<Option<Turn>, StoreError> {
    let success = outcome.verdict.is_success();
    if *outcome.url != *endpoint.url {
        return Ok(None);
    }
    let Some(before) = desk.health(n)? else { return Ok(None) };
    if outcome.lane == Lane::Test && !(success && endpoint.enabled) {
        return Ok(None);
    }
    if !before.counts(outcome.lane, success) {
        if outcome.lane == Lane::Test && before.consecutive_failures > 0 {
            repair::release_retries(desk, n, endpoint.id)?;
        }
        return Ok(None);
    }
    let mut health = before;
    let turn = health.note(AttemptEnd {
        success,
        plan: &endpoint.retry,
        now: outcome.ended_at,
        fraction: outcome.fraction,
        probe_request: outcome.probe_request,
    });
    if !success {
        health.last_status = outcome.attempt.status_code;
        health.last_error = outcome.attempt.error.as_ref().map(|error| error.kind);
    }
    desk.set_health(n, health);
    if before.is_failing() || health.is_failing() {
        desk.endpoints_changed();
    }
    follow(desk, n, endpoint, turn, &before, outcome)
}

/// What follows for the endpoint and its queue.
fn follow(
    desk: &mut Desk,
    n: i64,
    endpoint: &Endpoint,
    turn: Option<Turn>,
    before: &Health,
    outcome: &Outcome,
) -> Result<Option<Turn>, StoreError> {
    let turn = if outcome.gone && endpoint.enabled { Some(Turn::Disabled) } else { turn };
    match turn {
        Some(Turn::Disabled) => disable(desk, n, outcome)?,
        Some(Turn::Recovered) => {
            repair::release_retries(desk, n, endpoint.id)?;
            if desk.resend_after_outage {
                let since = before.failures_since.unwrap_or(outcome.ended_at.wall);
                replay::resend_outage(desk, n, endpoint, since, outcome.ended_at.mono)?;
            }
        }
        _ => {}
    }
    if let Some(turn) = turn {
        announce(desk, endpoint, turn, before, outcome)?;
    }
    Ok(turn)
}

fn disable(desk: &mut Desk, n: i64, outcome: &Outcome) -> Result<(), StoreError> {
    let why = if outcome.gone { "gone" } else { "failing" };
    let disable =
        "UPDATE endpoints SET enabled = 0, disabled_reason = ?2, updated_at = max(updated_at + 1, ?3) WHERE n = ?1";
    desk.db.prepare_cached(disable)?.execute(params![n, why, outcome.ended_at.wall.ms()])?;
    desk.endpoints_changed();
    Ok(())
}

/// The turn as an event of Gancho's own, for those who ask for `endpoint.*`. Secrets inside the URL
/// are masked: it goes to others than the endpoint itself.
fn announce(
    desk: &mut Desk,
    endpoint: &Endpoint,
    turn: Turn,
    before: &Health,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let name = match turn {
        Turn::Failing => "endpoint.failing",
        Turn::Recovered => "endpoint.recovered",
        Turn::Disabled => "endpoint.disabled",
    };
    let Ok(event) = EventType::parse(name) else { return Ok(()) };
    let object = json!({
        "id": endpoint.id, "name": endpoint.name, "url": mask::url(&endpoint.url),
        "failures_since": before.failures_since,
        "last_error": outcome.attempt.error.as_ref().map(|error| &error.message),
        "reason": (turn == Turn::Disabled).then_some(if outcome.gone { "gone" } else { "failing" }),
    });
    let now = outcome.ended_at.wall;
    let event = Event::own(event, object, endpoint.name.clone(), now, &*desk.ambient);
    accept::keep_event(desk, &NewEvent { event, deliverable: true }).map(drop)
}
