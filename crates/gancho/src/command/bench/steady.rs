//! The same load for long: whether anything grows slower with time, such as beside somebody who holds a snapshot of the
//! database open.

use super::{
    BenchArgs,
    report::{heading, line},
    scenario::{Stage, times},
};
use crate::cli_error::CliResult;

/// Events a second.
const PER_S: u32 = 2_000;
/// Connections that post them.
const CONNECTIONS: u32 = 16;
/// What each line is about, seconds.
const WINDOW_S: u32 = 30;

/// Posts so many seconds long, and prints a line for every half minute.
pub async fn run(args: &BenchArgs, seconds: u32) -> CliResult {
    let (stage, _) = Stage::set(args).await?;
    heading(&format!("{PER_S} events a second, {CONNECTIONS} connections, from the post to the receiver"));
    for window in 0..seconds.div_ceil(WINDOW_S) {
        // An endpoint of its own, so that its times are its own.
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
