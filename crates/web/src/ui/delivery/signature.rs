//! Compares a signature entered by the user with the expected one.

use gancho_model::{Attempt, Endpoint, Event, Timestamp};
use gancho_receiver::{Secret, sign};

/// The entered signature and the expected one.
pub(super) struct Checked {
    pub given: String,
    pub right: bool,
    pub expected: String,
}

/// Either header: `webhook-signature` of one of the attempts, or `X-Webhook-Signature`. During a rotation each contains
/// two signatures, of which one must match.
pub(super) fn check(given: &str, endpoint: &Endpoint, event: &Event, attempts: &[Attempt], now: Timestamp) -> Checked {
    let given = given.trim().to_owned();
    let (current, next) = endpoint.secrets.at(now);
    let secrets: Vec<&Secret> = [Some(current), next].into_iter().flatten().collect();
    let rights = if given.starts_with("v1,") { dated(&secrets, event, attempts) } else { plain(&secrets, event) };
    Checked {
        right: given.split_ascii_whitespace().any(|one| rights.iter().any(|right| right == one)),
        expected: rights.into_iter().next().unwrap_or_default(),
        given,
    }
}

fn plain(secrets: &[&Secret], event: &Event) -> Vec<String> {
    secrets.iter().map(|secret| sign::plain(secret, &event.body)).collect()
}

/// Most recent attempt first.
fn dated(secrets: &[&Secret], event: &Event, attempts: &[Attempt]) -> Vec<String> {
    let sent_at = |attempt: &Attempt| {
        let mut fields = attempt.request_headers.fields();
        fields.find(|(name, _)| *name == "webhook-timestamp").and_then(|(_, value)| value.parse::<i64>().ok())
    };
    let id = event.id.to_string();
    let signed = |at| secrets.iter().map(move |secret| (at, *secret)).collect::<Vec<_>>();
    let pairs = attempts.iter().rev().filter_map(sent_at).flat_map(signed);
    pairs.filter_map(|(at, secret)| sign::standard(secret, &id, at, &event.body)).collect()
}
