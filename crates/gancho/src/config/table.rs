//! The table of all settings.

/// A setting.
pub struct Setting {
    /// Its name; the environment variable is `GANCHO_` and the name in upper case.
    pub name: &'static str,
    /// Its default value.
    pub default: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    /// Whether its value is masked wherever it is shown.
    pub secret: bool,
}

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, meaning, secret: false }
}

const fn secret(name: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default: "", meaning, secret: true }
}

#[rustfmt::skip]
/// All settings.
pub const SETTINGS: &[Setting] = &[
    setting("listen", "127.0.0.1:8420", "Address and port to listen on."),
    setting("data_dir", "./gancho-data", "Folder of the database and the key."),
    Setting { name: "database_url", default: "", meaning: "A PostgreSQL database, postgres://user:password@host/name. Empty: SQLite in the data dir.", secret: true },
    secret("database_listen_url", "Address for LISTEN, if database_url is a pooler's: the database's own. Empty: database_url."),
    setting("public_url", "", "The address under which people reach this server; empty: the listening address."),
    setting("log_format", "text", "text for people, json for machines."),
    setting("log_level", "info", "error, warn, info, debug or trace; parts apart as in info,gancho_delivery=debug."),
    secret("secret_key", "32 bytes in base64 that encrypt secrets at rest; empty: made on first start in the data dir."),
    secret("admin_token", "A token that may do everything, for automation and tests; empty: none."),
    setting("allow_hosts", "", "Private hosts and ranges that webhooks may reach: a host as it stands in the URL, or a range such as 10.0.0.0/8 for the address dialled."),
    secret("egress_proxy", "HTTP proxy that webhooks are sent through, http://USER:PASSWORD@HOST:PORT; addresses are checked all the same. Empty: none."),
    setting("dns_servers", "", "Name servers to ask, ADDRESS or ADDRESS:PORT; empty: the system's."),
    setting("tls_ca_file", "", "PEM file of certificate authorities to trust in addition to the system's."),
    setting("request_bytes", "1048576", "Largest body of an API request."),
    setting("event_bytes", "262144", "Largest body of an event."),
    setting("attempt_ms", "10000", "Default time limit of an attempt: DNS, connecting, TLS, sending and the answer together."),
    setting("connect_ms", "5000", "Time limit for connecting, TLS included."),
    setting("response_read_bytes", "65536", "Maximum bytes read of a response body."),
    setting("response_kept_bytes", "16384", "Maximum bytes kept of a response body."),
    setting("in_flight_per_endpoint", "8", "Default maximum of concurrent attempts to one webhook."),
    setting("in_flight", "512", "Maximum concurrent attempts."),
    setting("retention_days", "30", "How long events, deliveries and attempts are kept."),
    setting("resend_after_outage", "true", "Resend deliveries that failed during an outage when the webhook works again."),
    setting("burst_quiet_ms", "300", "Milliseconds of inactivity on a database connection of the ERP after which its changes count as one operation."),
    setting("source_mend_s", "60", "Seconds between checks that the triggers in an ERP's database are in place."),
    setting("api_new_s", "5", "Seconds between polls for new records, for sources of kind api."),
    setting("api_changes_s", "300", "Seconds between polls for changed records, for sources of kind api."),
    setting("api_changes_days", "90", "Age in days up to which documents are polled for changes."),
    setting("api_sweep_s", "86400", "Seconds between full scans, for sources of kind api; from a day on they run at night."),
    setting("api_page_rows", "100", "Records per page when an ERP's lists are polled."),
    setting("api_requests_per_s", "4", "Maximum requests per second to a polled ERP; fewer where it is slow."),
    setting("login_tries", "5", "Password attempts per minute from one address; attempts on one name from other addresses are slowed down."),
    setting("trusted_proxies", "127.0.0.0/8,::1", "Proxies, as addresses and ranges, whose X-Forwarded-For is trusted. Docker's is often 172.17.0.0/16."),
    secret("smtp_url", "Mail server: smtp://USER:PASSWORD@HOST:PORT or smtps://…; ?tls=required (the default of smtp), opportunistic or none; empty: no mail."),
    setting("mail_from", "", "The address from which mail is sent, such as Gancho <gancho@example.com>."),
    setting("mail_every_s", "30", "Seconds between checks for alerts to send by mail."),
    setting("sqlite_pages_max", "0", "Maximum size of the database in pages: of 4096 bytes, 8192 in databases of older versions; 0: no limit."),
];
