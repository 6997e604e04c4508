//! The names of the header fields of every webhook.

/// The event's id, the same at every attempt and for every endpoint.
pub const X_ID: &str = "x-webhook-id";
/// The event's type, such as `invoice.paid`.
pub const X_EVENT: &str = "x-webhook-event";
/// The time of this attempt, Unix seconds.
pub const X_TIMESTAMP: &str = "x-webhook-timestamp";
/// The number of this attempt, from 1.
pub const X_ATTEMPT: &str = "x-webhook-attempt";
/// The event's number in the feed; 0 for an event that is not in the feed (a test).
pub const X_SEQUENCE: &str = "x-webhook-sequence";
/// Lowercase hex of HMAC-SHA256 over the raw body, keyed by the secret's own characters.
pub const X_SIGNATURE: &str = "x-webhook-signature";
/// During a rotation: the same with the new secret.
pub const X_SIGNATURE_NEXT: &str = "x-webhook-signature-next";
/// Standard Webhooks 1.0.0: the message id.
pub const STANDARD_ID: &str = "webhook-id";
/// Standard Webhooks 1.0.0: the time of this attempt, Unix seconds.
pub const STANDARD_TIMESTAMP: &str = "webhook-timestamp";
/// Standard Webhooks 1.0.0: `v1,BASE64`, several of them separated by spaces.
pub const STANDARD_SIGNATURE: &str = "webhook-signature";
