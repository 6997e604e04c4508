//! What never leaves the ERP: dropped where a row is read. Triggers and the plugin are made from these lists.

/// Models and tables that are secret as a whole: the settings of all plugins, and queued events, which hold whole users.
pub const MODELS: &[&str] = &["Settings", "settings", "WorkEvent", "work_events"];
/// Columns of users and API keys that the ERP itself never shows.
pub const COLUMNS: &[&str] =
    &["apikey", "api_key", "logkey", "passwd", "password", "private_key", "two_factor_secret_key"];
/// How columns of other plugins end that hold secrets.
pub const ENDINGS: &[&str] = &["_secret", "_password", "_token"];

/// Whether nothing of this model may be sent.
pub fn is_secret_model(model: &str) -> bool {
    MODELS.contains(&model)
}

/// Whether this column is dropped. The ERP's own secrets count in every table: a plugin that
/// copies one gives it the same name.
pub fn is_secret(model: &str, column: &str) -> bool {
    let column = column.to_ascii_lowercase();
    is_secret_model(model)
        || COLUMNS.contains(&column.as_str())
        || ENDINGS.iter().any(|ending| column.ends_with(ending))
}

/// The same as a regular expression over a column's name, case aside, for triggers.
pub fn pattern() -> String {
    format!("(^({})|{})$", COLUMNS.join("|"), ENDINGS.join("|"))
}
