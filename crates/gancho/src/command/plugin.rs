use std::{fs, path::Path};

use anyhow::Context;

use crate::cli_error::{CliError, CliResult};

/// Writes the plugin's zip.
pub fn write(out: &Path) -> CliResult {
    let zip = gancho_web::plugin_zip().map_err(CliError::refused)?;
    let written = fs::write(out, zip).with_context(|| format!("{} can't be written", out.display()));
    written.map_err(CliError::refused)?;
    say!("{}: upload it in FacturaScripts under Administrator › Plugins, and switch it on there", out.display());
    Ok(())
}
