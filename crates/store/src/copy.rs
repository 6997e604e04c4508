//! Copies a whole database into another one, of the same kind or the other.

use std::path::PathBuf;

use gancho_model::Rng;

use crate::{
    postgres::PostgresSide,
    side::{
        Side,
        table::{CopiedTable, TABLES},
        value::Fingerprint,
    },
    sqlite::SqliteSide,
    vault::Vault,
};

/// Rows read and written at once.
const PAGE: usize = 200;

/// The location of a database.
#[derive(Clone, Debug)]
pub enum Location {
    /// SQLite, in this data dir.
    Sqlite(PathBuf),
    /// PostgreSQL, at this address; the certificates (PEM) that verify the server, if not the built-in ones.
    Postgres(String, Option<Vec<u8>>),
}

/// Why not everything was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A database could not be opened.
    #[error("{0}")]
    Open(String),
    /// The target is not empty.
    #[error("there is something in {0} already: copy into an empty one")]
    NotEmpty(String),
    /// A server uses the database.
    #[error("a server works on {0}: stop it first")]
    InUse(String),
    /// A database failed.
    #[error("{0}: what was copied stays, and the same command goes on from there")]
    Broken(String),
    /// The copy differs from the original.
    #[error("the table {0} differs after copying: something else writes into one of the two databases")]
    Differs(&'static str),
}

/// Progress of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    /// The current table.
    pub table: &'static str,
    /// Rows already copied.
    pub rows: u64,
    /// Rows in total.
    pub of: u64,
    /// Whether rows are being compared; this follows the copying.
    pub compares: bool,
}

impl Location {
    /// For display, without a password.
    fn name(&self) -> String {
        match self {
            Self::Sqlite(dir) => format!("the data dir {}", dir.display()),
            Self::Postgres(..) => "the PostgreSQL database".to_owned(),
        }
    }

    async fn side(&self, vault: &Vault, rng: &dyn Rng) -> Result<Box<dyn Side>, CopyError> {
        Ok(match self {
            Self::Sqlite(dir) => {
                Box::new(SqliteSide::open(dir, vault, rng).map_err(|error| CopyError::Open(error.to_string()))?)
            }
            Self::Postgres(url, authorities) => {
                let side = PostgresSide::open(url, authorities.clone(), vault).await;
                Box::new(side.map_err(|error| CopyError::Open(error.to_string()))?)
            }
        })
    }
}

/// Copies everything and compares it. An interrupted copy continues where it stopped.
///
/// # Errors
/// [`CopyError`] states the reason. Servers refuse the copy until everything is copied and compared.
pub async fn copy(
    (from, to): (&Location, &Location),
    vault: &Vault,
    rng: &dyn Rng,
    mut tell: impl FnMut(Copying) + Send,
) -> Result<u64, CopyError> {
    let mut source = open_unused(from, vault, rng).await?;
    if source.is_marked().await.map_err(CopyError::Broken)? {
        return Err(CopyError::Open(format!("{} is a copy that is not whole", from.name())));
    }
    // Only now: opening it makes it, and a refused copy leaves no database behind.
    let mut target = open_unused(to, vault, rng).await?;
    if !target.is_marked().await.map_err(CopyError::Broken)? {
        if !is_empty(&mut *target).await.map_err(CopyError::Broken)? {
            return Err(CopyError::NotEmpty(to.name()));
        }
        target.mark(false).await.map_err(CopyError::Broken)?;
    }
    let mut rows = 0;
    for table in TABLES {
        rows += copy_table(table, &mut *source, &mut *target, &mut tell).await.map_err(CopyError::Broken)?;
    }
    for table in TABLES {
        let one = fingerprint(table, &mut *source, &mut tell).await.map_err(CopyError::Broken)?;
        let other = fingerprint(table, &mut *target, &mut tell).await.map_err(CopyError::Broken)?;
        if one != other {
            return Err(CopyError::Differs(table.name));
        }
    }
    target.mark(true).await.map_err(CopyError::Broken)?;
    Ok(rows)
}

async fn open_unused(place: &Location, vault: &Vault, rng: &dyn Rng) -> Result<Box<dyn Side>, CopyError> {
    let mut side = place.side(vault, rng).await?;
    if side.is_in_use().await.map_err(CopyError::Broken)? {
        return Err(CopyError::InUse(place.name()));
    }
    Ok(side)
}

/// Whether the database was never used.
async fn is_empty(side: &mut dyn Side) -> Result<bool, String> {
    for table in TABLES.iter().filter(|table| table.name != "meta") {
        if side.count(table).await? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies the missing rows; returns the number of rows of the table.
async fn copy_table(
    table: &'static CopiedTable,
    source: &mut dyn Side,
    target: &mut dyn Side,
    tell: &mut (dyn FnMut(Copying) + Send),
) -> Result<u64, String> {
    let of = source.count(table).await?;
    // A new database already has the feed's two numbers.
    let after = if table.name == "meta" { None } else { target.last_key(table).await? };
    let mut rows = if after.is_some() { target.count(table).await? } else { 0 };
    source.open(table, after).await?;
    loop {
        tell(Copying { table: table.name, rows, of, compares: false });
        let page = source.next(PAGE).await?;
        if page.is_empty() {
            return Ok(of);
        }
        rows += page.len() as u64;
        target.write(table, page).await?;
    }
}

async fn fingerprint(
    table: &'static CopiedTable,
    side: &mut dyn Side,
    tell: &mut (dyn FnMut(Copying) + Send),
) -> Result<[u8; 32], String> {
    let of = side.count(table).await?;
    let mut fingerprint = Fingerprint::default();
    side.open(table, None).await?;
    loop {
        tell(Copying { table: table.name, rows: fingerprint.rows, of, compares: true });
        let page = side.next(PAGE).await?;
        if page.is_empty() {
            return Ok(fingerprint.end());
        }
        page.iter().for_each(|row| fingerprint.add(row));
    }
}
