//! A copy of the database as it is at one moment, also while it is being written.

use std::{
    fs::{self, File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rusqlite::{Connection, OpenFlags};

use super::{FILE, numbers, schema};

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// How large it is.
    pub bytes: u64,
    /// The last number of the feed in it.
    pub sequence: u64,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something stands where it should be.
    #[error("{0} is there already: give another name, or move it away")]
    Exists(String),
    /// It can't be read or written.
    #[error("{file} can't be copied: {why}")]
    Failed {
        /// What.
        file: String,
        /// Why not.
        why: String,
    },
    /// It is no sound database of Gancho's.
    #[error("{file} is no sound database of Gancho: {why}")]
    Unsound {
        /// What.
        file: String,
        /// What is wrong.
        why: String,
    },
}

/// Copies the database of a data dir to a file that is not there, for nobody else to read. It is there whole or not at all,
/// and on disk.
///
/// # Errors
/// [`BackupError`] says what is in the way.
pub fn back_up(data_dir: &Path, to: &Path) -> Result<Backup, BackupError> {
    copy(&data_dir.join(FILE), to)
}

/// Puts a copy into a data dir that has no database.
///
/// # Errors
/// [`BackupError`] says what is in the way.
pub fn restore(file: &Path, data_dir: &Path) -> Result<Backup, BackupError> {
    look(file)?;
    copy(file, &data_dir.join(FILE))
}

/// Reads the database of a data dir from one end to the other.
///
/// # Errors
/// [`BackupError::Unsound`] says what is damaged.
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
        // Unlike a renaming, a link takes nobody else's place.
        fs::hard_link(part, to).or_else(|_| fs::rename(part, to)).map_err(|why| unusable(to, &why))?;
        Ok(backup)
    });
    let _ = fs::remove_file(part);
    copied
}

fn write(from: &Path, part: &Path) -> Result<(), BackupError> {
    let _ = fs::remove_file(part);
    // An empty file is written to as it is: it is nobody else's from the beginning.
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

/// Looks whether it is whole, and ours.
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
