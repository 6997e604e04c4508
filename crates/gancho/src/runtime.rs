use std::sync::OnceLock;

use tokio::runtime::Runtime;

use crate::cli_error::CliError;

/// Runs a command's asynchronous work to its end. All of a command's work uses one runtime, so that connections can be
/// reused.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.block_on(work));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::refused)?;
    Ok(RUNTIME.get_or_init(|| runtime).block_on(work))
}

/// The same with as many threads as there are cores.
pub fn block_on_threads<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::refused)?;
    Ok(runtime.block_on(work))
}
