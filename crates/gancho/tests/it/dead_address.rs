//! A name with several addresses, some of which are dead, late or refused: one dead address fails no delivery.

use std::{net::IpAddr, time::Duration};

use gancho_testkit::{Family, NameServer, Receiver, Says, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};

use crate::BINARY;

/// An address and port that swallow every further attempt to connect: its queue is full, and nobody accepts.
struct Swallowing {
    _listener: tokio::net::TcpListener,
    _fill: Vec<tokio::task::JoinHandle<std::io::Result<TcpStream>>>,
}

impl Swallowing {
    async fn at(address: IpAddr, port: u16) -> Self {
        let address = std::net::SocketAddr::new(address, port);
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.expect("a socket");
        socket.bind(address).expect("the port is free at this address too");
        let listener = socket.listen(0).expect("it listens");
        let fill = (0..4).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
        let swallows = async {
            while tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(address)).await.is_ok() {}
        };
        tokio::time::timeout(gancho_testkit::PATIENCE, swallows).await.expect("it swallows");
        Self { _listener: listener, _fill: fill }
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The delivery to a name of which a name server says this, to a receiver on 127.0.0.1.
async fn delivery(dns: NameServer, receiver: &Receiver) -> Value {
    let options = ServerOptions::default().env("GANCHO_ALLOW_HOSTS", "127.0.0.0/8,::1/128");
    let server = Server::start(BINARY, options.env("GANCHO_DNS_SERVERS", dns.address())).await;
    let port = port(receiver);
    let body = json!({"url": format!("http://erp_1.test:{port}/"), "events": ["*"], "retry": {"delays_s": []}});
    server.post("/endpoints", body, 201).await;
    server.send("demo.made").await;
    let ended = |list: &Value| list["data"][0].is_object() && list["data"][0]["state"] != "pending";
    let list = server.wait_until("/deliveries", ended).await;
    server.get(&format!("/deliveries/{}", list["data"][0]["id"].as_str().expect("an id"))).await
}

fn port(receiver: &Receiver) -> u16 {
    receiver.url("").rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

/// Answers that come at once.
async fn knows(v4: &[&str], v6: &[&str]) -> NameServer {
    let of = |list: &[&str]| list.iter().map(|text| ip(text)).collect::<Vec<_>>();
    let (v4, v6) = (of(v4), of(v6));
    NameServer::start(move |_, family| Says::Addresses(if family == Family::V4 { v4.clone() } else { v6.clone() }))
        .await
}

#[tokio::test]
async fn a_first_address_that_swallows_is_passed_over() {
    let receiver = Receiver::start().await;
    let _dead = Swallowing::at(ip("127.0.0.3"), port(&receiver)).await;
    let delivery = delivery(knows(&["127.0.0.3", "127.0.0.1"], &[]).await, &receiver).await;
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["n"]), (&json!("delivered"), &json!(1)), "{delivery}");
}

#[tokio::test]
async fn an_ipv6_address_that_swallows_is_passed_over() {
    let receiver = Receiver::start().await;
    let _dead = Swallowing::at(ip("::1"), port(&receiver)).await;
    let delivery = delivery(knows(&["127.0.0.1"], &["::1"]).await, &receiver).await;
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["n"]), (&json!("delivered"), &json!(1)), "{delivery}");
}

#[tokio::test]
async fn many_dead_addresses_leave_the_last_its_turn() {
    let receiver = Receiver::start().await;
    // Nobody listens there: each refuses at once.
    let all = ["127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7", "127.0.0.8", "127.0.0.9", "127.0.0.1"];
    let delivery = delivery(knows(&all, &[]).await, &receiver).await;
    assert_eq!(delivery["state"], "delivered", "{delivery}");
}

#[tokio::test]
async fn a_family_that_is_never_answered_costs_nothing() {
    for silent in [Family::V6, Family::V4] {
        let receiver = Receiver::start().await;
        let dns = NameServer::start(move |_, family| match family {
            family if family == silent => Says::Nothing,
            Family::V4 => Says::Addresses(vec![ip("127.0.0.1")]),
            Family::V6 => Says::Addresses(vec![]),
        });
        let delivery = delivery(dns.await, &receiver).await;
        let arrived = silent == Family::V6;
        assert_eq!(delivery["state"] == "delivered", arrived, "{silent:?}: {delivery}");
    }
}

#[tokio::test]
async fn a_late_answer_is_dialled_too_and_guarded() {
    let receiver = Receiver::start().await;
    let _dead = Swallowing::at(ip("127.0.0.3"), port(&receiver)).await;
    let late = |address: &'static str| {
        NameServer::start(move |_, family| match family {
            // The dead one at once, the other when the first was waited for already.
            Family::V4 => Says::Addresses(vec![ip("127.0.0.3")]),
            Family::V6 => Says::Late(Duration::from_millis(400), vec![ip(address)]),
        })
    };
    let refused = delivery(late("fd00:1::1").await, &receiver).await;
    assert_eq!(refused["attempts"][0]["error"]["kind"], "timeout", "{refused}");
    assert!(receiver.received().is_empty());
    // A working address beside a late one that is refused: the delivery arrives.
    let dns = NameServer::start(|_, family| match family {
        Family::V4 => Says::Late(Duration::from_millis(100), vec![ip("127.0.0.1")]),
        Family::V6 => Says::Addresses(vec![]),
    });
    let delivery = delivery(dns.await, &receiver).await;
    assert_eq!(delivery["state"], "delivered", "an empty first answer is not the last word: {delivery}");
}
