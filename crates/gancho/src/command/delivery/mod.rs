mod timeline;

use clap::Subcommand;
use gancho_model::{Clock as _, Timestamp, WaitingFor};
use gancho_words::Words;
use reqwest::Method;
use serde_json::Value;

use super::table::{self, Cell, Column};
use crate::{
    api_client::{ApiClient, query},
    cli_error::CliResult,
    runtime::block_on,
    system::System,
    terminal::Style,
    when,
};

/// What to do with deliveries.
#[derive(Subcommand)]
pub enum DeliveryCommand {
    /// List them, newest first.
    List {
        /// To this webhook.
        #[arg(long)]
        endpoint: Option<String>,
        /// Of this event.
        #[arg(long)]
        event: Option<String>,
        /// pending, delivered, failed, cancelled or skipped.
        #[arg(long)]
        state: Option<String>,
        /// Types and patterns.
        #[arg(long, num_args = 1..)]
        types: Vec<String>,
        /// Made at this time or later: 1h, yesterday, 2026-03-01, or RFC 3339.
        #[arg(long)]
        since: Option<String>,
        /// Made before this time.
        #[arg(long)]
        until: Option<String>,
        /// How the last attempt failed: dns, connect, tls, timeout, blocked, protocol or status.
        #[arg(long)]
        error: Option<String>,
        /// The beginning of a document's number.
        #[arg(long)]
        document: Option<String>,
        /// Parts of words of the event, or of the webhook's name or URL.
        #[arg(long)]
        search: Option<String>,
        /// The same, the newest last.
        #[arg(long)]
        oldest: bool,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show one with its attempts.
    Show {
        /// dlv_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Send it again.
    Retry {
        /// dlv_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Cancel one that waits.
    Cancel {
        /// dlv_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("state", 0, |one| Cell::state(&one["state"])),
    Column::flexible("event", 0, |one| Cell::plain(event(one))),
    Column::new("answer", 2, |one| Cell::plain(answer(one))),
    Column::new("ms", 6, |one| Cell::of(&one["last"]["duration_ms"])),
    Column::new("tries", 5, |one| Cell::plain(format!("{}/{}", one["attempts"], one["max_attempts"]))),
    Column::flexible("waits for", 4, |one| Cell::plain(waits(one))),
    Column::flexible("webhook", 1, |one| Cell::of(&one["webhook"])),
    Column::new("made", 3, |one| Cell::ago(&one["created_at"])),
    Column::new("id", 0, |one| Cell::new(table::text(&one["id"]), Style::Dim)),
];

/// Its type with the document.
fn event(delivery: &Value) -> String {
    let mut text = table::text(&delivery["event"]);
    if let Some(document) = delivery["document"].as_str() {
        text = format!("{text} {document}");
    }
    // Tests don't come from the ERP, which matters when counting events.
    if delivery["lane"] == "test" { format!("{text} (test)") } else { text }
}

/// Adds the display name of each webhook: its name, otherwise its URL's host.
pub(super) async fn name_webhooks(deliveries: &mut [Value], api: &ApiClient) -> CliResult {
    if deliveries.is_empty() {
        return Ok(());
    }
    let endpoints = api.pages("endpoints").await?;
    for delivery in deliveries {
        let known = endpoints.iter().find(|one| one["id"] == delivery["endpoint_id"]);
        let name = known.and_then(|one| one["name"].as_str()).map(ToOwned::to_owned);
        delivery["webhook"] = name.unwrap_or_else(|| host(delivery)).into();
    }
    Ok(())
}

fn host(delivery: &Value) -> String {
    let url = delivery["url"].as_str().and_then(|url| url::Url::parse(url).ok());
    url.and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default()
}

/// The last response: a status, or the kind of failure.
fn answer(delivery: &Value) -> String {
    let last = &delivery["last"];
    table::text(if last["status_code"].is_null() { &last["error"] } else { &last["status_code"] })
}

pub(super) fn waits(delivery: &Value) -> String {
    let reason = delivery["waiting_for"].as_str().and_then(WaitingFor::parse);
    let next = delivery["next_attempt_at"].as_str().and_then(Timestamp::parse);
    Words::english().waiting(reason, next, System.now())
}

pub fn run(command: DeliveryCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: DeliveryCommand, api: &ApiClient) -> CliResult {
    match command {
        DeliveryCommand::List {
            endpoint,
            event,
            state,
            types,
            since,
            until,
            error,
            document,
            search,
            oldest,
            limit,
        } => {
            let filters = [
                ("endpoint", endpoint),
                ("event", event),
                ("state", state),
                ("types", (!types.is_empty()).then(|| types.join(","))),
                ("since", since.as_deref().map(when::parse).transpose()?),
                ("until", until.as_deref().map(when::parse).transpose()?),
                ("error", error),
                ("document", document),
                ("q", search),
            ];
            let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let path = format!("deliveries?limit={limit}{}", query(filters));
            let mut page = api.call(Method::GET, &path, None).await?;
            let mut found = page["data"].as_array_mut().map(std::mem::take).unwrap_or_default();
            if oldest {
                found.reverse();
            }
            if api.json {
                say!("{}", Value::from(found));
            } else {
                name_webhooks(&mut found, api).await?;
                table::print(&found, COLUMNS, "no delivery matches; without filters: gancho delivery list");
            }
            Ok(())
        }
        DeliveryCommand::Show { id } => show(&id, api).await,
        DeliveryCommand::Cancel { id } => {
            api.act(Method::POST, &format!("deliveries/{id}/cancel"), None, &format!("cancelled {id}")).await
        }
        DeliveryCommand::Retry { id } => {
            let done = format!("{id} is sent again; how it goes: gancho delivery show {id}");
            api.act(Method::POST, &format!("deliveries/{id}/retry"), None, &done).await
        }
    }
}

async fn show(id: &str, api: &ApiClient) -> CliResult {
    let delivery = api.call(Method::GET, &format!("deliveries/{id}"), None).await?;
    if api.json {
        say!("{delivery}");
        return Ok(());
    }
    let event = table::text(&delivery["event_id"]);
    // If the event was removed, the delivery has the remaining data.
    let event = api.call(Method::GET, &format!("events/{event}"), None).await.unwrap_or_default();
    timeline::print(&delivery, &event);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_fits_the_terminal() {
        let one = |more: Value| {
            let mut one = json!({
                "id": "dlv_01m8jf8pc3exzrzhbf8meg0afj", "event": "invoice.paid", "document": "FAC2026A12",
                "webhook": "Contabilidad", "attempts": 1, "max_attempts": 6,
                "created_at": "2020-01-01T10:00:00.000Z", "waiting_for": null, "next_attempt_at": null,
            });
            one.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            one
        };
        let items = [
            one(json!({"state": "delivered", "last": {"status_code": 200, "duration_ms": 41}})),
            one(json!({"state": "failed", "attempts": 6, "document": "ALB2026A7",
                "last": {"status_code": null, "error": "timeout", "duration_ms": 20_000}})),
            one(json!({"state": "pending", "attempts": 0, "waiting_for": "endpoint_paused", "last": null})),
            one(
                json!({"state": "skipped", "attempts": 0, "document": null, "event": "supplier_delivery_note.approved",
                "last": null}),
            ),
        ];
        insta::assert_snapshot!(table::snapshot(&items, COLUMNS));
    }
}
