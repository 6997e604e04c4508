//! The reverse proxy of the documents, with the real nginx.

use gancho_testkit::{ADMIN_TOKEN, PATIENCE, Server, ServerOptions, free_port};
use tokio::process::{Child, Command};

use crate::{BINARY, command_line::run, demo::sign_in, documents};

struct Nginx {
    base: String,
    _child: Child,
    _dir: tempfile::TempDir,
}

async fn start(sample: &str, server: &Server, port: u16) -> Nginx {
    let dir = tempfile::tempdir().expect("a folder");
    let place = dir.path().display();
    let own = server.base().trim_start_matches("http://");
    let location = sample.replace("127.0.0.1:8420", own);
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.iter().map(|name| format!("{name}_temp_path {place}/{name};\n")).collect();
    let text = format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/log;\nevents {{}}\n\
         http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port}; {location} }} }}"
    );
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, text).expect("written");
    let mut command = Command::new("nginx");
    let child = command.arg("-c").arg(&file).arg("-e").arg(dir.path().join("log")).kill_on_drop(true).spawn();
    let child = child.expect("the tests need nginx: ./test installs it");
    let log = || std::fs::read_to_string(dir.path().join("log")).unwrap_or_default();
    documents::until_it_listens(port).await.unwrap_or_else(|_| panic!("{}", log()));
    Nginx { base: format!("http://127.0.0.1:{port}"), _child: child, _dir: dir }
}

#[tokio::test]
async fn pages_the_api_and_long_polls_work_behind_it() {
    for file in ["docs/en/operate.md", "docs/es/operar.md"] {
        let sample = documents::codes_of(file).into_iter().find(|code| code.language == "nginx").expect("a sample");
        let port = free_port();
        let options = ServerOptions::default().env("GANCHO_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
        let server = Server::start(BINARY, options).await;
        let nginx = start(&sample.text, &server, port).await;
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let client = client.timeout(PATIENCE).build().expect("a client");
        let page = client.get(format!("{}/", nginx.base)).header("accept", "text/html").send().await.expect("a page");
        let location = page.headers()["location"].to_str().expect("text");
        assert!(page.status() == 303 && location.starts_with("/login"), "{location}");

        // As large as a request may be.
        let body = serde_json::json!({"event": "demo.made", "data": {"text": "x".repeat(1_000_000)}}).to_string();
        let request = client.post(format!("{}/api/v1/events", nginx.base)).header("x-auth-token", ADMIN_TOKEN);
        let answer = request.header("content-type", "application/json").body(body).send().await.expect("an answer");
        assert_ne!(answer.status(), 413, "nginx refuses what Gancho takes");
        assert!(answer.status().is_client_error() || answer.status() == 202, "{}", answer.status());

        // A long poll is answered by what comes meanwhile, at once.
        server
            .post("/consumers", serde_json::json!({"name": "books", "types": ["demo.*"], "from": "latest"}), 201)
            .await;
        let poll = client.get(format!("{}/api/v1/consumers/books/events?wait=60", nginx.base));
        let poll = tokio::spawn(poll.header("x-auth-token", ADMIN_TOKEN).send());
        let event = server.send("demo.made").await;
        let answer = poll.await.expect("ends").expect("an answer").text().await.expect("text");
        assert!(answer.contains(&event), "{file}: {answer}");
        what_happens_is_seen_at_once(&client, &nginx, &server).await;
    }
}

/// Open pages follow a stream that never ends: a proxy that gathers it shows nothing.
async fn what_happens_is_seen_at_once(client: &reqwest::Client, nginx: &Nginx, server: &Server) {
    let data = server.data_dir();
    let add = ["user", "add", "ana", "--role", "admin", "--data-dir", data.to_str().expect("a path")];
    assert_eq!(run(server, &add, "correct horse battery\n").await.code, 0);
    let cookie = sign_in(client, &nginx.base, ("ana", "correct horse battery")).await;
    let mut live = client.get(format!("{}/live", nginx.base)).header("cookie", cookie).send().await.expect("a stream");
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    server.add_endpoint("http://127.0.0.1:1/hook", &["demo.*"]).await;
    server.send("demo.made").await;
    let mut came = String::new();
    while !came.contains("data:") {
        let piece = tokio::time::timeout(PATIENCE, live.chunk()).await.expect("in time").expect("a piece");
        came.push_str(&String::from_utf8_lossy(&piece.expect("it does not end")));
    }
}
