use std::path::{Path, PathBuf};

use clap::Args;
use gancho_model::{Endpoint, Source};
use gancho_store::{Store, sqlite};

use crate::{
    args::LocalArgs,
    cli_error::{CliError, CliResult},
    config::Settings,
    data_dir,
    runtime::block_on,
    secret_key::{self, KEY_FILE},
    wiring,
};

/// What to copy where.
#[derive(Args)]
pub struct BackupArgs {
    /// The copy: a file that is not there yet.
    file: PathBuf,
    /// Also copy the key, to FILE.key: without it nobody can use the copy, with it everybody who has both can.
    #[arg(long)]
    with_key: bool,
    #[command(flatten)]
    local: LocalArgs,
}

/// What to put back where.
#[derive(Args)]
pub struct RestoreArgs {
    /// The copy; FILE.key is put back with it if it is there.
    file: PathBuf,
    /// Pause every connection and webhook in it: to try a copy out while the original works.
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    local: LocalArgs,
}

/// The key's file beside a backup.
fn key_beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// Backs up the database, whether or not a server uses it.
pub fn back_up(args: &BackupArgs) -> CliResult {
    let settings = settings(&args.local)?;
    let dir = &settings.data_dir;
    if !dir.join(sqlite::FILE).exists() {
        return Err(CliError::usage(format!(
            "there is no database in {}: give the server's --data-dir",
            dir.display()
        )));
    }
    let key = secret_key::secret_key(&settings, dir).map_err(CliError::start)?;
    let (beside, shown) = (key_beside(&args.file), args.file.display());
    if args.with_key && beside.exists() {
        return Err(CliError::usage(format!("{} is there already", beside.display())));
    }
    let copied = sqlite::back_up(dir, &args.file).map_err(CliError::refused)?;
    say!("{shown}: {} bytes, with every event up to number {}", copied.bytes, copied.sequence);
    if args.with_key {
        secret_key::write_key(&beside, &key).map_err(CliError::refused)?;
        say!("{}: the key, which opens it: keep the two apart", beside.display());
    } else {
        say!("The key is not in it, and without that it is of no use: keep {} too", secret_key::key_place(&settings));
    }
    Ok(())
}

/// Restores a backup into a data dir without a database.
pub fn restore(args: &RestoreArgs) -> CliResult {
    let settings = settings(&args.local)?;
    let dir = &settings.data_dir;
    let _lock = data_dir::lock(dir).map_err(CliError::start)?;
    let wal = format!("{}-wal", sqlite::FILE);
    if let Some(there) = [sqlite::FILE, &wal].map(|name| dir.join(name)).into_iter().find(|path| path.exists()) {
        return Err(CliError::usage(format!(
            "{} is there already: move it away first, and the -wal file of a database with it",
            there.display()
        )));
    }
    if !args.file.is_file() {
        return Err(CliError::usage(format!("there is no file {}", args.file.display())));
    }
    let beside = key_beside(&args.file);
    let puts_key = settings.secret_key.is_none() && !secret_key::has_key(dir);
    if puts_key {
        if !beside.is_file() {
            let missing = beside.display();
            return Err(CliError::usage(format!("the key is missing: set secret_key, or put it at {missing}")));
        }
        let key = secret_key::read_key(&beside).map_err(CliError::start)?;
        secret_key::put_key(dir, &key).map_err(CliError::start)?;
    }
    // A refused copy leaves nothing: its key would be taken for that of the next one.
    let undone = |error| {
        let key = puts_key.then(|| dir.join(KEY_FILE));
        for file in key.into_iter().chain([dir.join(sqlite::FILE)]) {
            let _ = std::fs::remove_file(file);
        }
        error
    };
    let copied = sqlite::restore(&args.file, dir).map_err(|error| undone(CliError::refused(error)))?;
    // Checks the key and migrates the schema.
    let made_ready = block_on(async {
        let store = wiring::store(&settings, "restore").await?;
        if args.paused { pause_all(&*store).await } else { Ok(()) }
    })?;
    made_ready.map_err(|error| undone(CliError::start(error)))?;
    say!("{}: every event up to number {} is there again", dir.display(), copied.sequence);
    if args.paused {
        say!(
            "Its connections and webhooks are paused: nothing is taken from the ERP, and nothing is sent, until you resume them"
        );
        return Ok(());
    }
    say!("What came and went after the copy was made is unknown to it: what waited then is sent, with the same ids");
    say!(
        "Don't run it beside the original: each would take a part of the ERP's changes from the other (--paused prevents it)"
    );
    Ok(())
}

async fn pause_all(store: &dyn Store) -> anyhow::Result<()> {
    for source in store.sources().await? {
        store.save_source(Source { paused: true, ..source }).await?;
    }
    for endpoint in store.all_endpoints().await? {
        let read_at = endpoint.updated_at;
        store.save_endpoint(Endpoint { paused: true, ..endpoint }, read_at).await?;
    }
    Ok(())
}

fn settings(local: &LocalArgs) -> Result<Settings, CliError> {
    let settings = Settings::load(local, &[]).map_err(CliError::start)?;
    data_dir::check_database(&settings)?;
    match settings.database_url {
        None => Ok(settings),
        Some(_) => Err(CliError::usage(
            "the database is PostgreSQL: copy it with pg_dump --format=custom, put it back with pg_restore, and keep the \
             secret_key",
        )),
    }
}
