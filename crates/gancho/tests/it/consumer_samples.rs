//! The samples of programs that read the feed, each in its language, killed and started again.

use std::process::Stdio;

use gancho_testkit::{ADMIN_TOKEN, PATIENCE, Server};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::server;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

struct Program {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(command: &[&str], name: &str, server: &Server) -> Self {
        let mut child = Command::new(command[0])
            .args(&command[1..])
            .arg(name)
            .current_dir(ROOT)
            .env("GANCHO_URL", server.base())
            .env("GANCHO_TOKEN", ADMIN_TOKEN)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await.expect("it says something");
        line.expect("text").expect("it goes on")
    }
}

/// The one in Rust: `cargo test --workspace` makes it, a single test does not.
async fn rust_sample() -> String {
    let file = std::path::Path::new(crate::BINARY).with_file_name("examples").join("consumer");
    if !file.exists() {
        let build = ["build", "--quiet", "--locked", "-p", "gancho", "--all-features", "--example", "consumer"];
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let made = Command::new(cargo).args(build).current_dir(ROOT).status().await.expect("cargo runs");
        assert!(made.success());
    }
    file.to_str().expect("a path").to_owned()
}

#[tokio::test]
async fn each_handles_what_is_new_and_goes_on_after_a_kill() {
    let server = server().await;
    let rust = rust_sample().await;
    let programs: [(&str, &[&str]); 4] = [
        ("php", &["php", "examples/consumer.php"]),
        ("node", &["node", "examples/consumer.mjs"]),
        ("python", &["python3", "examples/consumer.py"]),
        ("rust", &[&rust]),
    ];
    for (name, command) in programs {
        server.post("/consumers", json!({"name": name, "types": ["invoice.*"], "from": "latest"}), 201).await;
        let first = server.send("invoice.created").await;
        server.send("customer.created").await;
        let mut program = Program::start(command, name, &server);
        assert_eq!(program.line().await, format!("handled invoice.created {first}"), "{name}");
        let path = format!("/consumers/{name}/events");
        server.wait_until(&path, |page| page["data"].as_array().is_some_and(Vec::is_empty)).await;
        program.child.kill().await.expect("it ends");
        let second = server.send("invoice.paid").await;
        let mut program = Program::start(command, name, &server);
        assert_eq!(program.line().await, format!("handled invoice.paid {second}"), "{name}");
        let third = server.send("invoice.deleted").await;
        assert_eq!(program.line().await, format!("handled invoice.deleted {third}"), "{name}");
    }
}
