use serde::{Deserialize, Serialize};

use crate::{BinId, Timestamp};

/// A temporary URL that records requests, for developing or testing receivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bin {
    /// `bin_…`
    pub id: BinId,
    /// Its response.
    pub respond: BinResponse,
    /// Number of requests received.
    pub received: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is removed with its requests.
    pub expires_at: Timestamp,
}

/// A bin's response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinResponse {
    /// The status.
    pub status: u16,
    /// Delay before it, milliseconds.
    pub delay_ms: u32,
    /// The body, as plain text.
    pub body: String,
    /// Only each n-th request gets this response, the others an immediate 200; every one if 1.
    pub every: u32,
    /// A simulated fault.
    #[serde(default)]
    pub fault: Option<BinFault>,
}

/// A simulated fault of a bin's response, for testing senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BinFault {
    /// The connection is reset before a byte of it.
    Reset,
    /// Its body is sent at one byte per second.
    Trickle,
}

impl BinFault {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Reset, Self::Trickle];

    /// The word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Trickle => "trickle",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.as_str() == text)
    }
}

impl Default for BinResponse {
    fn default() -> Self {
        Self { status: 200, delay_ms: 0, body: String::new(), every: 1, fault: None }
    }
}

impl BinResponse {
    /// The response to the n-th request, from 1.
    pub fn of(&self, n: u64) -> Self {
        if n.is_multiple_of(u64::from(self.every.max(1))) { self.clone() } else { Self::default() }
    }
}

/// A request that a bin received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinRequest {
    /// Its number within its bin, from 1.
    pub n: u64,
    /// When it came.
    pub at: Timestamp,
    /// `POST`
    pub method: String,
    /// What follows the bin's own path: a path, a query.
    pub rest: String,
    /// Header fields in their order.
    pub headers: Vec<(String, String)>,
    /// The body, or its start.
    pub body: Vec<u8>,
    /// Whether it was longer than what is kept.
    pub truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_each_nth_is_answered_otherwise() {
        let respond = BinResponse { status: 503, every: 3, ..BinResponse::default() };
        let statuses: Vec<u16> = (1..=6).map(|n| respond.of(n).status).collect();
        assert_eq!(statuses, [200, 200, 503, 200, 200, 503]);
        assert_eq!(BinResponse { status: 500, ..BinResponse::default() }.of(1).status, 500);
    }
}
