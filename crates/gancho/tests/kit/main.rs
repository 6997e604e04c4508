//! The operations of a real ERP, recorded statement by statement, against real databases: what
//! `docs/facturascripts-operations.md` says is what receivers get, on both engines.
//!
//! The recording is not part of this repository: name its folder in `GANCHO_TEST_KIT`. Without it
//! nothing is replayed, and that is said.

mod load;
mod matrix;
mod polled;
mod replay;

use std::{path::PathBuf, process::ExitCode};

use gancho_testkit::{Engine, Instance};
use replay::Way;

/// What stands in the docs.
const MATRIX: &str = include_str!("../../../../docs/facturascripts-operations.md");

fn main() -> ExitCode {
    let Some(kit) = std::env::var_os("GANCHO_TEST_KIT").map(PathBuf::from) else {
        println!("GANCHO_TEST_KIT names no recording of an ERP: nothing was replayed");
        return ExitCode::SUCCESS;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut heard, mut pushed, mut polled, mut alone) = (vec![], vec![], vec![], vec![]);
    for engine in Engine::ALL {
        // Each database server lives as long as this thread.
        let instance = Instance::start(engine);
        heard.push(runtime.block_on(replay::run(&instance, &kit, Way::Database)));
        pushed.push(runtime.block_on(replay::run(&instance, &kit, Way::Plugin)));
        alone.push(runtime.block_on(replay::run(&instance, &kit, Way::Alone)));
        polled.push(runtime.block_on(replay::run(&instance, &kit, Way::Api)));
    }
    let mut wrong = matrix::compare(MATRIX, &heard[0], &heard[1]);
    wrong.extend(matrix::compare(MATRIX, &pushed[0], &pushed[1]));
    wrong.extend(matrix::compare(MATRIX, &alone[0], &alone[1]));
    for (pushed, alone) in pushed.iter().zip(&alone) {
        wrong.extend(matrix::same(pushed, alone));
    }
    for (heard, polled) in heard.iter().zip(&polled) {
        wrong.extend(polled::compare(heard, polled));
    }
    for line in &wrong {
        println!("{line}");
    }
    let operations = heard[0].len();
    println!("{operations} operations replayed on each engine and heard each way, {} differences", wrong.len());
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
