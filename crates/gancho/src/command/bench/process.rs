//! Processes of a measurement, with their resource usage.

use std::{path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::cli_error::CliError;

/// A server process; it is killed when this is dropped.
pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    /// Starts this program in another role and waits until it listens.
    pub async fn start(args: &[&str]) -> Result<Self, CliError> {
        Self::spawn(this_program(args)?).await
    }

    /// Starts a server on this folder, with its data in the database, if given.
    pub async fn serve(data_dir: &Path, database: Option<&str>) -> Result<Self, CliError> {
        let mut command = this_program(&["serve", "--listen", "127.0.0.1:0", "--data-dir"])?;
        command.arg(data_dir);
        if let Some(url) = database {
            // All servers that share the database need the same key.
            command.env("GANCHO_DATABASE_URL", url).env("GANCHO_SECRET_KEY", format!("{}=", "A".repeat(43)));
        }
        Self::spawn(command).await
    }

    async fn spawn(mut command: Command) -> Result<Self, CliError> {
        let mut child = command.spawn().map_err(CliError::refused)?;
        let mut lines = BufReader::new(child.stdout.take().ok_or_else(|| CliError::because("no output"))?).lines();
        let line = lines.next_line().await.map_err(CliError::refused)?.unwrap_or_default();
        let url =
            line.strip_prefix("listening on ").ok_or_else(|| CliError::because("a part did not start"))?.to_owned();
        Ok(Self { child, url })
    }

    /// Processor seconds so far, user and system.
    pub fn cpu_s(&self) -> f64 {
        self.stat().unwrap_or(0.0)
    }

    fn stat(&self) -> Option<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()?)).ok()?;
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        Some(ticks / 100.0) // the kernel counts hundredths for user space
    }

    /// What it has written to disk so far, kilobytes.
    pub fn written_kb(&self) -> f64 {
        let read = || {
            let text = std::fs::read_to_string(format!("/proc/{}/io", self.child.id()?)).ok()?;
            text.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse::<f64>().ok()
        };
        read().unwrap_or(0.0) / 1024.0
    }

    /// Resident memory, megabytes.
    pub fn memory_mb(&self) -> f64 {
        let read = || {
            let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
            let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        read().unwrap_or(0.0) / 1024.0
    }
}

/// Runs this program in another role to its end; returns its output and processor seconds.
pub async fn run(args: &[&str]) -> Result<(String, f64), CliError> {
    let before = children_cpu_s();
    let output = this_program(args)?.output().await.map_err(CliError::refused)?;
    if !output.status.success() {
        return Err(CliError::because(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok((String::from_utf8_lossy(&output.stdout).trim().to_owned(), children_cpu_s() - before))
}

fn this_program(args: &[&str]) -> Result<Command, CliError> {
    let mut command = Command::new(std::env::current_exe().map_err(CliError::refused)?);
    command
        .args(args)
        .env("GANCHO_ADMIN_TOKEN", "bench-token")
        .env("GANCHO_ALLOW_HOSTS", "127.0.0.1")
        .env("GANCHO_LOG_LEVEL", "error")
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Processor seconds of child processes that have ended.
fn children_cpu_s() -> f64 {
    let read = || {
        let text = std::fs::read_to_string("/proc/self/stat").ok()?;
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        Some((fields.get(13)?.parse::<f64>().ok()? + fields.get(14)?.parse::<f64>().ok()?) / 100.0)
    };
    read().unwrap_or(0.0)
}
