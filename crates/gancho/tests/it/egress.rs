//! Webhooks leave through a proxy, and what must not be called is not called through it either.

use gancho_testkit::{Family, NameServer, Receiver, Says, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    BINARY,
    proxies::office_proxy,
    settings::refused,
    tls::{Certificate, listen},
};

async fn behind(proxy: &str, options: ServerOptions) -> Server {
    Server::start(BINARY, options.env("GANCHO_EGRESS_PROXY", proxy).env("GANCHO_LOG_LEVEL", "error")).await
}

/// Sends an event to this address, and waits for its first attempt; the delivery.
async fn attempted(server: &Server, url: &str) -> Value {
    let body = json!({"url": url, "events": ["demo.*"], "retry": {"delays_s": []}});
    let endpoint = server.post("/endpoints", body, 201).await;
    server.send("demo.made").await;
    let id = endpoint["id"].as_str().expect("an id");
    let list = format!("/deliveries?endpoint={id}");
    let list =
        server.wait_until(&list, |page| page["data"].as_array().is_some_and(|all| !all[0]["last"].is_null())).await;
    let path = format!("/deliveries/{}", list["data"][0]["id"].as_str().expect("an id"));
    server.call(reqwest::Method::DELETE, &format!("/endpoints/{id}"), None).await;
    server.get(&path).await
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_address_that_passed() {
    let receiver = Receiver::start().await;
    let port = url::Url::parse(&receiver.url("/")).expect("an address").port().expect("a port");
    let (proxy, asked) = office_proxy(port).await;
    let dns = NameServer::start(|name, family| {
        let inside = if name.starts_with("inside") { [10, 1, 2, 3] } else { [127, 0, 0, 1] };
        Says::Addresses(if family == Family::V4 { vec![inside.into()] } else { vec![] })
    })
    .await;
    let options =
        ServerOptions::default().env("GANCHO_DNS_SERVERS", dns.address()).env("GANCHO_ALLOW_HOSTS", "127.0.0.1/32");
    let server = behind(&format!("http://ana:s3cret@{proxy}"), options).await;
    let sent = attempted(&server, &format!("http://shop.test:{port}/hook")).await;
    assert_eq!(sent["state"], "delivered", "{sent}");
    let request = &receiver.received()[0];
    assert_eq!(request.header("host"), format!("shop.test:{port}"), "the receiver is asked by its name");
    assert!(request.header("proxy-authorization").is_empty(), "the proxy's password is the proxy's");
    let asks = asked.lock().expect("a list").clone();
    assert_eq!(asks, [format!("connect 127.0.0.1:{port} http/1.1")], "never for a name");

    // A name behind which there is what must not be called: the proxy does not hear of it.
    let before = asks.len();
    let blocked = attempted(&server, "http://inside.test/").await;
    assert_eq!(blocked["attempts"][0]["error"]["kind"], "blocked", "{blocked}");
    assert_eq!(asked.lock().expect("a list").len(), before);

    // A bin of our own needs no proxy.
    let bin = server.post("/bins", json!({}), 201).await;
    let kept = attempted(&server, bin["url"].as_str().expect("an address")).await;
    assert_eq!(kept["state"], "delivered", "{kept}");
    assert_eq!(asked.lock().expect("a list").len(), before);
}

#[tokio::test]
async fn tls_is_agreed_on_with_the_receiver_and_not_with_the_proxy() {
    let receiver = Receiver::start().await;
    let to = receiver.url("/").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let certificate = Certificate::make(&["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    let port = listen(&certificate, move |mut client| {
        let to = to.clone();
        async move {
            let mut server = TcpStream::connect(&to).await.expect("the receiver");
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await;
    let (proxy, _asked) = office_proxy(port).await;
    let file = certificate.file();
    let options = ServerOptions::default().env("GANCHO_TLS_CA_FILE", file.display());
    let server = behind(&format!("http://ana:s3cret@{proxy}"), options).await;
    let sent = attempted(&server, &format!("https://localhost:{port}/")).await;
    assert_eq!(sent["state"], "delivered", "{sent}");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_not_there_is_named_and_its_password_is_not() {
    let receiver = Receiver::start().await;
    let port = url::Url::parse(&receiver.url("/")).expect("an address").port().expect("a port");
    let (proxy, _asked) = office_proxy(port).await;
    for (address, says) in
        [(format!("http://ana:wr0ng@{proxy}"), "407"), ("http://ana:wr0ng@127.0.0.1:1".to_owned(), "can't be reached")]
    {
        let server = behind(&address, ServerOptions::default()).await;
        let failed = attempted(&server, &receiver.url("/")).await;
        let message = failed["attempts"][0]["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("egress_proxy") && message.contains(says), "{failed}");
        assert!(!failed.to_string().contains("wr0ng"));
    }
    assert!(receiver.received().is_empty(), "nothing goes past the proxy");
    refused(&["serve"], &[("GANCHO_EGRESS_PROXY", "socks5://x:wr0ng@y")], "setting egress_proxy");
}
