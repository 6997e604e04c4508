use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;

use crate::{DatabaseClient, Engine, PATIENCE, erp};

/// A private server with its own folder and port. It is killed when this is dropped, and when the test process ends.
pub struct Instance {
    engine: Engine,
    dir: TempDir,
    port: u16,
    durable: bool,
    child: Option<Child>,
}

impl Instance {
    /// The instance shared by tests; each creates its own database in it.
    pub fn shared(engine: Engine) -> &'static Self {
        static MARIADB: OnceLock<Instance> = OnceLock::new();
        static POSTGRES: OnceLock<Instance> = OnceLock::new();
        let shared = if engine == Engine::MariaDb { &MARIADB } else { &POSTGRES };
        // From a thread that never ends: the server dies with the thread that started it.
        shared.get_or_init(|| {
            let (sender, receiver) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let instance = Self::start(engine);
                instance.remove_after_the_tests();
                let _ = sender.send(instance);
                loop {
                    std::thread::park();
                }
            });
            receiver.recv().expect("the database starts")
        })
    }

    /// Creates and starts one. It ends with the calling thread.
    pub fn start(engine: Engine) -> Self {
        Self::start_with(engine, false)
    }

    /// The same with every commit flushed to disk, as in production: for measurements.
    pub fn start_durable(engine: Engine) -> Self {
        Self::start_with(engine, true)
    }

    fn start_with(engine: Engine, durable: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("gancho-db-").tempdir().expect("a folder");
        let port = free_port();
        let mut instance = Self { engine, dir, port, durable, child: None };
        instance.make();
        instance.run();
        instance
    }

    /// Statics are not dropped when a test process ends: a separate process waits for that, and removes the folder.
    fn remove_after_the_tests(&self) {
        let wait = "(while kill -0 \"$1\" 2>/dev/null; do sleep 1; done; sleep 1; rm -rf \"$2\") &";
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", wait, "sh", &std::process::id().to_string()]).arg(self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = command.status().expect("setsid starts (package util-linux)");
        assert!(begun.success());
    }

    fn make(&self) {
        let data = self.dir.path().join("data");
        let mut command = match self.engine {
            Engine::MariaDb => {
                let mut command = Command::new(program("mariadb-install-db", &[]));
                command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
                command.arg(format!("--datadir={}", data.display())).arg(format!("--user={}", user()));
                command.arg(self.temporary());
                command
            }
            Engine::Postgres => {
                let mut command = unprivileged(&program("initdb", &postgres_folders()), self.dir.path());
                command
                    .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "-D"])
                    .arg(&data);
                command
            }
        };
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// At its start MariaDB removes other servers' temporary tables from a shared folder.
    fn temporary(&self) -> String {
        let folder = self.dir.path().join("tmp");
        fs::create_dir_all(&folder).expect("a folder");
        format!("--tmpdir={}", folder.display())
    }

    /// Starts the server on the existing data.
    pub fn run(&mut self) {
        let (data, port) = (self.dir.path().join("data"), self.port);
        let mut command = match self.engine {
            Engine::MariaDb => {
                let mut command = Command::new("setpriv");
                command.args(["--pdeathsig", "KILL"]).arg(program("mariadbd", &["/usr/sbin".into()]));
                command.args(["--no-defaults", "--bind-address=127.0.0.1", "--character-set-server=utf8mb4"]);
                command.arg("--collation-server=utf8mb4_unicode_520_ci");
                command.arg(format!("--innodb-flush-log-at-trx-commit={}", if self.durable { 1 } else { 2 }));
                // Every open table holds its compiled triggers: hundreds of databases would exhaust a small machine.
                command.arg("--table-open-cache=400");
                command
                    .arg(format!("--datadir={}", data.display()))
                    .arg(format!("--port={port}"))
                    .arg(self.temporary());
                command
                    .arg(format!("--socket={}", self.dir.path().join("s").display()))
                    .arg(format!("--user={}", user()));
                command
            }
            Engine::Postgres => {
                let mut command = unprivileged(&program("postgres", &postgres_folders()), self.dir.path());
                command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
                command
                    .arg("-k")
                    .arg(self.dir.path())
                    .args(["-c", if self.durable { "fsync=on" } else { "fsync=off" }]);
                command
            }
        };
        let log = fs::File::create(self.dir.path().join("log")).expect("a log");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.expect("it starts (./test installs it)"));
        self.wait();
    }

    fn wait(&self) {
        let pause = Duration::from_millis(20);
        for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(pause);
        }
        panic!("the database does not start: {}", fs::read_to_string(self.dir.path().join("log")).unwrap_or_default());
    }

    /// Kills it, as in a power cut.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The port of the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A standby of this PostgreSQL server; from here on each commit waits for it.
    pub async fn standby(&self) -> Self {
        let dir = tempfile::Builder::new().prefix("gancho-db-").tempdir().expect("a folder");
        let mut standby = Self { engine: self.engine, dir, port: free_port(), durable: self.durable, child: None };
        let mut copy = unprivileged(&program("pg_basebackup", &postgres_folders()), standby.dir.path());
        copy.args(["-h127.0.0.1", "-Upostgres", "-R", "-Xstream", "-cfast", "-p", &self.port.to_string(), "-D"]);
        let output = copy.arg(standby.dir.path().join("data")).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        standby.run();
        let admin = |port: u16| format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let mut primary = DatabaseClient::patient(self.engine, &admin(self.port)).await;
        primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'").await;
        primary.run("SELECT pg_reload_conf()").await;
        let follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        primary.wait_until(follows, |count| count == 1).await;
        primary.close().await;
        standby
    }

    /// The primary failed: promotes this standby, without synchronous replication.
    pub async fn promote(&self) {
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", self.port);
        let mut client = DatabaseClient::patient(self.engine, &url).await;
        client.run("SELECT pg_promote()").await;
        client
            .wait_until("SELECT count(*) FROM pg_settings WHERE name = 'in_hot_standby' AND setting = 'off'", |off| {
                off == 1
            })
            .await;
        client.run("ALTER SYSTEM SET synchronous_standby_names = ''").await;
        client.run("SELECT pg_reload_conf()").await;
        client.close().await;
    }

    /// Which kind it is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// A new database with the ERP's tables.
    pub async fn database(&self) -> Database {
        let database = self.blank().await;
        database.client().await.run(&erp::tables(self.engine)).await;
        database
    }

    /// A new empty database.
    pub async fn blank(&self) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("erp_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let (admin, user) = match self.engine {
            Engine::MariaDb => ("mysql", "root"),
            Engine::Postgres => ("postgres", "postgres"),
        };
        let url = |database: &str| {
            let scheme = if self.engine == Engine::MariaDb { "mysql" } else { "postgres" };
            format!("{scheme}://{user}@127.0.0.1:{}/{database}", self.port)
        };
        let mut client = DatabaseClient::patient(self.engine, &url(admin)).await;
        client.run(&format!("CREATE DATABASE {name}")).await;
        Database { engine: self.engine, url: url(&name), name, port: self.port }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A test's own database.
#[derive(Clone, Debug)]
pub struct Database {
    /// Which kind.
    pub engine: Engine,
    /// Its address, as its owner.
    pub url: String,
    /// Its name.
    pub name: String,
    port: u16,
}

impl Database {
    /// The port of its server.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits until a source has emptied its outbox.
    pub async fn drained(&self) {
        self.client().await.wait_until("SELECT COUNT(*) FROM gancho_outbox", |rows| rows == 0).await;
    }

    /// A connection, as the ERP opens one for each of its requests.
    pub async fn client(&self) -> DatabaseClient {
        DatabaseClient::patient(self.engine, &self.url).await
    }

    /// Its address for another account.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let scheme = if self.engine == Engine::MariaDb { "mysql" } else { "postgres" };
        format!("{scheme}://{user}:{password}@127.0.0.1:{}/{}", self.port, self.name)
    }

    /// Runs statements on a connection of their own.
    pub async fn run(&self, statements: &str) {
        let mut client = self.client().await;
        client.run(statements).await;
        client.close().await;
    }

    /// A backup by the engine's own tool.
    pub fn dump(&self) -> String {
        let port = self.port.to_string();
        let mut command = match self.engine {
            Engine::MariaDb => {
                let mut command = Command::new(program("mariadb-dump", &[]));
                command.args(["--no-defaults", "-h127.0.0.1", "-uroot", "--single-transaction", "-P", &port]);
                command
            }
            Engine::Postgres => {
                let mut command = Command::new(program("pg_dump", &postgres_folders()));
                command.args(["-h127.0.0.1", "-Upostgres", "-p", &port]);
                command
            }
        };
        let output = command.arg(&self.name).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Restores a backup in its place.
    pub async fn restore(&self, dump: &str) {
        let admin = if self.engine == Engine::MariaDb { "mysql" } else { "postgres" };
        let mut client = DatabaseClient::patient(self.engine, &self.url.replace(&self.name, admin)).await;
        let end = if self.engine == Engine::MariaDb { "" } else { " WITH (FORCE)" };
        client.run(&format!("DROP DATABASE {}{end}", self.name)).await;
        client.run(&format!("CREATE DATABASE {}", self.name)).await;
        client.close().await;
        self.play(dump);
    }

    /// Runs a script with the engine's own client, on a separate connection. Unexpected errors end it, and the test.
    pub fn play(&self, script: &str) {
        self.answer(script);
    }

    /// The query plan of the engine.
    pub fn plan(&self, select: &str) -> String {
        self.answer(&format!("EXPLAIN {select};"))
    }

    /// Runs a script with the engine's own client; returns its output.
    pub fn answer(&self, script: &str) -> String {
        let mut command = self.command();
        let piped = command.arg(&self.name).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the client starts");
        let mut input = child.stdin.take().expect("its input");
        let text = script.to_owned();
        // Concurrently, so that neither blocks the other.
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, text.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        writer.join().expect("it writes").expect("all of it");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The engine's own client.
    fn command(&self) -> Command {
        let port = self.port.to_string();
        match self.engine {
            Engine::MariaDb => {
                let mut command = Command::new(program("mariadb", &[]));
                let always = ["--no-defaults", "-h127.0.0.1", "-uroot", "--default-character-set=utf8mb4", "-P", &port];
                command.args(always);
                command
            }
            Engine::Postgres => {
                let mut command = Command::new(program("psql", &postgres_folders()));
                command.args(["-X", "-q", "-h127.0.0.1", "-Upostgres", "-v", "ON_ERROR_STOP=1", "-p", &port]);
                command
            }
        }
    }

    /// One number.
    pub async fn number(&self, select: &str) -> i64 {
        self.client().await.number(select).await
    }
}

/// A free port of this machine.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

/// From `GANCHO_TEST_POSTGRES`, from PATH, or from one of Debian's folders.
pub(crate) fn program(name: &str, folders: &[PathBuf]) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let chosen = std::env::var_os("GANCHO_TEST_POSTGRES").map(PathBuf::from);
    let all = chosen.into_iter().chain(std::env::split_paths(&path)).chain(folders.iter().cloned());
    let found = all.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("the tests need {name}: ./test installs it"))
}

fn postgres_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// PostgreSQL refuses to run as root: then it runs as the user of Debian's package.
pub(crate) fn unprivileged(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if user() == "root" {
        let owned = Command::new("chown").arg("postgres").arg(dir).status().expect("chown runs");
        assert!(owned.success(), "the package postgresql makes the user postgres");
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.arg(program);
    command
}
