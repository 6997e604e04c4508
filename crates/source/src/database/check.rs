//! What of ours should be in the ERP's database, and what is.

use std::collections::BTreeMap;

use gancho_model::{Finding, Said};

use super::{
    Engine, LOST,
    erp::{Erp, ErpError, Lost, Part},
    watch::{Plan, Unheard},
};

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
    for (model, why) in &plan.unheard {
        found.push(match why {
            Unheard::NoTable => Finding::bad(model, Said::plain("check-no-table")),
            Unheard::NoKey => Finding::bad(model, Said::plain("check-no-key")),
            Unheard::Secret => Finding::bad(model, Said::plain("check-secret-table")),
            Unheard::Computed => Finding::good(model, Said::plain("check-computed")),
        });
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
        found.extend(lost(erp.lost().await?));
    }
    Ok(found)
}

fn lost(lost: Lost) -> Vec<Finding> {
    let said = |id, count| Finding::bad("lost", Said::plain(id).with("count", count).with("table", LOST));
    let mut found = vec![];
    if lost.failed > 0 {
        found.push(said("check-lost", lost.failed));
    }
    if lost.dropped > 0 {
        found.push(said("check-dropped", lost.dropped));
    }
    if found.is_empty() {
        found.push(Finding::good("lost", Said::plain("check-nothing-lost")));
    }
    found
}

/// Those that are not there, or not as they should be.
pub(super) fn missing<'a>(parts: &'a [Part], installed: &BTreeMap<String, String>) -> Vec<&'a Part> {
    let is_there = |part: &&Part| installed.get(&part.name).is_some_and(|mark| plain(mark) == plain(&part.mark));
    parts.iter().filter(|part| !is_there(part)).collect()
}

/// MariaDB shows the texts in a trigger's body with other quotes and backslashes than they were given with.
fn plain(mark: &str) -> String {
    mark.trim().replace(['\\', '\''], "")
}
