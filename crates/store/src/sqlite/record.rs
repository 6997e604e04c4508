//! Records attempts and their consequences.

use const_format::formatcp;
use gancho_model::{
    Decision, Endpoint, HealthTransition, MonoTime, Priority, State, announcement, delivery_after, endpoint_after,
};
use rusqlite::{OptionalExtension, params};

use super::rows::{DELIVERED, PENDING};
use super::{
    accept, issue, repair, replay,
    write_context::{Notification, WriteContext},
};
use crate::{HealthChange, Outcome, StoreError};

/// Records outcomes; `attempts` are the packed attempts of the same outcomes. `is_own`: of this process, which starts
/// no second attempt beside the first, even if the lease expired meanwhile and it claimed the delivery again.
pub(super) fn record(
    context: &mut WriteContext,
    outcomes: &[Outcome],
    attempts: &[Vec<u8>],
    is_own: bool,
) -> Result<Vec<HealthChange>, StoreError> {
    let routes = context.routes()?;
    let mut changes = vec![];
    for (outcome, attempt) in outcomes.iter().zip(attempts) {
        insert_attempt(context, outcome, attempt)?;
        let known = routes.find(outcome.endpoint);
        if let Some((n, _)) = known.filter(|_| outcome.lane != Priority::Test) {
            context.pending.count(*n, outcome);
            // A resent delivery was counted when it failed first.
            let ended = outcome.verdict == Decision::Failed && outcome.lane == Priority::Live;
            issue::count_failure(&context.db, *n, outcome.handle, &outcome.attempt, ended)?;
        }
        let is_ours = update_delivery(context, outcome, known.map(|(n, _)| *n), is_own)?;
        // For a removed endpoint only the delivery is recorded.
        let Some((n, endpoint)) = known.filter(|_| is_ours) else { continue };
        let transition = apply_to_endpoint(context, *n, endpoint, outcome)?;
        changes.extend(transition.map(|transition| HealthChange { endpoint: outcome.endpoint, transition }));
    }
    Ok(changes)
}

/// Each attempt has one row. A duplicate number (two nodes overran one lease) becomes the next free one.
fn insert_attempt(context: &WriteContext, outcome: &Outcome, blob: &[u8]) -> Result<(), StoreError> {
    let base = outcome.handle << 16;
    let mut insert = context.db.prepare_cached("INSERT OR IGNORE INTO attempts (k, attempt) VALUES (?1, ?2)")?;
    if insert.execute(params![base + i64::from(outcome.attempt.n), blob])? == 0 {
        let next =
            "INSERT INTO attempts (k, attempt) SELECT max(k) + 1, ?2 FROM attempts WHERE k BETWEEN ?1 AND ?1 + 65535";
        context.db.prepare_cached(next)?.execute(params![base, blob])?;
    }
    Ok(())
}

/// Updates the delivery. It continues if a user resent it during its last attempt; it stays cancelled if it was
/// cancelled during the attempt, unless it was delivered: then that counts, whoever holds the lease. Returns whether
/// the outcome has other consequences: it has none if the lease was lost.
fn update_delivery(
    context: &mut WriteContext,
    outcome: &Outcome,
    endpoint: Option<i64>,
    is_own: bool,
) -> Result<bool, StoreError> {
    let attempt = &outcome.attempt;
    let has_more = outcome.verdict == Decision::Failed && has_more_attempts(context, outcome)?;
    let (state, retry_at) = delivery_after(outcome.verdict, has_more, outcome.ended_at.mono);
    let has_arrived = state == State::Delivered;
    let update = formatcp!(
        "UPDATE deliveries SET state = ?2, due = ?3, leased = NULL, attempts = max(attempts, ?4), \
        last_at = ?5, last_status = ?6, last_error = ?7, last_ms = ?8 \
        WHERE n = ?1 AND state = {PENDING} AND (?9 OR (leased IS NOT NULL AND (due = ?10 OR ?11)))"
    );
    let updated = context.db.prepare_cached(update)?.execute(params![
        outcome.handle,
        state as i64,
        retry_at.map(MonoTime::ms),
        attempt.n,
        attempt.at.ms(),
        attempt.status_code,
        attempt.error.as_ref().map(|error| error.kind.as_str()),
        attempt.duration_ms,
        has_arrived,
        outcome.lease_until.ms(),
        is_own,
    ])?;
    match (updated, retry_at) {
        (0, _) => return update_others(context, outcome, has_arrived),
        (_, Some(at)) => context.notify_later(Notification::Due(outcome.endpoint, outcome.lane, at)),
        (_, None) => {
            let endpoint = match endpoint {
                Some(endpoint) => endpoint,
                None => endpoint_of(context, outcome)?,
            };
            context.pending.add_waiting(endpoint, -1);
        }
    }
    Ok(true)
}

/// Whether a user added attempts since this one began.
fn has_more_attempts(context: &WriteContext, outcome: &Outcome) -> Result<bool, StoreError> {
    let select = "SELECT max_attempts > ?2 FROM deliveries WHERE n = ?1";
    let params = params![outcome.handle, outcome.max_attempts];
    let more: Option<bool> = context.db.prepare_cached(select)?.query_row(params, |row| row.get(0)).optional()?;
    Ok(more.unwrap_or(false))
}

/// The number of an endpoint removed meanwhile.
fn endpoint_of(context: &WriteContext, outcome: &Outcome) -> Result<i64, StoreError> {
    let select = "SELECT endpoint FROM deliveries WHERE n = ?1";
    Ok(context.db.prepare_cached(select)?.query_row([outcome.handle], |row| row.get(0))?)
}

/// Records the attempt of a delivery that has ended or is leased again; returns whether it has ended.
fn update_others(context: &WriteContext, outcome: &Outcome, has_arrived: bool) -> Result<bool, StoreError> {
    let attempt = &outcome.attempt;
    let update = formatcp!(
        "UPDATE deliveries SET state = iif(?2, {DELIVERED}, state), reason = iif(?2, NULL, reason), \
        attempts = max(attempts, ?3), last_at = ?4, last_status = ?5, last_error = ?6, last_ms = ?7 WHERE n = ?1 \
        RETURNING state <> {PENDING}"
    );
    let params = params![
        outcome.handle,
        has_arrived,
        attempt.n,
        attempt.at.ms(),
        attempt.status_code,
        attempt.error.as_ref().map(|error| error.kind.as_str()),
        attempt.duration_ms,
    ];
    let has_ended = context.db.prepare_cached(update)?.query_row(params, |row| row.get(0)).optional()?;
    let has_ended = has_ended.unwrap_or(true);
    if !has_ended {
        metrics::counter!("gancho_leases_lost_total").increment(1);
        tracing::warn!(delivery = %outcome.delivery, "an attempt ended after its lease; another attempt is under way");
    }
    Ok(has_ended)
}

/// Applies the attempt's effects on its endpoint.
fn apply_to_endpoint(
    context: &mut WriteContext,
    n: i64,
    endpoint: &Endpoint,
    outcome: &Outcome,
) -> Result<Option<HealthTransition>, StoreError> {
    let Some(before) = context.health(n)? else { return Ok(None) };
    let ended = outcome.ended();
    let effects = endpoint_after(endpoint, before, &ended, context.resend_after_outage);
    if let Some(health) = effects.health {
        context.set_health(n, health);
    }
    if effects.reload {
        context.health_matters(n);
    }
    if let Some(reason) = effects.disabled {
        disable(context, n, reason, outcome)?;
    }
    if effects.release_retries {
        repair::release_retries(context, n, endpoint.id)?;
    }
    if let Some(since) = effects.resend_since {
        replay::resend_outage(context, n, endpoint, since, outcome.ended_at.mono)?;
    }
    if effects.transition == Some(HealthTransition::Recovered) {
        issue::solve(&context.db, n, outcome.ended_at.wall)?;
    }
    let event = effects
        .transition
        .and_then(|transition| announcement(endpoint, transition, &before, &ended, &*context.environment));
    if let Some(event) = event {
        accept::keep_own_event(context, event)?;
    }
    Ok(effects.transition)
}

fn disable(context: &mut WriteContext, n: i64, reason: &str, outcome: &Outcome) -> Result<(), StoreError> {
    let disable =
        "UPDATE endpoints SET enabled = 0, disabled_reason = ?2, updated_at = max(updated_at + 1, ?3) WHERE n = ?1";
    context.db.prepare_cached(disable)?.execute(params![n, reason, outcome.ended_at.wall.ms()])?;
    context.plans_are_stale();
    Ok(())
}
