//! Checks whether an ERP's API can be polled, step by step. The ERP counts refused requests: the first refusal ends the
//! check.

use gancho_model::{Message, Source};
use gancho_service::{Finding, Refused};

use super::{ApiError, ErpClient, client::OUTBOX, list_state::lists, poller::client};

/// Requests per second while a user waits.
const PER_S: u32 = 10;
/// One record is enough to check whether a list may be read.
const ONE: [(&str, &str); 1] = [("limit", "1")];

/// Whether the address is an API that accepts the key.
pub(crate) async fn accepted(source: &Source) -> Result<(), Refused> {
    let at_url = |why| Refused { field: "url", why };
    super::Base::of(source).map_err(at_url)?;
    let mut client = client(source, PER_S).map_err(|why| Refused { field: "key", why })?;
    let refused = |error: ApiError| Refused { field: error.field(), why: error.message() };
    let known = client.resources().await.map_err(refused)?;
    for list in lists(source.models.as_deref()) {
        if !known.contains(&list.name) {
            let why = Message::new("api-no-list").with("list", list.name);
            return Err(Refused { field: "models", why });
        }
    }
    Ok(())
}

/// What works and what is missing.
pub(crate) async fn findings(source: &Source) -> Vec<Finding> {
    let mut found = vec![];
    let mut client = match client(source, PER_S) {
        Ok(client) => client,
        Err(why) => return vec![Finding::bad("address", why)],
    };
    let known = match client.resources().await {
        Ok(known) => known,
        Err(error) => return vec![Finding::bad(error.field(), error.message())],
    };
    found.push(Finding::good("url", Message::new("check-api").with("count", known.len())));
    found.push(Finding::good("key", Message::new("check-api-key")));
    if known.iter().any(|list| list == OUTBOX) {
        match client.outbox(1, false).await {
            // The check ends then.
            Ok(Some(_)) => {
                found.push(Finding::good("plugin", Message::new("check-api-plugin")));
                return found;
            }
            Ok(None) => found.push(Finding::good("plugin", Message::new("check-api-plugin-off"))),
            Err(error) => {
                found.push(Finding::bad("plugin", error.message()));
                return found;
            }
        }
    }
    rights(source, &mut client, &mut found).await;
    found
}

/// Which of the needed lists may be read.
async fn rights(source: &Source, client: &mut ErpClient, found: &mut Vec<Finding>) {
    let lists = lists(source.models.as_deref());
    let names: Vec<&str> =
        lists.iter().flat_map(|list| list.lines.as_deref().into_iter().chain([&*list.name])).collect();
    let mut readable = 0;
    for name in &names {
        let query = ONE.map(|(name, value)| (name.to_owned(), value.to_owned()));
        match client.list(name, &query).await {
            Ok(_) => readable += 1,
            Err(error) if error.is_final() => {
                let why = Message::new("check-api-rights").with("why", error.message()).with("lists", names.join(", "));
                found.push(Finding::bad(*name, why));
                return;
            }
            Err(error) => found.push(Finding::bad(*name, error.message())),
        }
    }
    if readable == names.len() {
        found.push(Finding::good("lists", Message::new("check-api-lists").with("count", readable)));
    }
    if !client.counts {
        found.push(Finding::bad("version", Message::new("check-api-old")));
    }
}
