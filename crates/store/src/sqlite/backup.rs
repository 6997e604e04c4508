//! An online backup of the database: a consistent copy, also while it is being written.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rusqlite::{Connection, OpenFlags};

use super::{FILE, numbers, schema};

/// The backup that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// The feed's last number in it.
    pub sequence: u64,
}

/// Why the backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The target exists.
    #[error("{0} is there already: give another name, or move it away")]
    Exists(String),
    /// A file could not be read or written.
    #[error("{file} can't be copied: {why}")]
    Failed {
        /// The file.
        file: String,
        /// The cause.
        why: String,
    },
    /// The file is not an intact database of Gancho.
    #[error("{file} is no sound database of Gancho: {why}")]
    Unsound {
        /// The file.
        file: String,
        /// The problem.
        why: String,
    },
}

/// Copies the database of a data dir to a new file that only its owner can read. The file appears atomically, after it
/// was flushed to disk.
///
/// # Errors
/// [`BackupError`] states the reason.
pub fn back_up(data_dir: &Path, to: &Path) -> Result<Backup, BackupError> {
    copy(&data_dir.join(FILE), to)
}

/// Restores a backup into a data dir without a database.
///
/// # Errors
/// [`BackupError`] states the reason.
pub fn restore(file: &Path, data_dir: &Path) -> Result<Backup, BackupError> {
    look(file)?;
    copy(file, &data_dir.join(FILE))
}

/// Checks the whole database of a data dir.
///
/// # Errors
/// [`BackupError::Unsound`] states the damage.
pub fn check(data_dir: &Path) -> Result<Backup, BackupError> {
    look(&data_dir.join(FILE))
}

fn copy(from: &Path, to: &Path) -> Result<Backup, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.display().to_string()));
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let copied = write(from, part).and_then(|()| look(part)).and_then(|backup| {
        // Unlike a rename, a link never replaces an existing file.
        fs::hard_link(part, to).or_else(|_| fs::rename(part, to)).map_err(|why| unusable(to, &why))?;
        Ok(backup)
    });
    let _ = fs::remove_file(part);
    copied
}

fn write(from: &Path, part: &Path) -> Result<(), BackupError> {
    let _ = fs::remove_file(part);
    // SQLite writes to an empty file as it is: it has these permissions from the start.
    let made = OpenOptions::new().create_new(true).write(true).mode(0o600).open(part);
    made.map_err(|why| unusable(part, &why))?;
    let db = open(from).map_err(|why| unusable(from, &why))?;
    let path = part.to_str().ok_or_else(|| unusable(part, &"its name is no text"))?;
    db.execute("VACUUM INTO ?1", [path]).map_err(|why| unusable(part, &why))?;
    File::open(part).and_then(|file| file.sync_all()).map_err(|why| unusable(part, &why))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(db)
}

/// Checks that the file is intact and belongs to Gancho.
fn look(path: &Path) -> Result<Backup, BackupError> {
    let unsound = |why: String| BackupError::Unsound { file: path.display().to_string(), why };
    let db = open(path).map_err(|why| unusable(path, &why))?;
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|why| unsound(why.to_string()));
    if number("PRAGMA application_id")? != i64::from(schema::APPLICATION) {
        return Err(unsound("it was not made by Gancho".into()));
    }
    let check: String =
        db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|why| unsound(why.to_string()))?;
    if check != "ok" {
        return Err(unsound(check));
    }
    let (sequence, _) = numbers::last_numbers(&db).map_err(|why| unsound(why.to_string()))?;
    let bytes = fs::metadata(path).map_err(|why| unusable(path, &why))?.len();
    Ok(Backup { bytes, sequence: sequence.unsigned_abs() })
}

fn unusable(file: &Path, why: &dyn std::fmt::Display) -> BackupError {
    BackupError::Failed { file: file.display().to_string(), why: why.to_string() }
}
