//! Connects the parts.

use std::{fs, sync::Arc};

use anyhow::{Context, bail};
use gancho_delivery::{Client, ClientOptions, Guard, SystemResolver};
use gancho_model::address::Allowed;
use gancho_service::Accounts;
use gancho_store::{
    Store,
    postgres::{OpenError, Options as PostgresOptions, PostgresStore},
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_trust::Trust;
use tokio_util::sync::CancellationToken;

use crate::{
    args::LocalArgs,
    cli_error::CliError,
    config::Settings,
    data_dir,
    runtime::block_on,
    secret_key::{KEY_FILE, has_key, secret_key},
    system::System,
};

/// Opens the store of these settings, as a node with this name.
pub async fn store(settings: &Settings, name: &str) -> anyhow::Result<Arc<dyn Store>> {
    let dir = &settings.data_dir;
    data_dir::make(dir)?;
    data_dir::close_to_others(dir)?;
    let had_key = has_key(dir);
    let key = secret_key(settings, dir)?;
    let opened: anyhow::Result<Arc<dyn Store>> = match &settings.database_url {
        Some(url) => shared_store(settings, url.expose(), &key, name).await.map(|store| Arc::new(store) as _),
        None => embedded_store(settings, &key, name).map(|store| Arc::new(store) as _),
    };
    if matches!(&opened, Err(why) if is_of_another_key(why)) && settings.secret_key.is_none() && !had_key {
        // Made just now, and nothing is sealed with it: this database needs its own key.
        fs::remove_file(dir.join(KEY_FILE))?;
    }
    data_dir::give_to_owner(dir);
    opened
}

fn embedded_store(settings: &Settings, key: &[u8; 32], name: &str) -> anyhow::Result<SqliteStore> {
    let options = Options {
        pages_max: settings.sqlite_pages_max,
        resend_after_outage: settings.resend_after_outage,
        name: name.to_owned(),
        ..Options::default()
    };
    Ok(SqliteStore::open(&settings.data_dir, Vault::new(key), Arc::new(System), options)?)
}

async fn shared_store(settings: &Settings, url: &str, key: &[u8; 32], name: &str) -> anyhow::Result<PostgresStore> {
    let options = PostgresOptions {
        resend_after_outage: settings.resend_after_outage,
        name: name.to_owned(),
        listen_url: settings.database_listen_url.as_ref().map(|url| url.expose().to_owned()),
        authorities: Some(trust(settings)?.bundle().to_vec()),
        ..PostgresOptions::default()
    };
    let opened = PostgresStore::open(url, Vault::new(key), Arc::new(System), options).await;
    opened.map_err(|opened| match &opened {
        OpenError::Unreachable { host, error } => match gancho_trust::with_openssl_line(error, host) {
            Some(why) => anyhow::anyhow!("the database on {host} can't be used: {why}"),
            None => opened.into(),
        },
        _ => opened.into(),
    })
}

fn is_of_another_key(why: &anyhow::Error) -> bool {
    matches!(why.downcast_ref(), Some(OpenError::WrongKey))
}

/// Runs until the stop, or until the store can't write any more: its writer thread has ended.
pub async fn is_alive(store: Arc<dyn Store>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut news = store.watch();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = news.changed() => changed.context("its writer has stopped")?,
        }
    }
}

/// Installs the TLS trust store at the start.
pub fn trust(settings: &Settings) -> anyhow::Result<Arc<Trust>> {
    Ok(gancho_trust::install(Trust::load(settings.tls_ca_file.as_deref())?))
}

/// The client for deliveries.
pub fn client(settings: &Settings, allowed: Allowed, trust: &Trust) -> anyhow::Result<Client> {
    let options = ClientOptions {
        connect_ms: settings.limits.connect_ms,
        read_bytes: settings.limits.response_read_bytes,
        kept_bytes: settings.limits.response_kept_bytes,
    };
    let book = SystemResolver::new(&settings.dns_servers).context("the name servers can't be set up")?;
    let client = Client::new(Guard::new(allowed), Arc::new(book), trust.config(), options);
    Ok(client.through(settings.egress_proxy.clone()))
}

/// The store of an existing folder: otherwise a mistyped path would create a new store for a token or user.
fn store_of_dir(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let dir = &settings.data_dir;
    if !dir.is_dir() {
        bail!(
            "there is no data dir {}, and nothing was made: give the --data-dir that the server uses, or make the folder \
             first",
            dir.display()
        );
    }
    block_on(store(settings, "command")).map_err(|error| anyhow::anyhow!("{error}"))?
}

/// The actor of commands on this machine in the audit log.
pub const COMMAND_LINE: &str = "command line";

/// Users and tokens of the data dir of a server.
pub fn accounts(local: &LocalArgs) -> Result<Accounts, CliError> {
    let settings = Settings::load(local, &[]).map_err(CliError::start)?;
    data_dir::check_database(&settings)?;
    let store = store_of_dir(&settings).map_err(CliError::start)?;
    Ok(Accounts::new(store, Arc::new(System)))
}
