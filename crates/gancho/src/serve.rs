//! The lifecycle of the server: start, run, graceful stop, hard stop.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use gancho_delivery::{Engine, EngineOptions};
use gancho_intake::Intake;
use gancho_mail::AlertLoop;
use gancho_model::{Clock as _, NodeId, limits::Limits};
use gancho_service::{Parts, Services, mail::load_mail_server, search::keep_index};
use gancho_source::SourceManager;
use gancho_web::{App, Metrics, WebSettings};
use sd_notify::NotifyState;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::AbortHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    cli_error::CliError,
    config::Settings,
    connections::Connections,
    counting, data_dir, demo,
    descriptors::{self, Budget},
    listen::{HEAD, listen},
    local_server::LocalServer,
    logs::{Dropped, Logs},
    probing::Probe,
    supervise::Tasks,
    system::System,
    wiring,
};

/// How long requests may continue after a stop.
const DRAIN: Duration = Duration::from_secs(10);
/// Maximum duration of a stop: attempts have 30 s, and queries of an ERP's database have their own limit.
const PATIENCE: Duration = Duration::from_secs(120);

/// Serves until a signal.
pub fn run(settings: &Settings, logs: &Logs) -> Result<(), CliError> {
    // For tests that inject failures, if built for that.
    let _failpoints = fail::FailScenario::setup();
    // Starts the monotonic clock before the wall clock can be set.
    System.mono();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::refused)?;
    runtime.block_on(serve(settings, logs.dropped()))
}

async fn serve(settings: &Settings, dropped: Dropped) -> Result<(), CliError> {
    // Problems at the start are reported in one line, with exit code 2.
    let budget = descriptors::raise();
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("can't listen on {}", settings.listen)).map_err(CliError::start)?;
    let _lock = data_dir::lock(&settings.data_dir).map_err(CliError::start)?;
    let address = listener.local_addr().map_err(CliError::refused)?;
    let store = wiring::store(settings, &node_name(address)).await.map_err(CliError::start)?;
    if let Some(why) = data_dir::is_open_to_others(&settings.data_dir) {
        tracing::warn!("{why}");
    }
    let trust = wiring::trust(settings).map_err(CliError::start)?;
    let local = local_address(address);
    let allowed = settings.allowed.clone().with_bins_at(local);
    let client = Arc::new(wiring::client(settings, allowed.clone(), &trust).map_err(CliError::start)?);

    let (stop, node) = (CancellationToken::new(), NodeId::new(System.now(), &System));
    // Before anything is counted.
    let (metrics, recorder) = counting::start_counting(dropped).map_err(CliError::refused)?;
    let options = EngineOptions { limits: within(settings.limits, budget) };
    let probing = Arc::new(Probe(client.clone()));
    let mut tasks = Tasks::default();
    tasks.spawn_endless("metrics", counting::sum_up(recorder, stop.clone()));
    tasks.spawn("store", wiring::is_alive(store.clone(), stop.clone()));
    tasks.spawn("engine", Engine::run(store.clone(), node, client, Arc::new(System), options, stop.clone()));
    let local = LocalServer::new(local, settings);
    let web = web_settings(settings, metrics, &local, &stop);
    tasks.spawn_endless("search", keep_index(store.clone(), stop.clone()));
    let intake = Arc::new(Intake::new(store.clone(), Arc::new(System), settings.limits));
    let sources = SourceManager::new(store.clone(), intake.clone(), settings.sources, node);
    tasks.spawn_endless("sources", sources.clone().run(stop.clone()));
    load_mail_server(&*store, &*settings.post).await.map_err(CliError::start)?;
    let site = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    let mail = AlertLoop {
        store: store.clone(),
        sources: sources.clone(),
        post: settings.post.clone(),
        environment: Arc::new(System),
        site: site.clone(),
        every: settings.mail_every,
    };
    tasks.spawn_endless("mail", mail.run(stop.clone()));
    let mailing = settings.post.clone();
    let parts = Parts { store, intake, sources, probing, mailing, environment: Arc::new(System) };
    let services = Services::new(parts, settings.limits, allowed);
    let password = match settings.is_demo {
        true => Some(start_demo(&services, &mut tasks, &stop).await?),
        false => None,
    };
    let app = App::new(services, &web);
    let setup = gancho_web::setup_link(&app).await.map_err(CliError::start)?;
    let router = gancho_web::router(app);
    let server = tasks.spawn_endless("http", listen(listener, router, HEAD, Connections::new(budget), stop.clone()));
    // Installed before readiness is reported.
    let signals = Signals::listen().map_err(CliError::refused)?;
    let published = local.publish(&settings.data_dir);
    let _published = published.inspect_err(
        |error| tracing::warn!(%error, "commands on this machine need a token: server.json can't be written"),
    );
    announce(format_args!("listening on http://{address}"));
    tell_supervisor(NotifyState::Ready);
    announce_ways_in(&site, setup.as_deref(), password.as_deref());
    let ended = until_the_end(tasks, signals, server, stop).await;
    // What was made meanwhile: the search index.
    data_dir::give_to_owner(&settings.data_dir);
    ended
}

/// Prints the link that makes the administrator, and the login of a demo.
fn announce_ways_in(site: &str, setup: Option<&str>, password: Option<&str>) {
    if let Some(path) = setup {
        announce_setup(site, path);
    }
    if let Some(password) = password {
        announce(format_args!("a demonstration: sign in at {site}/login as {} with {password}", demo::NAME));
        announce(format_args!("what you see is pretended, and goes when this ends"));
    }
}

/// Creates a demo and runs its ERP; returns the sign-in password.
async fn start_demo(services: &Arc<Services>, tasks: &mut Tasks, stop: &CancellationToken) -> Result<String, CliError> {
    let (password, source) = demo::furnish(services).await.map_err(CliError::service)?;
    tasks.spawn_endless("demo", demo::write_on(services.clone(), source, stop.clone()));
    Ok(password)
}

/// Runs until a signal or until a task fails, then stops gracefully. A second signal stops at once: nothing is lost
/// either way.
async fn until_the_end(
    mut tasks: Tasks,
    mut signals: Signals,
    server: AbortHandle,
    stop: CancellationToken,
) -> Result<(), CliError> {
    let broken = tokio::select! {
        () = signals.next() => None,
        broken = tasks.ended() => Some(broken),
    };
    match &broken {
        Some(broken) => tracing::error!(broken, "stopping: a supervisor should restart Gancho"),
        None => tracing::info!("stopping: attempts under way may end"),
    }
    tell_supervisor(NotifyState::Stopping);
    stop.cancel();
    let drained = async {
        tokio::time::sleep(DRAIN).await;
        server.abort();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = tasks.finish(if broken.is_some() { DRAIN } else { PATIENCE }) => {}
        () = drained => {}
        () = signals.next() => {
            tracing::warn!("stopping at once");
            std::process::exit(1);
        }
    }
    broken.map_or(Ok(()), |broken| Err(CliError::because(broken)))
}

/// Reports the state to systemd, if it started us (sd_notify(3)).
fn tell_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the state can't be reported to systemd");
    }
}

/// The limits, as far as the system's descriptors allow.
fn within(limits: Limits, budget: Budget) -> Limits {
    if limits.in_flight > budget.attempts {
        let (wanted, allowed) = (limits.in_flight, budget.attempts);
        tracing::warn!(wanted, allowed, "the system allows few file descriptors: fewer concurrent attempts");
    }
    Limits { in_flight: limits.in_flight.min(budget.attempts), ..limits }
}

/// This node's name for users: the machine and the port.
fn node_name(address: SocketAddr) -> String {
    format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), address.port())
}

/// The server's address for commands on this machine.
pub fn local_address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// The settings for the HTTP side.
fn web_settings(settings: &Settings, metrics: Metrics, local: &LocalServer, stop: &CancellationToken) -> WebSettings {
    WebSettings {
        admin_tokens: settings.admin_token.iter().chain([&local.token]).cloned().collect(),
        public_url: settings.public_url.clone(),
        login_tries: settings.login_tries,
        proxies: settings.proxies.clone(),
        in_force: settings.in_force.clone(),
        metrics: Some(metrics),
        closing: Some(closing(stop)),
        is_demo: settings.is_demo,
    }
}

fn announce_setup(site: &str, path: &str) {
    let origin = url::Url::parse(site).map_or_else(|_| site.to_owned(), |site| site.origin().ascii_serialization());
    announce(format_args!("to create the administrator, open this link (it works once): {origin}{path}"));
}

/// Prints a line for the starting process. A closed pipe (`| head -1`) does not stop the server.
fn announce(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Turns true at the stop.
fn closing(stop: &CancellationToken) -> watch::Receiver<bool> {
    let (sender, closing) = watch::channel(false);
    let stop = stop.clone();
    tokio::spawn(async move {
        stop.cancelled().await;
        sender.send_replace(true);
        // Kept until nothing listens, so that it does not look like an early end.
        sender.closed().await;
    });
    closing
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
}
