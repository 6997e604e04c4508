//! One-shot connections to a source's database on a user's request.

use std::collections::HashMap;

use gancho_facturascripts::{resource::Resource, shape::Shape};
use gancho_model::{Message, Record, Source};
use gancho_service::{Finding, RecordPage};

use super::{
    Address, CaptureBackend, ErpError,
    backend::within,
    check, connect, install,
    site::{Identity, SetUp, identify},
};
use crate::{
    capture::{CapturePlan, CapturedTable},
    grouping::Composer,
    key::key_text,
};

/// The SQL of the objects to install.
pub(crate) async fn plan(source: &Source) -> Result<String, Message> {
    let (erp, plan) = visit(source).await?;
    Ok(check::script(Address::of(source)?.engine(), &erp.parts(&plan)))
}

/// Installs all our objects.
pub(crate) async fn install(source: &Source) -> Result<(), Message> {
    let (mut erp, plan) = visit(source).await?;
    if plan.tables.values().all(|watched| watched.document.is_none() && watched.model == watched.table) {
        return Err(Message::new("hearing-no-erp"));
    }
    let why = |error: ErpError| Message::new("hearing-no-triggers").with("why", error.message());
    let was_clean = erp.installed().await.map_err(why)?.is_empty();
    let made = install::install(&mut *erp, &plan, true).await;
    if made.is_err() && was_clean {
        // Undo a partial installation. What can't be dropped now shows when the source is added again.
        let _ = install::uninstall(&mut *erp).await;
    }
    made.map(drop).map_err(why)?;
    take_over(&mut *erp, source).await.map_err(why)
}

/// Writes the setup record for this source. Rows in the outbox of a copy were written elsewhere. A database set up for
/// this source already is left as it is: its session asks the user.
async fn take_over(erp: &mut dyn CaptureBackend, source: &Source) -> Result<(), ErpError> {
    let (site, set_up) = (within(erp.site()).await?, within(erp.set_up()).await?);
    if set_up.as_ref().is_some_and(|set_up| set_up.source == source.id.to_string()) {
        return Ok(());
    }
    if let Identity::Copy(of) = identify(set_up.as_ref(), &site, source.id) {
        let rows = within(erp.empty()).await?;
        tracing::warn!(source = %source.id, rows, of = of.database, "removed the outbox rows of a copied ERP database");
    }
    within(erp.write_set_up(&SetUp { source: source.id.to_string(), site })).await
}

/// A user confirms that this is the source's ERP, whatever it was set up for.
pub(crate) async fn confirm(source: &Source) -> Result<(), Message> {
    let (mut erp, _) = visit(source).await?;
    let say = |error: ErpError| error.message();
    let site = within(erp.site()).await.map_err(say)?;
    within(erp.write_set_up(&SetUp { source: source.id.to_string(), site })).await.map_err(say)
}

/// Drops all our objects.
pub(crate) async fn uninstall(source: &Source) -> Result<(), Message> {
    let (mut erp, _) = visit(source).await?;
    install::uninstall(&mut *erp).await.map_err(|error| error.message())
}

/// What is installed and what is missing, line by line.
pub(crate) async fn findings(source: &Source) -> Vec<Finding> {
    match visit(source).await {
        Ok((mut erp, plan)) => {
            let found = within(check::findings(&mut *erp, &plan)).await;
            found.unwrap_or_else(|error| vec![Finding::bad("connection", error.message())])
        }
        Err(error) => vec![Finding::bad("connection", error)],
    }
}

/// A current record, a document with its lines; `None` if it does not exist.
pub(crate) async fn read_record(source: &Source, model: &str, key: &str) -> Result<Option<Record>, Message> {
    let (mut erp, plan) = visit(source).await?;
    let Some(watched) = plan.of_model(model) else { return Ok(None) };
    let found =
        within(erp.records(watched, Some((&watched.key, &[key.to_owned()])))).await.map_err(|error| error.message())?;
    // The database's collation may treat `7` and `007` as equal.
    let own = found.into_iter().filter(|record| record.get(&watched.key).map(key_text).as_deref() == Some(key));
    let read = with_lines(&mut *erp, &plan, source, (watched, own.collect())).await?;
    Ok(read.into_iter().next().map(|(_, record)| record))
}

/// The next records of a model in key order.
pub(crate) async fn read_records(source: &Source, page: &RecordPage) -> Result<Vec<(String, Record)>, Message> {
    let (mut erp, plan) = visit(source).await?;
    let Some(watched) = plan.of_model(&page.model) else { return Ok(vec![]) };
    let resource = Resource::of(&page.model);
    let since = page.since.as_deref().and_then(|day| Some((resource.day.or(resource.born)?, day)));
    let rows = erp.records_after(watched, page.after.as_deref(), since, page.limit);
    let rows = within(rows).await.map_err(|error| error.message())?;
    with_lines(&mut *erp, &plan, source, (watched, rows)).await
}

/// Normalized rows of a table with their keys, documents with their lines.
async fn with_lines(
    erp: &mut dyn CaptureBackend,
    plan: &CapturePlan,
    source: &Source,
    (watched, rows): (&CapturedTable, Vec<Record>),
) -> Result<Vec<(String, Record)>, Message> {
    let ours = |error: &dyn std::fmt::Display| Message::new("hearing-ours").with("why", error.to_string());
    let shape = Shape::new(&source.time_zone).map_err(|error| ours(&error))?;
    let composer = Composer::new(plan, &shape);
    let keyed = |row: Record| Some((row.get(&watched.key).map(key_text)?, row));
    let rows: Vec<(String, Record)> = rows.into_iter().filter_map(keyed).collect();
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    let mut by_document: HashMap<String, Vec<Record>> = HashMap::new();
    let lines = watched.lines.as_ref().and_then(|(table, column)| Some((plan.tables.get(table)?, column)));
    if let Some((lines, column)) = lines.filter(|_| !keys.is_empty()) {
        for line in within(erp.records(lines, Some((column, &keys)))).await.map_err(|error| error.message())? {
            let Some(document) = line.get(column).map(key_text) else { continue };
            by_document.entry(document).or_default().push(line);
        }
    }
    let whole = |(key, row): (String, Record)| {
        let lines = by_document.remove(&key).unwrap_or_default();
        (key, composer.whole(watched, &row, &lines))
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// Whether two addresses lead to one database.
pub(crate) async fn is_one_database(one: &Source, other: &Source, now_ms: i64) -> bool {
    let (Ok(here), Ok(there)) = (Address::of(one), Address::of(other)) else { return false };
    if here.same_database(&there) {
        return true;
    }
    // A database may have several names. An unreachable one can't be compared.
    here.engine() == there.engine() && shows_there(one, other, now_ms).await.unwrap_or(false)
}

/// Whether a table created in one shows in the other.
async fn shows_there(one: &Source, other: &Source, now_ms: i64) -> Result<bool, Message> {
    let (mut here, _) = visit(one).await?;
    let (mut there, _) = visit(other).await?;
    let mark = format!("gancho_mark_{now_ms}");
    let say = |error: ErpError| error.message();
    here.alter(&format!("CREATE TABLE {mark} (n int)"), true).await.map_err(say)?;
    let seen = within(there.schema()).await.map(|schema| schema.tables.contains_key(&mark)).map_err(say);
    here.alter(&format!("DROP TABLE {mark}"), true).await.map_err(say)?;
    seen
}

/// A connection with its capture plan.
async fn visit(source: &Source) -> Result<(Box<dyn CaptureBackend>, CapturePlan), Message> {
    let address = Address::of(source)?;
    let say = |error: ErpError| error.message();
    let mut erp = within(connect(&address)).await.map_err(say)?;
    let schema = within(erp.schema()).await.map_err(say)?;
    Ok((erp, CapturePlan::new(&schema, source.models.as_deref())))
}
