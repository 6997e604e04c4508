//! The folder of one server: one process at a time works on it, and other accounts can't read it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use gancho_store::sqlite::FILE;
use rustix::fs::{Mode, OFlags};

use crate::{cli_error::CliError, config::Settings, local_server::LocalServer, secret_key::KEY_FILE};

/// Held while a server runs on the data dir.
const LOCK_FILE: &str = "serve.lock";

/// One server at a time works on a data dir. The lock goes with the process, however it ends.
pub fn lock(dir: &Path) -> anyhow::Result<File> {
    make(dir)?;
    let path = dir.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("the data dir {} can't be written", dir.display()))?;
    if file.try_lock().is_err() {
        bail!("another gancho serve works on the data dir {}: stop it, or give another --data-dir", dir.display());
    }
    give_to_owner(dir);
    Ok(file)
}

/// Refuses to read a database in the data dir that the server which works there no longer uses.
///
/// # Errors
/// When that server's data are in PostgreSQL, and these settings don't name it.
pub fn check_database(settings: &Settings) -> Result<(), CliError> {
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

/// Makes the folder if it is missing, for this account alone.
pub fn make(dir: &Path) -> anyhow::Result<()> {
    // It holds invoices and customers; files made in it from now on are closed to other accounts too.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("the data dir {} can't be made", dir.display()))
}

/// A warning, with the remedy, if other accounts on this machine may read the data dir.
pub fn is_open_to_others(dir: &Path) -> Option<String> {
    let mode = fs::metadata(dir).ok()?.permissions().mode();
    let shown = dir.display();
    (mode & 0o077 != 0)
        .then(|| format!("others on this machine may look into {shown} (mode {:o}): chmod 700 {shown}", mode & 0o777))
}

/// Takes other accounts' access to the files away, whatever the folder allows: older versions left them open.
///
/// # Errors
/// When the folder can't be read.
pub fn close_to_others(dir: &Path) -> anyhow::Result<()> {
    for (path, metadata) in our_files(dir)? {
        if metadata.permissions().mode() & 0o077 != 0 {
            // A copy that another account made, or a file system without modes, is no reason not to start.
            if let Err(error) = fs::set_permissions(&path, Permissions::from_mode(0o600)) {
                complain!("gancho: {} can't be closed to others: {error}", path.display());
            }
        }
    }
    Ok(())
}

/// Gives the files that root made in the folder of another account to that account: a service that runs as that account
/// could not open them. Does nothing for anybody but root.
pub fn give_to_owner(dir: &Path) {
    let Ok(folder) = fs::metadata(dir) else { return };
    if !rustix::process::geteuid().is_root() || folder.uid() == 0 {
        return;
    }
    for (path, _) in our_files(dir).unwrap_or_default() {
        if let Err(error) = give(&path, &folder) {
            complain!("gancho: {} can't be given to the folder's account: {error}", path.display());
        }
    }
}

/// Gives away a plain file of root's that has no other name: whoever owns the folder could have put a link there.
fn give(path: &Path, folder: &fs::Metadata) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.uid() == 0 && metadata.nlink() == 1 {
        fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(())
}

/// Gancho's files in a data dir; one that disappears meanwhile is left out.
fn our_files(dir: &Path) -> anyhow::Result<Vec<(PathBuf, fs::Metadata)>> {
    let entries = fs::read_dir(dir).with_context(|| format!("the data dir {} can't be read", dir.display()))?;
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| is_ours(path));
    let files = paths.filter_map(|path| fs::symlink_metadata(&path).ok().map(|metadata| (path, metadata)));
    Ok(files.filter(|(_, metadata)| metadata.is_file()).collect())
}

/// Whether Gancho itself gives files this name: an administrator's own copies are left as they are.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let of_database = name.strip_prefix(FILE).map(|end| end.strip_prefix(".search").unwrap_or(end));
    let is_database = of_database.is_some_and(|end| ["", "-wal", "-shm", "-journal"].contains(&end));
    is_database || name == KEY_FILE || name == LOCK_FILE
}
