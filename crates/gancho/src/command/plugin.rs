use std::{fs, path::Path};

use anyhow::Context;

use crate::failed::{Done, Failed};

/// Writes the plugin's zip.
pub fn write(out: &Path) -> Done {
    let zip = gancho_web::plugin_zip().map_err(Failed::refused)?;
    let written = fs::write(out, zip).with_context(|| format!("{} can't be written", out.display()));
    written.map_err(Failed::refused)?;
    say!("{}: upload it in FacturaScripts under Administrator › Plugins, and switch it on there", out.display());
    Ok(())
}
