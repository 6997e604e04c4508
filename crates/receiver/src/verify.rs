use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;

use crate::{Secret, headers, sign};

/// Maximum difference of a signed timestamp from now, in seconds.
const TOLERANCE_S: i64 = 5 * 60;

/// Checks the signature of a webhook against one or more secrets.
#[derive(Clone, Debug)]
pub struct Verifier {
    secrets: Vec<Secret>,
    tolerance_s: i64,
    accepts_body_only: bool,
}

/// Which of the two signatures was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `webhook-signature`: id, timestamp and body are signed.
    Standard,
    /// `X-Webhook-Signature`: only the body is signed, so an old request stays valid: accepted only with
    /// [`Verifier::accept_body_only`].
    Plain,
}

/// The result of a successful verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The signature that was checked.
    pub scheme: Scheme,
    /// The index of the secret that matches, from 0.
    pub secret: usize,
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Both `webhook-signature` and `X-Webhook-Signature` are missing.
    #[error("the request carries no signature header")]
    Missing,
    /// Only `X-Webhook-Signature` is present, which does not cover the time.
    #[error(
        "the request carries only X-Webhook-Signature, which does not cover the time: whoever copied it once could send \
         it again for ever. For a secret that does not begin with whsec_ there is no other: accept it then, and \
         remember the ids of handled events"
    )]
    BodyOnly,
    /// A header field needed for the signature is missing or malformed.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// The signed timestamp differs too much from now.
    #[error("the timestamp is more than {TOLERANCE_S} s from now: an old request, or a wrong clock")]
    Stale,
    /// No secret matches any of the signatures.
    #[error("the signature matches none of the secrets: was the raw body used, unchanged?")]
    Mismatch,
}

impl Verifier {
    /// Checks against one secret, with a tolerance of five minutes.
    pub fn new(secret: Secret) -> Self {
        Self { secrets: vec![secret], tolerance_s: TOLERANCE_S, accepts_body_only: false }
    }

    /// Also accepts this secret, as during a rotation.
    pub fn or(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Also accepts requests with only `X-Webhook-Signature`. It does not cover the time, so an old request stays
    /// valid: store the ids of handled events.
    pub fn accept_body_only(mut self) -> Self {
        self.accepts_body_only = true;
        self
    }

    /// Verifies a request: `header` returns the value of a lowercase header name, `body` is the raw body, `now_s` the
    /// time in Unix seconds.
    ///
    /// # Errors
    /// [`VerifyError`] states what is missing or invalid. Answer 400 or 401 and handle nothing.
    pub fn verify<'a>(
        &self,
        header: impl Fn(&str) -> Option<&'a str>,
        body: &[u8],
        now_s: i64,
    ) -> Result<Verified, VerifyError> {
        if let Some(given) = header(headers::STANDARD_SIGNATURE) {
            return self.verify_standard(&header, given, body, now_s);
        }
        let given = [headers::X_SIGNATURE, headers::X_SIGNATURE_NEXT].map(&header);
        match given.into_iter().flatten().collect::<Vec<_>>() {
            given if given.is_empty() => Err(VerifyError::Missing),
            _ if !self.accepts_body_only => Err(VerifyError::BodyOnly),
            given => self.verify_plain(&given, body),
        }
    }

    fn verify_standard<'a>(
        &self,
        header: &impl Fn(&str) -> Option<&'a str>,
        given: &str,
        body: &[u8],
        now_s: i64,
    ) -> Result<Verified, VerifyError> {
        let id = header(headers::STANDARD_ID).ok_or(VerifyError::Header(headers::STANDARD_ID))?;
        let timestamp = header(headers::STANDARD_TIMESTAMP).ok_or(VerifyError::Header(headers::STANDARD_TIMESTAMP))?;
        let at: i64 = timestamp.parse().map_err(|_| VerifyError::Header(headers::STANDARD_TIMESTAMP))?;
        if at.abs_diff(now_s) > self.tolerance_s.unsigned_abs() {
            return Err(VerifyError::Stale);
        }
        let given: Vec<Vec<u8>> =
            given.split_ascii_whitespace().filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok()).collect();
        let found = self.matching(&given, |secret| {
            Some(sign::standard_digest(&secret.standard_key()?, id, timestamp, body).to_vec())
        });
        found.map(|secret| Verified { scheme: Scheme::Standard, secret }).ok_or(VerifyError::Mismatch)
    }

    fn verify_plain(&self, given: &[&str], body: &[u8]) -> Result<Verified, VerifyError> {
        let given: Vec<Vec<u8>> = given.iter().map(|one| one.as_bytes().to_vec()).collect();
        let found = self.matching(&given, |secret| Some(sign::plain(secret, body).into_bytes()));
        found.map(|secret| Verified { scheme: Scheme::Plain, secret }).ok_or(VerifyError::Mismatch)
    }

    /// The first secret whose signature is among the given ones. Every pair is compared, in constant time.
    fn matching(&self, given: &[Vec<u8>], make: impl Fn(&Secret) -> Option<Vec<u8>>) -> Option<usize> {
        let mut found = None;
        for (n, secret) in self.secrets.iter().enumerate() {
            let Some(right) = make(secret) else { continue };
            let equal = given.iter().fold(0, |any, one| any | one.ct_eq(&right).unwrap_u8());
            if equal == 1 && found.is_none() {
                found = Some(n);
            }
        }
        found
    }
}
