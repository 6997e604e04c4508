//! The API client of the command line.

use std::time::Duration;

use gancho_trust::Trust;
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use crate::{args::ServerArgs, cli_error::CliError, local_server::LocalServer};

/// The default address of the server.
const DEFAULT: &str = "http://127.0.0.1:8420";
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(90);

/// A client of a running server.
pub struct ApiClient {
    base: Url,
    token: Option<String>,
    http: reqwest::Client,
    /// The data dir on which no server works, if that is why the usual address is taken.
    without_server: Option<String>,
    /// Whether to print responses as JSON.
    pub json: bool,
}

impl ApiClient {
    /// For the server of the arguments.
    pub fn new(args: &ServerArgs) -> Result<Self, CliError> {
        let local = LocalServer::find(args);
        let server = args.server.clone().or_else(|| local.as_ref().map(|local| local.url.clone()));
        let without_server = if server.is_none() { LocalServer::missing_in(args) } else { None };
        let server = server.unwrap_or_else(|| DEFAULT.to_owned());
        let text = format!("{}/api/v1/", server.trim_end_matches('/'));
        let base = Url::parse(&text).map_err(|_| {
            CliError::usage(format!("{server} is no address of a server: it begins with http:// or https://"))
        })?;
        // This machine's token is not sent to other servers.
        let local = local.filter(|local| local.url.trim_end_matches('/') == server.trim_end_matches('/'));
        let token = args.token.clone().or_else(|| local.map(|local| local.token));
        let builder = reqwest::Client::builder();
        // Local servers are reached without a proxy.
        let builder = if is_local(&base) { builder.no_proxy() } else { builder };
        let builder = if base.scheme() == "https" {
            let trust = Trust::load(args.ca_file.as_deref()).map_err(|error| CliError::usage(error.to_string()))?;
            builder.tls_backend_preconfigured((*trust.config()).clone())
        } else {
            builder
        };
        let http = builder.build().map_err(CliError::refused)?;
        let without_server = without_server.map(|dir| dir.display().to_string());
        Ok(Self { base, token, http, without_server, json: args.json })
    }

    /// For this machine's server.
    pub fn of(local: &LocalServer) -> Result<Self, CliError> {
        let (server, token) = (Some(local.url.clone()), Some(local.token.clone()));
        Self::new(&ServerArgs { server, token, config: None, data_dir: None, ca_file: None, json: false })
    }

    /// One request; returns the response's JSON, or null if it is empty.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, CliError> {
        let (status, value) = self.answer(method, path, body, TIMEOUT).await?;
        if status.is_success() { Ok(value) } else { Err(self.refused(status, &value)) }
    }

    /// Any response within a timeout; null if it is not JSON.
    pub async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        within: Duration,
    ) -> Result<(StatusCode, Value), CliError> {
        let url = self.base.join(path).map_err(CliError::refused)?;
        let mut request = self.http.request(method, url).timeout(within);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| self.unreachable(&error))?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    /// A whole list, page by page.
    pub async fn pages(&self, list: &str) -> Result<Vec<Value>, CliError> {
        let mut all = vec![];
        let mut path = format!("{list}?limit=500");
        loop {
            let mut page = self.call(Method::GET, &path, None).await?;
            all.extend(page["data"].as_array_mut().map(std::mem::take).unwrap_or_default());
            let Some(next) = page["next"].as_str() else { return Ok(all) };
            path = format!("{list}?limit=500&after={next}");
        }
    }

    /// The server's address.
    pub fn server(&self) -> String {
        self.base.as_str().trim_end_matches("/api/v1/").to_owned()
    }

    /// Whether that address is reachable from this machine only.
    pub fn is_local(&self) -> bool {
        is_local(&self.base)
    }

    /// Runs an action: prints its response as JSON, or one line about what was done.
    pub async fn act(&self, method: Method, path: &str, body: Option<Value>, done: &str) -> Result<(), CliError> {
        let answer = self.call(method, path, body).await?;
        if self.json {
            say!("{answer}");
        } else {
            say!("{done}");
        }
        Ok(())
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let server = self.base.origin().ascii_serialization();
        if error.is_timeout() {
            return CliError::unreachable(format!("{server} did not answer in time"));
        }
        if gancho_trust::is_of_tls(error) {
            let why = gancho_trust::explain(error).replace("the setting tls_ca_file", "--ca-file (GANCHO_TLS_CA_FILE)");
            return CliError::unreachable(format!("{server} can't be reached: {why}"));
        }
        let proxy = proxy_variable(&self.base).map(|name| format!(" through the proxy of {name}")).unwrap_or_default();
        let reason = match &self.without_server {
            Some(dir) => format!("no server works on the data dir {dir} (--data-dir; --server, GANCHO_SERVER)"),
            None => "is gancho serve running there? (--server, GANCHO_SERVER)".to_owned(),
        };
        CliError::unreachable(format!("{server} can't be reached{proxy}: {reason}"))
    }

    /// Converts an error response.
    pub fn refused(&self, status: StatusCode, problem: &Value) -> CliError {
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
        match status {
            StatusCode::NOT_FOUND => CliError::not_found(message),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CliError::not_allowed(message),
            _ => CliError::because(message),
        }
    }
}

fn is_local(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// The environment variable of the proxy to a server; `None` without a proxy.
fn proxy_variable(base: &Url) -> Option<&'static str> {
    let names = match base.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_local(base) { None } else { names.into_iter().find(is_set) }
}

/// A query string; each pair is preceded by `&`.
pub fn query<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    let text = out.extend_pairs(pairs).finish();
    if text.is_empty() { text } else { format!("&{text}") }
}
