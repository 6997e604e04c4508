use gancho_model::{Rng, Scope, Token, TokenId};
use sha2::{Digest, Sha256};

use super::Accounts;
use crate::{
    ServiceResult,
    input::{Text, input},
};

input! {
    /// A token to be made.
    pub struct NewToken {
        /// What it is for.
        pub name: Text<1, 100>,
        /// `admin`, `read` or `ingest`; `ingest` if left out.
        pub scope: Option<Scope>,
    }
}

/// The digest of a token, as stored.
pub fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Generates a token: `gancho_` and 160 random bits.
pub fn new_token(rng: &dyn Rng) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut random = [0; 32];
    rng.fill(&mut random);
    let letters: String = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect();
    format!("gancho_{letters}")
}

impl Accounts {
    /// Creates a token; its text is returned only here.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn create_token(&self, new: NewToken, who: &str) -> ServiceResult<(Token, String)> {
        let created_at = self.environment.now();
        let id = TokenId::new(created_at, &*self.environment);
        let token = Token { id, name: new.name.0, scope: new.scope.unwrap_or(Scope::Ingest), created_at };
        let text = new_token(&*self.environment);
        self.store.add_token(token.clone(), digest(&text)).await?;
        self.audit.record(who, "token.created", &token.id, token.name.clone()).await;
        Ok((token, text))
    }

    /// Removes a token.
    ///
    /// # Errors
    /// If it does not exist, or the store fails.
    pub async fn remove_token(&self, id: TokenId, who: &str) -> ServiceResult<()> {
        let known = self.store.tokens().await?.into_iter().find(|token| token.id == id);
        self.store.remove_token(id).await?;
        self.audit.record(who, "token.removed", &id, known.map(|token| token.name).unwrap_or_default()).await;
        Ok(())
    }
}
