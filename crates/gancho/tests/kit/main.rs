//! The operations of a real ERP, recorded statement by statement, against real databases: what
//! `docs/facturascripts-operations.md` says is what receivers get, on both engines.
//!
//! The recording is not part of this repository: name its folder in `GANCHO_TEST_KIT`. Without it
//! nothing is replayed, and that is said.

mod matrix;
mod replay;

use std::{path::PathBuf, process::ExitCode};

use gancho_testkit::{Engine, Instance};

/// What stands in the docs.
const MATRIX: &str = include_str!("../../../../docs/facturascripts-operations.md");

fn main() -> ExitCode {
    let Some(kit) = std::env::var_os("GANCHO_TEST_KIT").map(PathBuf::from) else {
        println!("GANCHO_TEST_KIT names no recording of an ERP: nothing was replayed");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut heard = vec![];
    for engine in Engine::ALL {
        // Each database server lives as long as this thread.
        let instance = Instance::start(engine);
        heard.push(runtime.block_on(replay::run(&instance, &kit)));
    }
    let wrong = matrix::compare(MATRIX, &heard[0], &heard[1]);
    for line in &wrong {
        println!("{line}");
    }
    println!("{} operations replayed on each engine, {} differences", heard[0].len(), wrong.len());
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
