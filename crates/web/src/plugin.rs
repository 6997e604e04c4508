//! The ERP's plugin, embedded in the binary, so that their versions match.

use std::io::{Cursor, Write};

use include_dir::{Dir, include_dir};
use zip::{CompressionMethod, ZipWriter, result::ZipResult, write::SimpleFileOptions};

static PLUGIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugin/Gancho");

/// The plugin as a zip for FacturaScripts, with one folder named like the plugin.
///
/// # Errors
/// If the zip can't be created.
pub fn plugin_zip() -> ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    add(&mut zip, &PLUGIN)?;
    Ok(zip.finish()?.into_inner())
}

fn add(zip: &mut ZipWriter<Cursor<Vec<u8>>>, dir: &Dir<'_>) -> ZipResult<()> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for file in dir.files() {
        zip.start_file(format!("Gancho/{}", file.path().display()), options)?;
        zip.write_all(file.contents())?;
    }
    dir.dirs().try_for_each(|dir| add(zip, dir))
}
