use gancho_model::{BinFault, BinResponse, limits::BIN_TTL_S};

use crate::input::{Text, Whole, input};

/// The lifetime of a bin, seconds.
type Ttl = Whole<60, BIN_TTL_S>;

input! {
    /// What a bin answers.
    pub struct RespondInput {
        /// The status; 200 if left out.
        pub status: Option<Whole<200, 599>>,
        /// How long it waits before, milliseconds; 0 if left out.
        pub delay_ms: Option<Whole<0, 60_000>>,
        /// The body, as plain text; empty if left out.
        pub body: Option<Text<0, 10_000>>,
        /// Only each n-th request is answered so, the others with 200; every one if left out.
        pub every: Option<Whole<1, 1_000>>,
        /// What goes wrong with it: `reset` closes the connection at once, `trickle` sends the body a byte a second.
        pub fault: Option<BinFault>,
    }
}

input! {
    /// A bin to be made.
    pub struct NewBin {
        /// How long it lives, seconds; 24 hours if left out.
        pub ttl_s: Option<Ttl>,
        /// What it answers; 200 if left out.
        pub respond: Option<RespondInput>,
    }
}

input! {
    /// What is to be changed of a bin.
    pub struct BinPatch {
        /// How long it lives from now on, seconds.
        pub ttl_s: Option<Ttl>,
        /// What it answers from now on, whole.
        pub respond: Option<RespondInput>,
    }
}

impl From<RespondInput> for BinResponse {
    fn from(input: RespondInput) -> Self {
        let usual = Self::default();
        let number = |value: i64| u32::try_from(value).unwrap_or(u32::MAX);
        Self {
            status: input.status.and_then(|status| u16::try_from(status.0).ok()).unwrap_or(usual.status),
            delay_ms: input.delay_ms.map_or(usual.delay_ms, |delay| number(delay.0)),
            body: input.body.map_or(usual.body, |body| body.0),
            every: input.every.map_or(usual.every, |every| number(every.0)),
            fault: input.fault,
        }
    }
}
