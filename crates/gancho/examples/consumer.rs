//! Reads the feed: `GANCHO_URL=http://127.0.0.1:8420 GANCHO_TOKEN=gancho_… cargo run --example consumer books`.
//! Make the consumer first: `gancho consumer add books --types 'invoice.*'`.

use std::{env, error::Error, time::Duration};

use serde_json::{Value, json};

struct Feed {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Feed {
    async fn call(&self, path: &str, body: Option<Value>) -> Result<Value, reqwest::Error> {
        let url = format!("{}{path}", self.base);
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        request.bearer_auth(&self.token).send().await?.error_for_status()?.json().await
    }

    /// Handles what there is, and waits up to 30 seconds for news.
    async fn handle(&self) -> Result<(), reqwest::Error> {
        let page = self.call("/events?wait=30", None).await?;
        for event in page["data"].as_array().into_iter().flatten() {
            // Your work; a second time, if you end before the next line.
            println!("handled {} {}", event["event"].as_str().unwrap_or("?"), event["id"].as_str().unwrap_or("?"));
            self.call("/ack", Some(json!({"sequence": event["sequence"]}))).await?;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = env::args().nth(1).ok_or("which consumer?")?;
    let base = format!("{}/api/v1/consumers/{name}", env::var("GANCHO_URL")?.trim_end_matches('/'));
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
    let feed = Feed { http, base, token: env::var("GANCHO_TOKEN")? };
    loop {
        if let Err(error) = feed.handle().await {
            eprintln!("{error}: trying again in five seconds");
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}
