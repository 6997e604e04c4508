//! Accepts connections and serves requests on them, with timeouts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::connections::{Connections, Noted};

/// Timeout for a request's header, and for idle connections: clients that open connections and send nothing must not
/// occupy them all.
pub const HEAD: Duration = Duration::from_secs(60);
/// The pause after a failed accept although descriptors should be left.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until the stop, and until the requests under way have ended.
pub async fn listen(
    listener: TcpListener,
    router: Router,
    head: Duration,
    connections: Arc<Connections>,
    stop: CancellationToken,
) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(head);
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        fail::fail_point!("http");
        match accepted {
            // If it is not admitted it is closed: all others are authenticated.
            Ok((stream, peer)) => {
                if let Some(place) = connections.admit() {
                    serve(&server, &graceful, &router, Noted::new(stream, place), peer);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken in");
                connections.make_room();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

fn serve(server: &http1::Builder, graceful: &GracefulShutdown, router: &Router, stream: Noted, peer: SocketAddr) {
    let (router, client) = (router.clone(), stream.client());
    let shared = client.shared.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(shared.clone());
        router.clone().oneshot(request)
    });
    let connection = graceful.watch(server.serve_connection(TokioIo::new(stream), answer));
    // Errors are the client's: it disconnected, or sent nothing for too long.
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => drop(ended),
            () = client.close.cancelled() => {}
            () = client.shared.until_reset() => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use axum::routing::get;

    use super::*;
    use crate::descriptors::Budget;

    /// A server, its address, and its stop token.
    async fn start(head: Duration) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let stop = CancellationToken::new();
        let router = Router::new()
            .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }));
        let server = tokio::spawn(listen(listener, router, head, Connections::new(Budget::of(1024)), stop.clone()));
        (address, stop, server)
    }

    /// The response to a client that sends this and then waits.
    async fn says(address: SocketAddr, said: &'static str) -> String {
        let client = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).expect("it listens");
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
            stream.write_all(said.as_bytes()).expect("it takes it");
            let mut heard = String::new();
            stream.read_to_string(&mut heard).expect("it ends");
            heard
        });
        client.await.expect("it ran")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_says_nothing_or_half_of_it_is_let_go() {
        let (address, ..) = start(Duration::from_millis(300)).await;
        for said in ["", "GET / HTTP/1.1\r\nHost:"] {
            let heard = says(address, said).await;
            assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
        }
        let heard = says(address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(heard.starts_with("HTTP/1.1 200") && heard.ends_with("127.0.0.1"), "{heard}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stop_ends_idle_connections() {
        let (address, stop, server) = start(Duration::from_secs(600)).await;
        let idle = tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).expect("it listens");
            stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it takes it");
            let mut heard = vec![];
            // The whole response: then the connection is idle.
            while !heard.ends_with(b"127.0.0.1") {
                let mut piece = [0; 1024];
                let count = stream.read(&mut piece).expect("it answers");
                assert!(count > 0, "it ended early: {}", String::from_utf8_lossy(&heard));
                heard.extend_from_slice(&piece[..count]);
            }
            stream
        });
        let mut idle = idle.await.expect("it ran");
        stop.cancel();
        server.await.expect("it ends");
        let rest = tokio::task::spawn_blocking(move || idle.read(&mut [0; 1]));
        assert_eq!(rest.await.expect("it ran").expect("an end"), 0, "it was closed");
    }
}
