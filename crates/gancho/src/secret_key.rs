//! The key that seals what is secret in the database: from the settings, or a file in the data dir.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use gancho_model::Rng as _;
use gancho_store::sqlite::FILE;

use crate::{
    config::{Settings, parse_key},
    system::System,
};

/// The key's file in the data dir.
pub const KEY_FILE: &str = "secret.key";

/// The key of the settings, otherwise that of the data dir.
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

/// Reads a key from a file.
pub fn read_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    let text = fs::read_to_string(path).with_context(|| format!("the key {} can't be read", path.display()))?;
    parse_key(&text).with_context(|| format!("{} holds no key of 32 bytes in base64", path.display()))
}

/// Writes a key to a data dir without one.
///
/// # Errors
/// If it has another key.
pub fn put_key(dir: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let path = dir.join(KEY_FILE);
    match path.exists() {
        false => write_key(&path, key),
        true if read_key(&path)? == *key => Ok(()),
        true => bail!("{} is another key", path.display()),
    }
}

/// Writes a key to a new file, readable only by the owner.
pub fn write_key(path: &Path, key: &[u8; 32]) -> anyhow::Result<()> {
    let written = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).and_then(|mut file| {
        writeln!(file, "{}", STANDARD.encode(key))?;
        file.sync_all()
    });
    written.with_context(|| format!("the key {} can't be written", path.display()))
}

/// The key of the data dir; created at the first start, readable only by the owner.
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
