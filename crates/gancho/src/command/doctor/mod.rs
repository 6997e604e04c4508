mod running;

use std::sync::Arc;

use gancho_delivery::Client;
use gancho_intake::Intake;
use gancho_model::{Clock as _, Endpoint, NodeId, SourceKind, Timestamp, mask, target};
use gancho_service::SourceControl;
use gancho_source::SourceManager;
use gancho_store::{DeadRows, OldSnapshot, Store, StoreError, sqlite};
use gancho_words::Words;

use crate::{
    args::LocalArgs,
    cli_error::{CliError, CliResult},
    config::Settings,
    data_dir,
    local_server::LocalServer,
    runtime::block_on,
    serve::local_address,
    system::System,
    terminal::{Style, paint},
    wiring,
};

/// A clock before this is wrong: this version did not exist then.
const MADE_AT: Timestamp = Timestamp::from_ms_const(1_793_000_000_000);

/// Minimum length of an `admin_token` that is not reported, bytes.
const TOKEN_MIN: usize = 16;

/// Dead rows of a table up to which nothing is reported.
const DEAD_MAX: u64 = 100_000;
/// Difference from the database's clock up to which nothing is reported, seconds.
const CLOCK_S_MAX: i64 = 60;
/// A transaction open for longer than this is reported, seconds.
const SNAPSHOT_S_MAX: u64 = 300;

/// Checks everything that can be checked from this machine, line by line.
pub fn run(local: &LocalArgs) -> CliResult {
    let mut report = Report::default();
    let settings = match Settings::load(local, &[]) {
        Ok(settings) => settings,
        Err(error) => {
            report.bad("settings", error.to_string());
            return report.end();
        }
    };
    report.good("settings", format!("data in {}", settings.data_dir.display()));
    if settings.admin_token.as_ref().is_some_and(|token| token.len() < TOKEN_MIN) {
        let better =
            format!("fewer than {TOKEN_MIN} characters can be guessed: openssl rand -hex 24 makes a better one");
        say!("--   {:<10} {better}", "token");
    }
    clock(&mut report);
    match data_dir::is_open_to_others(&settings.data_dir) {
        Some(why) => report.bad("data dir", why),
        None if settings.data_dir.is_dir() => report.good("data dir", "closed to others on this machine"),
        None => {}
    }
    if let Err(error) = data_dir::check_database(&settings) {
        report.bad("database", error.to_string());
    }
    if let Some(url) = &settings.database_url {
        vitals(&settings, url.expose(), &mut report)?;
    }
    // The running server knows what it may reach and the status of its sources.
    if let Some(server) = LocalServer::of_dir(&settings.data_dir) {
        match block_on(running::look(&server, &mut report))? {
            Ok(()) => return report.end(),
            Err(error) => report.bad("server", format!("{} does not answer as it should: {error}", server.url)),
        }
    }
    if settings.database_url.is_none() && !settings.data_dir.join(sqlite::FILE).exists() {
        let dir = settings.data_dir.display();
        report.bad("database", format!("there is none in {dir}, and nothing was made: give the server's --data-dir"));
        return report.end();
    }
    say!("--   server     none is running here: this is what can be seen without it");
    if settings.database_url.is_none() {
        match sqlite::check(&settings.data_dir) {
            Ok(found) => report.good("database", format!("sound, {} bytes", found.bytes)),
            Err(error) => report.bad("database", format!("{error}; put a copy back with gancho restore")),
        }
    }
    let parts = block_on(wiring::store(&settings, "doctor"))?.and_then(|store| {
        let trust = wiring::trust(&settings)?;
        let allowed = settings.allowed.clone().with_bins_at(local_address(settings.listen));
        Ok((store, wiring::client(&settings, allowed, &trust)?))
    });
    let (store, client) = match parts {
        Ok(parts) => parts,
        Err(error) => {
            report.bad("database", format!("{error:#}"));
            return report.end();
        }
    };
    let intake = Arc::new(Intake::new(store.clone(), Arc::new(System), settings.limits));
    // Only for checks: watches nothing.
    let sources = SourceManager::new(store.clone(), intake, settings.sources, NodeId::new(System.now(), &System));
    block_on(look(&*store, &*sources, &client, &mut report))?.map_err(CliError::refused)?;
    report.end()
}

/// The health of a shared database, whether or not a server uses it.
fn vitals(settings: &Settings, url: &str, report: &mut Report) -> CliResult {
    let looked = block_on(async {
        let store = wiring::store(settings, "doctor").await?;
        anyhow::Ok((store.vitals().await?, store.nodes().await?))
    })?;
    let (vitals, nodes) = match looked {
        Ok(looked) => looked,
        Err(error) => {
            report.bad("database", format!("{error:#}"));
            return Ok(());
        }
    };
    let there = if nodes.len() == 1 { "1 node there".to_owned() } else { format!("{} nodes there", nodes.len()) };
    report.good("database", format!("{} answers, {there}", mask::url(url)));
    let apart_s = vitals.now.map_or(0, |there| System.now().since_ms(there) / 1000);
    if apart_s.abs() > CLOCK_S_MAX {
        report.bad("clock", format!("{apart_s} s ahead of the database's: set it on all machines (NTP)"));
    }
    for DeadRows { table, live, dead } in &vitals.dead_rows {
        // PostgreSQL's autovacuum starts at a fifth of the rows: far more means that something blocks it.
        if *dead > DEAD_MAX && dead > live {
            report.bad("database", format!("{table}: {dead} dead rows beside {live}: autovacuum does not keep up"));
        }
    }
    match vitals.oldest {
        Some(OldSnapshot { who, age_s }) if age_s > SNAPSHOT_S_MAX => report.bad(
            "database",
            format!("{who} has had a transaction open for {age_s} s: nothing can be cleaned up meanwhile; end it"),
        ),
        _ => report.good("database", "no transaction has been open for long"),
    }
    Ok(())
}

fn clock(report: &mut Report) {
    let now = System.now();
    if now < MADE_AT {
        report.bad("clock", format!("{now} is in the past: signatures will be refused; set the clock (NTP)"));
    } else {
        report.good("clock", now.to_string());
    }
}

async fn look(
    store: &dyn Store,
    sources: &dyn SourceControl,
    client: &Client,
    report: &mut Report,
) -> Result<(), StoreError> {
    store.ping().await?;
    report.good("database", "opens and answers");
    for source in store.sources().await? {
        if source.kind == SourceKind::Database {
            for line in sources.check(&source).await {
                let found = format!("{}: {}, {}", source.name, line.name, Words::english().message(&line.message));
                if line.ok { report.good("source", found) } else { report.bad("source", found) }
            }
            continue;
        }
        match source.heard_at {
            Some(at) => report.good("source", format!("{}: last change at {at}", source.name)),
            None => report.bad(
                "source",
                format!("{}: no change was received yet; is its token entered in the ERP?", source.name),
            ),
        }
    }
    let endpoints = store.all_endpoints().await?;
    let backlogs = store.backlogs(endpoints.iter().map(|endpoint| endpoint.id).collect()).await?;
    // A listener is never called by the server.
    for (endpoint, backlog) in endpoints.iter().zip(backlogs).filter(|(endpoint, _)| !endpoint.is_listener()) {
        reach(client, endpoint, backlog.pending, report).await;
    }
    Ok(())
}

async fn reach(client: &Client, endpoint: &Endpoint, pending: u64, report: &mut Report) {
    let name = endpoint.name.clone().unwrap_or_else(|| endpoint.id.to_string());
    let state = match (endpoint.enabled, endpoint.paused, endpoint.health.is_failing()) {
        (false, ..) => "disabled, ",
        (_, true, _) => "paused, ",
        (.., true) => "failing, ",
        _ => "",
    };
    let reached = match target::parse(&endpoint.url) {
        Ok(url) => client.reach(&url).await.map_err(|error| error.message),
        Err(error) => Err(error.to_string()),
    };
    match reached {
        Ok(_) => report.good("webhook", format!("{name}: {state}reachable, {pending} waiting")),
        Err(why) => report.bad("webhook", format!("{name}: {state}{pending} waiting; {why}")),
    }
}

/// The findings, and whether one of them was negative.
#[derive(Default)]
struct Report {
    bad: u32,
}

impl Report {
    pub fn good(&mut self, what: &str, found: impl AsRef<str>) {
        say!("{}   {what:<10} {}", paint("ok", Style::Good), found.as_ref());
    }

    /// A finding, positive or negative.
    pub fn line(&mut self, ok: bool, what: &str, found: impl AsRef<str>) {
        if ok { self.good(what, found) } else { self.bad(what, found) }
    }

    pub fn bad(&mut self, what: &str, found: impl AsRef<str>) {
        self.bad += 1;
        say!("{}  {what:<10} {}", paint("BAD", Style::Bad), found.as_ref());
    }

    fn end(self) -> CliResult {
        match self.bad {
            0 => Ok(()),
            1 => Err(CliError::because("one check failed")),
            more => Err(CliError::because(format!("{more} checks failed"))),
        }
    }
}
