//! Encrypts secrets at rest: XChaCha20-Poly1305 with a random nonce as prefix; the owner's name is the associated data,
//! so that a sealed secret can't be moved to another row.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use gancho_model::Rng;
use sha2::{Digest, Sha256};

const NONCE: usize = 24;

/// Seals and opens secrets at rest.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    fingerprint: String,
}

/// A sealed value can't be opened: the key differs, or it is damaged.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret can't be opened: another secret_key, or a damaged database")]
pub struct Unopenable;

impl Vault {
    /// From `secret_key`.
    pub fn new(key: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"gancho key fingerprint\0");
        hash.update(key);
        let fingerprint = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { cipher: XChaCha20Poly1305::new(key.into()), fingerprint }
    }

    /// Identifies the key without revealing it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Seals a secret of the owner with this name.
    pub fn seal(&self, of: &[u8], secret: &[u8], rng: &dyn Rng) -> Vec<u8> {
        let mut sealed = vec![0; NONCE];
        rng.fill(&mut sealed);
        let nonce: [u8; NONCE] = std::array::from_fn(|n| sealed[n]);
        let payload = Payload { msg: secret, aad: of };
        // Encryption fails only beyond 256 GiB.
        sealed.extend(self.cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is small"));
        sealed
    }

    /// Opens a secret sealed for the owner with this name.
    ///
    /// # Errors
    /// [`Unopenable`], without details.
    pub fn open(&self, of: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>().ok_or(Unopenable)?;
        self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: of }).map_err(|_| Unopenable)
    }
}

#[cfg(test)]
mod tests {
    use gancho_model::Rng;

    use super::Vault;

    struct Counting;
    impl Rng for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn only_the_same_key_and_thing_open_it() {
        let vault = Vault::new(&[1; 32]);
        let sealed = vault.seal(b"ep_1", b"whsec_x", &Counting);
        assert!(!sealed.windows(7).any(|part| part == b"whsec_x"));
        assert_eq!(vault.open(b"ep_1", &sealed).expect("opens"), b"whsec_x");
        assert!(vault.open(b"ep_2", &sealed).is_err());
        assert!(Vault::new(&[2; 32]).open(b"ep_1", &sealed).is_err());
        assert!(vault.open(b"ep_1", &sealed[..10]).is_err());
        assert_ne!(vault.fingerprint(), Vault::new(&[2; 32]).fingerprint());
    }
}
