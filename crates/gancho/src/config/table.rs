//! Every setting, once.

/// A setting.
pub struct Setting {
    /// Its name: `GANCHO_` and upper case in the environment.
    pub name: &'static str,
    /// What it is if nobody says otherwise.
    pub default: &'static str,
    /// What it means.
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
    Setting { name: "database_url", default: "", meaning: "Empty: SQLite in the data dir.", secret: true },
    setting("public_url", "", "The address under which people reach this server; empty: the listening address."),
    setting("log_format", "text", "text for people, json for machines."),
    setting("log_level", "info", "error, warn, info, debug or trace; parts apart as in info,gancho_delivery=debug."),
    secret("secret_key", "32 bytes in base64 that encrypt secrets at rest; empty: made on first start in the data dir."),
    secret("admin_token", "A token that may do everything, for automation and tests; empty: none."),
    setting("allow_hosts", "", "Private hosts and ranges that webhooks may reach: a host as it stands in the URL, or a range such as 10.0.0.0/8 for the address dialled."),
    setting("dns_servers", "", "Name servers to ask, ADDRESS or ADDRESS:PORT; empty: the system's."),
    setting("tls_ca_file", "", "PEM file of certificate authorities to believe beside the well-known ones."),
    setting("request_bytes", "1048576", "Largest body of an API request."),
    setting("event_bytes", "262144", "Largest body of an event."),
    setting("attempt_ms", "10000", "Time limit of an attempt all in all, if the webhook says nothing."),
    setting("connect_ms", "5000", "Time limit of connecting, TLS included."),
    setting("response_read_bytes", "65536", "How much of an answer is read."),
    setting("response_kept_bytes", "16384", "How much of an answer is kept."),
    setting("in_flight_per_endpoint", "8", "Attempts at once to one webhook, if it says nothing."),
    setting("in_flight", "512", "Attempts at once in all."),
    setting("retention_days", "30", "How long events, deliveries and attempts are kept."),
    setting("resend_after_outage", "true", "Whether what failed while a webhook was failing is sent again when it works again."),
    setting("burst_quiet_ms", "300", "After so much quiet on a connection of the ERP, what it did is told as one act."),
    setting("source_mend_s", "60", "How often it is looked whether our triggers are still in place in an ERP's database."),
    setting("api_new_s", "5", "How often new records are looked for in an ERP that is asked by its API."),
    setting("api_changes_s", "300", "How often such an ERP's records are read again for changes."),
    setting("api_changes_days", "90", "Of how many days back documents are then read again."),
    setting("api_sweep_s", "86400", "How often everything in such an ERP is read; a day or more: at night."),
    setting("api_page_rows", "100", "Records on a page of such an ERP's lists."),
    setting("api_requests_per_s", "4", "Requests a second to such an ERP at the most; fewer where it is slow."),
    setting("login_tries", "5", "How often a minute a password may be tried from one address; of a name from elsewhere it only gets slower."),
    setting("trusted_proxies", "127.0.0.0/8,::1", "Proxies, as addresses and ranges, whose X-Forwarded-For is believed. Docker's is often 172.17.0.0/16."),
    secret("smtp_url", "Mail server: smtp://USER:PASSWORD@HOST:PORT or smtps://…; ?tls=required (the default of smtp), opportunistic or none; empty: no mail."),
    setting("mail_from", "", "The address from which mail is sent, such as Gancho <gancho@example.com>."),
    setting("mail_every_s", "30", "How often it is looked whether people should be told something by mail."),
    setting("sqlite_pages_max", "0", "The most pages of 8192 bytes that the database may have; 0: as many as the disk holds."),
];
