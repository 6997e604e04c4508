//! The axum extractor lets only verified events in.
#![cfg(feature = "axum")]

use axum::{Router, body::Body, extract::FromRef, http::Request, routing::post};
use gancho_receiver::{
    Secret, Verifier,
    extract::{Clock, Webhook},
    sign,
};
use tower::ServiceExt;

#[derive(Clone)]
struct App(Verifier);

impl FromRef<App> for Verifier {
    fn from_ref(app: &App) -> Self {
        app.0.clone()
    }
}

impl FromRef<App> for Clock {
    fn from_ref(_: &App) -> Self {
        Self(|| 1_709_546_400)
    }
}

async fn status(body: &str, signature: Option<String>) -> u16 {
    let secret = Secret::from_bytes(&[1; 32]);
    let app =
        Router::new().route("/", post(async |hook: Webhook| hook.event.event)).with_state(App(Verifier::new(secret)));
    let mut request = Request::post("/");
    if let Some(signature) = signature {
        let signed = request.header("webhook-id", "evt_1").header("webhook-timestamp", "1709546390");
        request = signed.header("webhook-signature", signature);
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    app.oneshot(request).await.expect("answers").status().as_u16()
}

#[tokio::test]
async fn only_what_is_signed() {
    let sign = |body: &str| {
        sign::standard(&Secret::from_bytes(&[1; 32]), "evt_1", 1_709_546_390, body.as_bytes()).expect("a key")
    };
    let body = r#"{"id":"evt_1","event":"invoice.paid","created":1,"data":{"object":{}},"source":null}"#;
    assert_eq!(status(body, Some(sign(body))).await, 200);
    assert_eq!(status(body, None).await, 401);
    assert_eq!(status(body, Some("00".into())).await, 401);
    assert_eq!(status("{}", Some(sign("{}"))).await, 400);
}
