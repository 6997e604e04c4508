//! What never leaves the ERP: dropped where a row is read.

/// Tables that are secret as a whole: the settings of all plugins, and queued events, which hold whole users.
const SECRET_MODELS: &[&str] = &["Settings", "settings", "WorkEvent", "work_events"];
/// Columns of users and API keys that the ERP itself never shows.
const SECRET_COLUMNS: &[&str] =
    &["apikey", "api_key", "logkey", "passwd", "password", "private_key", "two_factor_secret_key"];

/// Whether nothing of this model may be sent.
pub fn is_secret_model(model: &str) -> bool {
    SECRET_MODELS.contains(&model)
}

/// Whether this column is dropped. The ERP's own secrets count in every table: a plugin that
/// copies one gives it the same name.
pub fn is_secret(model: &str, column: &str) -> bool {
    let column = column.to_ascii_lowercase();
    is_secret_model(model)
        || SECRET_COLUMNS.contains(&column.as_str())
        || column.ends_with("_secret")
        || column.ends_with("_password")
        || column.ends_with("_token")
}
