use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Database, Server};

/// PHP: the system's, or the program in `GANCHO_TEST_PHP`.
pub fn php() -> Command {
    Command::new(std::env::var_os("GANCHO_TEST_PHP").unwrap_or_else(|| "php".into()))
}

/// An ERP with the plugin: real PHP, with small stand-ins for the ERP's own classes.
pub struct ErpPhp {
    database_url: String,
    folder: TempDir,
    /// The folder of another version of the plugin.
    plugin: Option<PathBuf>,
    /// The web server's variables of each request.
    asked: Option<Value>,
}

/// The result of a request.
pub struct Done {
    /// The value returned by its code.
    pub returned: Value,
    /// Errors of the database.
    pub errors: Vec<Value>,
    /// All of them, including silenced ones.
    pub refused: Vec<Value>,
    /// Entries in the ERP's log.
    pub logged: Vec<Value>,
}

impl ErpPhp {
    /// Enables the plugin.
    pub fn install(database: &Database) -> Self {
        let erp = Self::over(database);
        erp.request("$plugin->update();");
        erp
    }

    /// An ERP with a database that may already have a plugin's tables.
    pub fn over(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("MyFiles")).expect("a folder");
        Self { database_url: database.url.clone(), folder, plugin: None, asked: None }
    }

    /// A copy of the ERP, with a copy of its database.
    pub fn copy(&self, database: &Database) -> Self {
        let copy = Self::over(database);
        let (from, to) = (self.folder.path().join("MyFiles/Gancho"), copy.folder.path().join("MyFiles/Gancho"));
        std::fs::create_dir_all(&to).expect("a folder");
        for file in std::fs::read_dir(from).expect("its files") {
            let file = file.expect("a file");
            std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
        }
        copy
    }

    /// The same with another version of the plugin, from this folder.
    #[must_use]
    pub fn with_plugin(mut self, folder: PathBuf) -> Self {
        self.plugin = Some(folder);
        self
    }

    /// The web server's variables of requests from now on: `server` and `cookie`, as in PHP.
    pub fn asked_as(&mut self, asked: Value) {
        self.asked = Some(asked);
    }

    /// A request of the ERP that runs this PHP code; at its end the plugin pushes waiting rows. Fails on any error or
    /// failed statement.
    #[track_caller]
    pub fn request(&self, code: &str) -> Done {
        let done = self.refusable(code);
        assert!(done.refused.is_empty(), "{code}\n{:?}", done.refused);
        done
    }

    /// The same if the database may refuse statements.
    #[track_caller]
    pub fn refusable(&self, code: &str) -> Done {
        let output = self.begin(code).wait_with_output().expect("it ends");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{code}\n{complaints}");
        let done: Value = serde_json::from_slice(&output.stdout).expect("what it did, as JSON");
        let list = |name: &str| done[name].as_array().cloned().expect("a list");
        Done {
            returned: done["returned"].clone(),
            errors: list("errors"),
            refused: list("refused"),
            logged: list("logged"),
        }
    }

    /// A request that is killed after this time, unless it has ended.
    pub fn kill_after(&self, code: &str, delay: Duration) {
        let mut php = self.begin(code);
        let until = tokio::time::Instant::now() + delay;
        while tokio::time::Instant::now() < until && php.try_wait().expect("it runs").is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // It may have ended.
        let _ = php.kill();
        php.wait().expect("it ends");
    }

    fn begin(&self, code: &str) -> Child {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/tests/erp.php");
        let plugin = self.plugin.iter().map(|folder| ("ERP_PLUGIN", folder));
        let mut php = php()
            .envs(plugin)
            .envs(self.asked.iter().map(|asked| ("ERP_REQUEST", asked.to_string())))
            .args(["-d", "display_errors=stderr", "-d", "date.timezone=Europe/Madrid", script])
            .env("ERP_DATABASE", &self.database_url)
            .env("ERP_FOLDER", self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tests need php: ./test installs it");
        php.stdin.take().expect("its input").write_all(code.as_bytes()).expect("it reads");
        php
    }

    /// Connects it as a source of this server: `/sources/src_…`
    pub async fn connect(&self, server: &Server) -> String {
        let source = serde_json::json!({"kind": "plugin", "name": "ERP"});
        let source = server.post("/sources", source, 201).await;
        self.point_at(server.base(), source["token"].as_str().expect("a token"));
        format!("/sources/{}", source["id"].as_str().expect("an id"))
    }

    /// Sets Gancho's address in the plugin.
    pub fn point_at(&self, url: &str, token: &str) {
        let values = format!("['url' => '{url}', 'token' => '{token}', 'way' => 'push']");
        self.request(&format!("(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->save($db, {values});"));
    }
}
