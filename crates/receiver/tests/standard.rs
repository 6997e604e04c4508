//! Against the reference library of Standard Webhooks, both ways.

use gancho_receiver::{Secret, Verifier, sign};
use proptest::prelude::*;
use standardwebhooks::Webhook;

/// The reference library reads the clock itself.
#[expect(clippy::disallowed_methods, reason = "the reference library compares with the real time")]
fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("fits")
}

proptest! {
    #[test]
    fn both_agree(key in prop::collection::vec(any::<u8>(), 24..64), id in "[A-Za-z0-9_-]{1,40}", body in "\\PC{0,200}") {
        let secret = Secret::from_bytes(&key);
        let reference = Webhook::new(secret.expose()).expect("a secret of the right form");
        let now = now_s();
        let theirs = reference.sign(&id, now, body.as_bytes()).expect("signs");
        let ours = sign::standard(&secret, &id, now, body.as_bytes()).expect("signs");
        prop_assert_eq!(&theirs, &ours);

        let stamp = now.to_string();
        let header = |name: &str| match name {
            "webhook-id" => Some(id.as_str()),
            "webhook-timestamp" => Some(stamp.as_str()),
            "webhook-signature" => Some(theirs.as_str()),
            _ => None,
        };
        prop_assert!(Verifier::new(secret).verify(header, body.as_bytes(), now).is_ok());
    }

    #[test]
    fn a_flipped_bit_is_noticed(body in prop::collection::vec(any::<u8>(), 1..200), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let secret = Secret::from_bytes(&[7; 32]);
        let signature = sign::plain(&secret, &body);
        let mut changed = body.clone();
        changed[at.index(body.len())] ^= 1 << bit;
        let header = |name: &str| (name == "x-webhook-signature").then_some(signature.as_str());
        let verifier = Verifier::new(secret).accept_body_only();
        prop_assert!(verifier.verify(header, &body, 0).is_ok());
        prop_assert!(verifier.verify(header, &changed, 0).is_err());
    }
}

#[test]
fn a_secret_does_not_print_itself() {
    assert_eq!(format!("{:?}", Secret::new("whsec_abc")), "Secret(***)");
}
