use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use gancho_model::{Caller, MonoTime, Scope, TokenId};
use gancho_service::account::digest;
use gancho_store::{Store, StoreError};

/// How long a token is cached, milliseconds: changes take effect everywhere within a second.
const BELIEVED_MS: i64 = 900;
/// Maximum tokens cached; beyond it, the cache is cleared.
const REMEMBERED_MAX: usize = 10_000;

/// By a token's digest: its caller, and when it was read.
type Known = HashMap<[u8; 32], (Option<Caller>, MonoTime)>;

/// Resolves tokens to callers.
#[derive(Default)]
pub struct Tokens {
    admins: Vec<[u8; 32]>,
    known: Mutex<Known>,
}

impl Tokens {
    /// With the admin tokens outside the store.
    pub fn new(admin_tokens: &[String]) -> Self {
        Self { admins: admin_tokens.iter().map(|token| digest(token)).collect(), known: Mutex::default() }
    }

    /// Clears the cache: a token was removed.
    pub fn forget(&self) {
        self.known().clear();
    }

    /// The caller with this token; `None` if it is invalid.
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
