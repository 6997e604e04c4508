//! Logs to standard error, as text or JSON lines, in a thread of its own. Lines that can't be written, or not fast
//! enough, are dropped and counted: logging never blocks.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tracing::Level;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::config::{LogFormat, Settings};

/// PostgreSQL's notices.
const NOTICES: &str = "sqlx::postgres::notice";
/// Maximum time for the last lines at a stop.
const LAST_LINES: Duration = Duration::from_secs(1);
/// Maximum lines waiting to be written.
const LINES_MAX: usize = 2048;

/// Logs until dropped; waiting lines are then written, for at most a second.
pub struct Logs {
    guard: Option<WorkerGuard>,
    dropped: Dropped,
}

impl Drop for Logs {
    /// Writes the waiting lines, with a timeout: a stop does not wait for a blocked reader.
    fn drop(&mut self) {
        let (done, written) = std::sync::mpsc::channel::<()>();
        let guard = self.guard.take();
        let waiting = std::thread::Builder::new().spawn(move || {
            drop(guard);
            drop(done);
        });
        if waiting.is_ok() {
            // Either the thread has ended or the timeout has passed.
            let _ = written.recv_timeout(LAST_LINES);
        }
    }
}

/// Counts the lines that were dropped.
#[derive(Clone)]
pub struct Dropped {
    /// Because the queue was full.
    queue: ErrorCounter,
    /// That could not be written.
    failed: Arc<AtomicU64>,
}

impl Dropped {
    /// The number since the start.
    pub fn count(&self) -> u64 {
        self.queue.dropped_lines() as u64 + self.failed.load(Ordering::Relaxed)
    }
}

impl Logs {
    /// The counter of dropped lines.
    pub fn dropped(&self) -> Dropped {
        self.dropped.clone()
    }
}

/// Starts logging.
pub fn start(settings: &Settings) -> Logs {
    let failed = Arc::new(AtomicU64::new(0));
    let writer = Unfailing { to: io::stderr(), failed: failed.clone() };
    let builder = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_MAX).thread_name("logs");
    let (writer, guard) = builder.finish(writer);
    let dropped = Dropped { queue: writer.error_counter(), failed };
    let info = |_| Targets::new().with_default(LevelFilter::INFO);
    let mut filter: Targets = settings.log_level.parse().unwrap_or_else(info);
    // PostgreSQL remarks on everything that exists already.
    if !settings.log_level.contains("sqlx") && filter.would_enable(NOTICES, &Level::INFO) {
        filter = filter.with_target(NOTICES, LevelFilter::WARN);
    }
    let format =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(writer).log_internal_errors(false);
    match settings.log_format {
        LogFormat::Text => {
            format.with_target(false).with_ansi(io::stderr().is_terminal()).finish().with(filter).init();
        }
        LogFormat::Json => format.json().flatten_event(true).finish().with(filter).init(),
    }
    Logs { guard: Some(guard), dropped }
}

/// Writes what can be written. Errors are counted instead of returned: the caller might stop because of one.
struct Unfailing<W> {
    to: W,
    failed: Arc<AtomicU64>,
}

impl<W: Write> Write for Unfailing<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.to.write_all(line).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // What can't be flushed was counted, or is lost with the process.
        let _ = self.to.flush();
        Ok(())
    }
}
