//! Creates signatures.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::Secret;

/// `X-Webhook-Signature`: lowercase hex of HMAC-SHA256 over the body, keyed by the secret's own
/// characters. The same as PHP's `hash_hmac('sha256', $body, $secret)`.
pub fn plain(secret: &Secret, body: &[u8]) -> String {
    let digest = mac(secret.plain_key(), &[body]);
    let mut hex = String::with_capacity(64);
    for byte in digest {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    hex
}

/// `webhook-signature` of Standard Webhooks 1.0.0: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; `None`
/// unless the secret is `whsec_` and base64.
pub fn standard(secret: &Secret, id: &str, timestamp_s: i64, body: &[u8]) -> Option<String> {
    let digest = standard_digest(&secret.standard_key()?, id, &timestamp_s.to_string(), body);
    Some(format!("v1,{}", STANDARD.encode(digest)))
}

pub(crate) fn standard_digest(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
    mac(key, &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body])
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
