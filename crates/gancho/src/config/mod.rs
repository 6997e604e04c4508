//! Settings: defaults < gancho.toml < environment < flags.

mod sources;
mod table;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gancho_delivery::EgressProxy;
use gancho_mail::{BadAddress, Mailer};
use gancho_model::{Secret, address::Allowed, limits::Limits};
use gancho_source::{PollingOptions, SourceOptions};
use ipnet::IpNet;

use crate::args::LocalArgs;
pub use sources::Raw;
pub use table::{SETTINGS, Setting};

/// The log format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON lines for machines.
    Json,
}

/// The effective settings.
#[derive(Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    /// The PostgreSQL database; none for SQLite in the data dir.
    pub database_url: Option<Secret>,
    /// Address for LISTEN, if `database_url` is a pooler's.
    pub database_listen_url: Option<Secret>,
    pub log_format: LogFormat,
    pub log_level: String,
    pub secret_key: Option<[u8; 32]>,
    pub admin_token: Option<String>,
    pub allowed: Allowed,
    pub dns_servers: Vec<SocketAddr>,
    pub egress_proxy: Option<EgressProxy>,
    pub tls_ca_file: Option<PathBuf>,
    pub sqlite_pages_max: u32,
    pub resend_after_outage: bool,
    pub sources: SourceOptions,
    pub limits: Limits,
    pub public_url: Option<String>,
    pub login_tries: usize,
    /// Trusted proxies.
    pub proxies: Vec<IpNet>,
    pub post: Arc<Mailer>,
    pub mail_every: Duration,
    /// Demo mode: a simulated ERP, and data that are removed with the process.
    pub is_demo: bool,
    /// Every effective setting, secrets masked: name, value, meaning.
    pub in_force: Vec<(String, String, String)>,
}

/// An invalid setting.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read or is not TOML.
    #[error("the settings file {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        why: String,
    },
    /// An unknown setting.
    #[error("{origin}: there is no setting {name} (gancho config lists them)")]
    Unknown {
        /// Its origin.
        origin: String,
        /// The name.
        name: String,
    },
    /// An invalid value.
    #[error("the setting {name} (from {origin}): {why}")]
    Value {
        /// The setting.
        name: String,
        /// Its origin.
        origin: String,
        /// The error.
        why: String,
    },
}

impl Settings {
    /// Loads and validates the settings.
    ///
    /// # Errors
    /// The first invalid one.
    pub fn load(local: &LocalArgs, flags: &[(&'static str, Option<String>)]) -> Result<Self, ConfigError> {
        Self::from_raw(&Raw::gather(local, flags)?)
    }

    /// Validates loaded settings.
    ///
    /// # Errors
    /// The first invalid one.
    pub fn from_raw(raw: &Raw) -> Result<Self, ConfigError> {
        for name in ["database_url", "database_listen_url"] {
            let url = raw.text(name);
            if !url.is_empty() && !["postgres://", "postgresql://"].iter().any(|kind| url.starts_with(kind)) {
                return Err(raw.wrong(
                    name,
                    "must be the address of a PostgreSQL database, such as postgres://user:password@host/name; empty for \
                    SQLite in the data dir",
                ));
            }
        }
        if !raw.text("public_url").is_empty() {
            let good = gancho_model::target::parse(raw.text("public_url"));
            good.map_err(|error| raw.wrong("public_url", error.to_string()))?;
        }
        let optional = |name| Some(raw.text(name)).filter(|text| !text.is_empty());
        let pause = |name, most| raw.number(name, 0, most).map(|s| Duration::from_secs(s.into()));
        let seconds = |name, most| raw.number(name, 1, most).map(|s| Duration::from_secs(s.into()));
        Ok(Self {
            listen: raw.parse("listen", "must be an address and a port, such as 127.0.0.1:8420")?,
            data_dir: PathBuf::from(raw.text("data_dir")),
            database_url: optional("database_url").map(Secret::new),
            egress_proxy: optional("egress_proxy")
                .map(|text| EgressProxy::parse(text).map_err(|why| raw.wrong("egress_proxy", why)))
                .transpose()?,
            database_listen_url: optional("database_listen_url").map(Secret::new),
            log_format: match raw.text("log_format") {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => return Err(raw.wrong("log_format", "must be text or json")),
            },
            log_level: log_level(raw)?,
            secret_key: optional("secret_key").map(|text| key(raw, text)).transpose()?,
            admin_token: optional("admin_token").map(ToOwned::to_owned),
            allowed: Allowed::parse(raw.list("allow_hosts").iter().map(String::as_str))
                .map_err(|entry| raw.wrong("allow_hosts", format!("{entry} is neither a host nor a range")))?,
            dns_servers: dns_servers(raw)?,
            tls_ca_file: optional("tls_ca_file").map(PathBuf::from),
            resend_after_outage: raw.parse("resend_after_outage", "must be true or false")?,
            sqlite_pages_max: raw.number("sqlite_pages_max", 0, u32::MAX)?,
            sources: SourceOptions {
                quiet_ms: i64::from(raw.number("burst_quiet_ms", 50, 5_000)?),
                mend_every: seconds("source_mend_s", 86_400)?,
                polling: PollingOptions {
                    new_every: pause("api_new_s", 86_400)?,
                    changes_every: pause("api_changes_s", 86_400)?,
                    changes_days: raw.number("api_changes_days", 1, 3650)?,
                    sweep_every: pause("api_sweep_s", 31 * 86_400)?,
                    page_rows: raw.number("api_page_rows", 10, 1000)?,
                    requests_per_s: raw.number("api_requests_per_s", 1, 10_000)?,
                },
            },
            limits: limits(raw)?,
            public_url: optional("public_url").map(|url| url.trim_end_matches('/').to_owned()),
            login_tries: raw.number("login_tries", 1, 1000)? as usize,
            proxies: proxies(raw)?,
            post: Arc::new(post(raw)?),
            mail_every: seconds("mail_every_s", 3600)?,
            is_demo: false,
            in_force: raw.shown(),
        })
    }
}

fn proxies(raw: &Raw) -> Result<Vec<IpNet>, ConfigError> {
    let read = |entry: &String| {
        let net = entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| raw.wrong("trusted_proxies", format!("{entry} is neither an address nor a range")))
    };
    raw.list("trusted_proxies").iter().map(read).collect()
}

fn log_level(raw: &Raw) -> Result<String, ConfigError> {
    let text = raw.text("log_level");
    // An invalid level would be parsed as a target's name, and nothing else be logged.
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let is_level = |word: &str| levels.iter().any(|level| level.eq_ignore_ascii_case(word));
    let is_good = text.split(',').map(str::trim).all(|part| match part.split_once('=') {
        Some((name, level)) => !name.trim().is_empty() && !name.contains('[') && is_level(level.trim()),
        None => is_level(part),
    });
    match text.parse::<tracing_subscriber::filter::Targets>() {
        // Spaces would belong to the names.
        Ok(_) if is_good => Ok(text.split_whitespace().collect()),
        _ => Err(raw.wrong(
            "log_level",
            "must be error, warn, info, debug or trace, parts apart as in info,gancho_delivery=debug",
        )),
    }
}

fn post(raw: &Raw) -> Result<Mailer, ConfigError> {
    match (raw.text("smtp_url"), raw.text("mail_from")) {
        ("", "") => Ok(Mailer::none()),
        ("", from) => mailer(raw, "smtp://localhost", from).map(|_| Mailer::none()),
        (server, "") => {
            // The address first: it may be what is wrong.
            mailer(raw, server, "gancho@localhost")?;
            Err(raw.wrong("mail_from", "is needed where smtp_url is set"))
        }
        (server, from) => mailer(raw, server, from),
    }
}

fn mailer(raw: &Raw, server: &str, from: &str) -> Result<Mailer, ConfigError> {
    Mailer::new(server, from).map_err(|error| match error {
        BadAddress::Server => raw.wrong("smtp_url", error.to_string()),
        BadAddress::Sender => raw.wrong("mail_from", error.to_string()),
    })
}

fn limits(raw: &Raw) -> Result<Limits, ConfigError> {
    let bytes = |name, most| raw.number(name, 1024, most).map(|bytes| bytes as usize);
    Ok(Limits {
        request_bytes: bytes("request_bytes", 64 << 20)?,
        event_bytes: bytes("event_bytes", 16 << 20)?,
        attempt_ms: raw.number("attempt_ms", 100, gancho_model::limits::ATTEMPT_MS_MAX)?,
        connect_ms: raw.number("connect_ms", 50, gancho_model::limits::ATTEMPT_MS_MAX)?,
        response_read_bytes: bytes("response_read_bytes", 16 << 20)?,
        response_kept_bytes: bytes("response_kept_bytes", 1 << 20)?,
        in_flight_per_endpoint: raw.number("in_flight_per_endpoint", 1, 256)?,
        in_flight: raw.number("in_flight", 1, 10_000)?,
        retention_days: raw.number("retention_days", 1, 3650)?,
    })
}

/// 32 bytes in base64.
fn key(raw: &Raw, text: &str) -> Result<[u8; 32], ConfigError> {
    parse_key(text).ok_or_else(|| raw.wrong("secret_key", "must be 32 bytes in base64 (gancho key new prints one)"))
}

/// Parses a key in base64.
pub fn parse_key(text: &str) -> Option<[u8; 32]> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn dns_servers(raw: &Raw) -> Result<Vec<SocketAddr>, ConfigError> {
    let read = |text: &String| {
        let with_port = text.parse().or_else(|_| text.parse().map(|address| SocketAddr::new(address, 53)));
        with_port.map_err(|_| raw.wrong("dns_servers", format!("{text} is no address")))
    };
    raw.list("dns_servers").iter().map(read).collect()
}
