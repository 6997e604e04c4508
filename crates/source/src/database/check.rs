//! What of ours should be in the ERP's database, what is, and bringing both together.

use std::{collections::BTreeMap, time::Duration};

use gancho_model::{Finding, Said};

use super::{
    Engine, LOST, OUTBOX,
    erp::{Erp, ErpError, Part},
    watch::Plan,
};

/// How often a statement is tried while the ERP holds its table.
const TRIES: u32 = 12;
/// The wait after the first try; it doubles.
const WAIT: Duration = Duration::from_millis(100);

/// Makes whatever is missing or not as it should be, and takes away what is no longer wanted.
/// Returns what was made.
pub(crate) async fn install(erp: &mut dyn Erp, plan: &Plan) -> Result<Vec<String>, ErpError> {
    let parts = erp.parts(plan);
    let installed = erp.installed().await?;
    let wanted = |name: &String| parts.iter().any(|part| part.name == *name);
    for name in installed.keys().filter(|name| name.starts_with("trigger ") && !wanted(name)) {
        let drop = erp.drop_of(name);
        alter(erp, &drop).await?;
    }
    let mut made = vec![];
    let outbox = format!("table {OUTBOX}");
    let was_gone = !installed.contains_key(&outbox) && installed.keys().any(|name| name.starts_with("trigger "));
    for part in missing(&parts, &installed) {
        alter(erp, &part.create).await?;
        made.push(part.name.clone());
    }
    if was_gone {
        // There was nowhere to write, nor to leave a mark.
        erp.note_lost(OUTBOX).await?;
    }
    Ok(made)
}

/// Takes everything of ours away: triggers before what they write into.
pub(crate) async fn uninstall(erp: &mut dyn Erp) -> Result<(), ErpError> {
    let installed = erp.installed().await?;
    for kind in ["trigger ", "function ", "table ", "sequence "] {
        for name in installed.keys().filter(|name| name.starts_with(kind)) {
            let drop = erp.drop_of(name);
            alter(erp, &drop).await?;
        }
    }
    Ok(())
}

/// All of it as SQL, for a careful administrator.
pub(crate) fn script(engine: Engine, parts: &[Part]) -> String {
    let statements = |end: &str| parts.iter().map(|part| format!("{}{end}\n", part.create)).collect::<String>();
    match engine {
        Engine::MariaDb => format!("DELIMITER //\n{}DELIMITER ;\n", statements(" //")),
        Engine::Postgres => statements(";"),
    }
}

/// Line by line.
pub(crate) async fn findings(erp: &mut dyn Erp, plan: &Plan) -> Result<Vec<Finding>, ErpError> {
    let mut found = erp.facts().await?;
    for model in &plan.missing {
        found.push(Finding::bad(model, Said::plain("check-no-table")));
    }
    let installed = erp.installed().await?;
    let parts = erp.parts(plan);
    let absent = missing(&parts, &installed);
    for part in &absent {
        let id = if installed.contains_key(&part.name) { "check-odd" } else { "check-missing" };
        found.push(Finding::bad(&part.name, Said::plain(id)));
    }
    if absent.is_empty() {
        found.push(Finding::good("triggers", Said::plain("check-triggers").with("count", plan.tables.len())));
        let waiting = erp.backlog().await?;
        found.push(Finding::good("outbox", Said::plain("check-outbox").with("count", waiting)));
        found.push(lost(erp.lost().await?));
    }
    Ok(found)
}

fn lost(count: u64) -> Finding {
    match count {
        0 => Finding::good("lost", Said::plain("check-nothing-lost")),
        _ => Finding::bad("lost", Said::plain("check-lost").with("count", count).with("table", LOST)),
    }
}

fn missing<'a>(parts: &'a [Part], installed: &BTreeMap<String, String>) -> Vec<&'a Part> {
    parts.iter().filter(|part| installed.get(&part.name).is_none_or(|mark| mark.trim() != part.mark.trim())).collect()
}

/// Waits shortly for locks, and longer between tries: whoever waits for a table holds up all that
/// come after.
async fn alter(erp: &mut dyn Erp, statement: &str) -> Result<(), ErpError> {
    let mut wait = WAIT;
    for _ in 1..TRIES {
        match erp.alter(statement).await {
            Err(ErpError::Locked(_)) => tokio::time::sleep(wait).await,
            done => return done,
        }
        wait = (wait * 2).min(Duration::from_secs(5));
    }
    erp.alter(statement).await
}
