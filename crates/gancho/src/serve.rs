//! The server's life: start, work, stop softly, stop hard.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use gancho_delivery::{Engine, EngineOptions};
use gancho_intake::Intake;
use gancho_mail::Watch;
use gancho_model::{Ambient, limits::Limits};
use gancho_source::Hearings;
use gancho_web::{App, Metrics, Rooms, WebSettings};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use crate::{
    ambient::Real,
    config::Settings,
    connections::Connections,
    descriptors::{self, Budget},
    failed::Failed,
    listen::{HEAD, listen},
    logs::{Dropped, Logs},
    probing::Probe,
    wiring,
};

/// How often counts are summed up.
const COUNTED_EVERY: Duration = Duration::from_secs(5);
/// How long requests may go on after a stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until a signal.
pub fn run(settings: &Settings, logs: &Logs) -> Result<(), Failed> {
    // Before the clock can be set: everything that waits is counted from here.
    Real.mono();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failed::refused)?;
    runtime.block_on(serve(settings, logs.dropped()))
}

async fn serve(settings: &Settings, dropped: Dropped) -> Result<(), Failed> {
    // What is in the way of a start is told in one line, with exit code 2.
    let budget = descriptors::raise();
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("can't listen on {}", settings.listen)).map_err(Failed::start)?;
    let _lock = wiring::lock(&settings.data_dir).map_err(Failed::start)?;
    let store = wiring::store(settings).map_err(Failed::start)?;
    if let Some(why) = wiring::is_open_to_others(&settings.data_dir) {
        tracing::warn!("{why}");
    }
    let trust = wiring::trust(settings).map_err(Failed::start)?;
    let client = Arc::new(wiring::client(settings, &trust).map_err(Failed::start)?);
    let address = listener.local_addr().map_err(Failed::refused)?;

    let stop = CancellationToken::new();
    // Before anybody counts.
    let metrics = metrics(&stop, dropped).map_err(Failed::refused)?;
    let options = EngineOptions { limits: within(settings.limits, budget) };
    let probing = Arc::new(Probe(client.clone()));
    let mut engine = tokio::spawn(Engine::run(store.clone(), client, Arc::new(Real), options, stop.clone()));
    let web = web_settings(settings, metrics, &stop);
    let intake = Arc::new(Intake::new(store.clone(), Arc::new(Real), settings.limits));
    let hearings = Hearings::new(store.clone(), intake.clone(), settings.hearing);
    let hearing = tokio::spawn(hearings.clone().run(stop.clone()));
    let site = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let mail = Watch {
        store: store.clone(),
        hearing: hearings.clone(),
        post: settings.post.clone(),
        ambient: Arc::new(Real),
        site: site.clone(),
        every: settings.mail_every,
    };
    let mail = tokio::spawn(mail.run(stop.clone()));
    let mailing = settings.post.clone();
    let app = App::new(Rooms { store, intake, hearing: hearings, probing, mailing, ambient: Arc::new(Real) }, &web);
    let setup = gancho_web::setup_link(&app).await.map_err(Failed::start)?;
    let mut server =
        tokio::spawn(listen(listener, gancho_web::router(app), HEAD, Connections::new(budget), stop.clone()));
    // Heard from before anybody is told that we are ready.
    let signals = Signals::listen().map_err(Failed::refused)?;
    let signals = tokio::spawn(signals.watch(stop.clone()));
    announce(format_args!("listening on http://{address}"));
    if let Some(path) = setup {
        announce_setup(&site, &path);
    }

    // A part that ends by itself ends all: better restarted by a supervisor than half alive.
    let broken = tokio::select! {
        biased; // after a stop the others end too: that is no breakage
        () = stop.cancelled() => None,
        ended = &mut server => Some(format!("the server stopped by itself: {ended:?}")),
        ended = &mut engine => Some(format!("the engine stopped by itself: {ended:?}")),
    };
    stop.cancel();
    if let Some(broken) = broken {
        return Err(Failed::because(broken));
    }
    if tokio::time::timeout(DRAIN, &mut server).await.is_err() {
        server.abort();
    }
    engine.await.map_err(Failed::refused)?;
    hearing.await.map_err(Failed::refused)?;
    mail.await.map_err(Failed::refused)?;
    signals.abort();
    Ok(())
}

/// The limits, as far as the system's descriptors go.
fn within(limits: Limits, budget: Budget) -> Limits {
    if limits.in_flight > budget.attempts {
        let (wanted, allowed) = (limits.in_flight, budget.attempts);
        tracing::warn!(wanted, allowed, "the system allows few file descriptors: fewer attempts go at once");
    }
    Limits { in_flight: limits.in_flight.min(budget.attempts), ..limits }
}

/// What the HTTP side is told.
fn web_settings(settings: &Settings, metrics: Metrics, stop: &CancellationToken) -> WebSettings {
    WebSettings {
        limits: settings.limits,
        allowed: settings.allowed.clone(),
        admin_token: settings.admin_token.clone(),
        public_url: settings.public_url.clone(),
        login_tries: settings.login_tries,
        proxies: settings.proxies.clone(),
        in_force: settings.in_force.clone(),
        metrics: Some(metrics),
        closing: Some(closing(stop)),
    }
}

fn announce_setup(site: &str, path: &str) {
    let origin = url::Url::parse(site).map_or_else(|_| site.to_owned(), |site| site.origin().ascii_serialization());
    announce(format_args!("to create the administrator, open this link (it works once): {origin}{path}"));
}

/// Tells whoever started us. They may have heard enough (`| head -1`): that stops no server.
fn announce(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Turns true with the stop.
fn closing(stop: &CancellationToken) -> watch::Receiver<bool> {
    let (tell, closing) = watch::channel(false);
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        tell.send_replace(true);
        // Kept until nobody listens, so that it does not look like an early end.
        tell.closed().await;
    });
    closing
}

/// Begins counting, and gives what renders the counts.
fn metrics(stop: &CancellationToken, dropped: Dropped) -> anyhow::Result<Metrics> {
    let seconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
    let sizes = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let recorder = PrometheusBuilder::new()
        .set_buckets(&seconds)?
        .set_buckets_for_metric(Matcher::Full("gancho_commit_size".into()), &sizes)?
        .install_recorder()?;
    let (upkeep, stop) = (recorder.clone(), stop.clone());
    tokio::spawn(async move {
        // What was counted is summed up now and then, whether or not anybody asks.
        while tokio::time::timeout(COUNTED_EVERY, stop.cancelled()).await.is_err() {
            upkeep.run_upkeep();
        }
    });
    let lines = metrics::counter!("gancho_log_lines_dropped_total");
    Ok(Arc::new(move || {
        lines.absolute(dropped.count());
        recorder.render()
    }))
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The first signal stops softly, the second at once. Nothing is lost either way.
    async fn watch(mut self, stop: CancellationToken) {
        self.next().await;
        tracing::info!("stopping: attempts under way may end");
        stop.cancel();
        self.next().await;
        tracing::warn!("stopping at once");
        std::process::exit(1);
    }
}
