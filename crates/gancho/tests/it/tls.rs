//! Certificates that people make themselves, wherever Gancho dials out: believed where they are listed, and an error
//! that says what to do where not. Made by the real openssl.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use gancho_testkit::{Engine, ErpApi, FULL_KEY, Instance, Server, ServerOptions};
use reqwest::Method;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{BINARY, clock::Clock, postgres::refused_on};

/// A certificate and its key.
pub struct Certificate(TempDir);

impl Certificate {
    /// By openssl's own command, with these words added.
    pub fn make(words: &[&str]) -> Self {
        let made = Self(tempfile::tempdir().expect("a folder"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "800"]).args(words);
        openssl.arg("-keyout").arg(made.key()).arg("-out").arg(made.file());
        let output = openssl.output().expect("the tests need openssl: ./test installs it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        made
    }

    pub fn file(&self) -> PathBuf {
        self.0.path().join("server.crt")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("server.key")
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_file(self.file()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.key()).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        TlsAcceptor::from(Arc::new(config.expect("they belong together")))
    }
}

/// A TLS server on this computer that does this with every connection; its port.
pub async fn listen<F: Future<Output = ()> + Send>(
    certificate: &Certificate,
    act: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + Clone + 'static,
) -> u16 {
    let acceptor = certificate.acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, act) = (acceptor.clone(), act.clone());
            tokio::spawn(async move {
                // One who does not believe us hangs up.
                if let Ok(stream) = acceptor.accept(stream).await {
                    act(stream).await;
                }
            });
        }
    });
    port
}

/// Answers one request, and closes without a word (no close_notify): what follows the header has no length.
async fn answers(mut stream: TlsStream<TcpStream>) {
    let mut request = [0; 16_384];
    let _ = stream.read(&mut request).await;
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nok").await;
    let _ = stream.flush().await;
    let (stream, _) = stream.into_inner();
    drop(stream);
}

async fn server(ca_file: Option<&Path>, options: ServerOptions) -> Server {
    let options = options.env("GANCHO_LOG_LEVEL", "error");
    let options = ca_file.into_iter().fold(options, |options, file| options.env("GANCHO_TLS_CA_FILE", file.display()));
    Server::start(BINARY, options).await
}

/// What came of a delivery there: its only attempt.
async fn attempt(server: &Server, url: &str) -> Value {
    let body = json!({"url": url, "events": ["*"], "retry": {"delays_s": []}});
    let endpoint = server.post("/endpoints", body, 201).await;
    server.send("demo.made").await;
    let list = format!("/deliveries?endpoint={}", endpoint["id"].as_str().expect("an id"));
    let ended = |list: &Value| list["data"][0].is_object() && list["data"][0]["state"] != "pending";
    let list = server.wait_until(&list, ended).await;
    let delivery = format!("/deliveries/{}", list["data"][0]["id"].as_str().expect("an id"));
    server.get(&delivery).await["attempts"][0].clone()
}

fn message(attempt: &Value) -> &str {
    assert_eq!(attempt["error"]["kind"], "tls", "{attempt}");
    attempt["error"]["message"].as_str().expect("a message")
}

#[tokio::test]
async fn a_self_signed_certificate_is_believed_for_its_host_where_it_is_listed() {
    // As openssl makes it without more ado (CA:TRUE, the name in the subject only), and with names of its own.
    for words in [
        &["-subj", "/CN=localhost"][..],
        &["-subj", "/CN=shop", "-addext", "subjectAltName=DNS:localhost"],
        &[
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ],
    ] {
        let certificate = Certificate::make(words);
        let port = listen(&certificate, answers).await;
        let believing = server(Some(&certificate.file()), ServerOptions::default()).await;
        let good = attempt(&believing, &format!("https://localhost:{port}/")).await;
        assert_eq!((&good["status_code"], &good["error"]), (&json!(200), &Value::Null), "{words:?}: {good}");
        // The address is no name of it.
        let elsewhere = attempt(&believing, &format!("https://127.0.0.1:{port}/")).await;
        assert!(
            message(&elsewhere).contains("127.0.0.1") || message(&elsewhere).contains("other names"),
            "{elsewhere}"
        );
        let stranger = server(None, ServerOptions::default()).await;
        let refused = attempt(&stranger, &format!("https://localhost:{port}/")).await;
        assert!(message(&refused).contains("tls_ca_file"), "{words:?}: {refused}");
    }
}

#[tokio::test]
async fn a_listed_server_signs_for_nobody_else() {
    let listed = Certificate::make(&["-subj", "/CN=erp.lan", "-addext", "basicConstraints=critical,CA:FALSE"]);
    let (file, key) = (listed.file(), listed.key());
    let [file_text, key_text] = [&file, &key].map(|path| path.to_str().expect("a path"));
    let names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", file_text, "-CAkey", key_text];
    let forged = Certificate::make(&[&names[..], &leaf].concat());
    let port = listen(&forged, answers).await;
    let believing = server(Some(&file), ServerOptions::default()).await;
    let refused = attempt(&believing, &format!("https://localhost:{port}/")).await;
    assert!(message(&refused).contains("certificate"), "{refused}");
}

#[tokio::test]
async fn a_listed_certificate_that_has_expired_is_not_believed() {
    let certificate = Certificate::make(&["-subj", "/CN=localhost"]);
    let port = listen(&certificate, answers).await;
    let clock = Clock::new(801 * 24 * 3600);
    let late = server(Some(&certificate.file()), clock.options()).await;
    let refused = attempt(&late, &format!("https://localhost:{port}/")).await;
    assert!(message(&refused).contains("expired"), "{refused}");
}

#[tokio::test]
async fn what_speaks_no_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let server = server(None, ServerOptions::default()).await;
    let refused = attempt(&server, &format!("https://localhost:{port}/")).await;
    assert!(message(&refused).contains("http://"), "{refused}");
}

#[tokio::test]
async fn the_erp_s_api_is_believed_alike() {
    let certificate = Certificate::make(&["-subj", "/CN=localhost"]);
    let erp = ErpApi::start(Engine::MariaDb).await;
    let address = erp.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let port = listen(&certificate, move |mut stream| {
        let address = address.clone();
        async move {
            let mut inner = TcpStream::connect(address).await.expect("the ERP is there");
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut inner).await;
        }
    })
    .await;
    let source = json!({"kind": "api", "name": "ERP", "url": format!("https://localhost:{port}"), "key": FULL_KEY});
    let believing = server(Some(&certificate.file()), ServerOptions::default()).await;
    believing.post("/sources", source.clone(), 201).await;
    let stranger = server(None, ServerOptions::default()).await;
    let refused = stranger.call(Method::POST, "/sources", Some(source)).await.expect(422);
    assert!(refused.to_string().contains("tls_ca_file"), "{refused}");
}

#[tokio::test]
async fn a_name_and_password_in_the_erp_s_address_are_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&request[..length]).to_lowercase());
            let _ = stream.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    let server = server(None, ServerOptions::default()).await;
    let source = json!({"kind": "api", "name": "ERP", "url": format!("http://ana:a%40b@localhost:{port}"), "key": "k"});
    server.call(Method::POST, "/sources", Some(source)).await.expect(422);
    let request = receiver.recv().await.expect("it was asked");
    // `ana:a@b` in base64, lowercase as all of it.
    assert!(request.contains("authorization: basic yw5homfayg=="), "{request}");
}

#[tokio::test]
async fn for_a_database_the_error_shows_how_to_make_a_fitting_one() {
    let instance = Instance::start(Engine::Postgres);
    let database = instance.database().await;
    let folder = database.client().await.texts("SHOW data_directory").await.remove(0);
    let owner = std::fs::metadata(&folder).expect("its folder");
    let show = async |certificate: &Certificate| {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
        for file in [certificate.file(), certificate.key()] {
            let to = Path::new(&folder).join(file.file_name().expect("a name"));
            std::fs::copy(&file, &to).expect("copied");
            chown(&to, Some(owner.uid()), Some(owner.gid())).expect("given to the database");
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).expect("kept from others");
        }
        database.run("ALTER SYSTEM SET ssl = on").await;
        database.client().await.wait_until("SELECT pg_reload_conf()::int::bigint", |done| done == 1).await;
        let on = "SELECT count(*) FROM pg_settings WHERE name = 'ssl' AND setting = 'on'";
        database.client().await.wait_until(on, |on| on == 1).await;
    };
    let url = database.url.replace("127.0.0.1", "localhost") + "?sslmode=verify-full";
    let source = json!({"kind": "database", "name": "ERP", "url": url});
    let plain = Certificate::make(&["-subj", "/CN=localhost"]);
    show(&plain).await;
    let server_one = server(Some(&plain.file()), ServerOptions::default()).await;
    let refused = server_one.call(Method::POST, "/sources", Some(source.clone())).await.expect(422).to_string();
    let line = refused.split("is made by: openssl ").nth(1).and_then(|rest| rest.split(['"', '\\']).next());
    let words = line.unwrap_or_else(|| panic!("no line in {refused}"));
    // What the line says, but for the names of the files.
    let words: Vec<&str> = words.split(' ').map(|word| word.trim_matches('\'')).collect();
    let added = words.iter().position(|word| *word == "-subj").expect("a subject");
    let fitting = Certificate::make(&words[added..]);
    show(&fitting).await;
    let server_two = server(Some(&fitting.file()), ServerOptions::default()).await;
    server_two.post("/sources", source, 201).await;
    // Gancho's own database is believed by the same word.
    let url = instance.blank().await.url.replace("127.0.0.1", "localhost") + "?sslmode=verify-full";
    let on_it = server(Some(&fitting.file()), ServerOptions::default().env("GANCHO_DATABASE_URL", &url)).await;
    on_it.send("demo.made").await;
    let (code, said) = refused_on(&url, &on_it.dir().join("other")).await;
    assert!(code == Some(2) && said.contains("tls_ca_file"), "{said}");
}
