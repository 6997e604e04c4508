use gancho_receiver::{Secret, headers, sign};

use crate::{BinId, BinRequest, Endpoint, Timestamp};

/// Checks signatures of requests to a bin with the secrets of the webhooks that send to it.
pub struct SignatureCheck(Vec<Secret>);

impl SignatureCheck {
    /// For a bin: the secrets of the webhooks that send to it, at any of its addresses.
    pub fn of(bin: BinId, endpoints: &[Endpoint], now: Timestamp) -> Self {
        let path = format!("/bin/{bin}");
        let own = endpoints.iter().filter(|endpoint| endpoint.url.contains(&path));
        let secrets = own.flat_map(|endpoint| {
            let (current, next) = endpoint.secrets.at(now);
            [Some(current.clone()), next.cloned()].into_iter().flatten()
        });
        Self(secrets.collect())
    }

    /// Whether a request's signature is valid; `None` without a known secret, or if the body was truncated.
    pub fn check(&self, request: &BinRequest) -> Option<bool> {
        if self.0.is_empty() || request.truncated {
            return None;
        }
        let field = |name: &str| {
            let mut fields = request.headers.iter();
            fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
        };
        let given: Vec<&str> = [headers::STANDARD_SIGNATURE, headers::X_SIGNATURE]
            .into_iter()
            .filter_map(field)
            .flat_map(str::split_ascii_whitespace)
            .collect();
        let at = field(headers::STANDARD_TIMESTAMP).and_then(|text| text.parse::<i64>().ok());
        let id = field(headers::STANDARD_ID).unwrap_or_default();
        let right = |secret: &Secret| {
            let dated = at.and_then(|at| sign::standard(secret, id, at, &request.body));
            let plain = sign::plain(secret, &request.body);
            given.iter().any(|one| Some(*one) == dated.as_deref() || *one == plain)
        };
        Some(self.0.iter().any(right))
    }
}
