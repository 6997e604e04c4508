use std::{
    fs,
    process::{Child, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    Database, PATIENCE,
    database::{free_port, program, unprivileged},
};

/// `pgbouncer` before a database: each transaction gets any free connection of a few.
pub struct Pooler {
    _dir: TempDir,
    child: Child,
    /// The database's address through the pooler.
    pub url: String,
}

impl Pooler {
    /// Starts one. It is killed when this is dropped.
    pub fn start(database: &Database) -> Self {
        let dir = tempfile::Builder::new().prefix("gancho-pooler-").tempdir().expect("a folder");
        let (port, file) = (free_port(), dir.path().join("pgbouncer.ini"));
        let behind = database.port();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={behind} user=postgres\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 200\nunix_socket_dir =\nlogfile =\n"
        );
        fs::write(&file, settings).expect("written");
        let mut command = unprivileged(&program("pgbouncer", &["/usr/sbin".into()]), dir.path());
        let child = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let pooler = Self {
            _dir: dir,
            child: child.expect("it starts (./test installs it)"),
            url: format!("postgres://postgres@127.0.0.1:{port}/{}", database.name),
        };
        let pause = Duration::from_millis(20);
        for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return pooler;
            }
            std::thread::sleep(pause);
        }
        panic!("the pooler does not start");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
