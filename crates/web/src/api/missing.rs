//! 404 responses that name the kind of the missing object.

use axum::{
    extract::Request,
    http::Uri,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::problem::{Problem, Unnamed};

/// The noun of each list.
const NOUNS: &[(&str, &str)] = &[
    ("bins", "bin"),
    ("consumers", "consumer"),
    ("deliveries", "delivery"),
    ("endpoints", "endpoint"),
    ("events", "event"),
    ("hooks", "hook"),
    ("listeners", "listener"),
    ("sources", "source"),
    ("tokens", "token"),
];
/// Longer names in a path are not repeated.
const NAME_MAX: usize = 64;

/// Names the missing object: at `/api/v1/endpoints/ep_…` it is an endpoint.
pub(super) async fn name(request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if response.extensions().get::<Unnamed>().is_none() {
        response
    } else {
        Problem::missing(&noun(&uri)).into_response()
    }
}

fn noun(uri: &Uri) -> String {
    // A prefix belongs to a proxy.
    let path = uri.path().rsplit_once("/api/v1/").map_or(uri.path(), |(_, path)| path);
    let mut parts = path.split('/').skip_while(|part| NOUNS.iter().all(|(list, _)| list != part));
    let noun = parts.next().and_then(|list| NOUNS.iter().find(|(name, _)| *name == list));
    let name = parts.next().filter(|name| (1..=NAME_MAX).contains(&name.len()));
    let name = name.filter(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)));
    match (noun, name) {
        (Some((_, noun)), Some(name)) => format!("{noun} {name}: it may have been removed"),
        (Some((_, noun)), None) => (*noun).to_owned(),
        (None, _) => "thing".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_missing() {
        for (address, said) in [
            ("/api/v1/endpoints/ep_1/retry", "endpoint ep_1: it may have been removed"),
            ("/hooks/api/v1/deliveries/nonsense?x=1", "delivery nonsense: it may have been removed"),
            ("/api/v1/consumers/a%20b", "consumer"),
            ("/api/v1/nothing/x", "thing"),
        ] {
            assert_eq!(noun(&address.parse().expect("an address")), said);
        }
    }
}
