//! Refuses requests with several hosts (RFC 9112 §3.2): this server and a proxy could interpret them differently.

use axum::{
    extract::Request,
    http::{StatusCode, Version, header::HOST},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::api::problem::Problem;

pub(crate) async fn named_once(request: Request, next: Next) -> Response {
    let lines = request.headers().get_all(HOST).iter().count();
    let is_good = lines == 1 || (lines == 0 && request.version() < Version::HTTP_11);
    if is_good {
        return next.run(request).await;
    }
    let detail = "the request must have one Host header: it has none, or several";
    Problem::new(StatusCode::BAD_REQUEST, detail).into_response()
}
