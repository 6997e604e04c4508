//! A server writes its address and a token of its own to its data dir: accounts that can read the data dir have full
//! access anyway, and need no other token.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use gancho_service::account::new_token;
use serde::{Deserialize, Serialize};

use crate::{
    args::{LocalArgs, ServerArgs},
    config::Settings,
    system::System,
};

/// The file in the data dir.
const FILE: &str = "server.json";

/// A server of this machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalServer {
    /// Its address.
    pub url: String,
    /// Its admin token, valid until it stops.
    pub token: String,
    /// Whether its data are in PostgreSQL instead of this folder.
    #[serde(default)]
    pub is_on_postgres: bool,
}

/// Its file, removed with the server.
pub struct LocalServerFile(PathBuf);

impl LocalServer {
    /// A server that listens here, with a new token.
    pub fn new(listens: impl std::fmt::Display, settings: &Settings) -> Self {
        let (url, token) = (format!("http://{listens}"), new_token(&System));
        Self { url, token, is_on_postgres: settings.database_url.is_some() }
    }

    /// Writes it to the data dir, readable only by the owner.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn publish(&self, data_dir: &Path) -> std::io::Result<LocalServerFile> {
        let path = data_dir.join(FILE);
        let draft = data_dir.join(format!("{FILE}.new"));
        let _ = fs::remove_file(&draft);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        fs::rename(&draft, &path)?;
        Ok(LocalServerFile(path))
    }

    /// The server that uses the data dir of these arguments, if its file can be read.
    pub fn find(args: &ServerArgs) -> Option<Self> {
        Self::of_dir(&Self::dir(args)?)
    }

    /// The data dir of these arguments, if no server works there; `None` as well where that can't be seen.
    pub fn missing_in(args: &ServerArgs) -> Option<PathBuf> {
        Self::dir(args).filter(|dir| dir.join(FILE).try_exists().is_ok_and(|exists| !exists))
    }

    /// The data dir of these arguments, if the settings can be read.
    fn dir(args: &ServerArgs) -> Option<PathBuf> {
        let local = LocalArgs { config: args.config.clone(), data_dir: args.data_dir.clone(), database_url: None };
        Some(Settings::load(&local, &[]).ok()?.data_dir)
    }

    /// The server that uses a data dir, if its file can be read.
    pub fn of_dir(data_dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(data_dir.join(FILE)).ok()?;
        serde_json::from_str(&text).ok()
    }
}

impl Drop for LocalServerFile {
    fn drop(&mut self) {
        // The next start writes another one.
        let _ = fs::remove_file(&self.0);
    }
}
