use std::collections::{BTreeMap, BTreeSet};

use gancho_facturascripts::{catalogue, columns, ignored, reference_data, secrets};
use gancho_model::CUSTOMER_MODEL;

use super::schema::{Link, Schema, Table};

/// Models needed to understand changes: captured regardless of the source's settings.
/// Maximum length of a cascade of foreign keys.
const DEPTH_MAX: usize = 5;

/// What to capture in one ERP's database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapturePlan {
    /// Captured tables by name.
    pub tables: BTreeMap<String, CapturedTable>,
    /// By parent table: foreign keys through which deletions cascade without firing row triggers (MariaDB only), the
    /// deepest cascade first.
    pub cascades: BTreeMap<String, Vec<Vec<Link>>>,
    /// Requested models that can't be captured, with the reason.
    pub uncaptured: Vec<(String, Uncaptured)>,
    /// Customers' columns that are read for the data beside their codes, captured or not.
    pub customers: Option<CapturedTable>,
    /// Columns of users and API keys that are read for the names of who makes changes.
    pub writers: [Option<CapturedTable>; 2],
    /// All tables of the schema that was read, captured or not. A table that was being altered may be missing.
    pub known: BTreeSet<String>,
    /// Whether some tables could not be read: then the plan may lack tables and cascades.
    pub is_partial: bool,
}

/// Why a model can't be captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncaptured {
    /// The table does not exist or is a view.
    NoTable,
    /// No single column identifies a row.
    NoKey,
    /// It contains only secrets.
    Secret,
    /// A column is computed from the auto-increment number, which triggers don't see in time.
    Computed,
}

/// A captured table.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedTable {
    /// Its name.
    pub table: String,
    /// The model of its rows; the table's name if unknown.
    pub model: String,
    /// Its primary key.
    pub key: String,
    /// Captured columns, each with its type as the engine names it.
    pub columns: Vec<(String, String)>,
    /// Columns of which only the fact of a change is captured.
    pub secrets: Vec<String>,
    /// For lines: their document's table, and the column that references it.
    pub document: Option<(String, String)>,
    /// For documents: the table of their lines, and the column there that references them.
    pub lines: Option<(String, String)>,
}

impl CapturedTable {
    /// Ignored columns: a change of these alone makes no event.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(column, _)| column.as_str()).filter(|column| ignored::is_ignored(&self.model, column))
    }

    /// All others.
    pub fn compared(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .map(|(column, _)| column.as_str())
            .filter(|column| !ignored::is_ignored(&self.model, column))
    }
}

impl CapturePlan {
    /// Plans the capture: `models` by class or table, by default those of the catalogue.
    pub fn new(schema: &Schema, models: Option<&[String]>) -> Self {
        let mut plan =
            Self { known: schema.tables.keys().cloned().collect(), is_partial: schema.is_partial, ..Self::default() };
        let asked: Vec<&str> = match models {
            Some(models) => models.iter().map(String::as_str).collect(),
            None => catalogue::MODELS.iter().map(|model| model.name).collect(),
        };
        for name in asked {
            if let Err(why) = plan.add(schema, name, None) {
                plan.uncaptured.push((name.to_owned(), why));
            }
        }
        for name in reference_data::REMEMBERED {
            let _ = plan.add(schema, name, None);
        }
        plan.customers = read_only(schema, CUSTOMER_MODEL, &["codcliente", "nombre", "email", "cifnif"]);
        plan.writers = [read_only(schema, "User", &["nick"]), read_only(schema, "ApiKey", &["id", "description"])];
        plan.cascades = cascades(schema, &plan.tables);
        plan
    }

    /// Captures a model's table, and that of its lines.
    fn add(&mut self, schema: &Schema, name: &str, document: Option<(String, String)>) -> Result<(), Uncaptured> {
        let known = columns::find(name);
        let (model, table) = known.map_or((name, name), |known| (known.model, known.name));
        if secrets::is_secret_model(model) {
            return Err(Uncaptured::Secret);
        }
        let facts = schema.tables.get(table).ok_or(Uncaptured::NoTable)?;
        let key = facts.row_key(known.map(|known| known.key)).ok_or(Uncaptured::NoKey)?.to_owned();
        let left_out = facts.left_out.iter().map(|column| (format!("{table}.{column}"), Uncaptured::Computed));
        self.uncaptured.extend(left_out);
        let mut watched = watched(model, table, key.clone(), facts);
        watched.document = document;
        let lines = catalogue::find(model).and_then(|model| columns::find(model.lines?));
        if let Some(lines) = lines {
            match self.add(schema, lines.model, Some((table.into(), key.clone()))) {
                Ok(()) => watched.lines = Some((lines.name.into(), key)),
                Err(why) => self.uncaptured.push((lines.model.to_owned(), why)),
            }
        }
        // Lines requested by name still belong to their document.
        let earlier = self.tables.remove(table).and_then(|earlier| earlier.document);
        watched.document = watched.document.or(earlier);
        self.tables.insert(table.into(), watched);
        Ok(())
    }

    /// The captured table of a model.
    pub fn of_model(&self, model: &str) -> Option<&CapturedTable> {
        self.tables.values().find(|watched| watched.model == model)
    }

    /// Tables whose rows are needed to understand changes.
    pub fn reference_tables(&self) -> impl Iterator<Item = &CapturedTable> {
        reference_data::REMEMBERED.iter().filter_map(|model| self.of_model(model))
    }
}

fn watched(model: &str, table: &str, key: String, facts: &Table) -> CapturedTable {
    let (hidden, shown): (Vec<_>, Vec<_>) =
        facts.columns.iter().cloned().partition(|(column, _)| secrets::is_secret(model, column));
    CapturedTable {
        table: table.into(),
        model: model.into(),
        key,
        columns: shown,
        secrets: hidden.into_iter().map(|(column, _)| column).collect(),
        document: None,
        lines: None,
    }
}

/// A table of which these columns are read from time to time, without capturing it.
fn read_only(schema: &Schema, model: &str, columns: &[&str]) -> Option<CapturedTable> {
    let known = columns::find(model)?;
    let facts = schema.tables.get(known.name)?;
    let key = facts.row_key(Some(known.key))?.to_owned();
    let mut table = watched(known.model, known.name, key, facts);
    table.columns.retain(|(column, _)| columns.contains(&column.as_str()));
    table.secrets.clear();
    Some(table)
}

/// For every table with captured dependents: the foreign keys through which its deletions reach them.
fn cascades(schema: &Schema, watched: &BTreeMap<String, CapturedTable>) -> BTreeMap<String, Vec<Vec<Link>>> {
    let parents: BTreeSet<&String> = schema.links.iter().map(|link| &link.parent).collect();
    let ways = |parent: &String| {
        let mut found = vec![];
        follow(schema, watched, parent, &mut vec![], &mut found);
        (parent.clone(), found)
    };
    parents.into_iter().map(ways).filter(|(_, found)| !found.is_empty()).collect()
}

fn follow(
    schema: &Schema,
    watched: &BTreeMap<String, CapturedTable>,
    parent: &str,
    way: &mut Vec<Link>,
    found: &mut Vec<Vec<Link>>,
) {
    if way.len() == DEPTH_MAX {
        return;
    }
    for link in schema.links.iter().filter(|link| link.parent == parent) {
        if link.child == parent || way.iter().any(|before| before.parent == link.child) {
            continue;
        }
        way.push(link.clone());
        if link.deletes {
            follow(schema, watched, &link.child, way, found);
        }
        if watched.get(&link.child).is_some_and(|child| link.deletes || is_news(child, &link.column)) {
            found.push(way.clone());
        }
        way.pop();
    }
}

fn is_news(child: &CapturedTable, column: &str) -> bool {
    !ignored::is_ignored(&child.model, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: &[&str]) -> Table {
        let columns = columns.iter().map(|name| ((*name).to_owned(), "int".to_owned())).collect::<Vec<_>>();
        Table { key: vec![columns[0].0.clone()], columns, ..Table::default() }
    }

    fn link(child: &str, column: &str, parent: &str, deletes: bool) -> Link {
        Link { child: child.into(), column: column.into(), parent: parent.into(), parent_column: "k".into(), deletes }
    }

    fn schema() -> Schema {
        let tables = [
            ("facturascli", table(&["idfactura", "idasiento", "nick", "total"])),
            ("lineasfacturascli", table(&["idlinea", "idfactura"])),
            ("users", table(&["nick", "password", "logkey", "email"])),
            ("roles_users", table(&["id", "nick"])),
            ("settings", table(&["name", "properties"])),
            ("machines", table(&["id", "serial", "api_token"])),
            ("empresas", table(&["idempresa"])),
            ("asientos", table(&["idasiento"])),
        ];
        let links = vec![
            link("roles_users", "nick", "users", true),
            link("facturascli", "nick", "users", false),
            link("facturascli", "idasiento", "asientos", false),
            link("users", "idempresa", "empresas", true),
        ];
        Schema { tables: tables.map(|(name, table)| (name.to_owned(), table)).into(), links, is_partial: false }
    }

    #[test]
    fn lines_and_knowledge_come_along() {
        let plan = CapturePlan::new(&schema(), Some(&["FacturaCliente".into()]));
        let names: Vec<&String> = plan.tables.keys().collect();
        assert_eq!(names, ["facturascli", "lineasfacturascli", "roles_users", "users"]);
        assert_eq!(plan.tables["facturascli"].lines, Some(("lineasfacturascli".into(), "idfactura".into())));
        assert_eq!(plan.tables["lineasfacturascli"].document, Some(("facturascli".into(), "idfactura".into())));
        assert!(plan.uncaptured.is_empty());
    }

    #[test]
    fn secrets_are_not_told() {
        let plan = CapturePlan::new(&schema(), Some(&["machines".into(), "settings".into(), "Nothing".into()]));
        assert_eq!(plan.tables["users"].secrets, ["password", "logkey"]);
        assert_eq!(plan.tables["machines"].secrets, ["api_token"]);
        assert!(!plan.tables.contains_key("settings"));
        let uncaptured = [("settings".into(), Uncaptured::Secret), ("Nothing".into(), Uncaptured::NoTable)];
        assert_eq!(plan.uncaptured, uncaptured);
    }

    #[test]
    fn deletions_are_followed_to_watched_rows() {
        let plan = CapturePlan::new(&schema(), None);
        let ways = |parent: &str| -> Vec<Vec<String>> {
            let names = |way: &Vec<Link>| way.iter().map(|link| link.child.clone()).collect();
            plan.cascades.get(parent).map(|ways| ways.iter().map(names).collect()).unwrap_or_default()
        };
        assert_eq!(ways("users"), [vec!["roles_users"], vec!["facturascli"]]);
        // Dependents of a row that is deleted too come before it.
        assert_eq!(ways("empresas"), [vec!["users", "roles_users"], vec!["users", "facturascli"], vec!["users"]]);
        assert!(ways("asientos").is_empty(), "a derived column is no news");
    }
}
