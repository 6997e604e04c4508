//! A constant load for a long time: shows whether anything slows down, for example while an open snapshot of the
//! database is held.

use super::{
    BenchArgs,
    report::{heading, line},
    scenario::{Stage, times},
};
use crate::cli_error::CliResult;

/// Events per second.
const PER_S: u32 = 2_000;
/// Connections for posting.
const CONNECTIONS: u32 = 16;
/// Seconds per line.
const WINDOW_S: u32 = 30;

/// Posts for this many seconds, and prints a line every half minute.
pub async fn run(args: &BenchArgs, seconds: u32) -> CliResult {
    let (stage, _) = Stage::set(args).await?;
    heading(&format!("{PER_S} events a second, {CONNECTIONS} connections, from the post to the receiver"));
    for window in 0..seconds.div_ceil(WINDOW_S) {
        // Its own endpoint, to separate its latencies.
        let name = format!("steady{window}");
        let endpoint = stage.add(&format!("/hook/{name}"), false).await?;
        let events = PER_S * WINDOW_S;
        let began = tokio::time::Instant::now();
        stage.load(&stage.events_url(), events, CONNECTIONS, PER_S).await?;
        stage.arrived(&name, events.into()).await?;
        let rate = f64::from(events) / began.elapsed().as_secs_f64();
        let stats = stage.stats(&name).await?;
        line(
            &format!("from second {}: p50, p99; a second", window * WINDOW_S),
            format!("{}; {rate:.0}", times(&stats)),
            "",
        );
        stage.remove(&endpoint).await?;
    }
    Ok(())
}
