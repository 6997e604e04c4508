use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{Database, Engine, Instance, PATIENCE};

/// The admin token of every test server.
pub const ADMIN_TOKEN: &str = "test-admin-token";

/// Options for starting the binary.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// Additional environment variables, such as `GANCHO_ATTEMPT_MS`.
    pub env: Vec<(String, String)>,
    /// A command prefix, such as a tracer.
    pub before: Vec<String>,
}

impl ServerOptions {
    /// With this environment variable.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.env.push((name.into(), value.to_string()));
        self
    }
}

/// A response of the API.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body; fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

/// The real binary on its own port. It is killed when this is dropped.
pub struct Server {
    binary: PathBuf,
    options: ServerOptions,
    dir: TempDir,
    /// If `GANCHO_TEST_DATABASE=postgres` is set.
    database: Option<Database>,
    child: Option<Child>,
    base: String,
    http: reqwest::Client,
}

impl Server {
    /// Starts the binary in its own folder.
    pub async fn start(binary: &str, options: ServerOptions) -> Self {
        Self::start_on(binary, options, |_| ()).await
    }

    /// The same after files were put into the data dir, which does not exist yet.
    pub async fn start_on(binary: &str, options: ServerOptions, put: impl FnOnce(&Path)) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let dir = tempfile::tempdir().expect("a folder");
        let database = match std::env::var("GANCHO_TEST_DATABASE").as_deref() {
            Ok("postgres") => Some(Instance::shared(Engine::Postgres).blank().await),
            _ => None,
        };
        let mut server = Self { binary: binary.into(), options, dir, database, child: None, base: String::new(), http };
        put(&server.data_dir());
        server.run().await;
        server
    }

    /// Restarts it on the same data.
    pub async fn run(&mut self) {
        assert!(self.try_run().await, "it says where it listens");
    }

    /// The same if it may end before it is ready; returns whether it is.
    pub async fn try_run(&mut self) -> bool {
        let mut words: Vec<std::ffi::OsString> = self.options.before.iter().map(Into::into).collect();
        words.push(self.binary.clone().into());
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(self.data_dir())
            .current_dir(self.dir.path())
            .env("GANCHO_ADMIN_TOKEN", ADMIN_TOKEN)
            .env("GANCHO_ALLOW_HOSTS", "127.0.0.1,localhost,::1")
            .env("GANCHO_LOG_LEVEL", "warn")
            .envs(self.environment())
            .envs(self.options.env.iter().cloned())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("it is ready in time");
        let line = line.expect("its output can be read");
        self.child = Some(child);
        if let Some(line) = &line {
            self.base = line.strip_prefix("listening on ").expect("where it listens").to_owned();
        }
        line.is_some()
    }

    /// Changes a setting from the next start on.
    pub fn set_env(&mut self, name: &str, value: impl ToString) {
        self.options.env.retain(|(known, _)| known != name);
        self.options.env.push((name.into(), value.to_string()));
    }

    /// Environment variables with which a command on this machine finds the same database.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.database.iter().map(|database| ("GANCHO_DATABASE_URL", database.url.clone())).collect()
    }

    /// The raw contents of its database.
    pub fn at_rest(&self) -> Vec<u8> {
        match &self.database {
            Some(database) => database.dump().into_bytes(),
            None => ["gancho.db", "gancho.db-wal"]
                .iter()
                .flat_map(|name| std::fs::read(self.data_dir().join(name)).expect("its database"))
                .collect(),
        }
    }

    /// Its data dir.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Its working directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("it runs")
    }

    /// SIGKILL, at once.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it can be killed");
        }
    }

    /// SIGTERM; returns its exit code.
    pub async fn stop(&mut self) -> Option<i32> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill runs");
        assert!(sent.success());
        let mut child = self.child.take()?;
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends in time");
        ended.expect("it ends").code()
    }

    /// Waits until it ends by itself; returns its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends in time");
        ended.expect("it ends").code()
    }

    /// A request as the administrator.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.call_as(ADMIN_TOKEN, method, path, body).await
    }

    /// A request with another token.
    pub async fn call_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.base)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.answer(request).await.expect("the server answers")
    }

    /// A request that may fail because the server is being killed.
    pub async fn try_call(&self, method: Method, path: &str, body: Value) -> Option<Answer> {
        let url = format!("{}/api/v1{path}", self.base);
        self.answer(self.http.request(method, url).bearer_auth(ADMIN_TOKEN).json(&body)).await
    }

    /// A custom request.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// Sends a custom request.
    pub async fn answer(&self, request: reqwest::RequestBuilder) -> Option<Answer> {
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.ok()?;
        Some(Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.expect(200)
    }

    /// POST, with the expected status.
    pub async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        self.call(Method::POST, path, Some(body)).await.expect(status)
    }

    /// PATCH.
    pub async fn patch(&self, path: &str, body: Value) -> Value {
        self.call(Method::PATCH, path, Some(body)).await.expect(200)
    }

    /// Adds an endpoint, and returns it.
    pub async fn add_endpoint(&self, url: &str, events: &[&str]) -> Value {
        self.post("/endpoints", json!({"url": url, "events": events}), 201).await
    }

    /// Sends an event of this type, and returns its id.
    pub async fn send(&self, event: &str) -> String {
        let sent = self.post("/events", json!({"event": event, "data": {"object": {"n": 1}}}), 202).await;
        sent["id"].as_str().expect("an id").to_owned()
    }

    /// Repeats a request until the condition holds for its response.
    pub async fn wait_until(&self, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let asking = async {
            loop {
                last = self.get(path).await;
                if holds(&last) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, asking).await;
        assert!(waited.is_ok(), "{path} never came to be as it should: {last}");
        last
    }
}
