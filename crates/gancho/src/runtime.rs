use crate::cli_error::CliError;

/// Runs a piece of asynchronous work to its end.
pub fn block_on<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::refused)?;
    Ok(runtime.block_on(work))
}

/// The same on as many threads as there are cores.
pub fn block_on_threads<T>(work: impl Future<Output = T>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::refused)?;
    Ok(runtime.block_on(work))
}
