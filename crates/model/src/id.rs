use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{Rng, Timestamp};

/// Crockford's alphabet in lower case: it sorts like the bytes, and omits i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five.
const LENGTH: usize = 26;

/// The text is not an id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}…")]
pub struct BadId {
    prefix: &'static str,
}

fn encode(id: Uuid) -> [u8; LENGTH] {
    let bits = id.as_u128();
    std::array::from_fn(|n| ALPHABET[((bits >> (5 * (LENGTH - 1 - n))) & 31) as usize])
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != LENGTH {
        return None;
    }
    let mut bits: u128 = 0;
    for (n, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        // 26 digits hold 130 bits: the first may only be 0 to 7.
        if n == 0 && digit > 7 {
            return None;
        }
        bits = bits << 5 | digit as u128;
    }
    Some(Uuid::from_u128(bits))
}

impl BadId {
    /// The prefix of ids of this kind.
    pub fn prefix(&self) -> &'static str {
        self.prefix
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix before the 26 characters.
            pub const PREFIX: &str = $prefix;

            /// Generates an id: a UUID v7, so that ids sort by creation time.
            pub fn new(now: Timestamp, rng: &dyn Rng) -> Self {
                let mut random = [0; 10];
                rng.fill(&mut random);
                let ms = u64::try_from(now.ms()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
            }

            /// The smallest id of this time, for time ranges.
            pub fn first_at(now: Timestamp) -> Self {
                let ms = u64::try_from(now.ms()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid())
            }

            /// As 16 bytes.
            pub fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From 16 bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// Its creation time.
            pub fn made_at(&self) -> Timestamp {
                Timestamp::from_ms((self.0.as_u128() >> 80) as i64)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digits = encode(self.0);
                f.write_str($prefix)?;
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                text.strip_prefix($prefix).and_then(decode).map(Self).ok_or(BadId { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

id!(
    /// An event: `evt_…`.
    EventId,
    "evt_"
);
id!(
    /// An endpoint: `ep_…`.
    EndpointId,
    "ep_"
);
id!(
    /// A delivery: `dlv_…`.
    DeliveryId,
    "dlv_"
);
id!(
    /// A source: `src_…`.
    SourceId,
    "src_"
);
id!(
    /// A bin: `bin_…`. Part of its URL and not guessable.
    BinId,
    "bin_"
);
id!(
    /// A token: `tok_…`. Identifies the token; the token itself is a separate text.
    TokenId,
    "tok_"
);
id!(
    /// A process of Gancho that uses a store: `node_…`. New at each start.
    NodeId,
    "node_"
);
id!(
    /// A user who may sign in: `usr_…`.
    UserId,
    "usr_"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Fixed(u8);
    impl crate::Rng for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    proptest! {
        #[test]
        fn text_round_trips_and_sorts_like_time(a in 0..1i64 << 47, b in 0..1i64 << 47, x: u8, y: u8) {
            let make = |ms, fill| EventId::new(Timestamp::from_ms(ms), &Fixed(fill));
            let (first, second) = (make(a, x), make(b, y));
            prop_assert_eq!(first.to_string().parse::<EventId>(), Ok(first));
            prop_assert_eq!(first.cmp(&second), first.to_string().cmp(&second.to_string()));
            prop_assert_eq!(first.made_at(), Timestamp::from_ms(a));
            prop_assert!(EventId::first_at(first.made_at()) <= first);
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in "\\PC{0,40}") {
            if let Ok(id) = text.parse::<DeliveryId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn another_kind_is_refused() {
        let id = EventId::new(Timestamp::from_s(1), &Fixed(9)).to_string();
        assert!(id.replace("evt_", "dlv_").parse::<EventId>().is_err());
        assert!(format!("evt_{}", "z".repeat(26)).parse::<EventId>().is_err());
    }
}
