use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::net::UdpSocket;

/// The type of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A.
    V4,
    /// AAAA.
    V6,
}

/// A name server's response.
#[derive(Clone, Debug)]
pub enum Says {
    /// These addresses of the requested family; may be empty.
    Addresses(Vec<IpAddr>),
    /// The same with a delay.
    Late(Duration, Vec<IpAddr>),
    /// No response.
    Nothing,
}

type Knows = Box<dyn FnMut(&str, Family) -> Says + Send>;

/// A name server on its own port.
pub struct NameServer {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl NameServer {
    /// Responds according to this function.
    pub async fn start(knows: impl FnMut(&str, Family) -> Says + Send + 'static) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a port is free"));
        let address = socket.local_addr().expect("it has an address");
        let knows: Arc<Mutex<Knows>> = Arc::new(Mutex::new(Box::new(knows)));
        let task = tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let (query, knows, socket) = (query[..length].to_vec(), knows.clone(), socket.clone());
                tokio::spawn(async move { reply(&query, &knows, &socket, from).await });
            }
        });
        Self { address, task }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn reply(query: &[u8], knows: &Mutex<Knows>, socket: &UdpSocket, from: SocketAddr) {
    let end = query[12..].iter().position(|&byte| byte == 0).map_or(query.len(), |end| 12 + end + 1);
    let family = if query[end + 1] == 28 { Family::V6 } else { Family::V4 };
    let says = (knows.lock().unwrap_or_else(PoisonError::into_inner))(&name(&query[12..end]), family);
    let addresses = match says {
        Says::Addresses(addresses) => addresses,
        Says::Late(late, addresses) => {
            tokio::time::sleep(late).await;
            addresses
        }
        Says::Nothing => return,
    };
    // The client may be gone.
    let _ = socket.send_to(&answer(query, end, family, &addresses), from).await;
}

fn name(mut labels: &[u8]) -> String {
    let mut parts = vec![];
    while let Some((&length, rest)) = labels.split_first().filter(|(length, _)| **length > 0) {
        let (label, others) = rest.split_at(usize::from(length));
        parts.push(String::from_utf8_lossy(label).into_owned());
        labels = others;
    }
    parts.join(".")
}

/// RFC 1035: the header and question of the query, with records of TTL 0.
fn answer(query: &[u8], end: usize, family: Family, addresses: &[IpAddr]) -> Vec<u8> {
    let own: Vec<&IpAddr> = addresses.iter().filter(|one| one.is_ipv6() == (family == Family::V6)).collect();
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, own.len() as u8, 0, 0, 0, 0]);
    reply.extend(&query[12..end + 4]);
    for address in own {
        match address {
            IpAddr::V4(address) => {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                reply.extend(address.octets());
            }
            IpAddr::V6(address) => {
                reply.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 0, 0, 16]);
                reply.extend(address.octets());
            }
        }
    }
    reply
}
