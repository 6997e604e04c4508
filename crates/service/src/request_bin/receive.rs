use gancho_model::{BinId, BinRequest, BinResponse, limits::BIN_BODY_BYTES};

use crate::{ServiceResult, Services};

/// A request to a bin's URL.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// `POST`
    pub method: String,
    /// What follows the bin's own path: a path, a query.
    pub rest: String,
    /// Header fields in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Services {
    /// Stores a request, or its start; returns the response and its delay.
    ///
    /// # Errors
    /// If the bin does not exist or has expired.
    pub async fn receive(&self, id: BinId, incoming: Incoming) -> ServiceResult<BinResponse> {
        let Incoming { method, rest, headers, mut body } = incoming;
        let truncated = body.len() > BIN_BODY_BYTES;
        body.truncate(BIN_BODY_BYTES);
        let request = BinRequest { n: 0, at: self.environment.now(), method, rest, headers, body, truncated };
        let (bin, n) = self.store.keep_request(id, request).await?;
        Ok(bin.respond.of(n))
    }
}
