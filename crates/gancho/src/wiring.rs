//! Putting the parts together.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use gancho_delivery::{Client, ClientOptions, Guard, SystemResolver};
use gancho_model::{Rng as _, address::Allowed};
use gancho_service::Accounts;
use gancho_store::{
    Store,
    postgres::{OpenError, Options as PostgresOptions, PostgresStore},
    sqlite::{FILE, Options, SqliteStore},
    vault::Vault,
};
use gancho_trust::Trust;
use tokio_util::sync::CancellationToken;

use crate::{
    args::LocalArgs,
    cli_error::CliError,
    config::{Settings, parse_key},
    local_server::LocalServer,
    runtime::block_on,
    system::System,
};

/// The key's file in the data dir.
const KEY_FILE: &str = "secret.key";
/// Held while a server runs on the data dir.
const LOCK_FILE: &str = "serve.lock";

/// Opens the store of these settings, as a node that people know by this name.
pub async fn store(settings: &Settings, name: &str) -> anyhow::Result<Arc<dyn Store>> {
    let dir = &settings.data_dir;
    make_dir(dir)?;
    close_to_others(dir)?;
    let had_key = has_key(dir);
    let key = secret_key(settings, dir)?;
    if let Some(url) = &settings.database_url {
        let opened = shared_store(settings, url.expose(), &key, name).await;
        if matches!(&opened, Err(why) if is_of_another_key(why)) && settings.secret_key.is_none() && !had_key {
            // Made just now, and of no use: the right one is to be put there.
            fs::remove_file(dir.join(KEY_FILE))?;
        }
        return Ok(Arc::new(opened?));
    }
    let options = Options {
        pages_max: settings.sqlite_pages_max,
        resend_after_outage: settings.resend_after_outage,
        name: name.to_owned(),
        ..Options::default()
    };
    Ok(Arc::new(SqliteStore::open(dir, Vault::new(&key), Arc::new(System), options)?))
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

/// Runs until the stop, or until the store can't write any more: the thread that does is gone.
pub async fn is_alive(store: Arc<dyn Store>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut news = store.watch();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = news.changed() => changed.context("its writer has stopped")?,
        }
    }
}

/// One server at a time works on a data dir. The lock goes with the process, however it ends.
pub fn lock(dir: &Path) -> anyhow::Result<File> {
    make_dir(dir)?;
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("the data dir {} can't be written", dir.display()))?;
    if file.try_lock().is_err() {
        bail!("another gancho serve works on the data dir {}: stop it, or give another --data-dir", dir.display());
    }
    Ok(file)
}

/// Refuses to look at a database in the data dir that the server which works there does not use any more.
///
/// # Errors
/// When that server's data are in PostgreSQL, and these settings don't say so.
pub fn same_database(settings: &Settings) -> Result<(), CliError> {
    let dir = &settings.data_dir;
    let is_elsewhere =
        settings.database_url.is_none() && LocalServer::of_dir(dir).is_some_and(|one| one.is_on_postgres);
    let is_running = || File::open(dir.join(LOCK_FILE)).is_ok_and(|file| file.try_lock_shared().is_err());
    if is_elsewhere && is_running() {
        return Err(CliError::usage(format!(
            "the server that works on {} keeps its data in PostgreSQL: give its database_url here too, in gancho.toml or as \
             GANCHO_DATABASE_URL",
            dir.display()
        )));
    }
    Ok(())
}

/// Whom this process believes in TLS, from its start on.
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

/// The store of a folder that is there: who makes a token or adds a person would else do so in a new one, by a slip
/// of the hand.
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

/// Who did what is done by a command on this machine, in the history.
pub const COMMAND_LINE: &str = "command line";

/// People and tokens of the folder that a server uses.
pub fn accounts(local: &LocalArgs) -> Result<Accounts, CliError> {
    let settings = Settings::load(local, &[]).map_err(CliError::start)?;
    same_database(&settings)?;
    let store = store_of_dir(&settings).map_err(CliError::start)?;
    Ok(Accounts::new(store, Arc::new(System)))
}

/// A warning, with the remedy, if other accounts on this machine may read the data dir.
pub fn is_open_to_others(dir: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(dir).ok()?.permissions().mode();
    let shown = dir.display();
    (mode & 0o077 != 0)
        .then(|| format!("others on this machine may look into {shown} (mode {:o}): chmod 700 {shown}", mode & 0o777))
}

/// Invoices and customers, whatever the folder was: files of an older version, too, are nobody else's business.
fn close_to_others(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(dir).with_context(|| format!("the data dir {} can't be read", dir.display()))? {
        let Ok(path) = entry.map(|entry| entry.path()) else { continue };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // One that is gone meanwhile needs nothing.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let is_ours = metadata.is_file() && (name.starts_with(FILE) || name == KEY_FILE);
        if is_ours && metadata.permissions().mode() & 0o077 != 0 {
            // A copy that another account made, or a file system without modes, is no reason not to start.
            if let Err(error) = fs::set_permissions(&path, fs::Permissions::from_mode(0o600)) {
                complain!("gancho: {} can't be closed to others: {error}", path.display());
            }
        }
    }
    Ok(())
}

fn make_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    // Invoices and customers lie in it: nobody else's business, nor is anything that is made in it from now on.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data dir {} can't be made", dir.display()))
}

/// The key that the settings name, else that of the data dir.
pub fn secret_key(settings: &Settings, dir: &Path) -> anyhow::Result<[u8; 32]> {
    settings.secret_key.map_or_else(|| key_of_dir(dir), Ok)
}

/// Where the key is stored, for messages.
pub fn key_place(settings: &Settings) -> String {
    match settings.secret_key {
        Some(_) => "the setting secret_key".to_owned(),
        None => settings.data_dir.join(KEY_FILE).display().to_string(),
    }
}

/// Whether a data dir has its key.
pub fn has_key(dir: &Path) -> bool {
    dir.join(KEY_FILE).exists()
}

/// A key in a file.
pub fn read_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    let text = fs::read_to_string(path).with_context(|| format!("the key {} can't be read", path.display()))?;
    parse_key(&text).with_context(|| format!("{} holds no key of 32 bytes in base64", path.display()))
}

/// Puts a key into a data dir that has none.
///
/// # Errors
/// When it has another.
pub fn put_key(dir: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let path = dir.join(KEY_FILE);
    match path.exists() {
        false => write_key(&path, key),
        true if read_key(&path)? == *key => Ok(()),
        true => bail!("{} is another key", path.display()),
    }
}

/// Writes a key into a file that is not there, for nobody else to read.
pub fn write_key(path: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).and_then(|mut file| {
        writeln!(file, "{}", STANDARD.encode(key))?;
        file.sync_all()
    });
    written.with_context(|| format!("the key {} can't be written", path.display()))
}

/// The key of the data dir; made on the first start, for nobody else to read.
fn key_of_dir(dir: &Path) -> anyhow::Result<[u8; 32]> {
    let path = dir.join(KEY_FILE);
    if fs::symlink_metadata(&path).is_ok() {
        return read_key(&path);
    }
    if dir.join(FILE).exists() {
        bail!("the key {} is missing, without which the database beside it can't be read: restore it", path.display());
    }
    let mut key = [0; 32];
    System.fill(&mut key);
    write_key(&path, &key)?;
    Ok(key)
}
