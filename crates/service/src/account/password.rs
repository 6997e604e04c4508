//! Passwords of users, as Argon2id hashes.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use gancho_model::{Message, Rng};
use tokio::sync::Semaphore;

/// Minimum length of a password.
const PASSWORD_MIN: usize = 10;
/// Maximum length in characters, since hashing takes time.
pub const PASSWORD_MAX: usize = 512;

/// Limits concurrent hashes: each takes 19 MiB.
static PLACES: Semaphore = Semaphore::const_new(4);

/// A new password of valid length.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(String);

impl NewPassword {
    /// Validates a password.
    ///
    /// # Errors
    /// The accepted lengths.
    pub fn new(text: impl Into<String>) -> Result<Self, Message> {
        let text = text.into();
        if (PASSWORD_MIN..=PASSWORD_MAX).contains(&text.chars().count()) {
            return Ok(Self(text));
        }
        Err(Message::new("error-password-length").with("min", PASSWORD_MIN).with("max", PASSWORD_MAX))
    }

    /// Hashes it with a new salt.
    fn hash(&self, rng: &dyn Rng) -> Option<String> {
        let mut salt = [0; 16];
        rng.fill(&mut salt);
        let hashed = Argon2::default().hash_password_with_salt(self.0.as_bytes(), &salt);
        hashed.ok().map(|hash| hash.to_string())
    }
}

impl std::fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewPassword(***)")
    }
}

/// Hashes a password on a blocking thread; waits if the limit is reached.
pub(super) async fn hash_apart(password: NewPassword, rng: Arc<dyn gancho_model::Environment>) -> Option<String> {
    let _place = PLACES.acquire().await.ok()?;
    tokio::task::spawn_blocking(move || password.hash(&*rng)).await.ok().flatten()
}

/// Verifies a password on a blocking thread.
pub(super) async fn verify_apart(given: String, hash: String) -> bool {
    let Ok(_place) = PLACES.acquire().await else { return false };
    tokio::task::spawn_blocking(move || verify(&given, &hash)).await.unwrap_or(false)
}

fn verify(given: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;
    impl Rng for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(3);
        }
    }

    #[test]
    fn only_the_right_one() {
        let password = NewPassword::new("correct horse").expect("long enough");
        let hash = password.hash(&Fixed).expect("hashes");
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify("correct horse", &hash));
        assert!(!verify("correct horse ", &hash));
        assert!(!verify("correct horse", "nonsense"));
        assert!(NewPassword::new("short").is_err());
        assert_eq!(format!("{password:?}"), "NewPassword(***)");
    }
}
