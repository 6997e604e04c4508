//! Measures the product on this machine: server, receiver and load in separate processes. In the same run the load also
//! posts directly to the receiver: two hops without storage could reach half of that. Quote the ratios; absolute times
//! depend on the machine.

mod load;
mod mix;
mod pages;
mod process;
mod receiver;
mod report;
mod scale;
mod scenario;
mod steady;

use clap::Args;

use crate::{
    cli_error::{CliError, CliResult},
    runtime::block_on_threads,
};

/// What to measure.
#[derive(Args)]
pub struct BenchArgs {
    /// Events posted one by one.
    #[arg(long, default_value_t = 20_000)]
    events: u32,
    /// Connections that post.
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Seconds of posting 50 events a second.
    #[arg(long, default_value_t = 20)]
    latency_s: u32,
    /// Events that wait for a paused endpoint before memory is looked at.
    #[arg(long, default_value_t = 100_000)]
    backlog: u32,
    /// Instead: time the store's queries with up to so many deliveries in it, such as 5000000.
    #[arg(long)]
    scale: Option<u64>,
    /// Keep everything in this PostgreSQL database instead of SQLite. Give one that holds nothing else: it is filled.
    #[arg(long)]
    database: Option<String>,
    /// Instead: a hundred endpoints of all kinds, bodies of all sizes, and a large replay at once.
    #[arg(long)]
    mix: bool,
    /// Instead: 2,000 events a second for so many seconds.
    #[arg(long, value_name = "SECONDS")]
    steady: Option<u32>,
    /// Only the first scenario: events a second and CPU.
    #[arg(long)]
    throughput_only: bool,
    /// Internal: what this process is to be.
    #[arg(long, hide = true)]
    role: Option<String>,
    /// Internal: where the load goes.
    #[arg(long, hide = true, default_value = "")]
    url: String,
    /// Internal: at most so many posts a second; 0 for as many as go.
    #[arg(long, hide = true, default_value_t = 0)]
    rate: u32,
}

/// Runs all scenarios and prints what they gave.
pub fn run(args: &BenchArgs) -> CliResult {
    match args.role.as_deref() {
        Some("receiver") => block_on_threads(receiver::serve())?,
        Some("load") => {
            let plan = load::Plan {
                url: args.url.clone(),
                events: args.events,
                connections: args.connections,
                rate: args.rate,
            };
            block_on_threads(load::run(plan))?
        }
        Some(_) => Err(CliError::usage("no such role")),
        None => match (args.scale, args.steady) {
            (Some(most), _) => block_on_threads(scenario::scaled(most, args.database.as_deref()))?,
            (None, Some(seconds)) => block_on_threads(steady::run(args, seconds))?,
            _ if args.mix => block_on_threads(mix::run(args))?,
            _ => block_on_threads(scenario::all(args))?,
        },
    }
}
