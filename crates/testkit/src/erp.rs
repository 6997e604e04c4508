//! The ERP's tables, generated from its known columns.

use gancho_facturascripts::columns::{self, Kind, Table};

use crate::Engine;

/// Foreign keys that tests depend on: child, column, parent, column, ON DELETE action.
const LINKS: &[(&str, &str, &str, &str, &str)] = &[
    ("variantes", "idproducto", "productos", "idproducto", "CASCADE"),
    ("contactos", "codcliente", "clientes", "codcliente", "SET NULL"),
    ("facturascli", "codcliente", "clientes", "codcliente", "RESTRICT"),
    ("facturascli", "nick", "users", "nick", "SET NULL"),
    ("lineasfacturascli", "idfactura", "facturascli", "idfactura", "CASCADE"),
    ("roles_users", "nick", "users", "nick", "CASCADE"),
    ("roles_users", "codrole", "roles", "codrole", "CASCADE"),
    ("roles_access", "codrole", "roles", "codrole", "CASCADE"),
];

/// The statements that create them.
pub(crate) fn tables(engine: Engine) -> String {
    let mut statements: Vec<String> = columns::tables().iter().map(|table| create(engine, table)).collect();
    for (n, (child, column, parent, key, rule)) in LINKS.iter().enumerate() {
        statements.push(format!(
            "ALTER TABLE {child} ADD CONSTRAINT ca_{n} FOREIGN KEY ({column}) REFERENCES {parent} ({key}) ON DELETE {rule}"
        ));
    }
    statements.join(";\n")
}

fn create(engine: Engine, table: &Table) -> String {
    let mut names: Vec<&&str> = table.columns.keys().collect();
    names.sort();
    let all: Vec<String> = names.into_iter().map(|name| column(engine, table, name, table.columns[*name])).collect();
    let end = if engine == Engine::MariaDb { " ENGINE=InnoDB" } else { "" };
    format!("CREATE TABLE {} ({}){end}", table.name, all.join(", "))
}

fn column(engine: Engine, table: &Table, name: &str, kind: Kind) -> String {
    let mariadb = engine == Engine::MariaDb;
    let is_key = name == table.key;
    let kind = match kind {
        Kind::Int if is_key && mariadb => "int AUTO_INCREMENT",
        Kind::Int if is_key => "serial",
        Kind::Int => "integer",
        Kind::Text if is_key || name.starts_with("cod") || name == "nick" => "varchar(50)",
        Kind::Text => "text",
        Kind::Number => "double precision",
        Kind::Bool => "boolean",
        Kind::Date => "date",
        Kind::Time => "time",
        Kind::Timestamp if mariadb => "timestamp NULL",
        Kind::Timestamp => "timestamp",
    };
    format!("{name} {kind}{}", if is_key { " PRIMARY KEY" } else { "" })
}
