//! Secrets that never leave the ERP: dropped where a row is read. Triggers and the plugin are generated from these
//! lists.

/// Secret models and tables: the settings of all plugins, and queued events, which contain whole users.
pub const MODELS: &[&str] = &["Settings", "settings", "WorkEvent", "work_events"];
/// Columns of users and API keys that the ERP itself never shows.
pub const COLUMNS: &[&str] =
    &["apikey", "api_key", "logkey", "passwd", "password", "private_key", "two_factor_secret_key"];
/// Endings of secret columns of other plugins.
pub const ENDINGS: &[&str] = &["_secret", "_password", "_token"];

/// Whether this model is secret.
pub fn is_secret_model(model: &str) -> bool {
    MODELS.contains(&model)
}

/// Whether this column is dropped. The ERP's own secrets count in every table: a plugin that copies one uses the same
/// name.
pub fn is_secret(model: &str, column: &str) -> bool {
    let column = column.to_ascii_lowercase();
    is_secret_model(model)
        || COLUMNS.contains(&column.as_str())
        || ENDINGS.iter().any(|ending| column.ends_with(ending))
}

/// A regular expression for the names of secret columns, ignoring case, for triggers.
pub fn pattern() -> String {
    format!("(^({})|{})$", COLUMNS.join("|"), ENDINGS.join("|"))
}
