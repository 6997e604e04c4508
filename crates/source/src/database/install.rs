//! Installs our objects in the ERP's database, and repairs and removes them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    OUTBOX,
    backend::{CaptureBackend, ErpError, SchemaObject},
    check::missing,
};
use crate::capture::CapturePlan;

/// How often a statement is tried while the ERP holds its table, and somebody waits for us.
const TRIES: u32 = 12;
/// How often nothing of ours must be seen before it is believed.
const LOOKS: u32 = 3;
/// The wait after the first try; it doubles.
const WAIT: Duration = Duration::from_millis(100);

/// Makes whatever is missing or not as it should be, and takes away what is no longer wanted.
/// Returns what was made. In the background, an object that the ERP is using is left for the next time.
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
    let is_trigger = |name: &&String| name.starts_with("trigger ");
    // A table that can't be looked at just now is not gone: its triggers stay.
    let is_unwanted = |name: &&String| !plan.is_partial && parts.iter().all(|part| part.name != **name);
    for name in installed.keys().filter(is_trigger).filter(is_unwanted) {
        let drop = erp.drop_of(name);
        spare(name, alter(erp, &drop, somebody_waits).await, somebody_waits)?;
    }
    let mut made = vec![];
    for part in missing(&parts, &installed) {
        if spare(&part.name, make(erp, part, &installed, somebody_waits).await, somebody_waits)? {
            made.push(part.name.clone());
        }
    }
    if !was_there && installed.keys().any(|name| is_trigger(&name)) {
        // There was nowhere to write, nor to leave a mark.
        erp.note_lost(OUTBOX, 1).await?;
    }
    Ok(made)
}

/// Brings what an older version made up to date; what waits in it stays.
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

/// Whether it was done; a table that the ERP is using must not keep all others from being captured.
fn spare(name: &str, done: Result<(), ErpError>, somebody_waits: bool) -> Result<bool, ErpError> {
    match done {
        Err(error @ ErpError::Locked(_)) if !somebody_waits => {
            tracing::warn!(name, %error, "left as it is until the next look at the ERP's tables");
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

/// Removes all our objects: triggers before the tables that they write into.
pub(crate) async fn uninstall(erp: &mut dyn CaptureBackend) -> Result<(), ErpError> {
    let mut looks = 0;
    loop {
        let installed = erp.installed().await?;
        // MariaDB does not list what is being altered at that moment: nothing must be seen several times.
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

/// Waits shortly for locks, and longer between tries: whoever waits for a table holds up all that
/// come after.
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
