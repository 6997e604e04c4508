//! Passwords of people, as Argon2id hashes.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use gancho_model::{Message, Rng};
use tokio::sync::Semaphore;

/// The shortest password.
pub const LENGTH_MIN: usize = 10;
/// The longest: hashing takes time.
pub const LENGTH_MAX: usize = 512;

/// Hashes a password with a fresh salt.
///
/// # Errors
/// Says what is wrong with it.
pub fn hash(password: &str, rng: &dyn Rng) -> Result<String, String> {
    let length = password.chars().count();
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        return Err(format!("the password must have {LENGTH_MIN} to {LENGTH_MAX} characters"));
    }
    let mut salt = [0; 16];
    rng.fill(&mut salt);
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    Ok(hashed.map_err(|error| error.to_string())?.to_string())
}

/// What is wrong with one of another length.
pub(crate) fn length_error() -> Message {
    Message::new("error-password-length").with("min", LENGTH_MIN).with("max", LENGTH_MAX)
}

/// Whether this is the password.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// How many are hashed at once: each takes 19 MiB.
static PLACES: Semaphore = Semaphore::const_new(4);

/// The same where it holds nobody up; who comes when all places are taken waits.
pub(crate) async fn verify_apart(password: String, hash: String) -> bool {
    let Ok(_place) = PLACES.acquire().await else { return false };
    tokio::task::spawn_blocking(move || verify(&password, &hash)).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use gancho_model::Rng;

    struct Fixed;
    impl Rng for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(3);
        }
    }

    #[test]
    fn only_the_right_one() {
        let hash = super::hash("correct horse", &Fixed).expect("long enough");
        assert!(hash.starts_with("$argon2id$"));
        assert!(super::verify("correct horse", &hash));
        assert!(!super::verify("correct horse ", &hash));
        assert!(!super::verify("correct horse", "nonsense"));
        assert!(super::hash("short", &Fixed).is_err());
    }
}
