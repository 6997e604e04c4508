use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gancho_model::{Caller, MonoTime, Scope, TokenId};
use gancho_service::account::digest;
use gancho_store::{Store, StoreError};

/// How long a token is believed without asking the store again, milliseconds: what is changed
/// holds everywhere within a second.
const BELIEVED_MS: i64 = 900;
/// Tokens remembered; beyond, all are forgotten and asked for again.
const REMEMBERED_MAX: usize = 10_000;

/// By a token's digest: who it is, and when the store said so.
type Known = HashMap<[u8; 32], (Option<Caller>, MonoTime)>;

/// Knows callers by their tokens.
#[derive(Default)]
pub struct Tokens {
    admins: Vec<[u8; 32]>,
    known: Mutex<Known>,
}

impl Tokens {
    /// With those that may do everything without standing in the store.
    pub fn new(admin_tokens: &[String]) -> Self {
        Self { admins: admin_tokens.iter().map(|token| digest(token)).collect(), known: Mutex::default() }
    }

    /// Forgets what it knows: a token was removed.
    pub fn forget(&self) {
        self.known().clear();
    }

    /// Who calls with this token; nothing if nobody does.
    pub(crate) async fn caller(
        &self,
        token: &str,
        store: &dyn Store,
        now: MonoTime,
    ) -> Result<Option<Caller>, StoreError> {
        let digest = digest(token);
        if self.admins.contains(&digest) {
            return Ok(Some(Caller { token: TokenId::from_bytes([0; 16]), scope: Scope::Admin }));
        }
        if let Some((caller, at)) = self.known().get(&digest).copied()
            && (0..BELIEVED_MS).contains(&now.since_ms(at))
        {
            return Ok(caller);
        }
        let found = store.token(digest).await?.map(|token| Caller { token: token.id, scope: token.scope });
        let mut known = self.known();
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(digest, (found, now));
        Ok(found)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
