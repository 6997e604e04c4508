//! Compares the installed objects in the ERP's database with those expected.

use std::collections::BTreeMap;

use gancho_model::Message;
use gancho_service::Finding;

use super::{
    Engine, LOST,
    backend::{CaptureBackend, ErpError, Lost, SchemaObject},
};
use crate::capture::{CapturePlan, Uncaptured};

/// What is made last in MariaDB, with values that only the running server knows.
const SITE_NOTE: &str =
    "-- And a table gancho_site without rows, whose comment names the server and database that it was made for.\n";

/// All objects as an SQL script, for administrators.
pub(crate) fn script(engine: Engine, parts: &[SchemaObject]) -> String {
    let statements = |end: &str| parts.iter().map(|part| format!("{}{end}\n", part.create)).collect::<String>();
    match engine {
        Engine::MariaDb => format!("DELIMITER //\n{}DELIMITER ;\n{SITE_NOTE}", statements(" //")),
        Engine::Postgres => statements(";"),
    }
}

/// One finding per line.
pub(crate) async fn findings(erp: &mut dyn CaptureBackend, plan: &CapturePlan) -> Result<Vec<Finding>, ErpError> {
    let mut found = erp.facts().await?;
    for (model, why) in &plan.uncaptured {
        found.push(match why {
            Uncaptured::NoTable => Finding::bad(model, Message::new("check-no-table")),
            Uncaptured::NoKey => Finding::bad(model, Message::new("check-no-key")),
            Uncaptured::Secret => Finding::bad(model, Message::new("check-secret-table")),
            Uncaptured::Computed => Finding::good(model, Message::new("check-computed")),
        });
    }
    let installed = erp.installed().await?;
    let parts = erp.parts(plan);
    let absent = missing(&parts, &installed);
    for part in &absent {
        let id = if installed.contains_key(&part.name) { "check-odd" } else { "check-missing" };
        found.push(Finding::bad(&part.name, Message::new(id)));
    }
    if absent.is_empty() {
        found.push(Finding::good("triggers", Message::new("check-triggers").with("count", plan.tables.len())));
    }
    if absent.iter().all(|part| part.name.starts_with("trigger ")) {
        let waiting = erp.backlog().await?;
        found.push(Finding::good("outbox", Message::new("check-outbox").with("count", waiting)));
        found.extend(lost(erp.lost().await?));
    }
    Ok(found)
}

fn lost(lost: Lost) -> Vec<Finding> {
    let message = |id, count| Finding::bad("lost", Message::new(id).with("count", count).with("table", LOST));
    let mut found = vec![];
    if lost.failed > 0 {
        found.push(message("check-lost", lost.failed));
    }
    if lost.dropped > 0 {
        found.push(message("check-dropped", lost.dropped));
    }
    if found.is_empty() {
        found.push(Finding::good("lost", Message::new("check-nothing-lost")));
    }
    found
}

/// Objects that are missing or differ.
pub(super) fn missing<'a>(parts: &'a [SchemaObject], installed: &BTreeMap<String, String>) -> Vec<&'a SchemaObject> {
    let is_there =
        |part: &&SchemaObject| installed.get(&part.name).is_some_and(|mark| plain(mark) == plain(&part.mark));
    parts.iter().filter(|part| !is_there(part)).collect()
}

/// MariaDB shows strings in a trigger's body with other quotes and backslashes than in its definition.
fn plain(mark: &str) -> String {
    mark.trim().replace(['\\', '\''], "")
}
