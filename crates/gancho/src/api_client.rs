//! The command line's side of the API.

use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::{args::ServerArgs, cli_error::CliError};

/// The longest that a command waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A running server, as a command sees it.
pub struct ApiClient {
    base: Url,
    token: Option<String>,
    http: reqwest::Client,
    /// Whether answers are printed as JSON.
    pub json: bool,
}

impl ApiClient {
    /// For the server that the arguments name.
    pub fn new(args: &ServerArgs) -> Result<Self, CliError> {
        let text = format!("{}/api/v1/", args.server.trim_end_matches('/'));
        let base = Url::parse(&text).map_err(|_| {
            CliError::usage(format!("{} is no address of a server: it begins with http:// or https://", args.server))
        })?;
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().map_err(CliError::refused)?;
        Ok(Self { base, token: args.token.clone(), http, json: args.json })
    }

    /// One call; the answer's JSON, or null where there is none.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, CliError> {
        let url = self.base.join(path).map_err(CliError::refused)?;
        let mut request = self.http.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(CliError::refused)?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() { Ok(value) } else { Err(self.refused(status, &value)) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let server = self.base.origin().ascii_serialization();
        if error.is_timeout() {
            return CliError::because(format!("{server} did not answer in time"));
        }
        CliError::because(format!(
            "{server} can't be reached: is gancho serve running there? (--server, GANCHO_SERVER)"
        ))
    }

    fn refused(&self, status: StatusCode, problem: &Value) -> CliError {
        let detail = problem
            .get("detail")
            .and_then(Value::as_str)
            .unwrap_or("the answer is not Gancho's: is another server there?");
        let mut message = format!("{detail} ({status})");
        for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let part = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            message.push_str(&format!("\n  {}: {}", part("field"), part("message")));
        }
        if status == StatusCode::UNAUTHORIZED && self.token.is_none() {
            message.push_str("\n  give one with --token or GANCHO_TOKEN; gancho token create makes one");
        }
        CliError::because(message)
    }
}
