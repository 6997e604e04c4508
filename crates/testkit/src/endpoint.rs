use std::collections::BTreeMap;

use gancho_model::{Endpoint, EndpointId, Environment, Health, Pattern, RetryPolicy, Secret, SigningSecrets};

/// A new endpoint that asks for all events, with the defaults of everything else; its secret is `secret`.
pub fn endpoint(environment: &dyn Environment) -> Endpoint {
    let now = environment.now();
    Endpoint {
        id: EndpointId::new(now, environment),
        url: "https://example.com/".into(),
        name: None,
        description: None,
        events: vec![Pattern::parse("*").expect("a pattern")],
        sources: vec![],
        enabled: true,
        paused: false,
        headers: BTreeMap::new(),
        timeout_ms: 10_000,
        retry: RetryPolicy::default(),
        rate_per_s: None,
        max_in_flight: None,
        secrets: SigningSecrets::one(Secret::new("secret")),
        health: Health::default(),
        disabled_reason: None,
        created_at: now,
        updated_at: now,
    }
}
