use base64::{Engine, engine::general_purpose::STANDARD};

/// An endpoint's secret, as Gancho shows it: `whsec_` and base64, or another text.
///
/// Its `Debug` output does not reveal it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The prefix of a Standard Webhooks secret.
    pub const PREFIX: &str = "whsec_";

    /// A secret from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Creates a `whsec_` secret of 24 to 64 random bytes (Standard Webhooks 1.0.0, "Signature scheme").
    pub fn from_bytes(key: &[u8]) -> Self {
        Self(format!("{}{}", Self::PREFIX, STANDARD.encode(key)))
    }

    /// The secret itself. Take care where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key of `X-Webhook-Signature`: the secret's own characters.
    pub fn plain_key(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key of `webhook-signature`: the base64 after `whsec_`, or `None` for another format.
    pub fn standard_key(&self) -> Option<Vec<u8>> {
        let key = STANDARD.decode(self.0.strip_prefix(Self::PREFIX)?).ok()?;
        (!key.is_empty()).then_some(key)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}
