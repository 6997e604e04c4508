//! The connection to the server, and its state in the terminal: never "connected" without a recent response.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{api_client::ApiClient, cli_error::CliError};

/// Timeout of a heartbeat beyond its interval and the server's own wait.
const PATIENCE: Duration = Duration::from_millis(500);
/// Delay before a retry.
const AGAIN: Duration = Duration::from_millis(500);

/// A connection with heartbeats.
pub struct Link {
    pub api: Arc<ApiClient>,
    /// Interval between heartbeats.
    beat: Duration,
    connected: AtomicBool,
}

/// Why there was no response.
pub enum Lost {
    /// The server can't be reached, or something else responds in its place.
    Connection,
    /// The listener no longer exists.
    Gone,
    /// The server refuses: a retry would not help.
    Refused(CliError),
}

impl Lost {
    pub fn into_error(self) -> CliError {
        match self {
            Self::Connection => CliError::unreachable("the connection was lost"),
            Self::Gone => CliError::not_found("the listener was removed"),
            Self::Refused(error) => error,
        }
    }
}

impl Link {
    pub fn new(api: Arc<ApiClient>, beat: Duration) -> Arc<Self> {
        Arc::new(Self { api, beat, connected: AtomicBool::new(true) })
    }

    /// Sends heartbeats all the time, also while a program takes long to respond or there are no events.
    pub async fn watch(self: Arc<Self>, id: String) {
        // After all events: the response is empty and only shows that the server works.
        let path = format!("listeners/{id}/events?after={}&limit=1", i64::MAX);
        loop {
            tokio::time::sleep(self.beat).await;
            let _ = self.ask(Method::GET, &path, None, self.beat + PATIENCE).await;
        }
    }

    /// Events after a number, waiting if there are none.
    pub async fn events(&self, id: &str, after: u64, limit: u32) -> Result<Value, Lost> {
        let wait = self.beat.as_secs().max(1);
        let path = format!("listeners/{id}/events?after={after}&limit={limit}&wait={wait}");
        self.ask(Method::GET, &path, None, Duration::from_secs(wait) + self.beat + PATIENCE).await
    }

    /// Repeats a request until the server responds.
    pub async fn insist(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Lost> {
        loop {
            match self.ask(method.clone(), path, body.clone(), self.beat + PATIENCE).await {
                Err(Lost::Connection) => tokio::time::sleep(AGAIN).await,
                done => return done,
            }
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>, within: Duration) -> Result<Value, Lost> {
        let answered = self.api.answer(method, path, body, within).await;
        let is_gancho = answered.as_ref().is_ok_and(|(status, value)| {
            let is_problem = value["detail"].is_string() && !status.is_server_error();
            (status.is_success() && value.is_object()) || is_problem
        });
        self.note(is_gancho, answered.as_ref().err());
        match answered {
            Ok((status, value)) if status.is_success() && is_gancho => Ok(value),
            Ok((StatusCode::NOT_FOUND, _)) if is_gancho => Err(Lost::Gone),
            // The server is overloaded.
            Ok((StatusCode::TOO_MANY_REQUESTS, _)) => Err(Lost::Connection),
            Ok((status, value)) if is_gancho => Err(Lost::Refused(self.api.refused(status, &value))),
            _ => Err(Lost::Connection),
        }
    }

    /// Reports when the connection was lost, and when it is restored.
    fn note(&self, connected: bool, error: Option<&CliError>) {
        if self.connected.swap(connected, Ordering::SeqCst) == connected {
            return;
        }
        match (connected, error) {
            (true, _) => complain!("connected again: what came meanwhile follows"),
            (false, Some(error)) => complain!("not connected: {error}; trying again"),
            (false, None) => complain!("not connected: something else answers at {}; trying again", self.api.server()),
        }
    }
}
