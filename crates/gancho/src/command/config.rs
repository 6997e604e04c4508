use gancho_model::mask;

use super::{Done, Failed};
use crate::{
    args::LocalArgs,
    config::{Raw, SETTINGS, Settings},
};

/// Prints the settings in force, as a settings file.
pub fn run(local: &LocalArgs) -> Done {
    let raw = Raw::gather(local, &[]).map_err(Failed::start)?;
    Settings::from_raw(&raw).map_err(Failed::start)?;
    for setting in SETTINGS {
        let value = raw.text(setting.name);
        let shown = if setting.secret && !value.is_empty() { mask::MASK } else { value };
        let default = if setting.default.is_empty() { "empty" } else { setting.default };
        println!("# {} Default: {default}. From: {}.", setting.meaning, raw.origin(setting.name));
        println!("{} = {}\n", setting.name, serde_json::Value::from(shown));
    }
    Ok(())
}
