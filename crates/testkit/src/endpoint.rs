use gancho_model::{Endpoint, EndpointId, Environment, Secret};

/// A new endpoint that asks for all events, with the defaults of everything else; its secret is `secret`.
pub fn endpoint(environment: &dyn Environment) -> Endpoint {
    let now = environment.now();
    Endpoint::new(EndpointId::new(now, environment), "https://example.com/", Secret::new("secret"), now)
}
