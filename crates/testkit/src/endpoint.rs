use gancho_model::{Endpoint, EndpointId, Environment, Secret};

/// A new endpoint that subscribes to all events, with default settings; its secret is `secret`.
pub fn endpoint(environment: &dyn Environment) -> Endpoint {
    let now = environment.now();
    Endpoint::new(EndpointId::new(now, environment), "https://example.com/", Secret::new("secret"), now)
}
