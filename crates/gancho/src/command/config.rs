use crate::{
    args::LocalArgs,
    cli_error::{CliError, CliResult},
    config::{Raw, SETTINGS, Settings},
};

/// Prints the effective settings as a settings file.
pub fn run(local: &LocalArgs) -> CliResult {
    let raw = Raw::gather(local, &[]).map_err(CliError::start)?;
    Settings::from_raw(&raw).map_err(CliError::start)?;
    for setting in SETTINGS {
        let shown = raw.masked(setting);
        let default = if setting.default.is_empty() { "empty" } else { setting.default };
        say!("# {} Default: {default}. From: {}.", setting.meaning, raw.origin(setting.name));
        say!("{} = {}\n", setting.name, toml_value(shown, setting.default));
    }
    Ok(())
}

/// As TOML: numbers and flags without quotes, lists as lists.
fn toml_value(value: &str, default: &str) -> String {
    if value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok() {
        return value.to_owned();
    }
    if value.contains(',') && default.is_empty() {
        let items: Vec<String> =
            value.split(',').map(|item| serde_json::Value::from(item.trim()).to_string()).collect();
        return format!("[{}]", items.join(", "));
    }
    serde_json::Value::from(value).to_string()
}
