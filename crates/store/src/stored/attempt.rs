//! Attempts as stored: compressed JSON. They resemble each other, so the text common to nearly all of them is a preset
//! dictionary in the program instead of in the rows: a fifth of the size remains.

use std::borrow::Cow;

use gancho_model::{Attempt, HeaderLog};

use super::{damaged, from_json, to_json};
use crate::StoreError;

/// The first byte of rows compressed with [`COMMON`]. Rows of older versions are JSON, which begins with `{`.
const PACKED: u8 = 1;

/// The preset dictionary. It never changes, since rows compressed with it can't be read without it: another one would
/// get its own number.
const COMMON: &[u8] = br#"timed out: ,"error":{"kind":"timeout","message":"connection refused"},"status_code":404500502503null,"response_headers":"server: nginx\nserver: cloudflare\ncache-control: no-cache\nx-powered-by: PHP/8.2\nconnection: keep-alive\nvary: Accept-Encoding\ncontent-type: text/html; charset=UTF-8\ncontent-type: application/json\ncontent-length: 2\n<!DOCTYPE html><html><head><title></title></head><body></body></html>{"n":1,"at":"2026-11-30T00:00:00.000Z","duration_ms":20,"phases":{"dns_ms":null,"connect_ms":1,"tls_ms":null,"first_byte_ms":0,"body_ms":0},"status_code":200,"error":null,"request_headers":"x-webhook-id: evt_01m8\nx-webhook-event: invoice.paid\nx-webhook-timestamp: 17960\nx-webhook-attempt: 1\nx-webhook-sequence: 1\nx-webhook-signature: ***\nwebhook-id: evt_01m8\nwebhook-timestamp: 17960\nwebhook-signature: ***\ncontent-type: application/json\nuser-agent: Gancho/0.1.0\naccept: */*\nhost: ","response_headers":"content-type: text/plain; charset=utf-8\ncontent-length: 2\ndate: Mon, 30 Nov 2026 00:00:00 GMT\n","response_body":"ok","response_truncated":false}"#;

/// Maximum size of decompressed text: more than the largest response kept, with each byte as `\u0000`.
const TEXT_MAX: usize = 16 << 20;

/// The form written to the database.
pub(crate) fn pack(attempt: &Attempt) -> Vec<u8> {
    let text = to_json(attempt);
    let mut packed = vec![PACKED];
    packed.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    packed.extend_from_slice(&lz4_flex::block::compress_with_dict(text.as_bytes(), COMMON));
    packed
}

/// Reads an attempt written by this version or an older one.
pub(crate) fn unpack(row: &[u8]) -> Result<Attempt, StoreError> {
    let text = match row {
        [PACKED, a, b, c, d, packed @ ..] => Cow::from(unpacked(packed, u32::from_le_bytes([*a, *b, *c, *d]))?),
        _ => Cow::from(row),
    };
    from_json(std::str::from_utf8(&text).map_err(|_| damaged("an attempt"))?)
}

/// The same attempt without the receiver's response.
pub(crate) fn without_answer(row: &[u8]) -> Result<Vec<u8>, StoreError> {
    let attempt = unpack(row)?;
    let has_body = !attempt.response_body.is_empty();
    Ok(pack(&Attempt {
        response_body: String::new(),
        response_headers: HeaderLog::default(),
        response_truncated: attempt.response_truncated || has_body,
        ..attempt
    }))
}

fn unpacked(packed: &[u8], length: u32) -> Result<Vec<u8>, StoreError> {
    let length = usize::try_from(length).ok().filter(|length| *length <= TEXT_MAX);
    let length = length.ok_or_else(|| damaged("an attempt's length"))?;
    lz4_flex::block::decompress_with_dict(packed, length, COMMON).map_err(|_| damaged("an attempt"))
}

#[cfg(test)]
mod tests {
    use gancho_model::{Attempt, HeaderLog, Phases, Timestamp};
    use proptest::prelude::*;

    use sha2::{Digest as _, Sha256};

    use super::{COMMON, pack, unpack};
    use crate::stored::to_json;

    fn attempt(response_body: String) -> Attempt {
        Attempt {
            n: 1,
            at: Timestamp::from_ms(1_796_030_210_276),
            duration_ms: 12,
            phases: Phases::default(),
            status_code: Some(200),
            error: None,
            request_headers: HeaderLog::default(),
            response_headers: HeaderLog::default(),
            response_body,
            response_truncated: false,
        }
    }

    #[test]
    fn an_attempt_of_an_older_version_is_read() {
        let attempt = attempt("ok".into());
        assert_eq!(unpack(to_json(&attempt).as_bytes()), Ok(attempt));
    }

    #[test]
    fn what_rows_were_packed_by_stays_as_it_is() {
        let digest: String = Sha256::digest(COMMON).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "2131cc713627b2668fe9688964d172f7cdf1daa7ad15faa8ae84b68c861cb855");
    }

    #[test]
    fn little_of_an_attempt_is_kept() {
        let attempt = attempt("ok".into());
        assert!(pack(&attempt).len() * 3 < to_json(&attempt).len());
    }

    #[test]
    fn the_largest_answer_is_read_as_it_was() {
        for letter in ["x", "\u{0}", "ñ"] {
            let attempt = attempt(letter.repeat(1 << 20));
            assert_eq!(unpack(&pack(&attempt)), Ok(attempt));
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_is_read_as_it_was(body in ".{0,2000}") {
            let attempt = attempt(body);
            prop_assert_eq!(unpack(&pack(&attempt)), Ok(attempt));
        }

        #[test]
        fn what_is_damaged_is_an_error_and_never_a_panic(row in prop::collection::vec(any::<u8>(), 0..200)) {
            let packed = [&[1, 200, 0, 0, 0], row.as_slice()].concat();
            prop_assert!(unpack(&packed).is_err() && unpack(&row).is_err());
        }
    }
}
