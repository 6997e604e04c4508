//! `gancho serve --demo`: one command, and every page has something to show.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, StatusCode, header};
use serde_json::Value;

use crate::BINARY;

/// The command, which is stopped in any case.
struct Demo {
    child: Child,
    base: String,
    password: String,
    temporary: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(BINARY)
            .args(["serve", "--demo", "--listen", "127.0.0.1:0"])
            .current_dir(temporary.path())
            .env("TMPDIR", temporary.path())
            .env("GANCHO_ADMIN_TOKEN", "demo-admin-token")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut line = || lines.next().expect("a line").expect("text");
        let base = line().strip_prefix("listening on ").expect("where").to_owned();
        let password = line().rsplit(' ').next().expect("a password").to_owned();
        Self { child, base, password, temporary }
    }

    /// Folders of its data.
    fn folders(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.temporary.path()).expect("a folder");
        all.map(|entry| entry.expect("an entry").path()).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_alive_and_all_of_it_goes_with_the_process() {
    let mut demo = Demo::start();
    let http = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let api = async |path: &str| -> Value {
        let request = http.get(format!("{}/api/v1{path}", demo.base)).bearer_auth("demo-admin-token");
        request.send().await.expect("it answers").json().await.expect("JSON")
    };
    let list = |page: &Value| page["data"].as_array().cloned().unwrap_or_default();
    let seen = async {
        loop {
            let (events, failed) = (api("/events?limit=500").await, api("/deliveries?limit=500").await);
            let types: std::collections::BTreeSet<String> =
                list(&events).iter().map(|event| event["event"].as_str().unwrap_or_default().to_owned()).collect();
            let states: std::collections::BTreeSet<String> =
                list(&failed).iter().map(|one| one["state"].as_str().unwrap_or_default().to_owned()).collect();
            let wanted = ["delivered", "pending", "skipped"].iter().all(|state| states.contains(*state));
            if types.len() >= 3 && wanted {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, seen).await.expect("something of everything");
    let endpoints = list(&api("/endpoints").await);
    assert_eq!(endpoints.len(), 4);
    let bins = list(&api("/bins").await);
    assert!(bins.iter().any(|bin| bin["received"].as_u64() > Some(0)), "{bins:?}");
    let cookie = sign_in(&http, &demo.base, ("demo", &demo.password)).await;
    for path in ["/", "/webhooks", "/deliveries", "/events", "/catalogue", "/sources", "/bins", "/settings"] {
        let page =
            http.get(format!("{}{path}", demo.base)).header(header::COOKIE, &cookie).send().await.expect("a page");
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        let text = page.text().await.expect("text");
        assert!(text.contains("made up") || text.contains("inventados"), "{path} says what it is");
    }
    assert_eq!(demo.folders().len(), 1);
    let id = rustix::process::Pid::from_raw(demo.child.id().cast_signed()).expect("it runs");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("a signal");
    let ended = tokio::task::block_in_place(|| demo.child.wait()).expect("it ends");
    assert!(ended.success());
    assert_eq!(demo.folders(), Vec::<PathBuf>::new(), "nothing is left behind");
}

/// Signs in through the form, with a name and a password; returns the cookies of the session.
pub async fn sign_in(http: &Client, base: &str, (name, password): (&str, &str)) -> String {
    let page = http.get(format!("{base}/login")).send().await.expect("the form");
    let visit = cookies(page.headers());
    let form = page.text().await.expect("text");
    let csrf = form.split("name=\"csrf_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("one");
    let fields = [("csrf_token", csrf), ("name", name), ("password", password), ("next", "")];
    let body = fields.iter().fold(url::form_urlencoded::Serializer::new(String::new()), |mut form, (name, value)| {
        form.append_pair(name, value);
        form
    });
    let answer = http
        .post(format!("{base}/login"))
        .header(header::COOKIE, &visit)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body({ body }.finish())
        .send()
        .await
        .expect("it answers");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "the password is right");
    cookies(answer.headers())
}

fn cookies(headers: &header::HeaderMap) -> String {
    let pairs = headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()?.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}
