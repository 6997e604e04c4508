//! What other nodes did becomes known here: at once where they can be heard, else within half a second.

use std::{sync::Weak, time::Duration};

use gancho_model::{NodeId, Priority};
use tokio::time::Instant;

use super::{
    bell::{Ear, Ring},
    membership, serving,
    write_context::{Notification, WriteContext},
    writer::Writer,
};
use crate::StoreError;

/// How often it looks, whether or not it heard anything.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The least time between two looks: what is heard meanwhile is one.
const PAUSE: Duration = Duration::from_millis(20);

/// Follows as long as the store is there.
pub(super) async fn follow(writer: Weak<Writer>, node: NodeId, mut ear: Ear) {
    let mut tended = Instant::now();
    loop {
        let heard = tokio::select! {
            ring = ear.next() => Some(ring),
            () = tokio::time::sleep(LOOK_EVERY) => None,
        };
        let Some(writer) = writer.upgrade() else { return };
        let tends = tended.elapsed() >= membership::TEND_EVERY;
        let looks = heard.as_ref().map_or(!ear.hears(), |ring| ring.more);
        let ring = heard.unwrap_or_default();
        let look = async move |context: &mut WriteContext| {
            follow_versions(context).await?;
            follow_ring(context, &ring).await?;
            if looks {
                look_around(context, node).await?;
            }
            if tends {
                membership::tend(context, node).await?;
            }
            Ok(())
        };
        match writer.write(false, look).await {
            Ok(()) if tends => tended = Instant::now(),
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "other nodes can't be followed; trying again"),
        }
        drop(writer);
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was accepted and changed elsewhere.
async fn follow_versions(context: &mut WriteContext) -> Result<(), StoreError> {
    let select = "SELECT value FROM meta WHERE name IN ('endpoint_version', 'sequence') ORDER BY name";
    let values = column!(&mut context.db, i64, select);
    let [version, sequence] = values[..] else { return Ok(()) };
    context.follow_feed(sequence);
    context.follow_endpoints(version);
    Ok(())
}

async fn follow_ring(context: &mut WriteContext, ring: &Ring) -> Result<(), StoreError> {
    if ring.from.is_some() {
        context.pending.has_changed = true;
    }
    if ring.due.is_empty() && ring.freed.is_empty() && ring.forget.is_empty() {
        return Ok(());
    }
    let (now, routes) = (context.environment.mono(), context.routes().await?);
    for n in &ring.freed {
        context.serving.ask_again(*n);
    }
    for (_, endpoint) in routes.iter().filter(|(n, _)| ring.freed.contains(n)) {
        Priority::ALL.iter().for_each(|lane| context.notify_later(Notification::Due(endpoint.id, *lane, now)));
    }
    for (endpoint, lane) in &ring.due {
        let lane = Priority::ALL.get(usize::from(*lane));
        if let (Some(lane), Some((n, _))) = (lane, routes.find(*endpoint))
            && !context.serving.is_elsewhere(*n, now)
        {
            context.notify_later(Notification::Due(*endpoint, *lane, now));
        }
    }
    for (endpoint, delivery) in &ring.forget {
        context.notify_later(Notification::Forget(*endpoint, *delivery));
    }
    Ok(())
}

/// What others left here to be sent, and did not or could not tell.
async fn look_around(context: &mut WriteContext, node: NodeId) -> Result<(), StoreError> {
    let now = context.environment.mono();
    for due in serving::waiting(context, Some(node), now).await? {
        context.notify_later(Notification::Due(due.endpoint, due.lane, due.at));
    }
    Ok(())
}
