//! What may stand between a command and its server: a proxy that cuts, swallows and lies, that of an office, and TLS.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};

use gancho_testkit::Server;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::tls::{Certificate, listen};

/// Lets everything through.
pub const PASS: u8 = 0;
/// Takes connections, and lets nothing through.
pub const SWALLOW: u8 = 1;
/// Resets what it has and what comes.
pub const RESET: u8 = 2;
/// Answers in the server's place.
pub const LIE: u8 = 3;

/// What stands between the command and the server.
pub struct Proxy {
    pub url: String,
    to: Arc<Mutex<String>>,
    mode: Arc<AtomicU8>,
    cut: Arc<watch::Sender<u64>>,
}

impl Proxy {
    pub async fn start(to: &str) -> Self {
        let to = Arc::new(Mutex::new(host(to)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (mode, cut) = (Arc::new(AtomicU8::new(PASS)), Arc::new(watch::Sender::new(0)));
        let (known_mode, known_cut, known_to) = (mode.clone(), cut.clone(), to.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let to = known_to.lock().expect("an address").clone();
                tokio::spawn(carry(client, to, known_mode.clone(), known_cut.subscribe()));
            }
        });
        Self { url, to, mode, cut }
    }

    /// The server has another port.
    pub fn lead_to(&self, server: &str) {
        *self.to.lock().expect("an address") = host(server);
    }

    /// From now on, for what is open and what comes.
    pub fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
        self.cut.send_modify(|count| *count += 1);
    }
}

fn host(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

async fn carry(mut client: TcpStream, to: String, mode: Arc<AtomicU8>, mut cut: watch::Receiver<u64>) {
    cut.mark_unchanged();
    loop {
        match mode.load(Ordering::SeqCst) {
            PASS => {
                let Ok(mut server) = TcpStream::connect(&to).await else { return };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
                    _ = cut.changed() => {}
                }
                // What was under way is lost, in whatever way comes next.
                match mode.load(Ordering::SeqCst) {
                    SWALLOW => {}
                    _ => return drop(client.set_zero_linger()),
                }
            }
            LIE => {
                let page = b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\nconnection: close\r\n\r\n<html>no</html";
                return drop(client.write_all(page).await);
            }
            RESET => return drop(client.set_zero_linger()),
            _ => {
                if cut.changed().await.is_err() || mode.load(Ordering::SeqCst) != SWALLOW {
                    return;
                }
            }
        }
    }
}

/// A proxy of an office: it asks for a name and password, and leads to the only server that it knows.
pub async fn office_proxy(to: u16) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("127.0.0.1:{}", listener.local_addr().expect("its address").port());
    let asked = Arc::new(Mutex::new(vec![]));
    let note = asked.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let note = note.clone();
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let (mut lines, mut line) = (vec![], String::new());
                while client.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                    lines.push(std::mem::take(&mut line).trim().to_lowercase());
                }
                // ana:s3cret
                if !lines.contains(&"proxy-authorization: basic yw5honmzy3jlda==".to_owned()) {
                    let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
                    return drop(client.write_all(refused).await);
                }
                note.lock().expect("a list").extend(lines.first().cloned());
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.expect("the server");
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.expect("answered");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, asked)
}

/// A server of https, in front of this one.
pub async fn https_front(certificate: &Certificate, server: &Server) -> u16 {
    let to = host(server.base());
    listen(certificate, move |mut client| {
        let to = to.clone();
        async move {
            let mut server = TcpStream::connect(&to).await.expect("the server");
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    })
    .await
}
