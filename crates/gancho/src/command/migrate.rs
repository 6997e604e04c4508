use std::path::{Path, PathBuf};

use clap::Args;
use gancho_model::Clock as _;
use gancho_store::{
    copy::{Copying, Location, copy},
    sqlite,
    vault::Vault,
};

use crate::{
    args::LocalArgs,
    cli_error::{CliError, CliResult},
    config::Settings,
    data_dir,
    runtime::block_on,
    secret_key,
    system::System,
    wiring,
};

/// Interval between progress reports, milliseconds.
const TOLD_EVERY_MS: i64 = 2_000;

/// From where, and where to.
#[derive(Args)]
pub struct MigrateArgs {
    /// What to copy: sqlite (of the data dir), sqlite:DIR, postgres (of database_url), or postgres://…
    #[arg(long, value_name = "URL")]
    from: String,
    /// Where to, in the same form; nothing may be there.
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    local: LocalArgs,
}

/// Copies everything and compares it. An interrupted run continues where it stopped.
pub fn run(args: &MigrateArgs) -> CliResult {
    let settings = Settings::load(&args.local, &[]).map_err(CliError::start)?;
    let (from, to) = (place("--from", &args.from, &settings)?, place("--to", &args.to, &settings)?);
    if let (Location::Sqlite(one), Location::Sqlite(other)) = (&from, &to)
        && one == other
    {
        return Err(CliError::usage("--from and --to are the same data dir"));
    }
    if let Location::Sqlite(dir) = &from
        && !dir.join(sqlite::FILE).exists()
    {
        return Err(CliError::usage(format!("there is no database in {}", dir.display())));
    }
    let home = if let Location::Sqlite(dir) = &from { dir } else { &settings.data_dir };
    if !home.is_dir() {
        return Err(CliError::usage(format!("there is no data dir {}: its secret_key is needed", home.display())));
    }
    if settings.secret_key.is_none() && !secret_key::has_key(home) {
        let dir = home.display();
        return Err(CliError::usage(format!("{dir} has no secret.key, without which the database can't be read")));
    }
    let _locks = [&from, &to].map(held).into_iter().collect::<Result<Vec<_>, _>>().map_err(CliError::start)?;
    let key = secret_key::secret_key(&settings, home).map_err(CliError::start)?;
    if let Location::Sqlite(dir) = &to
        && settings.secret_key.is_none()
    {
        secret_key::put_key(dir, &key).map_err(CliError::start)?;
    }
    let mut said = Progress::default();
    let rows = block_on(copy((&from, &to), &Vault::new(&key), &System, |copying| said.tell(copying)))?;
    if let Location::Sqlite(dir) = &to {
        data_dir::give_to_owner(dir);
    }
    let rows = rows.map_err(CliError::refused)?;
    say!("rows copied and compared: {rows}. From now on: {}", remedy(&to));
    say!("Start one of the two only: both would send what waits.");
    Ok(())
}

/// How to use the copy.
fn remedy(to: &Location) -> String {
    match to {
        Location::Sqlite(dir) => format!("gancho serve --data-dir {}, without database_url", dir.display()),
        Location::Postgres(..) => "gancho serve with this database_url, and the same secret_key".to_owned(),
    }
}

/// Locks a data dir, so that nothing else uses it meanwhile.
fn held(place: &Location) -> anyhow::Result<Option<std::fs::File>> {
    match place {
        Location::Sqlite(dir) => data_dir::lock(dir).map(Some),
        Location::Postgres(..) => Ok(None),
    }
}

fn place(option: &str, text: &str, settings: &Settings) -> Result<Location, CliError> {
    let postgres = |url: &str| {
        let trust = wiring::trust(settings).map_err(CliError::start)?;
        Ok(Location::Postgres(url.to_owned(), Some(trust.bundle().to_vec())))
    };
    match (text, text.strip_prefix("sqlite:")) {
        ("sqlite", _) => Ok(Location::Sqlite(settings.data_dir.clone())),
        ("postgres", _) => match &settings.database_url {
            Some(url) => postgres(url.expose()),
            None => Err(CliError::usage(format!("{option} postgres: database_url is not set"))),
        },
        (_, Some(dir)) => {
            let dir = Path::new(dir.strip_prefix("//").unwrap_or(dir));
            // The database's file is accepted in place of its folder.
            let is_file = dir.file_name().is_some_and(|name| name == gancho_store::sqlite::FILE);
            Ok(Location::Sqlite(if is_file { dir.parent().map(PathBuf::from).unwrap_or_default() } else { dir.into() }))
        }
        (url, None) if url.starts_with("postgres://") || url.starts_with("postgresql://") => postgres(url),
        _ => Err(CliError::usage(format!(
            "{option} must be sqlite, sqlite:DIR, postgres or postgres://user:password@host/name"
        ))),
    }
}

/// Prints the progress: each table once, and large ones at intervals.
#[derive(Default)]
struct Progress {
    last: Option<(&'static str, bool)>,
    told_at_ms: i64,
}

impl Progress {
    fn tell(&mut self, at: Copying) {
        let now = System.mono().ms();
        let is_new = self.last != Some((at.table, at.compares));
        if at.of == 0 || !(is_new || now - self.told_at_ms >= TOLD_EVERY_MS) {
            return;
        }
        (self.last, self.told_at_ms) = (Some((at.table, at.compares)), now);
        let verb = if at.compares { "comparing" } else { "copying" };
        match at.rows {
            0 => complain!("{verb} {}: {} rows", at.table, at.of),
            rows => complain!("{verb} {}: {rows} of {} rows", at.table, at.of),
        }
    }
}
