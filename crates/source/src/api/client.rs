//! A client of the ERP's API with a rate limit that adapts to a slow ERP.

use std::{collections::HashMap, time::Duration};

use gancho_model::{Record, Secret};
use gancho_service::outbox::OutboxPayload;
use reqwest::{RequestBuilder, Response, StatusCode, Url, header, redirect};
use serde_json::Value;
use tokio::time::Instant;

use super::{ApiError, Base};
use crate::obstacle::Obstacle;

/// Request timeout.
const PATIENCE: Duration = Duration::from_secs(30);
/// Maximum size of a response.
const ANSWER_MAX: usize = 16 << 20;
/// Maximum length of the ERP's error message that is reported.
const WHY_MAX: usize = 200;
/// The plugin's list.
pub(crate) const OUTBOX: &str = "gancho";
/// The ERP accepts no other content type.
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
/// The header with the number of matching records.
const TOTAL: &str = "x-total-count";

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Page {
    /// The records.
    pub rows: Vec<Record>,
    /// Number of matching records; older versions don't report it.
    pub total: Option<u64>,
}

/// A connection to one ERP's API.
pub(crate) struct ErpClient {
    http: reqwest::Client,
    base: Base,
    key: Secret,
    between: Duration,
    next: Instant,
    /// Whether this ERP reports the number of matching records.
    pub counts: bool,
}

impl ErpClient {
    /// Creates a client with this key and rate limit.
    ///
    /// # Errors
    /// If the HTTP client can't be created.
    pub fn new(base: Base, key: Secret, per_s: u32) -> Result<Self, ApiError> {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tls_backend_preconfigured((*gancho_trust::get().config()).clone())
            .user_agent(concat!("Gancho/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unreachable(&error))?;
        let between = Duration::from_secs(1) / per_s.max(1);
        Ok(Self { http, base, key, between, next: Instant::now(), counts: false })
    }

    /// The names of all lists. Every valid key may read them.
    pub async fn resources(&mut self) -> Result<Vec<String>, ApiError> {
        let answer = self.ask(self.base.to("", None), "").await?;
        let names = answer
            .body
            .get("resources")
            .and_then(Value::as_array)
            .ok_or_else(|| ApiError::NotApi(200, seen(&answer.body.to_string())))?;
        Ok(names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
    }

    /// The columns of a list with their types as the database names them.
    pub async fn types(&mut self, resource: &str) -> Result<HashMap<String, String>, ApiError> {
        let answer = self.ask(self.base.to(resource, Some("schema")), resource).await?;
        let columns = answer.body.as_object().ok_or(ApiError::Unreadable("no schema"))?;
        let kind = |(name, facts): (&String, &Value)| Some((name.clone(), facts.get("type")?.as_str()?.to_owned()));
        Ok(columns.iter().filter_map(kind).collect())
    }

    /// A page of a list.
    pub async fn list(&mut self, resource: &str, query: &[(String, String)]) -> Result<Page, ApiError> {
        let mut url = self.base.to(resource, None);
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.ask(url, resource).await?;
        self.counts |= answer.total.is_some();
        let Value::Array(rows) = answer.body else { return Err(ApiError::Unreadable("no list")) };
        let record = |row| match row {
            Value::Object(record) => Ok(record),
            _ => Err(ApiError::Unreadable("a list of something else than records")),
        };
        Ok(Page { rows: rows.into_iter().map(record).collect::<Result<_, _>>()?, total: answer.total })
    }

    /// One record by its own address; `None` if the ERP has none.
    pub async fn one(&mut self, resource: &str, key: &str) -> Result<Option<Record>, ApiError> {
        match self.ask(self.base.to(resource, Some(key)), resource).await {
            Ok(ApiResponse { body: Value::Object(record), .. }) => Ok(Some(record)),
            Ok(_) => Err(ApiError::Unreadable("no record")),
            Err(ApiError::NoRecord) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Rows of the plugin's outbox, if it is installed and may be read; `first`: with the data needed beforehand.
    pub async fn outbox(&mut self, rows: usize, first: bool) -> Result<Option<OutboxPayload>, ApiError> {
        let mut url = self.base.to(OUTBOX, None);
        url.set_query(Some(&format!("rows={rows}&known={}", u8::from(first))));
        match self.ask(url, OUTBOX).await {
            Ok(answer) => match serde_json::from_value(answer.body) {
                Ok(payload) => Ok(Some(payload)),
                Err(_) => Err(ApiError::Unreadable("the plugin is of another version than Gancho")),
            },
            Err(ApiError::NoRecord | ApiError::NoResource(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes rows of the plugin's outbox.
    pub async fn remove(&mut self, taken: &[i64]) -> Result<(), ApiError> {
        let url = self.base.to(OUTBOX, None);
        let taken = serde_json::to_string(taken).unwrap_or_default();
        let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("taken", &taken).finish();
        self.call(self.http.post(url.clone()).header(FORM.0, FORM.1).body(body), &url, OUTBOX).await.map(drop)
    }

    async fn ask(&mut self, url: Url, resource: &str) -> Result<ApiResponse, ApiError> {
        self.call(self.http.get(url.clone()), &url, resource).await
    }

    async fn call(&mut self, request: RequestBuilder, url: &Url, resource: &str) -> Result<ApiResponse, ApiError> {
        tokio::time::sleep_until(self.next).await;
        let began = Instant::now();
        let answer = self.send(request, url, resource).await;
        // Leaves half of the time to the ERP's users.
        self.next = Instant::max(began + self.between, Instant::now() + began.elapsed());
        answer
    }

    async fn send(&self, request: RequestBuilder, url: &Url, resource: &str) -> Result<ApiResponse, ApiError> {
        let request = request.header("X-Auth-Token", self.key.expose());
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let total = response.headers().get(TOTAL).and_then(|total| total.to_str().ok()?.parse().ok());
        if response.status().is_redirection() {
            return Err(ApiError::Moved(target(url, &response)));
        }
        let body = read_body(&mut response).await?;
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(ApiResponse { body: parse_body(&body)?, total });
        }
        Err(refusal(status, resource, &String::from_utf8_lossy(&body)))
    }
}

struct ApiResponse {
    body: Value,
    total: Option<u64>,
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, ApiError> {
    let mut body = vec![];
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Err(ApiError::Unreadable("it is too large"));
        }
    }
    Ok(body)
}

fn parse_body(body: &[u8]) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::Unreadable("its letters are not in UTF-8"))?;
    let start = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    match start.chars().next() {
        _ if php_message(start).is_some() => Err(ApiError::Php(php_message(start).unwrap_or_default())),
        Some('<') | None => Err(ApiError::NotApi(200, seen(start))),
        Some('{' | '[') => serde_json::from_str(start).map_err(|_| ApiError::Unreadable("it is cut or no JSON")),
        Some(_) => Err(ApiError::Unreadable("it is cut or no JSON")),
    }
}

/// The API's framework responds `{"status":"error","message":…}`, lists of records `{"error":…}`.
fn refusal(status: StatusCode, resource: &str, answer: &str) -> ApiError {
    if let Some(message) = php_message(answer) {
        return ApiError::Php(message);
    }
    let body: Option<Value> = serde_json::from_str(answer).ok();
    let text = |name: &str| body.as_ref()?.get(name)?.as_str().map(ToOwned::to_owned);
    match (status.as_u16(), text("error"), text("status")) {
        (401, _, Some(_)) => ApiError::Key,
        (403, _, Some(_)) => ApiError::Right(resource.to_owned()),
        (404, Some(_), _) => ApiError::NoRecord,
        (404, _, Some(_)) => ApiError::NoResource(resource.to_owned()),
        (409, _, Some(_)) => ApiError::Off,
        (429, _, _) => ApiError::ShutOut,
        (400 | 405 | 422, error, _) => match error.or_else(|| text("message")) {
            Some(why) => ApiError::Refused(why.chars().take(WHY_MAX).collect()),
            None => ApiError::NotApi(status.as_u16(), seen(answer)),
        },
        (status @ 500.., _, _) => ApiError::Broken(status),
        (status, _, _) => ApiError::NotApi(status, seen(answer)),
    }
}

/// PHP's error message at the start of a response: with `display_errors` on, PHP prints it before or instead of the
/// JSON, as text or HTML.
fn php_message(answer: &str) -> Option<String> {
    const KINDS: [&str; 6] = ["Warning", "Notice", "Deprecated", "Fatal error", "Parse error", "Strict Standards"];
    let text = seen(answer);
    let rest = KINDS.iter().find_map(|kind| text.strip_prefix(kind))?;
    rest.trim_start().starts_with(':').then_some(text)
}

/// The start of a response as readable text.
fn seen(answer: &str) -> String {
    let mut text = String::new();
    let mut tag = false;
    for letter in answer.chars().take(4 * WHY_MAX) {
        match letter {
            '<' => tag = true,
            '>' if tag => (tag, text) = (false, text + " "),
            _ if tag => {}
            // After PHP's message, JSON on its own line is the response itself.
            '{' | '[' if text.ends_with(['\n', ' ']) && !text.trim().is_empty() => break,
            letter => text.push(letter),
        }
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(" :", ":").chars().take(WHY_MAX).collect()
}

/// The target of a redirect, without secret parts.
fn target(from: &Url, response: &Response) -> String {
    let to = response.headers().get(header::LOCATION).and_then(|to| from.join(to.to_str().ok()?).ok());
    to.map_or_else(String::new, |to| format!("{}{}", to.origin().ascii_serialization(), to.path()))
}

/// reqwest's message contains the address; the innermost cause is the reason.
fn unreachable(error: &reqwest::Error) -> ApiError {
    if error.is_timeout() {
        return ApiError::Slow;
    }
    if error.is_body() || error.is_decode() {
        return ApiError::Unreadable("it is cut or no JSON");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let of_tls = gancho_trust::is_of_tls(error).then(|| gancho_trust::explain(error));
    ApiError::Unreachable(Obstacle::of(error), of_tls.unwrap_or_else(|| cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_php_prints_is_said_as_it_stands() {
        let html = "<br />\n<b>Warning</b>:  Undefined variable $x in <b>/erp/Plugins/Otro/Init.php</b> on line <b>7</b><br />\n{\"a\":1}";
        let text = "\nDeprecated: Function x() is deprecated in /erp/a.php on line 3\n[{\"a\":1}]";
        let message = "Warning: Undefined variable $x in /erp/Plugins/Otro/Init.php on line 7";
        assert_eq!(parse_body(html.as_bytes()), Err(ApiError::Php(message.into())));
        let message = "Deprecated: Function x() is deprecated in /erp/a.php on line 3";
        assert_eq!(parse_body(text.as_bytes()), Err(ApiError::Php(message.into())));
        assert_eq!(refusal(StatusCode::UNAUTHORIZED, "clientes", text), ApiError::Php(message.into()));
        let page = "<!doctype html><html><head><title>Maintenance</title></head></html>";
        assert_eq!(parse_body(page.as_bytes()), Err(ApiError::NotApi(200, "Maintenance".into())));
        assert!(parse_body(b"{\"Warning\": 1}").is_ok());
    }
}
