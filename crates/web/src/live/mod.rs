//! Notifies open pages that something changed; they fetch the changes themselves.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{App, ui::current_user::CurrentUser};

/// Minimum interval between notifications.
const PACE: Duration = Duration::from_secs(1);
/// Interval of keep-alives.
const ALIVE: Duration = Duration::from_secs(10);

/// A stream of notifications: one at once, then one after each interval with a commit.
pub(crate) async fn show(State(app): State<Arc<App>>, _: CurrentUser) -> Response {
    let (beats, stream) = mpsc::channel::<Result<Event, Infallible>>(1);
    tokio::spawn(async move {
        let mut pulse = app.store.pulse();
        loop {
            let count = *pulse.borrow_and_update();
            if beats.send(Ok(Event::default().event("beat").data(count.to_string()))).await.is_err() {
                return;
            }
            tokio::time::sleep(PACE).await;
            tokio::select! {
                changed = pulse.changed() => if changed.is_err() { return },
                () = beats.closed() => return,
                () = app.closing() => return,
            }
        }
    });
    let alive = KeepAlive::new().interval(ALIVE).text("alive");
    (
        [("cache-control", "no-store"), ("x-accel-buffering", "no")],
        Sse::new(ReceiverStream::new(stream)).keep_alive(alive),
    )
        .into_response()
}
