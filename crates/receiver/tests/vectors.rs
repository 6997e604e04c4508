//! Every case of `vectors.json`, which other languages share; made by an independent HMAC.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use gancho_receiver::{Scheme, Secret, Verifier, VerifyError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    secrets: Vec<String>,
    headers: HashMap<String, String>,
    body_base64: String,
    now: i64,
    expect: String,
}

fn verifier(secrets: &[String]) -> Verifier {
    let mut secrets = secrets.iter().map(Secret::new);
    let first = Verifier::new(secrets.next().expect("a case has a secret"));
    secrets.fold(first, Verifier::or)
}

#[test]
fn every_vector() {
    let vectors: Vectors = serde_json::from_str(include_str!("../vectors.json")).expect("vectors.json is JSON");
    assert!(vectors.cases.len() > 20);
    for case in vectors.cases {
        let body = STANDARD.decode(&case.body_base64).expect("base64");
        let header = |name: &str| case.headers.get(name).map(String::as_str);
        // The vectors are of both signatures.
        let reported = match verifier(&case.secrets).accept_body_only().verify(header, &body, case.now) {
            Ok(good) if good.scheme == Scheme::Standard => format!("standard:{}", good.secret),
            Ok(good) => format!("plain:{}", good.secret),
            Err(VerifyError::Missing) => "missing".into(),
            Err(VerifyError::BodyOnly) => "body only".into(),
            Err(VerifyError::Header(_)) => "header".into(),
            Err(VerifyError::Stale) => "stale".into(),
            Err(VerifyError::Mismatch) => "mismatch".into(),
        };
        assert_eq!(reported, case.expect, "{}", case.name);
    }
}

#[test]
fn a_signature_without_time_is_accepted_only_when_asked_for() {
    let secret = Secret::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
    let signature = gancho_receiver::sign::plain(&secret, b"{}");
    let header = |name: &str| (name == "x-webhook-signature").then_some(signature.as_str());
    assert_eq!(Verifier::new(secret.clone()).verify(header, b"{}", 0), Err(VerifyError::BodyOnly));
    assert!(Verifier::new(secret).accept_body_only().verify(header, b"{}", 0).is_ok());
}
