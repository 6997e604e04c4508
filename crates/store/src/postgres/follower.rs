//! Applies changes made by other nodes: at once when their messages arrive, otherwise within half a second by polling.

use std::{sync::Weak, time::Duration};

use const_format::formatcp;
use gancho_model::{NodeId, Priority};
use sqlx::Row as _;
use tokio::time::Instant;

use super::{
    broadcast::{NodeMessage, Subscriber},
    membership,
    numbers::LAST,
    serving,
    write_context::{Notification, WriteContext},
    writer::Writer,
};
use crate::StoreError;

/// Interval between polls.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// Minimum interval between two transactions of this task.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs until the store is dropped.
pub(super) async fn follow(writer: Weak<Writer>, node: NodeId, mut subscriber: Subscriber) {
    let mut maintained_at = Instant::now();
    loop {
        let received = tokio::select! {
            message = subscriber.next() => Some(message),
            () = tokio::time::sleep(POLL_EVERY) => None,
        };
        let Some(writer) = writer.upgrade() else { return };
        let maintains = maintained_at.elapsed() >= membership::MAINTAIN_EVERY;
        let polls_due = received.as_ref().map_or(!subscriber.is_listening(), |message| message.truncated);
        let message = received.unwrap_or_default();
        let work = async move |context: &mut WriteContext| {
            follow_versions(context).await?;
            apply_message(context, &message).await?;
            if polls_due {
                poll_due(context, node).await?;
            }
            if maintains {
                membership::maintain(context, node).await?;
            }
            Ok(())
        };
        match writer.write(false, work).await {
            Ok(()) if maintains => maintained_at = Instant::now(),
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "other nodes can't be followed; trying again"),
        }
        drop(writer);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads the last sequence number and the endpoints' version.
async fn follow_versions(context: &mut WriteContext) -> Result<(), StoreError> {
    let select = formatcp!("SELECT (SELECT value FROM meta WHERE name = 'endpoint_version'), ({LAST})");
    if let Some(row) = first!(&mut context.db, select) {
        context.follow_feed(row.try_get(1)?);
        context.follow_endpoints(row.try_get(0)?);
    }
    Ok(())
}

async fn apply_message(context: &mut WriteContext, message: &NodeMessage) -> Result<(), StoreError> {
    if message.from.is_some() {
        context.pending.has_changed = true;
    }
    if message.due.is_empty() && message.released.is_empty() && message.cancelled.is_empty() {
        return Ok(());
    }
    let (now, routes) = (context.environment.mono(), context.routes().await?);
    for n in &message.released {
        context.serving.ask_again(*n);
    }
    for (_, endpoint) in routes.iter().filter(|(n, _)| message.released.contains(n)) {
        Priority::ALL.iter().for_each(|lane| context.notify_later(Notification::Due(endpoint.id, *lane, now)));
    }
    for (endpoint, lane) in &message.due {
        let lane = Priority::ALL.get(usize::from(*lane));
        if let (Some(lane), Some((n, _))) = (lane, routes.find(*endpoint))
            && !context.serving.is_elsewhere(*n, now)
        {
            context.notify_later(Notification::Due(*endpoint, *lane, now));
        }
    }
    for (endpoint, delivery) in &message.cancelled {
        context.notify_later(Notification::Forget(*endpoint, *delivery));
    }
    Ok(())
}

/// Queries due deliveries of endpoints that this node serves, or that no node serves.
async fn poll_due(context: &mut WriteContext, node: NodeId) -> Result<(), StoreError> {
    let now = context.environment.mono();
    for due in serving::waiting(context, Some(node), now).await? {
        context.notify_later(Notification::Due(due.endpoint, due.lane, due.at));
    }
    Ok(())
}
