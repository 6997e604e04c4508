//! The header fields that describe and sign a delivery (CONTRACT §3).

use gancho_receiver::{headers, sign};

use crate::{EventId, EventType, SigningSecrets, Timestamp};

/// The data of an attempt in its header fields.
#[derive(Clone, Copy, Debug)]
pub struct SentEvent<'a> {
    /// The event's id.
    pub id: EventId,
    /// Its type.
    pub event: &'a EventType,
    /// Its number in the feed; 0 outside it.
    pub sequence: u64,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The bytes sent.
    pub body: &'a [u8],
}

/// Name and value of each field, signed at this time; with both secrets during a rotation.
pub fn delivery_headers(secrets: &SigningSecrets, sent: SentEvent<'_>, now: Timestamp) -> Vec<(&'static str, String)> {
    let (id, at) = (sent.id.to_string(), now.s());
    let (current, next) = secrets.at(now);
    let standard: Vec<String> = [Some(current), next]
        .into_iter()
        .flatten()
        .filter_map(|secret| sign::standard(secret, &id, at, sent.body))
        .collect();
    let mut fields = vec![
        (headers::X_ID, id.clone()),
        (headers::X_EVENT, sent.event.to_string()),
        (headers::X_TIMESTAMP, at.to_string()),
        (headers::X_ATTEMPT, sent.attempt.to_string()),
        (headers::X_SEQUENCE, sent.sequence.to_string()),
        (headers::X_SIGNATURE, sign::plain(current, sent.body)),
    ];
    fields.extend(next.map(|next| (headers::X_SIGNATURE_NEXT, sign::plain(next, sent.body))));
    fields.extend([(headers::STANDARD_ID, id), (headers::STANDARD_TIMESTAMP, at.to_string())]);
    if !standard.is_empty() {
        fields.push((headers::STANDARD_SIGNATURE, standard.join(" ")));
    }
    fields
}
