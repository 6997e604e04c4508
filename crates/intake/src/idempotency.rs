//! Recognises repeats.

use std::collections::HashMap;

use gancho_model::TokenId;
use gancho_store::{Accepted, IdempotencyKey, IdempotencyKind, Store, StoreError, StoredResponse};
use sha2::{Digest as _, Sha256};

use crate::IntakeError;

/// A digest of the content, to tell a repeat from another body with the same key.
pub type Digest = [u8; 32];

/// Maximum tries after conflicts before the request fails as busy.
pub(crate) const RACES_MAX: usize = 10;

/// SHA-256 of these bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// An `Idempotency-Key` and the digest of the request's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestIdempotency {
    /// The key.
    pub key: String,
    /// The digest of the body.
    pub digest: Digest,
}

impl RequestIdempotency {
    fn repeat_key(&self) -> IdempotencyKey {
        IdempotencyKey { kind: IdempotencyKind::Request, key: self.key.clone() }
    }

    /// The stored response of this request.
    pub(crate) async fn recall(&self, store: &dyn Store, token: TokenId) -> Result<Option<String>, IntakeError> {
        let known = store.recall(token, vec![self.repeat_key()]).await?.pop().flatten();
        match known {
            Some(known) if known.digest != self.digest => {
                Err(IntakeError::Conflict { key: "the Idempotency-Key".into() })
            }
            known => Ok(known.map(|known| known.answer)),
        }
    }

    /// The response to store with the request's events.
    pub(crate) fn remember(&self, token: TokenId, answer: String) -> (TokenId, IdempotencyKey, StoredResponse) {
        (token, self.repeat_key(), StoredResponse { digest: self.digest, answer })
    }
}

/// An item of a request that may have an id.
pub(crate) trait Named {
    fn name(&self) -> Option<&str>;
    fn digest(&self) -> Digest;
}

/// New and repeated items of a request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sorted {
    /// Indices of new items.
    pub fresh: Vec<usize>,
    /// For the other indices: the stored response, or the index of the same item in this request.
    pub repeats: HashMap<usize, Before>,
}

/// What an item repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Answer(String),
    Place(usize),
}

/// Sorts a request's items into new ones and repeats, of earlier requests and within the request.
pub(crate) async fn sort<T: Named>(
    store: &dyn Store,
    token: TokenId,
    kind: IdempotencyKind,
    items: &[T],
) -> Result<Sorted, IntakeError> {
    let names: Vec<&str> = items.iter().filter_map(Named::name).collect();
    let keys: Vec<_> = names.iter().map(|name| IdempotencyKey { kind, key: (*name).to_owned() }).collect();
    let recalled = if keys.is_empty() { vec![] } else { store.recall(token, keys).await? };
    let known: HashMap<&str, StoredResponse> =
        names.into_iter().zip(recalled).filter_map(|(name, known)| Some((name, known?))).collect();
    let mut first: HashMap<&str, (usize, Digest)> = HashMap::new();
    let mut sorted = Sorted::default();
    for (place, item) in items.iter().enumerate() {
        let before = match item.name() {
            None => None,
            Some(name) => match (known.get(name), first.get(name)) {
                (Some(known), _) => Some((known.digest, Before::Answer(known.answer.clone()))),
                (None, Some((place, digest))) => Some((*digest, Before::Place(*place))),
                (None, None) => {
                    first.insert(name, (place, item.digest()));
                    None
                }
            },
        };
        match before {
            None => sorted.fresh.push(place),
            Some((digest, before)) if digest == item.digest() => {
                sorted.repeats.insert(place, before);
            }
            Some(_) => return Err(IntakeError::Conflict { key: format!("the id of item {place}") }),
        }
    }
    Ok(sorted)
}

/// The error of a request that lost every conflict.
pub(crate) fn lost() -> IntakeError {
    IntakeError::Store(StoreError::Busy("the same request keeps coming in at the same time".into()))
}

/// Whether it was stored; if not, one of its keys was used meanwhile.
pub(crate) fn kept(accepted: &Accepted) -> bool {
    matches!(accepted, Accepted::Kept(_))
}
