//! Installs our objects in the ERP's database, and repairs and removes them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    OUTBOX,
    backend::{CaptureBackend, ErpError, SchemaObject},
    check::missing,
};
use crate::capture::CapturePlan;

/// Maximum tries of a statement while the ERP locks its table and a user waits.
const TRIES: u32 = 12;
/// How many consecutive reads must find no objects before the removal is done.
const LOOKS: u32 = 3;
/// The wait after the first try; it doubles.
const WAIT: Duration = Duration::from_millis(100);

/// Creates missing or outdated objects, and drops unwanted ones. Returns how many were created. In the background,
/// objects in use by the ERP are left for the next time.
pub(crate) async fn install(
    erp: &mut dyn CaptureBackend,
    plan: &CapturePlan,
    somebody_waits: bool,
) -> Result<Vec<String>, ErpError> {
    let parts = erp.parts(plan);
    let installed = erp.installed().await?;
    let outbox = format!("table {OUTBOX}");
    let was_there = installed.contains_key(&outbox);
    let installed = upgraded(erp, &parts, installed, somebody_waits).await?;
    if was_there && missing(&parts, &installed).iter().any(|part| part.name == outbox) {
        let again = "the outbox is of another version of Gancho: remove the source, then add it again";
        return Err(ErpError::Failed(again.into()));
    }
    let unwanted = unwanted(erp, plan, &parts, &installed).await?;
    for name in &unwanted {
        let drop = erp.drop_of(name);
        spare(name, alter(erp, &drop, somebody_waits).await, somebody_waits)?;
    }
    // A function may have gone with its trigger.
    let installed = if unwanted.is_empty() { installed } else { erp.installed().await? };
    let mut made = vec![];
    for part in missing(&parts, &installed) {
        if plan.is_partial && is_trigger(&part.name) && installed.contains_key(&part.name) {
            // The plan may lack what it writes.
            continue;
        }
        if spare(&part.name, make(erp, part, &installed, somebody_waits).await, somebody_waits)? {
            made.push(part.name.clone());
        }
    }
    if !was_there && installed.keys().any(|name| is_trigger(name)) {
        // There was neither an outbox nor a place for markers.
        erp.note_lost(OUTBOX, 1).await?;
    }
    Ok(made)
}

fn is_trigger(name: &str) -> bool {
    name.starts_with("trigger ")
}

/// Installed triggers outside the plan. A trigger goes with its table: one whose table the schema lacks shows that
/// MariaDB hid the table, which was being altered, and stays.
async fn unwanted(
    erp: &mut dyn CaptureBackend,
    plan: &CapturePlan,
    parts: &[SchemaObject],
    installed: &BTreeMap<String, String>,
) -> Result<Vec<String>, ErpError> {
    let is_planned = |name: &&String| parts.iter().any(|part| part.name == **name);
    let others: Vec<&str> =
        installed.keys().filter(|name| is_trigger(name) && !is_planned(name)).map(String::as_str).collect();
    if others.is_empty() || plan.is_partial {
        return Ok(vec![]);
    }
    let tables = erp.tables_of(&others).await?;
    let is_unwanted = |name: &&&str| tables.get(**name).is_some_and(|table| plan.known.contains(table));
    Ok(others.iter().filter(is_unwanted).map(|name| (*name).to_owned()).collect())
}

/// Upgrades an object of an older version; rows in it stay.
async fn upgraded(
    erp: &mut dyn CaptureBackend,
    parts: &[SchemaObject],
    installed: BTreeMap<String, String>,
    somebody_waits: bool,
) -> Result<BTreeMap<String, String>, ErpError> {
    let mut found = false;
    for part in parts {
        let is_installed = |older: &str| installed.get(&part.name).is_some_and(|mark| mark.trim() == older);
        if let Some((_, statement)) = part.older.iter().find(|(older, _)| is_installed(older)) {
            alter(erp, statement, somebody_waits).await?;
            found = true;
        }
    }
    if found { erp.installed().await } else { Ok(installed) }
}

/// Whether it was done; a table in use by the ERP must not prevent the capture of others.
fn spare(name: &str, done: Result<(), ErpError>, somebody_waits: bool) -> Result<bool, ErpError> {
    match done {
        Err(error @ ErpError::Locked(_)) if !somebody_waits => {
            tracing::warn!(name, %error, "in use; left as it is until the next check");
            Ok(false)
        }
        done => done.map(|()| true),
    }
}

async fn make(
    erp: &mut dyn CaptureBackend,
    part: &SchemaObject,
    installed: &BTreeMap<String, String>,
    somebody_waits: bool,
) -> Result<(), ErpError> {
    match alter(erp, &part.create, somebody_waits).await {
        // A trigger whose table was renamed can't be replaced from here.
        Err(ErpError::Failed(_)) if part.name.starts_with("trigger ") && installed.contains_key(&part.name) => {
            alter(erp, &part.drop, somebody_waits).await?;
            alter(erp, &part.create, somebody_waits).await
        }
        done => done,
    }
}

/// Drops all our objects: triggers before the tables that they write to.
pub(crate) async fn uninstall(erp: &mut dyn CaptureBackend) -> Result<(), ErpError> {
    let mut looks = 0;
    loop {
        let installed = erp.installed().await?;
        // MariaDB hides objects that are being altered: several reads must find nothing.
        looks = if installed.is_empty() { looks + 1 } else { 0 };
        if looks == LOOKS {
            return Ok(());
        }
        for kind in ["trigger ", "function ", "table ", "sequence "] {
            for name in installed.keys().filter(|name| name.starts_with(kind)) {
                let drop = erp.drop_of(name);
                alter(erp, &drop, true).await?;
            }
        }
        tokio::time::sleep(WAIT).await;
    }
}

/// Waits briefly for locks, with growing pauses between tries: a DDL statement that waits for a table blocks all later
/// statements on it.
async fn alter(erp: &mut dyn CaptureBackend, statement: &str, somebody_waits: bool) -> Result<(), ErpError> {
    let mut wait = WAIT;
    for _ in 1..if somebody_waits { TRIES } else { 1 } {
        match erp.alter(statement, somebody_waits).await {
            Err(ErpError::Locked(_)) => tokio::time::sleep(wait).await,
            done => return done,
        }
        wait = (wait * 2).min(Duration::from_secs(5));
    }
    erp.alter(statement, somebody_waits).await
}
