//! Records attempts and their consequences.

use std::collections::{HashMap, HashSet};

use const_format::formatcp;
use gancho_model::{
    Attempt, Decision, Endpoint, HealthTransition, NodeId, Priority, State, announcement, delivery_after,
    endpoint_after,
};

use sqlx::Row as _;

use super::rows::{DELIVERED, IS_OUR_ATTEMPT, PENDING};
use super::{
    accept, issue, repair, replay,
    write_context::{Notification, WriteContext},
};
use crate::{HealthChange, Outcome, StoreError};

/// Records outcomes; `attempts` are the packed attempts of the same outcomes.
pub(super) async fn record(
    context: &mut WriteContext,
    node: NodeId,
    outcomes: &[Outcome],
    attempts: &[Vec<u8>],
) -> Result<Vec<HealthChange>, StoreError> {
    let routes = context.routes().await?;
    let known = insert_attempts(context, outcomes, attempts).await?;
    let arrived = note_arrived(context, outcomes, &known).await?;
    let mut changes = vec![];
    for (place, outcome) in outcomes.iter().enumerate() {
        if known.contains(&place) {
            continue;
        }
        let known = routes.find(outcome.endpoint);
        if let Some((n, _)) = known.filter(|_| outcome.lane != Priority::Test) {
            context.pending.count(*n, outcome);
            // A resent delivery was counted when it failed first.
            let ended = outcome.verdict == Decision::Failed && outcome.lane == Priority::Live;
            issue::count_failure(&mut context.db, *n, outcome.handle, &outcome.attempt, ended).await?;
        }
        let is_ours = match arrived.get(&outcome.handle) {
            Some(of) => {
                context.pending.add_waiting(*of, -1);
                true
            }
            None => update_delivery(context, node, outcome, known.map(|(n, _)| *n)).await?,
        };
        // For a removed endpoint only the delivery is recorded.
        let Some((n, endpoint)) = known.filter(|_| is_ours) else { continue };
        let transition = apply_to_endpoint(context, *n, endpoint, outcome).await?;
        changes.extend(transition.map(|transition| HealthChange { endpoint: outcome.endpoint, transition }));
    }
    Ok(changes)
}

/// Marks pending deliveries as delivered if their attempts succeeded, whoever holds their leases. Returns their
/// endpoints' numbers, by handle.
async fn note_arrived(
    context: &mut WriteContext,
    outcomes: &[Outcome],
    known: &HashSet<usize>,
) -> Result<HashMap<i64, i64>, StoreError> {
    let new = outcomes.iter().enumerate().filter(|(place, _)| !known.contains(place)).map(|(_, outcome)| outcome);
    let arrived: Vec<&Outcome> = new.filter(|outcome| outcome.verdict == Decision::Delivered).collect();
    let handles: Vec<i64> = arrived.iter().map(|outcome| outcome.handle).collect();
    if handles.iter().collect::<HashSet<_>>().len() < handles.len() {
        // A duplicate: each outcome is recorded separately.
        return Ok(HashMap::new());
    }
    let column =
        |value: fn(&Attempt) -> i64| -> Vec<i64> { arrived.iter().map(|outcome| value(&outcome.attempt)).collect() };
    let numbers = column(|attempt| i64::from(attempt.n));
    let times = column(|attempt| attempt.at.ms());
    let took = column(|attempt| i64::from(attempt.duration_ms));
    let statuses: Vec<Option<i64>> = arrived.iter().map(|outcome| outcome.attempt.status_code.map(i64::from)).collect();
    // By number: `+ 0` avoids the index of pending deliveries, which keeps dead entries while someone holds an old
    // snapshot.
    let update = formatcp!(
        "UPDATE deliveries d SET state = {DELIVERED}, due = NULL, leased = NULL, node = NULL, \
        attempts = greatest(d.attempts, w.n), last_at = w.at, last_status = w.status, last_error = NULL, last_ms = w.ms \
        FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) AS w (handle, n, at, status, ms) \
        WHERE d.n = w.handle AND d.state + 0 = {PENDING} RETURNING d.n, d.endpoint"
    );
    let found = all!(&mut context.db, update, handles, numbers, times, statuses, took);
    found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Each attempt has one row. A duplicate number (two nodes overran one lease) becomes the next free one. Nothing is
/// recorded for a delivery removed meanwhile. Returns the places of outcomes that were recorded before: their commit
/// succeeded, but its answer was lost.
async fn insert_attempts(
    context: &mut WriteContext,
    outcomes: &[Outcome],
    packed: &[Vec<u8>],
) -> Result<HashSet<usize>, StoreError> {
    let mut known = HashSet::new();
    let handles: Vec<i64> = outcomes.iter().map(|outcome| outcome.handle).collect();
    let numbers: Vec<i64> = outcomes.iter().map(|outcome| i64::from(outcome.attempt.n)).collect();
    let insert = "INSERT INTO attempts (delivery, n, attempt) \
        SELECT w.* FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS w (delivery, n, attempt) \
        WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.n = w.delivery) ON CONFLICT DO NOTHING RETURNING delivery, n";
    let found = all!(&mut context.db, insert, &handles, &numbers, packed);
    if found.len() == outcomes.len() {
        return Ok(known);
    }
    let mut kept = HashSet::new();
    for row in &found {
        kept.insert((row.try_get::<i64, _>(0)?, row.try_get::<i64, _>(1)?));
    }
    for (place, ((handle, number), attempt)) in handles.into_iter().zip(numbers).zip(packed).enumerate() {
        // Of two attempts with the same number, the first was stored.
        if !kept.remove(&(handle, number)) {
            let same = "SELECT EXISTS (SELECT 1 FROM attempts WHERE delivery = $1 AND attempt = $2)";
            if scalar!(&mut context.db, bool, same, handle, attempt) == Some(true) {
                known.insert(place);
                continue;
            }
            let next = "INSERT INTO attempts (delivery, n, attempt) SELECT $1, max(n) + 1, $2 FROM attempts \
                WHERE delivery = $1 HAVING max(n) IS NOT NULL";
            run!(&mut context.db, next, handle, attempt);
        }
    }
    Ok(known)
}

/// Updates the delivery. It continues if a user resent it during its last attempt; it stays cancelled if it was
/// cancelled during the attempt, unless it was delivered: then that counts, whoever holds the lease. Returns whether
/// the outcome has other consequences: it has none if the lease was lost.
async fn update_delivery(
    context: &mut WriteContext,
    node: NodeId,
    outcome: &Outcome,
    endpoint: Option<i64>,
) -> Result<bool, StoreError> {
    let attempt = &outcome.attempt;
    let has_more = outcome.verdict == Decision::Failed && has_more_attempts(context, outcome).await?;
    let (state, retry_at) = delivery_after(outcome.verdict, has_more, outcome.ended_at.mono);
    let has_arrived = state == State::Delivered;
    let update = formatcp!(
        "UPDATE deliveries SET state = $4, due = $5, leased = NULL, node = NULL, attempts = greatest(attempts, $6), \
        last_at = $7, last_status = $8, last_error = $9, last_ms = $10 \
        WHERE n = $3 AND state = {PENDING} AND ($11 OR ({IS_OUR_ATTEMPT})) RETURNING endpoint"
    );
    let (clock, node) = (context.clock.clone(), node.bytes().as_slice());
    let updated = scalar!(
        &mut context.db,
        i64,
        update,
        clock.kept_ends(outcome.lease_until),
        node,
        outcome.handle,
        state as i64,
        retry_at.map(|at| clock.kept(at)),
        i64::from(attempt.n),
        attempt.at.ms(),
        attempt.status_code.map(i64::from),
        attempt.error.as_ref().map(|error| error.kind.as_str()),
        i64::from(attempt.duration_ms),
        has_arrived,
    );
    match (updated, retry_at) {
        (None, _) => return update_others(context, outcome, has_arrived).await,
        (_, Some(at)) => context.notify_later(Notification::Due(outcome.endpoint, outcome.lane, at)),
        // If the endpoint was removed, the row has its number.
        (Some(of), None) => context.pending.add_waiting(endpoint.unwrap_or(of), -1),
    }
    Ok(true)
}

/// Whether a user added attempts since this one began.
async fn has_more_attempts(context: &mut WriteContext, outcome: &Outcome) -> Result<bool, StoreError> {
    let select = "SELECT max_attempts > $2 FROM deliveries WHERE n = $1 FOR NO KEY UPDATE";
    let more = scalar!(&mut context.db, bool, select, outcome.handle, i64::from(outcome.max_attempts));
    Ok(more.unwrap_or(false))
}

/// Records the attempt of a delivery that has ended or is leased by another node; returns whether it has ended.
async fn update_others(context: &mut WriteContext, outcome: &Outcome, has_arrived: bool) -> Result<bool, StoreError> {
    let attempt = &outcome.attempt;
    // Resent by another node, which held its lock.
    run!(&mut context.db, "SELECT n FROM deliveries WHERE n = $1 FOR NO KEY UPDATE", outcome.handle);
    let end = formatcp!(
        "UPDATE deliveries SET due = NULL, leased = NULL, node = NULL WHERE n = $1 AND $2 AND state = {PENDING} RETURNING endpoint"
    );
    if let Some(endpoint) = scalar!(&mut context.db, i64, end, outcome.handle, has_arrived) {
        context.pending.add_waiting(endpoint, -1);
    }
    let update = formatcp!(
        "UPDATE deliveries SET state = CASE WHEN $2 THEN {DELIVERED} ELSE state END, \
        reason = CASE WHEN $2 THEN NULL ELSE reason END, attempts = greatest(attempts, $3), last_at = $4, \
        last_status = $5, last_error = $6, last_ms = $7 WHERE n = $1 RETURNING state <> {PENDING}"
    );
    let has_ended = scalar!(
        &mut context.db,
        bool,
        update,
        outcome.handle,
        has_arrived,
        i64::from(attempt.n),
        attempt.at.ms(),
        attempt.status_code.map(i64::from),
        attempt.error.as_ref().map(|error| error.kind.as_str()),
        i64::from(attempt.duration_ms),
    );
    let has_ended = has_ended.unwrap_or(true);
    if !has_ended {
        metrics::counter!("gancho_leases_lost_total").increment(1);
        tracing::warn!(delivery = %outcome.delivery, "an attempt ended after its lease; another attempt is under way");
    }
    Ok(has_ended)
}

/// Applies the attempt's effects on its endpoint.
async fn apply_to_endpoint(
    context: &mut WriteContext,
    n: i64,
    endpoint: &Endpoint,
    outcome: &Outcome,
) -> Result<Option<HealthTransition>, StoreError> {
    let Some(before) = context.health(n).await? else { return Ok(None) };
    let ended = outcome.ended();
    let effects = endpoint_after(endpoint, before, &ended, context.resend_after_outage);
    if let Some(health) = effects.health {
        context.set_health(n, health);
    }
    if effects.reload {
        context.health_matters(n);
    }
    if let Some(reason) = effects.disabled {
        disable(context, n, reason, outcome).await?;
    }
    if effects.release_retries {
        repair::release_retries(context, n, endpoint.id).await?;
    }
    if let Some(since) = effects.resend_since {
        replay::resend_outage(context, n, endpoint, since, outcome.ended_at.mono).await?;
    }
    if effects.transition == Some(HealthTransition::Recovered) {
        issue::solve(&mut context.db, n, outcome.ended_at.wall).await?;
    }
    let event = effects
        .transition
        .and_then(|transition| announcement(endpoint, transition, &before, &ended, &*context.environment));
    if let Some(event) = event {
        accept::keep_own_event(context, event).await?;
    }
    Ok(effects.transition)
}

async fn disable(context: &mut WriteContext, n: i64, reason: &str, outcome: &Outcome) -> Result<(), StoreError> {
    let disable = "UPDATE endpoints SET enabled = false, disabled_reason = $2, updated_at = greatest(updated_at + 1, $3) \
        WHERE n = $1";
    run!(&mut context.db, disable, n, reason, outcome.ended_at.wall.ms());
    context.plans_are_stale();
    Ok(())
}
